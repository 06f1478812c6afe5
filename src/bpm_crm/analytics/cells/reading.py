"""The one place that decides whether a question is answered from cells, and reads them: exact at any moment.

The cells hold each case as it was last folded. Cases that changed since, or that time has changed, are evaluated now by the report's own
SQL and put in place of what is stored of them; all in the snapshot of one transaction. So the answer is that of the history.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

import orjson

from bpm_crm.analytics.cells.days import Days, Span
from bpm_crm.analytics.cells.parts import Amount, Part, Sums, contributions, unpack_parts
from bpm_crm.analytics.cells.sheets import ROLLED_UP, Kept, Sheet
from bpm_crm.analytics.cells.spreads import Histogram, Packed, as_arrays, unpack
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question
from bpm_crm.records import cells
from bpm_crm.records.database import Connection

MOST_EVALUATED = 20_000
"""With more changed cases than this the compactor is far behind, and history is asked."""

_OF_PEOPLE = {Dimension.OWNER, Dimension.TEAM}


@dataclass(slots=True)
class Answer:
    """The sums of one segment: exact numbers by name, and the lengths of time to ask percentiles of."""

    numbers: dict[str, Amount] = field(default_factory=dict)
    spreads: list[Packed] = field(default_factory=list)

    @property
    def histogram(self) -> Histogram:
        """The lengths of time."""
        return Histogram(self.spreads)

    def add(self, numbers: Mapping[str, Amount | str], spread: Packed) -> None:
        """Add what a cell holds; a decimal may come as a text."""
        known = self.numbers
        for name, amount in numbers.items():
            known[name] = known.get(name, 0) + (Decimal(amount) if isinstance(amount, str) else amount)
        self.spreads.append(spread)

    def include(self, other: "Answer") -> None:
        """Add another segment."""
        for name, amount in other.numbers.items():
            self.numbers[name] = self.numbers.get(name, 0) + amount
        self.spreads.extend(other.spreads)


Answers = Mapping[Segment, Answer]
"""By segment, those in which anything is."""


async def read_answers(connection: Connection, kept: Kept, frame: Frame, question: Question) -> Answers | None:
    """The answers to a question about a kept report; None where no cells can answer it, so that history has to.

    Cells answer what is asked for now, of every case, of whole days, in the segments of no dimension or one of `ROLLED_UP`.
    """
    if not (frame.is_current and question.cases.is_open and is_rolled_up(question.grouping)):
        return None
    sheet = await _sheet(connection, kept, frame, question)
    if sheet is None:
        return None
    days = Days(sheet.zone)
    span = span_of(question, days)
    if span is None:
        return None
    dirty = await cells.dirty_cases(connection, question.tenant_id, frame.as_of)
    if len(dirty) > MOST_EVALUATED:
        return None
    answers = await _stored(connection, sheet, question, span)
    if dirty:
        await _refresh(connection, kept, sheet, frame, question, span, answers, dirty)
    return {segment: answer for segment, answer in answers.items() if any(answer.numbers.values())}


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


async def _sheet(connection: Connection, kept: Kept, frame: Frame, question: Question) -> Sheet | None:
    layout = kept.layout(frame.versions)
    for row in await cells.load_sheets(connection, question.tenant_id):
        sheet = sheet_of(row)
        if (sheet.report, sheet.checkpoints, sheet.definitions) == (kept.name, *layout) and sheet.is_filled:
            return sheet
    return None


def sheet_of(row: Mapping[str, object]) -> Sheet:
    """A sheet as stored."""
    values = dict(row)
    for name in ("checkpoints", "definitions"):
        values[name] = tuple(values[name])  # type: ignore[arg-type]  # arrays of the database
    return Sheet(**values)  # type: ignore[arg-type]  # its columns are the fields


async def _stored(connection: Connection, sheet: Sheet, question: Question, span: Span) -> dict[Segment, Answer]:
    answers: dict[Segment, Answer] = defaultdict(Answer)
    dimensions = ",".join(question.grouping.dimensions)
    for level, first, end in span.cover():
        rows = await cells.read_cells(connection, question.tenant_id, sheet.id, dimensions, level, first, end)
        for row in rows:
            answers[tuple(orjson.loads(row["segment"]))].add(row["numbers"], unpack(row["spreads"]))
    return answers


async def _refresh(
    connection: Connection,
    kept: Kept,
    sheet: Sheet,
    frame: Frame,
    question: Question,
    span: Span,
    answers: dict[Segment, Answer],
    dirty: Sequence[UUID],
) -> None:
    """Put what changed cases add now in place of what is stored of them."""
    days = Days(sheet.zone)
    now = await contributions(
        connection, question.tenant_id, kept, frame.versions, sheet.checkpoints, days, dirty, frame.as_of
    )
    stored = await cells.load_parts(connection, question.tenant_id, dirty)
    places = [ROLLED_UP.index(dimension) for dimension in question.grouping.dimensions]
    sums: dict[Segment, Sums] = defaultdict(Sums)

    def add(part: Part, sign: int) -> None:
        if span.holds(part.on) and sheet.has(part.segment):
            sums[tuple(part.segment[place] for place in places)].add(part, sign)

    for case in dirty:
        for part in now.get(case, ()):
            add(part, 1)
        if case in stored:
            for part in unpack_parts(stored[case].parts).get(sheet.evaluation, ()):
                add(part, -1)
    for segment, change in sums.items():
        answers[segment].add(change.numbers, as_arrays(change.lengths))
