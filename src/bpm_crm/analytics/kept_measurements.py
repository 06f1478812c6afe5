"""Measurements of KPIs from cells, where these answer them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from bpm_crm.analytics.cells.reading import Answers, Period, read_periods
from bpm_crm.analytics.counted_members import UnitCounts
from bpm_crm.analytics.dimensions import OF_TIME, Dimension, Segment
from bpm_crm.analytics.formulas import NOTHING, Measurement, Numbers, Totals, measurement_of
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question
from bpm_crm.analytics.kept_kpis import KEPT_KPIS, contributions_to, is_kept
from bpm_crm.analytics.kept_numbers import added, lengths, totals
from bpm_crm.analytics.kpi_catalogue import Kpi
from bpm_crm.analytics.kpi_kinds import KpiKind
from bpm_crm.analytics.periods import Bucket, buckets, day_of
from bpm_crm.analytics.working_hours import hours_worked
from bpm_crm.records.cells import zone_of
from bpm_crm.records.database import Connection

MOST_PARTS = 100
"""Parts of a period, each of which is read by itself; history is asked for more at once."""

Told = tuple[Measurement, UnitCounts]
Measurements = dict[Segment | None, Told]
"""By segment and (None) in total."""


async def kept_measurements(connection: Connection, kpi: Kpi, frame: Frame, question: Question) -> Measurements | None:
    """A KPI from cells; None where history has to answer it.

    A part of the calendar among the dimensions is answered by as many periods; what is open now, by cases of all times.
    """
    parts = [item for item in question.grouping.dimensions if item in OF_TIME]
    is_past = kpi.is_snapshot and question.until <= frame.as_of
    if not is_kept(kpi) or not frame.is_current or is_past or len(parts) > 1:
        return None
    split = await _split(connection, question, parts[0]) if parts else []
    if split is None:
        return None
    whole = await _whole(connection, kpi, frame, question)
    periods = [whole, *((part.since, part.until) for part in split)]
    asked = replace(question, grouping=replace(question.grouping, dimensions=_of_cells(kpi, question)))
    found = await read_periods(connection, KEPT_KPIS, frame, asked, periods, only=contributions_to(kpi.key))
    if found is None:
        return None
    if kpi.kind is KpiKind.RATE:
        hours = await hours_worked(connection, frame, question, frame.versions)
        return _rates(question, asked, found[0], kpi, hours)
    reading = _Reading(kpi, question.grouping.dimensions)
    return dict(reading.lengths(found, split) if kpi.kind is KpiKind.DURATION else reading.numbers(found, split))


async def _whole(connection: Connection, kpi: Kpi, frame: Frame, question: Question) -> Period:
    """The period in which units count: of what is open now ever, of what falls due today this day."""
    if kpi.takes_day:
        return day_of(frame.as_of, await zone_of(connection, question.tenant_id))
    return (FIRST_INSTANT, LAST_INSTANT) if kpi.is_snapshot else (question.since, question.until)


async def _split(connection: Connection, question: Question, part: Dimension) -> list[Bucket] | None:
    """The parts of a period; None where there is no end to them, or there are too many."""
    if question.since == FIRST_INSTANT or question.until == LAST_INSTANT:
        return None
    found = list(buckets(question.since, question.until, part, await zone_of(connection, question.tenant_id)))
    return found if len(found) <= MOST_PARTS else None


def _of_cells(kpi: Kpi, question: Question) -> tuple[Dimension, ...]:
    """What cells are asked by: numbers have the clock in their names, and each process works at hours of its own."""
    found = tuple(item for item in question.grouping.dimensions if item not in {*OF_TIME, Dimension.CLOCK})
    needs_process = kpi.kind is KpiKind.RATE and Dimension.PROCESS not in found
    return (*found, Dimension.PROCESS) if needs_process else found


@dataclass(frozen=True, slots=True)
class _Reading:
    """Makes segments, whose values come in the order of the dimensions, of the answers of the whole period and of its parts."""

    kpi: Kpi
    dimensions: Sequence[Dimension]

    def lengths(self, found: Sequence[Answers], split: Sequence[Bucket]) -> Iterator[tuple[Segment | None, Told]]:
        """The measurements of durations."""
        for measured in lengths(self.kpi, found[0], is_whole=True, by_clock=False).values():
            yield None, _of_lengths(measured)
        for part, answers in self._parts(found, split):
            told = lengths(self.kpi, answers, is_whole=False, by_clock=self._is_by_clock)
            for (segment, clock), measured in told.items():
                placed = self._placed(segment, clock, part)
                yield placed, _of_lengths(replace(measured, segment=placed))

    def numbers(self, found: Sequence[Answers], split: Sequence[Bucket]) -> Iterator[tuple[Segment | None, Told]]:
        """The measurements of all others."""
        whole = added(totals(self.kpi, found[0], by_clock=False).values())
        yield None, _of_numbers(self.kpi, None, whole)
        for part, answers in self._parts(found, split):
            for (segment, clock), numbers in totals(self.kpi, answers, by_clock=self._is_by_clock).items():
                placed = self._placed(segment, clock, part)
                yield placed, _of_numbers(self.kpi, placed, numbers)

    @property
    def _is_by_clock(self) -> bool:
        return Dimension.CLOCK in self.dimensions

    def _parts(self, found: Sequence[Answers], split: Sequence[Bucket]) -> list[tuple[Bucket | None, Answers]]:
        return list(zip(split, found[1:], strict=True)) if split else [(None, found[0])]

    def _placed(self, segment: Segment, clock: str | None, part: Bucket | None) -> Segment:
        rest = iter(segment)
        return tuple(
            part.key if part is not None and item in OF_TIME else clock if item is Dimension.CLOCK else next(rest)
            for item in self.dimensions
        )


def _rates(
    question: Question, asked: Question, answers: Answers, kpi: Kpi, hours: Mapping[UUID, Decimal | None]
) -> Measurements:
    """Rates per hour: of what each process has by the hours that it worked; without any it is left out."""
    place, width = asked.grouping.dimensions.index(Dimension.PROCESS), len(question.grouping.dimensions)
    some: dict[Segment | None, list[Numbers]] = defaultdict(list)
    for (segment, _), numbers in totals(kpi, answers, by_clock=False).items():
        worked, units = hours[UUID(segment[place])], numbers.get("numerator", NOTHING).units
        rated = (
            {"left_out": Totals(units)}
            if worked == 0
            else {"numerator": Totals(units, inverse=units / Fraction(worked) if worked else Fraction(0))}
        )
        for wanted in (None, segment[:width]):
            some[wanted].append(rated)
    return {wanted: _of_numbers(kpi, wanted, added(parts)) for wanted, parts in some.items()}


def _of_lengths(measured: Measurement) -> Told:
    return measured, {
        ("", "numerator"): measured.seen or 0,
        ("", "denominator"): (measured.seen or 0) + (measured.censored or 0),
    }


def _of_numbers(kpi: Kpi, segment: Segment | None, numbers: Numbers) -> Told:
    return measurement_of(kpi.kind, segment, numbers), {("", name): item.units for name, item in numbers.items()}
