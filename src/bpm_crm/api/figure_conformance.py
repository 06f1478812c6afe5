"""How far cases keep to their definitions, as the API shows it."""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import strawberry

from bpm_crm.analytics.frames import Titles, titles_of
from bpm_crm.analytics.process_map import Cell, DeviationKind, MapFigures, Section
from bpm_crm.analytics.steps import step_titles
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_frames import rate
from bpm_crm.api.figure_map_inputs import ConformanceNumber
from bpm_crm.api.figure_members import After, Drilldown, First, OfCases
from bpm_crm.api.instance_lists import ProcessInstanceConnection

WhichConformanceNumber = Annotated[ConformanceNumber, strawberry.argument(description="Which number.")]


@strawberry.type(description="A place where cases left their definition; or, without a place, all of one kind.")
class Deviation(OfCases):
    """A place where cases left their definition."""

    kind: DeviationKind = strawberry.field(description="How they left it.")
    source: str | None = strawberry.field(description="Key of the stage a move led out of; null for a skipped step.")
    source_title: str | None = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    target: str | None = strawberry.field(description="Key of the stage it led to, or of the step that was skipped.")
    target_title: str | None = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="How often that happened.")
    cases: int = strawberry.field(description="Cases it happened in.")


@strawberry.type(
    description="How many cases kept to the definition they ran under, and where the others left it. A case may be in several deviations."
)
class Conformance:
    """How many cases kept to their definition."""

    conforming: int = strawberry.field(description="Cases without any deviation: the numerator of `rate`.")
    deviating: int = strawberry.field(description="Cases with at least one.")
    cases: int = strawberry.field(description="`conforming + deviating`: the denominator of `rate`.")
    rate: Decimal | None = strawberry.field(description="`conforming / cases`; null without cases.")
    kinds: list[Deviation] = strawberry.field(description="Each kind of deviation as a whole; all kinds, also at 0.")
    deviations: list[Deviation] = strawberry.field(description="The same by place, the most frequent first.")

    @strawberry.field(description="The cases of a number, newest first.")
    async def instances(
        self, info: Info, number: WhichConformanceNumber, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of a number."""
        return await self.drilldown.page(info, self.step, (number.value,), None, first, after)

    step: strawberry.Private[str]
    drilldown: strawberry.Private[Drilldown]


def conformance_type(context: RequestContext, figures: MapFigures, drilldown: Drilldown) -> Conformance:
    """The conformance of a map as the API shows it."""
    whole = figures.one(Section.DEVIATIONS, "conformance")
    conforming, deviating = whole.count("conforming"), whole.count("deviating")
    kinds = [figures.one(Section.DEVIATIONS, "deviation", kind.value) for kind in DeviationKind]
    return Conformance(
        conforming=conforming,
        deviating=deviating,
        cases=conforming + deviating,
        rate=rate(Fraction(conforming, conforming + deviating) if conforming + deviating else None),
        kinds=[_deviation(context, figures, cell, drilldown) for cell in kinds],
        deviations=[
            _deviation(context, figures, cell, drilldown) for cell in figures.of(Section.DEVIATIONS, len(_PLACED))
        ],
        step=whole.step,
        drilldown=drilldown,
    )


_PLACED = ("deviation", "kind", "source", "target")


def _deviation(context: RequestContext, figures: MapFigures, cell: Cell, drilldown: Drilldown) -> Deviation:
    kind = DeviationKind(str(cell.parts[1]))
    source, target = cell.parts[2:] if len(cell.parts) == len(_PLACED) else (None, None)
    language = "ru" if context.language == "ru" else "en"
    return Deviation(
        kind=kind,
        source=source,
        source_title=None if source is None else _stage_titles(figures, source)[language],
        target=target,
        target_title=None if target is None else _target_titles(figures, kind, target)[language],
        count=cell.times(),
        cases=cell.count(),
        step=cell.step,
        drilldown=drilldown,
    )


def _target_titles(figures: MapFigures, kind: DeviationKind, target: str) -> Titles:
    if kind is DeviationKind.SKIPPED_STEP:
        return step_titles(figures.frame.versions, target)
    return _stage_titles(figures, target)


def _stage_titles(figures: MapFigures, stage: str) -> Titles:
    return titles_of((version.stages for version in figures.frame.versions), stage)
