"""The certificate of soundness of a published version: what was proved of it, what not, and what its clocks promise."""

from datetime import timedelta

import strawberry

from bpm_crm.api.process_problems import DocumentProblem, document_problems
from bpm_crm.api.traces import TraceStepType, step_type
from bpm_crm.engine.soundness.certificate import Certificate
from bpm_crm.engine.soundness.undecided import PROPERTY_TEXTS, Property, Undecided
from bpm_crm.engine.soundness.worst_case import Limit, WorstCase


@strawberry.type(description="A property proved of a process.")
class ProvedProperty:
    """A property proved of a process."""

    property: Property = strawberry.field(description="What was proved.")
    text: str = strawberry.field(description="The property in words, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="For how many stages, transitions, … it was proved.")


@strawberry.type(
    description="A property that was neither proved nor refuted at a place; such a place is never refused."
)
class UndecidedProperty:
    """A property that was neither proved nor refuted at a place."""

    property: Property = strawberry.field(description="What was not decided.")
    path: list[str] = strawberry.field(description="Place in the document.")
    text: str = strawberry.field(description="What and why, in the language of `Accept-Language`.")


@strawberry.type(description="The clock that bounds the stay in a stage.")
class StageLimit:
    """The clock that bounds the stay in a stage."""

    stage: str = strawberry.field(description="Key of the stage.")
    clock: str = strawberry.field(description="Key of the clock.")
    target: str = strawberry.field(description="Its target, such as `PT15M` or `2 business days`.")


@strawberry.type(
    name="WorstCase",
    description="The longest a case may take to a won end without going round, if every clock is met: the sum of what follows.",
)
class WorstCaseType:
    """The longest a case may take if every clock is met."""

    is_bounded: bool = strawberry.field(description="Whether clocks bound it at all.")
    is_exact: bool = strawberry.field(description="False: there are too many ways, and every stage was added up.")
    business_days: int = strawberry.field(description="Business days of the bound.")
    working_time: timedelta = strawberry.field(description="Business time of the bound, beside its business days.")
    elapsed_time: timedelta = strawberry.field(description="Time around the clock of the bound, beside the rest.")
    limits: list[StageLimit] = strawberry.field(description="What adds up, stage by stage along the longest way.")
    unbounded_stages: list[str] = strawberry.field(
        description="Stages on ways to a won end whose stay no clock bounds."
    )


@strawberry.type(description="A stage in which no clock needs to run.")
class StageWaiver:
    """A stage in which no clock needs to run."""

    stage: str = strawberry.field(description="Key of the stage.")
    text: str = strawberry.field(description="Why, in the language of `Accept-Language`.")


@strawberry.type(
    name="Certificate", description="What is known of the soundness of a version, proved when it was published."
)
class CertificateType:
    """What is known of the soundness of a version."""

    is_sound: bool = strawberry.field(
        description="Whether nothing is wrong; always so where it was proved at publishing."
    )
    solver: str = strawberry.field(description="The solver of formulas, with its version.")
    proof_time: timedelta = strawberry.field(description="What the proof took; zero where it was made just now.")
    proved: list[ProvedProperty] = strawberry.field(description="What was proved.")
    undecided: list[UndecidedProperty] = strawberry.field(description="What could not be decided, with the reason.")
    problems: list[DocumentProblem] = strawberry.field(
        description="What is wrong with a version published before certificates: today it would be refused."
    )
    shortest_path_to_won: list[TraceStepType] = strawberry.field(
        description="The fewest steps to a won end; empty where none is known."
    )
    worst_case: WorstCaseType = strawberry.field(description="How long a case may take if every clock is met.")
    waivers: list[StageWaiver] = strawberry.field(description="Stages without a clock, with the reason.")


def certificate_type(certificate: Certificate, language: str) -> CertificateType:
    """A certificate as the API shows it."""
    return CertificateType(
        is_sound=certificate.is_sound,
        solver=certificate.solver,
        proof_time=timedelta(milliseconds=certificate.milliseconds),
        proved=[
            ProvedProperty(property=found, text=PROPERTY_TEXTS[found].in_language(language), count=count)
            for found, count in certificate.proved.items()
        ],
        undecided=[_undecided(item, language) for item in certificate.undecided],
        problems=document_problems(certificate.problems, language),
        shortest_path_to_won=[step_type(item) for item in certificate.shortest],
        worst_case=_worst_case(certificate.worst_case),
        waivers=[
            StageWaiver(stage=stage, text=title.in_language(language)) for stage, title in certificate.waivers.items()
        ],
    )


def _undecided(item: Undecided, language: str) -> UndecidedProperty:
    return UndecidedProperty(property=item.property, path=list(item.path), text=item.text(language))


def _worst_case(item: WorstCase) -> WorstCaseType:
    return WorstCaseType(
        is_bounded=not item.unbounded,
        is_exact=item.is_exact,
        business_days=item.business_days,
        working_time=timedelta(microseconds=item.working_time),
        elapsed_time=timedelta(microseconds=item.elapsed_time),
        limits=[_limit(limit) for limit in item.limits],
        unbounded_stages=list(item.unbounded),
    )


def _limit(item: Limit) -> StageLimit:
    return StageLimit(stage=item.stage, clock=item.clock, target=str(item.target))
