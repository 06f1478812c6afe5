"""Every KPI compared with its plain statement: value, numerator, denominator, interval, segments, and the lists behind it."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics import measures
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.formulas import LISTS, Measurement
from bpm_crm.analytics.frames import FIRST_INSTANT, Frame, read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Kpi, KpiKind
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.members import Wanted
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.engine.instants import instant_of
from tests.analytics import reference, reference_kpis
from tests.analytics import reference_statistics as statistics
from tests.analytics.cases import Ask, Segment, everybody
from tests.analytics.checking import Walked, question_of
from tests.analytics.reference_kpis import Documents, Unit

PAGED = 0.1
"""The share of the questions whose list is read page by page, too."""
Found = dict[Segment | None, list[Unit]]


async def check_kpi(
    walked: Walked, kpi: Kpi, ask: Ask, where: FactWhere | None, rng: random.Random, fewest: int
) -> None:
    """One KPI, asked once, against its plain statement."""
    world = walked.world
    ask = replace(
        ask,
        by=tuple(
            rng.sample([item.value for item in kpi.dimensions], min(len(kpi.dimensions), rng.choice((0, 1, 1, 2))))
        ),
    )
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, as_of=ask.as_of, known_at=ask.known_at)
        found = await measure(connection, kpi, frame, question_of(world, ask, where))
        expected = plain_units(walked, kpi, ask, frame, fewest)
        assert {item.segment for item in found.segments} == (expected.keys() - {None} if ask.by else set())
        for item in (found.total, *found.segments):
            check_measurement(kpi.kind, item, expected.get(item.segment, []))
        await check_lists(connection, found, expected)
        if rng.random() < PAGED:
            await check_pages(connection, found, rng.choice((found.total, *found.segments)), expected)


def plain_units(walked: Walked, kpi: Kpi, ask: Ask, frame: Frame, fewest: int) -> Found:
    """The units by segment, and (None) all of them."""
    if kpi.is_snapshot:
        ask = replace(ask, as_of=min(ask.as_of, ask.until - timedelta(microseconds=1)))
    ask = replace(ask, definitions=frozenset(frame.definitions))
    seen = replace(ask, chosen=everybody) if kpi.key in reference_kpis.OF_EVERYBODY else ask
    cases = [case for case in walked.cases if reference.is_counted(case, seen)]
    documents = documents_of(walked, frame, fewest)
    found: Found = defaultdict(list)
    for unit in reference_kpis.UNITS[kpi.key](cases, ask, documents):
        found[reference_kpis.segment_of(unit, ask, documents)].append(unit)
        found[None].append(unit)
    return found


def documents_of(walked: Walked, frame: Frame, fewest: int) -> Documents:
    """The documents by version, and the working hours as the write path's own calendars count them."""
    versions = {(version.definition_id, version.number): version for version in frame.versions}
    newest = {version.definition_id: version.number for version in frame.versions}

    def hours(definition_id: UUID, since: datetime, until: datetime) -> Fraction:
        process = walked.world.writer.processes.known(walked.world.tenant_id, definition_id, newest[definition_id])
        assert process is not None
        return Fraction(process.calendar.between(instant_of(since), instant_of(until)), 3_600_000_000)

    return Documents(
        key_stage={place: version.key_stage for place, version in versions.items()},
        steps={
            place: {key: part["order"] for key, part in version.checkpoints.items() if part.get("order")}
            for place, version in versions.items()
        },
        response={place: version.clocks.get("response", {}).get("checkpoint") for place, version in versions.items()},
        bound={
            (*place, column): next((key for key, part in version.fields.items() if part.get("binds") == column), None)
            for place, version in versions.items()
            for column in ("amount", "product")
        },
        hours=hours,
        fewest=fewest,
        within=measures.REPEAT_WITHIN,
    )


