"""Kept answers compared with those of history: counts and money exactly, lengths of time within what is promised."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import cycle, product
from math import inf
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics import checkpoints, stage_times
from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.cells.spreads import MIDDLES, keys_of
from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.counted_members import CountedMembers
from bpm_crm.analytics.dimensions import Dimension, Segment
from bpm_crm.analytics.formulas import LISTS, Measurement
from bpm_crm.analytics.frames import Frame, Question, read_frame
from bpm_crm.analytics.funnel import FunnelFigures, read_funnel
from bpm_crm.analytics.kept_checkpoints import KEPT_CHECKPOINTS
from bpm_crm.analytics.kept_funnels import KEPT_FUNNELS
from bpm_crm.analytics.kept_kpis import is_kept
from bpm_crm.analytics.kept_measurements import kept_measurements
from bpm_crm.analytics.kept_stage_times import KEPT_STAGE_TIMES
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.kpi_kinds import KpiKind, KpiSubject
from bpm_crm.analytics.losses import KEPT_LOSSES, read_losses
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.members import Listed, Lists, Wanted
from bpm_crm.analytics.stage_times import read_stage_times
from bpm_crm.analytics.stays import Quantile, Stay
from bpm_crm.records.database import Connection
from tests.analytics.reference_statistics import brookmeyer_crowley, kaplan_meier
from tests.world import World

SHORT = 30.0
"""Seconds. When a length began is kept to an eighth of a second: beside shorter ones it may come to lie in the next bucket."""
LENGTH = 0.01 + 1e-9
_FOURTHS = cycle(slice(first, None, 4) for first in range(4))
"""Turns of the KPIs that are compared with everything else."""
Waits = list[tuple[float, bool]]
Measurements = dict[Segment | None, Measurement]
Key = tuple[Any, ...]


async def compare(world: World, question: Question, process: str | None, kpis: slice | None = None) -> None:
    """Every kept report, now: that cells answer it, and what history answers; of the KPIs some, by turns unless stated."""
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process)
        plain = replace(frame, is_current=False)
        assert await read_answers(connection, KEPT_LOSSES, frame, question) is not None
        for mode, kept in KEPT_FUNNELS.items():
            assert await read_answers(connection, kept, frame, question) is not None
            ours, theirs = [await read_funnel(connection, some, question, mode=mode) for some in (frame, plain)]
            assert counted(ours) == within(counted(theirs))
            steps = [
                Wanted(str(step), (name,), segment, 3)
                for segment, step, name in list(counted(theirs))[:: 1 + len(counted(theirs)) // 20]
                if name != "seconds"
            ]
            await compare_lists(connection, ours.members, theirs.members, steps)
        losses = [await read_losses(connection, some, question) for some in (frame, plain)]
        assert losses[0].losses == losses[1].losses
        wanted = [Wanted(loss.key, ("lost",), loss.segment, 3) for loss in losses[1].losses[:5]]
        await compare_lists(connection, losses[0].members, losses[1].members, wanted)
        await compare_stages(world, connection, frame, question)
        await compare_kpis(connection, frame, question, only=kpis or next(_FOURTHS))
        await compare_customers(connection, frame, question)
        if process is not None:
            await compare_checkpoints(connection, frame, question)


def counted(figures: FunnelFigures) -> dict[Any, Any]:
    """Every number, and the percentiles as they are."""
    return {
        (segment.segment, number, name): list(item.seconds) if item.seconds is not None else (item.cases, item.visits)
        for segment in (figures.total, *figures.segments)
        for step in segment.steps
        for (number, name), item in step.counted.items()
    }


def within(exact: dict[Any, Any]) -> dict[Any, Any]:
    """The same, lengths of time within 1 %."""
    return {
        key: pytest.approx(value, rel=LENGTH, abs=0.1) if isinstance(value, list) else value
        for key, value in exact.items()
    }


async def compare_checkpoints(connection: Connection, frame: Frame, question: Question) -> None:
    """The figures of every checkpoint of a process."""
    assert await read_answers(connection, KEPT_CHECKPOINTS, frame, question) is not None
    plain = await read_checkpoints(connection, replace(frame, is_current=False), question)
    known = {(item.segment, item.number): item for item in plain.figures}
    waits: dict[Key, Waits] = {}
    found = plain.members.statement(_observations(checkpoints._NUMBERS, "SELECT * FROM observed"))
    cells = plain.members.statement(
        "SELECT 'wait' AS measure, c.* FROM cells AS c UNION SELECT 'clock', v.cell, v.segment FROM judged AS v"
    )
    segments = {
        (row["measure"], row["cell"]): tuple(row["segment"])
        for row in await connection.fetch(cells.text, *cells.values)
    }
    for row in await connection.fetch(found.text, *found.values):
        measure = row["measure"]
        key = (segments[measure, row["cell"]], row["step"], measure)
        waits.setdefault(key, []).append((row["seconds"], row["is_seen"]))
    ours = await read_checkpoints(connection, frame, question)
    assert {(item.segment, item.number) for item in ours.figures} == known.keys()
    for item in ours.figures:
        other = known[item.segment, item.number]
        assert (item.started, item.reached, item.actions) == (other.started, other.reached, other.actions)
        assert replace(item.attainment, worked=(None, None)) == replace(other.attainment, worked=(None, None))
        assert item.mean == (None if other.mean is None else pytest.approx(other.mean, abs=0.001))
        for mine, exact in ((item.seconds, other.seconds), (item.worked, other.worked)):
            assert mine == (None if exact is None else pytest.approx(exact, rel=LENGTH, abs=0.1))
        for pair, measure in ((item.expected, "wait"), (item.attainment.worked, "clock")):
            some = waits.get((item.segment, item.number, measure), [])
            for value, share in zip(pair, (0.5, 0.9), strict=True):
                check_quantile(value, some, share)
    assert isinstance(ours.members, CountedMembers)
    segments = [None, *list(dict.fromkeys(item.segment for item in plain.figures))[:2]]
    wanted = [
        Wanted(str(number), (name,), segment, 3)
        for number, name, segment in product((1, len(plain.figures)), ("started", "reached", "unreached"), segments)
    ]
    await compare_lists(connection, ours.members, plain.members, wanted)


async def compare_kpis(
    connection: Connection,
    frame: Frame,
    question: Question,
    more: Sequence[Dimension] = (),
    only: slice = slice(None),
) -> None:
    """Every KPI that is kept, or some of them, also by more dimensions where it has them."""
    for kpi in list(filter(is_kept, CATALOGUE.values()))[only]:
        dimensions = (*question.grouping.dimensions, *(item for item in more if item in kpi.dimensions))
        asked = replace(question, grouping=replace(question.grouping, dimensions=dimensions))
        is_past = kpi.is_snapshot and question.until <= frame.as_of
        assert (await kept_measurements(connection, kpi, frame, asked) is None) is is_past
        ours, theirs = [
            await measure(connection, kpi, some, asked) for some in (frame, replace(frame, is_current=False))
        ]
        assert isinstance(ours.members, CountedMembers) is not is_past
        segments = [None, *(item.segment for item in theirs.segments[:3])]
        wanted = [Wanted("", numbers, segment, 3) for numbers in LISTS[kpi.kind] for segment in segments]
        await compare_lists(connection, ours.members, theirs.members, [*wanted, replace(wanted[0], most=0)])
        found, expected = ({item.segment: item for item in (some.total, *some.segments)} for some in (ours, theirs))
        if kpi.kind is KpiKind.DURATION:
            await compare_durations(connection, theirs, found, expected)
        elif kpi.kind is KpiKind.RATE:
            assert {key: rounded_rate(item) for key, item in found.items()} == {
                key: rounded_rate(item) for key, item in expected.items()
            }
        else:
            assert found == expected, kpi.key


async def compare_customers(connection: Connection, frame: Frame, question: Question) -> None:
    """Every KPI of customers: from the rows of the won, now, and from history."""
    for kpi in (kpi for kpi in CATALOGUE.values() if kpi.subject is KpiSubject.CUSTOMERS):
        ours, theirs = [
            await measure(connection, kpi, some, question) for some in (frame, replace(frame, is_current=False))
        ]
        assert (ours.total, ours.segments) == (theirs.total, theirs.segments), kpi.key
        wanted = [Wanted("", numbers, None, 3) for numbers in LISTS[kpi.kind]]
        await compare_lists(connection, ours.members, theirs.members, wanted)


async def compare_lists(connection: Connection, ours: Lists, theirs: Lists, wanted: Sequence[Wanted]) -> None:
    """The cases behind some of the numbers, two pages of them; cells told how many there are."""
    for _ in range(2):
        found, expected = [await some.listed(connection, wanted) for some in (ours, theirs)]
        assert [plain(item) for item in found] == [plain(item) for item in expected]
        wanted = [
            replace(item, after=listed.ids[-1], after_unit=listed.units[-1])
            for item, listed in zip(wanted, found, strict=True)
            if listed.ids
        ]


def plain(listed: Listed) -> tuple[int, list[UUID], list[int]]:
    return listed.total, list(listed.ids), list(listed.units)


def rounded_rate(item: Measurement) -> Any:
    """A rate with the digits that history has: it adds up inverses of hours as decimals."""
    numbers = [None if number is None else round(float(number), 9) for number in (item.value, item.denominator)]
    return replace(item, value=None, denominator=None), numbers


async def compare_durations(
    connection: Connection, plain: Measured, found: Measurements, expected: Measurements
) -> None:
    """A KPI of durations: numbers exactly, quantiles of lengths that are each within 1 %."""
    assert found.keys() == expected.keys()
    select = "SELECT m.segment, m.seconds, m.is_seen FROM members AS m WHERE m.number = 'denominator'"
    statement = plain.members.statement(select)
    waits: dict[Segment | None, Waits] = {None: []}
    for row in await connection.fetch(statement.text, *statement.values):
        waits.setdefault(tuple(row["segment"]), []).append((row["seconds"], row["is_seen"]))
        waits[None].append((row["seconds"], row["is_seen"]))
    for segment, mine in found.items():
        numbers = [replace(item, value=None, p90=None, interval=None) for item in (mine, expected[segment])]
        assert numbers[0] == numbers[1], (plain.kpi.key, numbers)
        ends = (None, None) if mine.interval is None else [None if end == inf else end for end in mine.interval]
        some = waits.get(segment, [])
        check_quantile(mine.value, some, 0.5)
        check_quantile(mine.p90, some, 0.9)
        check_interval(Quantile(mine.value, *ends), some, 0.5)


async def compare_stages(world: World, connection: Connection, frame: Frame, question: Question) -> None:
    """The times of every stage."""
    keys = [(version.definition_id, version.number) for version in frame.versions]
    processes = {key: await world.writer.processes.get(connection, world.tenant_id, *key) for key in keys}
    assert await read_answers(connection, KEPT_STAGE_TIMES, frame, question, processes) is not None
    plain = await read_stage_times(connection, replace(frame, is_current=False), question, processes)
    members = await plain.members.members(connection)
    select = "SELECT o.*, s.segment FROM observed AS o JOIN (SELECT DISTINCT cell, first_segment AS segment FROM stays) AS s USING (cell)"
    found = members.statement(_observations(stage_times._NUMBERS, select))
    waits: dict[Key, Waits] = {}
    for row in await connection.fetch(found.text, *found.values):
        key = (tuple(row["segment"]), row["step"], tuple(row["measure"].split("/")))
        waits.setdefault(key, []).append((row["seconds"], row["is_seen"]))
    known = {(item.segment, item.stage): item for item in plain.times}
    ours = await read_stage_times(connection, frame, question, processes)
    assert {(item.segment, item.stage) for item in ours.times} == known.keys()
    wanted = [
        Wanted(item.stage, (name,), item.segment, 3) for item in plain.times[:4] for name in ("entered", "open", "late")
    ]
    await compare_lists(connection, ours.members, plain.members, wanted)
    for item in ours.times:
        other = known[item.segment, item.stage]
        assert (item.counts, item.titles, item.place) == (other.counts, other.titles, other.place)
        assert item.stays.keys() == other.stays.keys()
        for kind, stay in item.stays.items():
            check_stay(stay, other.stays[kind], waits[item.segment, item.stage, kind])


def check_stay(stay: Stay, exact: Stay, waits: Waits) -> None:
    """The lengths of one kind of visit."""
    assert (stay.cases, stay.open) == (exact.cases, exact.open)
    assert stay.mean == (None if exact.mean is None else pytest.approx(exact.mean, abs=0.001))
    for quantile, other, share in ((stay.median, exact.median, 0.5), (stay.p90, exact.p90, 0.9)):
        assert other.seconds == pytest.approx(kaplan_meier(waits, Fraction(share).limit_denominator()))
        check_quantile(quantile.seconds, waits, share)
        check_interval(quantile, waits, share)


def check_quantile(value: float | None, waits: Waits, share: float) -> None:
    """Kaplan-Meier exactly, of lengths that are each within 1 % of what it was."""
    known = rounded(waits)
    if any(length < SHORT for length, _ in known):
        assert value is None or any(value == pytest.approx(length) for length, is_seen in known if is_seen)
        return
    expected = kaplan_meier(known, Fraction(share).limit_denominator())
    assert value == (None if expected is None else pytest.approx(expected))


def check_interval(quantile: Quantile, waits: Waits, share: float) -> None:
    """Its interval likewise."""
    known = rounded(waits)
    if any(length < SHORT for length, _ in known):
        return
    expected = brookmeyer_crowley(known, share)
    for value, end in zip((quantile.lower, quantile.upper), expected, strict=True):
        assert value == (None if end is None else pytest.approx(end))


def rounded(waits: Waits) -> Waits:
    """Each length as its bucket has it."""
    keys = keys_of([0] * len(waits), [seconds for seconds, _ in waits])
    found = MIDDLES[keys].tolist()
    for length, (seconds, _) in zip(found, waits, strict=True):
        assert length == pytest.approx(seconds, rel=LENGTH, abs=0.1)
    return [(length, is_seen) for length, (_, is_seen) in zip(found, waits, strict=True)]


def _observations(numbers: str, select: str) -> str:
    """The statement of numbers as far as what was observed, with a select of that."""
    head, _, _ = numbers.partition(",\nmoments AS (")
    is_about_it = head != numbers and "observed AS" in head
    return f"{head}\n{select}" if is_about_it else select


__all__: Sequence[str] = ["check_quantile", "compare", "counted", "within"]
