"""The measurement of a KPI: its value in total and by segment, how sure it is, and the way to its cases (`docs/kpis.md`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from bpm_crm.analytics.counted_members import CountedMembers, UnitCounts
from bpm_crm.analytics.dimensions import Dimension, Segment
from bpm_crm.analytics.formulas import Measurement, Totals, duration_measurement, measurement_of, nothing_measured
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question, bound_fields, read_frame
from bpm_crm.analytics.kept_measurements import kept_measurements
from bpm_crm.analytics.kpi_catalogue import Kpi, KpiKind, KpiSubject
from bpm_crm.analytics.kpi_values import values_of
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.own_facts import chosen_cases
from bpm_crm.analytics.periods import before, day_of
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.target_reach import targets_set_since
from bpm_crm.analytics.working_hours import working_hours
from bpm_crm.engine.definition import Title
from bpm_crm.records.cells import zone_of
from bpm_crm.records.database import Connection

__all__ = ["DimensionNotOffered", "Measured", "Measurement", "measure", "members_of"]

_NUMBERS = report("kpi_numbers")
_DURATIONS = report("kpi_durations")
_INSTANT = timedelta(microseconds=1)
REPEAT_WITHIN = timedelta(days=90)
"""So soon a second purchase makes a repeat customer."""


class DimensionNotOffered(Exception):
    """A KPI cannot be grouped by a dimension."""

    def __init__(self, kpi: Kpi, dimension: Dimension) -> None:
        self.kpi = kpi
        self.dimension = dimension
        known = ", ".join(item.name for item in kpi.dimensions)
        self.text = Title(
            f"{kpi.key} cannot be grouped by {dimension.name}; it can by {known}.",
            f"{kpi.key} не группируется по {dimension.name}; группируется по {known}.",
        )
        super().__init__(self.text.en)


@dataclass(frozen=True, slots=True)
class Measured:
    """A KPI in total and, where it was grouped, by segment; what it was asked of, and the way to its cases.

    The members are named `numerator` and `denominator`; `step` is always empty.
    """

    frame: Frame
    kpi: Kpi
    total: Measurement
    segments: tuple[Measurement, ...]
    members: Members = field(repr=False)


async def measure(
    connection: Connection, kpi: Kpi, frame: Frame, question: Question, given: Sequence[UUID] | None = None
) -> Measured:
    """A KPI over the cases of a question: from cells where they answer it, else in one statement over history. `DimensionNotOffered` for a
    dimension it does not have.

    With `given` it looks at these cases only, which must be all that the period may concern.
    """
    members = await members_of(connection, kpi, frame, question, given)
    kept = await kept_measurements(connection, kpi, frame, question) if given is None else None
    if kept is None:
        measured = await _counted(connection, kpi, members)
    else:
        measured = {segment: measurement for segment, (measurement, _) in kept.items()}
        counted = {segment: counts for segment, (_, counts) in kept.items()}
        members = _counted_members(kpi, members, counted)
    total = measured.pop(None, None) or nothing_measured(kpi.kind, None)
    segments = tuple(measured.values()) if question.grouping.dimensions else ()
    return Measured(frame, kpi, total, segments, members)


def _counted_members(kpi: Kpi, members: Members, counted: Mapping[Segment | None, UnitCounts]) -> Members:
    return CountedMembers(
        members.report,
        members.question,
        members.values,
        of_given=kpi.text_of_given,
        candidates=kpi.candidates,
        counted=counted,
    )


async def _counted(connection: Connection, kpi: Kpi, members: Members) -> dict[Segment | None, Measurement]:
    """A KPI by segment and (None) in total, from history."""
    is_duration = kpi.kind is KpiKind.DURATION
    found = members.statement(_DURATIONS if is_duration else _NUMBERS)
    rows = await connection.fetch(found.text, *found.values)
    return _durations(rows) if is_duration else _numbers(kpi, rows)


async def members_of(
    connection: Connection, kpi: Kpi, frame: Frame, question: Question, given: Sequence[UUID] | None = None
) -> Members:
    """The cases behind a KPI, as `measure` counts them."""
    for dimension in question.grouping.dimensions:
        if dimension not in kpi.dimensions:
            raise DimensionNotOffered(kpi, dimension)
    asked = replace(question, grouping=replace(question.grouping, instant=kpi.instant, clock=kpi.clock))
    values = _values(kpi, frame, question) | ({} if given is None else {"cases": given})
    if kpi.subject is KpiSubject.CUSTOMERS:
        values |= await _of_customers(connection, kpi, frame, asked)
    if kpi.kind is KpiKind.RATE:
        values |= await working_hours(connection, frame, question, frame.of(kpi.process))
    if kpi.takes_targets and given is None:
        values["due_since"] = await targets_set_since(connection, question, frame.of(kpi.process))
    if kpi.takes_day:
        values["day_ends"] = day_of(values["as_of"], await zone_of(connection, question.tenant_id))[1]
    if kpi.own is not None:
        values |= await chosen_cases(connection, kpi.own, frame, question, values)
    text = kpi.text if given is None else kpi.text_of_given
    return Members(text, asked, values)


async def _of_customers(connection: Connection, kpi: Kpi, frame: Frame, question: Question) -> dict[str, Any]:
    """The named values that KPIs of customers may use: the amounts of all processes, and when the period before began."""
    earlier = before(question, await zone_of(connection, question.tenant_id)) or question
    values = {"before": earlier.since, "repeat_within": REPEAT_WITHIN, "names_step": question.grouping.names_step}
    if not kpi.takes_amounts:
        return values
    every = await read_frame(connection, question.tenant_id, as_of=frame.as_of, known_at=frame.known_at)
    return values | bound_fields("amount", every.versions)


def _numbers(kpi: Kpi, rows: list[Mapping[str, Any]]) -> dict[Segment | None, Measurement]:
    totals: dict[Segment | None, dict[str, Totals]] = {}
    for row in rows:
        counted = Totals(row["units"], Fraction(row["amount"]), _inverse(row))
        totals.setdefault(_segment(row), {})[row["number"]] = counted
    return {segment: measurement_of(kpi.kind, segment, counted) for segment, counted in totals.items()}


def _inverse(row: Mapping[str, Any]) -> Fraction:
    """The sum of the inverses of the amounts, exactly where these are all the same."""
    if row["least"] and row["least"] == row["most"]:
        return Fraction(row["units"]) / Fraction(row["least"])
    return Fraction(row["inverse"])


def _durations(rows: list[Mapping[str, Any]]) -> dict[Segment | None, Measurement]:
    return {_segment(row): duration_measurement(_segment(row), row) for row in rows}


def _segment(row: Mapping[str, Any]) -> Segment | None:
    return None if row["segment"] is None else tuple(row["segment"])


def _values(kpi: Kpi, frame: Frame, question: Question) -> dict[str, Any]:
    """The named values that KPI files may use."""
    values = {**question.values(frame), **values_of(frame.of(kpi.process)), **kpi.values}
    if kpi.is_snapshot:
        values |= {"as_of": min(frame.as_of, question.until - _INSTANT), "since": FIRST_INSTANT, "until": LAST_INSTANT}
    return {**values, "is_current": frame.is_current and values["as_of"] == frame.as_of}
