"""The one place that decides whether a question is answered from cells, and reads them: exact at any moment.

The cells hold each case as it was last folded; what large ones add up to is kept by this process for as long as they stay. Cases that changed since, or that time has changed, are evaluated now by the report's own
SQL and put in place of what is stored of them; all in the snapshot of one transaction. So the answer is that of the history.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.cells import settled
from bpm_crm.analytics.cells.bodies import body_of, unpack
from bpm_crm.analytics.cells.columns import Columns, chosen
from bpm_crm.analytics.cells.contributions import axis_now, contributions
from bpm_crm.analytics.cells.cuts import Cut, columns_named, dimensions_of
from bpm_crm.analytics.cells.days import Days, Level, Span, turns
from bpm_crm.analytics.cells.gathering import Gathering, Grouped
from bpm_crm.analytics.cells.lengths import Slots
from bpm_crm.analytics.cells.parts import added_of, unpack_parts
from bpm_crm.analytics.cells.placed import placed
from bpm_crm.analytics.cells.settled import Asked, SettledSums
from bpm_crm.analytics.cells.sheets import ROLLED_UP, WHOLE, Evaluation, Kept, Sheet, sheet_of
from bpm_crm.analytics.cells.spreads import CALENDAR, Axes
from bpm_crm.analytics.cells.sums import Added, name_of, together
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question
from bpm_crm.analytics.statements import EVERY_CASE
from bpm_crm.records import cell_bodies, cells
from bpm_crm.records.cell_bodies import StoredBody
from bpm_crm.records.database import Connection

MOST_EVALUATED = 20_000
"""With more changed cases than this the compactor is far behind, and history is asked."""

READ_AT_ONCE = 1 << 23
"""Bytes of bodies."""

Period = tuple[datetime, datetime]
"""`[since, until)`."""

_SETTLED = SettledSums()
_OF_PEOPLE = {Dimension.OWNER, Dimension.TEAM}


@dataclass(frozen=True, slots=True)
class Answers:
    """What is in each segment, and the sheet it is from."""

    grouped: Grouped
    sheet: Sheet

    @property
    def by_segment(self) -> Iterator[tuple[Segment, Mapping[str, int]]]:
        """The numbers of each segment."""
        return zip(self.grouped.segments, self.grouped.numbers, strict=True)

    def slots(self, *, is_whole: bool = False) -> Slots:
        """The lengths of time of the segments, or of all together."""
        return self.grouped.slots(is_whole=is_whole)


async def read_answers(
    connection: Connection, kept: Kept, frame: Frame, question: Question, processes: Processes | None = None
) -> Answers | None:
    """The answers to a question about a kept report; None where no cells can answer it, so that history has to.

    Cells answer what is asked for now, of whole days. Of every case, in the segments of processes and one of `ROLLED_UP`, there are
    sums; other cuts are made of whole segments. `processes` are the versions of the frame, where the report needs them.
    """
    found = await read_periods(connection, kept, frame, question, [(question.since, question.until)], processes)
    return None if found is None else found[0]


async def read_periods(
    connection: Connection,
    kept: Kept,
    frame: Frame,
    question: Question,
    periods: Sequence[Period],
    processes: Processes | None = None,
    only: tuple[str, ...] | None = None,
) -> list[Answers] | None:
    """The same of several periods in place of the question's: what changed since is evaluated once.

    `only` are statements in place of all that the report has, where nothing else is looked at than what these tell.
    """
    dimensions = dimensions_of(question.grouping)
    if not frame.is_current or dimensions is None or columns_named(question.cases) is None:
        return None
    sheet = await _sheet(connection, kept, frame, question)
    if sheet is None:
        return None
    days = Days(sheet.zone)
    spans = [span for period in periods if (span := span_of(period, days)) is not None]
    dirty = await cells.dirty_cases(connection, question.tenant_id, frame.as_of)
    if len(spans) < len(periods) or len(dirty) > MOST_EVALUATED:
        return None
    asked = Evaluation(connection, question.tenant_id, frame, sheet.checkpoints, processes or {}, dirty)
    evaluated = kept if only is None else replace(kept, contributions=only)
    changes, axes = await _changes(evaluated, sheet, asked), _axes(kept, asked)
    of_roll_ups = question.cases.is_open and is_rolled_up(question.grouping)
    found = []
    for span in spans:
        inside = changes.only(_inside(changes, span)).columns
        if of_roll_ups:
            read = _of_roll_ups(asked, sheet, dimensions, span, inside, axes)
        else:
            cut = Cut(WHOLE, dimensions, _processes(sheet), question.cases)
            read = _of_whole_segments(asked, sheet, cut, span, inside, axes)
        found.append(Answers(await read, sheet))
    return found


async def _of_roll_ups(
    asked: Evaluation, sheet: Sheet, dimensions: Sequence[str], span: Span, changes: Columns, axes: Axes
) -> Grouped:
    """What every case adds to segments of a process and one dimension more at most."""
    told = [Dimension.PROCESS, *(item for item in dimensions if item != Dimension.PROCESS)]
    spans, name = span.cover(), name_of(told)
    wanted = Asked(asked.tenant_id, sheet.id, name, tuple(dimensions), sheet.definitions, tuple(spans))
    rows = await cell_bodies.read(asked.connection, asked.tenant_id, sheet.id, name, spans, settled.SETTLED_FROM)
    large = frozenset(StoredBody(*(row[field] for field in StoredBody._fields)) for row in rows if row["body"] is None)
    new_cut = partial(Cut, told, dimensions, _processes(sheet), EVERY_CASE)
    bodies = [body_of(chosen(changes, [WHOLE.index(field) for field in told]))]
    bodies.extend(unpack(row["body"]) for row in rows if row["body"] is not None)
    cut, gathering = new_cut(), Gathering(axes)
    if large:
        known = await _SETTLED.of(asked.connection, wanted, large, new_cut())
        cut, gathering = new_cut(known.segments), Gathering(axes, known.sums)
    gathering.add(bodies, await cut.groups(asked.connection, asked.tenant_id, bodies))
    return gathering.grouped(cut.segments)


async def _of_whole_segments(
    asked: Evaluation, sheet: Sheet, cut: Cut, span: Span, changes: Columns, axes: Axes
) -> Grouped:
    """What the cases of a cut add to its groups, some days after the other."""
    whole = (Level.DAY, span.since, span.until)
    days = await cell_bodies.days(asked.connection, asked.tenant_id, sheet.id, name_of(WHOLE), whole)
    gathering = Gathering(axes)
    bodies = [body_of(changes)]
    gathering.add(bodies, await cut.groups(asked.connection, asked.tenant_id, bodies))
    for turn in turns(days, READ_AT_ONCE):
        spans = [(Level.DAY, *turn)]
        rows = await cell_bodies.read(asked.connection, asked.tenant_id, sheet.id, name_of(WHOLE), spans)
        bodies = [unpack(row["body"]) for row in rows]
        gathering.add(bodies, await cut.groups(asked.connection, asked.tenant_id, bodies))
    return gathering.grouped(cut.segments)


def _processes(sheet: Sheet) -> set[str | None]:
    """The processes whose cases count."""
    return {str(definition) for definition in sheet.definitions}


def is_rolled_up(grouping: Grouping) -> bool:
    """Whether there are cells by these dimensions. Whose a case is counted as matters only to what is split by people."""
    others = set(grouping.dimensions) - {Dimension.PROCESS}
    if len(others) > 1 or not others <= set(ROLLED_UP):
        return False
    return grouping.basis is OwnerBasis.AT_ENTRY or not _OF_PEOPLE & others


def span_of(period: Period, days: Days) -> Span | None:
    """The whole days of a period; None where it begins or ends within a day."""
    since, until = period
    first = None if since == FIRST_INSTANT else days.beginning_at(since)
    end = None if until == LAST_INSTANT else days.beginning_at(until)
    if (first is None and since != FIRST_INSTANT) or (end is None and until != LAST_INSTANT):
        return None
    return Span(first, end)


async def _sheet(connection: Connection, kept: Kept, frame: Frame, question: Question) -> Sheet | None:
    """A filled sheet for the versions of the frame; it may hold more processes."""
    layout = kept.layout(frame.versions)
    if layout is None:
        return None
    checkpoints, definitions = layout
    for row in await cells.load_sheets(connection, question.tenant_id, kept.report):
        sheet = sheet_of(row)
        has_steps = checkpoints == sheet.checkpoints or (
            kept.shares_steps and set(checkpoints) <= set(sheet.checkpoints)
        )
        if sheet.is_filled and has_steps and set(definitions) <= set(sheet.definitions):
            return replace(sheet, definitions=definitions)
    return None


async def _changes(kept: Kept, sheet: Sheet, asked: Evaluation) -> Added:
    """What changed cases add now, less what is stored of them, in whole segments."""
    if not asked.cases:
        return together([])
    within = await placed(asked, asked.frame.as_of)
    now = await contributions(kept, asked, within, Days(sheet.zone), asked.frame.as_of)
    stored = await cells.load_parts(asked.connection, asked.tenant_id, asked.cases)
    known = [
        (place, part)
        for place, case in enumerate(asked.cases)
        if case in stored
        for part in unpack_parts(stored[case].parts).get(sheet.evaluation, ())
    ]
    return together([now.added, added_of(known).taken_away()]).of(sheet.definitions)


def _inside(added: Added, span: Span) -> NDArray[np.bool_]:
    """Which segments lie in a span of days."""
    first = np.iinfo(np.int64).min if span.since is None else span.since.toordinal()
    end = np.iinfo(np.int64).max if span.until is None else span.until.toordinal()
    found: NDArray[np.bool_] = (added.days >= first) & (added.days < end)
    return found


def _axes(kept: Kept, asked: Evaluation) -> Axes:
    definitions = set(asked.frame.definitions)
    known: dict[tuple[UUID | None, int], float] = {}

    def axis_of(definition: UUID | None, axis: int) -> float:
        if definition is not None and definition not in definitions:
            return 0.0  # segments of processes that nobody asked about are in no group
        return axis_now(None if definition is None else asked.processes[definition, axis], asked.frame.as_of)

    def come(slot: int, axis: int) -> float:
        definition = (
            None if axis == CALENDAR or kept.definition_of is None else kept.definition_of(asked.checkpoints, slot)
        )
        if (definition, axis) not in known:
            known[definition, axis] = axis_of(definition, axis)
        return known[definition, axis]

    return come
