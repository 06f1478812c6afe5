"""The one place that decides whether a question is answered from cells, and reads them: exact at any moment.

The cells hold each case as it was last folded. Cases that changed since, or that time has changed, are evaluated now by the report's own
SQL and put in place of what is stored of them; all in the snapshot of one transaction. So the answer is that of the history.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import orjson

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.cells.changes import Heap
from bpm_crm.analytics.cells.columns import joined, unpack_columns
from bpm_crm.analytics.cells.cuts import Answer, columns_named, dimensions_of, filtered, grouped
from bpm_crm.analytics.cells.days import Days, Span
from bpm_crm.analytics.cells.parts import axis_now, contributions, segments_of, unpack_parts
from bpm_crm.analytics.cells.sheets import PROCESS, ROLLED_UP, Evaluation, Kept, Sheet, sheet_of
from bpm_crm.analytics.cells.spreads import CALENDAR, Axes, unpack
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question
from bpm_crm.records import cell_days, cells
from bpm_crm.records.database import Connection

MOST_EVALUATED = 20_000
"""With more changed cases than this the compactor is far behind, and history is asked."""

_OF_PEOPLE = {Dimension.OWNER, Dimension.TEAM}


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers by segment, those in which anything is; the sheet they are from, and how far its axes of time have come."""

    by_segment: Mapping[Segment, Answer]
    sheet: Sheet
    axes: Axes

    @property
    def whole(self) -> Answer:
        """All segments together."""
        found = Answer()
        for answer in self.by_segment.values():
            found.include(answer)
        return found


async def read_answers(
    connection: Connection, kept: Kept, frame: Frame, question: Question, processes: Processes | None = None
) -> Answers | None:
    """The answers to a question about a kept report; None where no cells can answer it, so that history has to.

    Cells answer what is asked for now, of whole days. Of every case, in the segments of no dimension or one of `ROLLED_UP`, there are
    sums; other cuts are made of whole segments. `processes` are the versions of the frame, where the report needs them.
    """
    dimensions = dimensions_of(question.grouping)
    if not frame.is_current or dimensions is None or columns_named(question.cases) is None:
        return None
    is_summed = question.cases.is_open and is_rolled_up(question.grouping)
    sheet = await _sheet(connection, kept, frame, question, is_whole=not is_summed)
    if sheet is None:
        return None
    span = span_of(question, Days(sheet.zone))
    dirty = await cells.dirty_cases(connection, question.tenant_id, frame.as_of)
    if span is None or len(dirty) > MOST_EVALUATED:
        return None
    asked = Evaluation(connection, question.tenant_id, frame, sheet.checkpoints, processes or {}, dirty)
    changes = await _changes(kept, sheet, span, asked)
    if is_summed:
        answers = await _stored(asked, sheet, question, span)
        for segment, answer in grouped(changes.columns(), dimensions).items():
            answers[segment].include(answer)
    else:
        answers = await _cut(asked, sheet, question, span, changes, dimensions)
    held = {segment: answer for segment, answer in answers.items() if any(answer.numbers.values())}
    return Answers(held, sheet, _axes(kept, asked))


def is_rolled_up(grouping: Grouping) -> bool:
    """Whether there are cells by these dimensions. Whose a case is counted as matters only to what is split by people."""
    dimensions = grouping.dimensions
    if len(dimensions) > 1 or not set(dimensions) <= set(ROLLED_UP):
        return False
    return grouping.basis is OwnerBasis.AT_ENTRY or not _OF_PEOPLE & set(dimensions)


def span_of(question: Question, days: Days) -> Span | None:
    """The whole days of a period; None where it begins or ends within a day."""
    since, until = question.since, question.until
    first = None if since == FIRST_INSTANT else days.beginning_at(since)
    end = None if until == LAST_INSTANT else days.beginning_at(until)
    if (first is None and since != FIRST_INSTANT) or (end is None and until != LAST_INSTANT):
        return None
    return Span(first, end)


async def _sheet(
    connection: Connection, kept: Kept, frame: Frame, question: Question, *, is_whole: bool
) -> Sheet | None:
    """A filled sheet for the versions of the frame; one that keeps whole segments may hold more processes."""
    layout = kept.layout(frame.versions)
    if layout is None:
        return None
    checkpoints, definitions = layout
    for row in await cells.load_sheets(connection, question.tenant_id, kept.name):
        sheet = sheet_of(row)
        has_steps = checkpoints == sheet.checkpoints or (
            kept.shares_steps and set(checkpoints) <= set(sheet.checkpoints)
        )
        has_cases = definitions == sheet.definitions or (is_whole and set(definitions) <= set(sheet.definitions))
        is_fit = sheet.is_filled and (sheet.is_whole or not is_whole)
        if is_fit and has_steps and has_cases:
            return sheet if definitions == sheet.definitions else replace(sheet, definitions=definitions)
    return None


async def _stored(asked: Evaluation, sheet: Sheet, question: Question, span: Span) -> dict[Segment, Answer]:
    """What the cells say."""
    answers: dict[Segment, Answer] = defaultdict(Answer)
    dimensions = ",".join(question.grouping.dimensions)
    for level, first, end in span.cover():
        rows = await cells.read_cells(asked.connection, asked.tenant_id, sheet.id, dimensions, level, first, end)
        for row in rows:
            answers[tuple(orjson.loads(row["segment"]))].add(row["numbers"], unpack(row["spreads"]))
    return answers


async def _cut(
    asked: Evaluation, sheet: Sheet, question: Question, span: Span, changes: Heap, dimensions: Sequence[str]
) -> dict[Segment, Answer]:
    """What the whole segments say that the question is about."""
    rows = await cell_days.read_days(asked.connection, asked.tenant_id, sheet.id, span.since, span.until)
    columns = joined([*(unpack_columns(row["body"]) for row in rows), changes.columns()])
    held = await filtered(asked.connection, asked.tenant_id, columns, question.cases)
    wanted = [str(definition) for definition in sheet.definitions]
    of_process = [int(value in wanted) for value in columns.values[PROCESS]]
    if not all(of_process):
        held = held * np.asarray(of_process, np.int64)[columns.codes[PROCESS]]
    return grouped(columns, dimensions, held)


async def _changes(kept: Kept, sheet: Sheet, span: Span, asked: Evaluation) -> Heap:
    """What changed cases add now, less what is stored of them."""
    heap = Heap()
    if not asked.cases:
        return heap
    first = None if span.since is None else span.since.toordinal()
    end = None if span.until is None else span.until.toordinal()
    segments = await segments_of(asked, asked.frame.as_of)
    now = await contributions(kept, asked, segments, Days(sheet.zone), asked.frame.as_of)
    stored = await cells.load_parts(asked.connection, asked.tenant_id, asked.cases)
    for case in asked.cases:
        known = unpack_parts(stored[case].parts).get(sheet.evaluation, ()) if case in stored else ()
        for sign, parts in ((1, now[case].parts if case in now else ()), (-1, known)):
            for part in parts:
                if (first is None or part.on >= first) and (end is None or part.on < end) and sheet.has(part.segment):
                    heap.add(part, sign)
    return heap


def _axes(kept: Kept, asked: Evaluation) -> Axes:
    known: dict[tuple[UUID | None, int], float] = {}

    def come(slot: int, axis: int) -> float:
        definition = (
            None if axis == CALENDAR or kept.definition_of is None else kept.definition_of(asked.checkpoints, slot)
        )
        if (definition, axis) not in known:
            process = None if definition is None else asked.processes[definition, axis]
            known[definition, axis] = axis_now(process, asked.frame.as_of)
        return known[definition, axis]

    return come