def check_measurement(kind: KpiKind, found: Measurement, units: Sequence[Unit]) -> None:
    """The numbers that units make, by the definition of each kind."""
    by: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        for number in unit.numbers:
            by[number].append(unit)
    counted, base = len(by["numerator"]), len(by["denominator"])
    amount = {name: sum((unit.amount for unit in some), Fraction(0)) for name, some in by.items()}
    match kind:
        case KpiKind.COUNT:
            assert (found.value, found.numerator) == (counted, counted)
        case KpiKind.SHARE:
            assert (found.numerator, found.denominator) == (counted, base)
            assert found.value == (Fraction(counted, base) if base else None)
            assert found.interval == (pytest.approx(reference_kpis.wilson(counted, base)) if base else None)
        case KpiKind.DURATION:
            waits = [(unit.seconds, unit.is_seen) for unit in units]
            seen = sum(unit.is_seen for unit in units)
            assert (found.seen, found.censored) == (seen, len(units) - seen)
            wanted = [statistics.kaplan_meier(waits, share) for share in (Fraction(1, 2), Fraction(9, 10))]
            assert [found.value, found.p90] == wanted
            expected = reference_kpis.median_interval(waits) if waits else None
            assert found.interval == (None if expected is None else pytest.approx(expected))
        case KpiKind.RATIO:
            assert (found.numerator, found.denominator) == (amount.get("numerator", 0), base)
            assert found.value == (amount.get("numerator", Fraction(0)) / base if base else None)
        case KpiKind.SUM:
            assert found.left_out == len(by["left_out"])
            wanted_sum = None if by["left_out"] and not counted else pytest.approx(float(amount.get("numerator", 0)))
            assert _float(found.value) == wanted_sum
        case KpiKind.RATE:
            assert (found.numerator, found.left_out) == (counted, len(by["left_out"]))
            rate = sum((1 / unit.amount for unit in by["numerator"] if unit.amount), Fraction(0))
            assert _float(found.value) == (pytest.approx(float(rate)) if rate or not units else None)
        case KpiKind.VELOCITY:
            check_velocity(found, by, amount)


def check_velocity(found: Measurement, by: dict[str, list[Unit]], amount: dict[str, Fraction]) -> None:
    if not (by["priced"] and amount.get("closed")):
        assert found.value is None
        return
    deal, cycle = amount["priced"] / len(by["priced"]), amount["closed"] / len(by["closed"])
    wanted = len(by["open"]) * Fraction(len(by["won"]), len(by["closed"])) * deal / cycle
    assert _float(found.value) == pytest.approx(float(wanted))


async def check_lists(connection: Any, found: Measured, expected: Found) -> None:
    """The lists behind numerator, denominator and what was left out: as long as the numbers, and of the cases counted, as often."""
    kinds = (*LISTS[found.kpi.kind], ("left_out",))
    wanted = [Wanted("", numbers, item.segment, 10_000) for item in (found.total, *found.segments) for numbers in kinds]
    for place, page in zip(wanted, await found.members.listed(connection, wanted), strict=True):
        counted = _counted(expected, place.segment, place.numbers)
        assert (page.total, Counter(page.ids)) == (counted.total(), counted)
    for item in (found.total, *found.segments):
        assert item.left_out == _counted(expected, item.segment, ("left_out",)).total()


async def check_pages(connection: Any, found: Measured, item: Measurement, expected: Found) -> None:
    """The list behind a numerator page by page: the same cases."""
    numbers = LISTS[found.kpi.kind][0]
    counted, listed = _counted(expected, item.segment, numbers), Counter[UUID]()
    after: tuple[UUID | None, int] = (None, 1)
    while True:
        page = (await found.members.listed(connection, [Wanted("", numbers, item.segment, 40, *after)]))[0]
        assert page.total == counted.total()
        listed.update(page.ids)
        if not page.ids:
            break
        after = (page.ids[-1], page.units[-1])
    assert listed == counted


def _counted(expected: Found, segment: Segment | None, numbers: Sequence[str]) -> Counter[UUID]:
    """The cases that numbers count, as often as they do."""
    units = expected.get(segment, [])
    return Counter(unit.case.id for unit in units for number in unit.numbers if number in numbers)


def _float(value: Fraction | float | None) -> float | None:
    return None if value is None else float(value)


def check_sums(found: Measured) -> None:
    """Segments add up to the total."""
    segments = found.segments
    assert sum((item.numerator or 0 for item in segments), Fraction(0)) == found.total.numerator


__all__ = ["CATALOGUE", "FIRST_INSTANT", "Dimension", "check_kpi", "check_sums"]
