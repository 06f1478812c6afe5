"""Loss forensics: what the record shows to have gone wrong before a case was lost, beside the reason that was given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, Titles, Version, columns, titles_of
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.engine.definition import ProcessDefinition, SlaPolicy, Transition
from bpm_crm.engine.occasions import Occasion, OccasionKind
from bpm_crm.records.database import Connection

_REPORT = report("loss_forensics")
_NUMBERS = report("loss_forensics_numbers")


class LossEvidence(StrEnum):
    """What a loss shows; the first that holds is taken, so that every loss has one."""

    DOCUMENT_LATE = "document_late"
    CLOCK_BREACHED = "clock_breached"
    ACTION_MISSING = "action_missing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cause:
    """What the evidence is about: a clock, or (of a missing action) a checkpoint; in how many cases."""

    key: str
    titles: Titles
    cases: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Cases lost in one stage for one reason (None: none was given) with one evidence, in one segment.

    `of_reason` are all losses of that stage and reason in that segment; the causes add up to the cases, none for `NONE`.
    """

    stage: str
    reason: str | None
    evidence: LossEvidence
    segment: Segment
    cases: int
    of_reason: int
    causes: tuple[Cause, ...]
    stage_titles: Titles
    reason_titles: Titles | None

    @property
    def key(self) -> str:
        """How the report names stage, reason and evidence together."""
        return f"{self.stage}/{self.reason or ''}/{self.evidence}"


@dataclass(frozen=True, slots=True)
class ForensicFigures:
    """Traces by segment, the commonest first, what they were asked of, and the way to their cases."""

    frame: Frame
    traces: tuple[Trace, ...]
    members: Members = field(repr=False)


Cell = tuple[str, str | None, LossEvidence, Segment]


async def read_forensics(
    connection: Connection, frame: Frame, question: Question, processes: Processes
) -> ForensicFigures:
    """The losses of a period `[since, until)` by their evidence, in one statement; `processes` are the versions of the frame."""
    members = Members(_REPORT, question, _values(frame, question, processes))
    found = members.statement(_NUMBERS)
    cells: dict[Cell, dict[str | None, int]] = {}
    totals: dict[tuple[str, str | None, Segment], int] = {}
    for row in await connection.fetch(found.text, *found.values):
        segment = tuple(row["segment"])
        cell = (row["stage"], row["reason"], LossEvidence(row["evidence"]), segment)
        cells.setdefault(cell, {})[row["subject"]] = row["cases"]
        whole = (row["stage"], row["reason"], segment)
        totals[whole] = totals.get(whole, 0) + row["cases"]
    traces = [
        _trace(cell, subjects, totals[cell[0], cell[1], cell[3]], frame.versions) for cell, subjects in cells.items()
    ]
    traces.sort(key=lambda item: (-item.cases, item.key, str(item.segment)))
    return ForensicFigures(frame, tuple(traces), members)


def _trace(cell: Cell, subjects: Mapping[str | None, int], of_reason: int, versions: Sequence[Version]) -> Trace:
    stage, reason, evidence, segment = cell
    parts = [version.checkpoints if evidence is LossEvidence.ACTION_MISSING else version.clocks for version in versions]
    causes = [Cause(key, titles_of(parts, key), cases) for key, cases in subjects.items() if key is not None]
    causes.sort(key=lambda cause: (-cause.cases, cause.key))
    stage_titles = titles_of((version.stages for version in versions), stage)
    reason_titles = None if reason is None else titles_of((version.reasons for version in versions), reason)
    cases = sum(subjects.values())
    return Trace(stage, reason, evidence, segment, cases, of_reason, tuple(causes), stage_titles, reason_titles)


def _values(frame: Frame, question: Question, processes: Processes) -> dict[str, Any]:
    clocks = [
        (*key, policy.key, policy.checkpoint, is_document(process.definition, policy))
        for key, process in processes.items()
        for policy in process.definition.policies.values()
    ]
    demands = [(*key, *demand) for key, process in processes.items() for demand in _demands(process.definition)]
    return {
        **question.values(frame),
        "definitions": frame.definitions,
        **columns("bound", ("definitions", "versions", "policies", "checkpoints", "documents"), clocks),
        **columns("demand", ("definitions", "versions", "stages", "checkpoints", "fields"), demands),
    }


def is_document(definition: ProcessDefinition, policy: SlaPolicy) -> bool:
    """Whether a clock waits for a document: it measures a checkpoint, and a move that needs data stops it."""
    moves = {item.key for item in policy.stop.occasions if item.kind is OccasionKind.TRANSITION}
    return policy.checkpoint is not None and any(definition.transitions[key].required for key in moves)


def _demands(definition: ProcessDefinition) -> Iterator[tuple[str, str, str]]:
    """The moves that reach a checkpoint: out of which stage, which, and the data they need that is no personal one."""
    for transition in definition.transitions.values():
        fields = ",".join(key for key in transition.required if key not in definition.personal_fields)
        for checkpoint in _reached(definition, transition):
            for stage in transition.sources:
                yield stage, checkpoint, fields


def _reached(definition: ProcessDefinition, transition: Transition) -> list[str]:
    moments = {Occasion(OccasionKind.TRANSITION, transition.key), Occasion(OccasionKind.ENTERING, transition.target)}
    return [key for key, item in definition.checkpoints.items() if moments.intersection(item.reached.occasions)]
