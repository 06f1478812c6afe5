"""Every figure compared with its plain statement in the references, and every list behind a number."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import OF_CASES, Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.estimates import Estimates, read_estimates
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question, read_frame
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.funnel_figures import FunnelMode, OrderMode
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.members import Members, Wanted
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.analytics.steps import steps_of
from bpm_crm.analytics.stranded import read_stranded
from bpm_crm.api.figure_filters import FactWhere, fact_condition
from bpm_crm.records.selection import Parameters
from bpm_crm.records.selection import where as condition
from tests.analytics import checking_stages, reference, reference_checkpoints
from tests.analytics import reference_statistics as statistics
from tests.analytics.cases import Answer, Ask, Case, Segment, Spell, everybody, load_cases
from tests.analytics.filters import Known, plainly, random_where
from tests.analytics.leads import database_now
from tests.analytics.walks import CHANNELS, Walks, lose_some
from tests.world import World

ROUNDS, ARRIVALS, STEPS = 4, 12, 6
ASKS = 60
FILTERED = 0.4
"""The share of the questions that have a filter."""


@dataclass
class Walked:
    """Where cases have walked: the world, its cases, and the instants between the rounds."""

    world: World
    cases: list[Case]
    instants: list[datetime]
    known: Known


async def walk(world: World, seed: int, rounds: int = ROUNDS, arrivals: int = ARRIVALS, steps: int = STEPS) -> Walked:
    """Let cases walk through a world that is new."""
    walks = Walks(world, seed)
    await walks.run(rounds, arrivals, steps)
    await lose_some(world, seed)
    walks.instants.append(await database_now(world))
    cases = await load_cases(world)
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
    instants = sorted(case.row["started_at"] for case in cases)
    return Walked(world, cases, walks.instants, Known(world.reference, frame.versions, cases, instants))


def asks(walked: Walked, seed: int, number: int = ASKS) -> Iterator[tuple[random.Random, Ask, FactWhere | None]]:
    """Questions at random: instants, periods, dimensions, filters."""
    rng = random.Random(seed)
    touching = (row for case in walked.cases for row in case.history if row["checkpoints"])
    happened = sorted({row["occurred_at"] for row in touching})
    for _ in range(number):
        known_at = rng.choice(walked.instants)
        as_of = rng.choice((known_at, known_at, rng.choice(happened)))
        since, until = FIRST_INSTANT, LAST_INSTANT
        if rng.random() < 0.6:
            since, until = sorted(rng.sample(happened, 2))
        by = tuple(rng.sample([item.value for item in OF_CASES], rng.choice((0, 0, 1, 1, 2, 3))))
        where = random_where(rng, walked.known) if rng.random() < FILTERED else None
        ask = Ask(
            as_of=as_of,
            known_at=known_at,
            since=since,
            until=until,
            definitions=frozenset(),
            by=by,
            basis=rng.choice([item.value for item in OwnerBasis]),
            window=rng.choice((None, None, timedelta(minutes=rng.randrange(0, 3_000, 10)))),
            order=rng.choice([item.value for item in OrderMode]),
            chosen=everybody if where is None else plainly(where, walked.known),
        )
        yield rng, ask, where


def question_of(world: World, ask: Ask, where: FactWhere | None) -> Question:
    parameters = Parameters([world.tenant_id])
    cases = CaseFilter(condition(fact_condition(where, world.reference), parameters), parameters.values[1:])
    grouping = Grouping([Dimension(item) for item in ask.by], OwnerBasis(ask.basis))
    return Question(world.tenant_id, cases, ask.since, ask.until, grouping)


async def frame_of(connection: Any, world: World, ask: Ask, process: str | None) -> tuple[Frame, Ask]:
    frame = await read_frame(connection, world.tenant_id, process=process, as_of=ask.as_of, known_at=ask.known_at)
    assert (frame.as_of, frame.known_at) == (ask.as_of, ask.known_at)
    definitions = steps_of(frame.versions).definitions if process is None else frame.definitions
    return frame, replace(ask, definitions=frozenset(definitions))


async def listed(connection: Any, members: Members, cells: list[tuple[str, str, Segment | None]]) -> list[set[UUID]]:
    """The cases behind numbers, all pages in one."""
    wanted = [Wanted(step, (number,), segment, 1_000) for step, number, segment in cells]
    pages = await members.listed(connection, wanted)
    for page in pages:
        assert page.total == len(page.ids) == len(set(page.ids))
        assert list(page.ids) == sorted(page.ids, reverse=True)
    return [set(page.ids) for page in pages]


NUMBERS = (
    "reached",
    "lost",
    "open",
    "missed",
    "cancelled",
    "forced",
    "reworked",
    "unmapped",
    "advanced",
    "dropped",
    "pending",
    "failed",
)


async def check_funnel(
    walked: Walked, ask: Ask, where: FactWhere | None, mode: FunnelMode, process: str | None
) -> None:
    """Every number of a funnel in every segment and in all, and the cases behind each."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        figures = await read_funnel(
            connection,
            frame,
            question_of(world, ask, where),
            mode=mode,
            order_mode=OrderMode(ask.order),
            window=ask.window if mode is FunnelMode.COHORT else None,
        )
        expected = plain_funnel(walked, ask, mode, frame)
        shown = {
            (step.number, segment.segment or (), name): step.count(name)
            for segment in figures.segments
            for step in segment.steps
            for name in NUMBERS
        }
        assert {cell: count for cell, count in shown.items() if count} == {
            cell: len(found) for cell, found in expected.members.items() if found
        }
        for step in figures.total.steps:
            for name in NUMBERS:
                everywhere = [
                    found for (at, _, number), found in expected.members.items() if (at, number) == (step.number, name)
                ]
                assert step.count(name) == sum(len(found) for found in everywhere)
        for segment in figures.segments:
            for step in segment.steps:
                cell = (step.number, segment.segment or ())
                assert step.visits == expected.visits.get(cell, 0)
                seconds = expected.seconds.get(cell, [])
                wanted = [statistics.percentile(seconds, share) for share in (0.5, 0.9)] if seconds else None
                assert step.seconds == (None if wanted is None else pytest.approx(wanted))
        if mode is FunnelMode.COHORT:
            check_estimates(await read_estimates(connection, figures.members), expected)
        cells = list(expected.members)
        found = await listed(connection, figures.members, [(str(step), name, segment) for step, segment, name in cells])
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


def check_estimates(found: Estimates, expected: Answer) -> None:
    """The estimated eventual rate of every step, in every segment and in all."""
    spells: dict[tuple[int, Segment | None], list[Spell]] = defaultdict(list)
    for (step, segment), some in expected.spells.items():
        spells[step, segment].extend(some)
        spells[step, None].extend(some)
    assert found.keys() == spells.keys()
    for place, estimate in found.items():
        cases = spells[place]
        assert estimate.rate == pytest.approx(statistics.eventual_rate(cases), abs=1e-9)
        assert estimate.variance == pytest.approx(statistics.eventual_variance(cases), abs=1e-9)
        assert (estimate.cases, estimate.settled) == (len(cases), sum(1 for _, end in cases if end != "open"))
        lower, upper = estimate.interval
        assert 0 <= lower <= estimate.rate <= upper <= 1


def plain_funnel(walked: Walked, ask: Ask, mode: FunnelMode, frame: Frame) -> Answer:
    steps = steps_of(frame.versions).checkpoints
    versions = {(version.definition_id, version.number): set(version.checkpoints) for version in frame.versions}
    match mode:
        case FunnelMode.COHORT:
            return reference.cohort(walked.cases, ask, steps, versions)
        case FunnelMode.PERIOD:
            return reference.period(walked.cases, ask, steps, versions)
        case FunnelMode.SNAPSHOT:
            return reference.snapshot(walked.cases, ask, steps)


async def check_losses(walked: Walked, ask: Ask, where: FactWhere | None, process: str | None) -> None:
    """Every cell of the losses: its cases, its share of the stage, its money."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process, as_of=ask.as_of, known_at=ask.known_at)
        ask = replace(ask, definitions=frozenset(frame.definitions))
        figures = await read_losses(connection, frame, question_of(world, ask, where))
        expected = reference_checkpoints.losses(walked.cases, ask)
        cells = {(loss.stage, loss.reason, loss.segment): loss for loss in figures.losses}
        assert {cell: loss.cases for cell, loss in cells.items()} == {
            cell: len(found) for cell, found in expected.members.items()
        }
        for (stage, reason, segment), loss in cells.items():
            of_stage = [found for (at, _, where), found in expected.members.items() if (at, where) == (stage, segment)]
            assert loss.of_stage == sum(len(found) for found in of_stage)
            priced = [amount for amount in expected.amounts[stage, reason, segment] if amount is not None]
            assert loss.priced == len(priced)
            assert loss.amounts == ({"RUB": sum(priced)} if priced else {})
        wanted = [(loss.key, "lost", loss.segment) for loss in cells.values()]
        found = await listed(connection, figures.members, wanted)
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


async def check_checkpoints(walked: Walked, ask: Ask, where: FactWhere | None, process: str) -> None:
    """Every checkpoint in every segment: cases, times, censored times, verdicts."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        report = await read_checkpoints(connection, frame, question_of(world, ask, where))
        keys = {key for version in frame.versions for key in version.checkpoints}
        bound = {
            (version.number, policy): part["checkpoint"]
            for version in frame.versions
            for policy, part in version.clocks.items()
            if "checkpoint" in part
        }
        expected = reference_checkpoints.checkpoints(walked.cases, ask, sorted(keys), bound)
        segments = {cell[1] for cell in (*expected.waits, *expected.verdicts)}
        assert {item.segment for item in report.figures} == segments or (not ask.by and not segments)
        for item in report.figures:
            cell = (item.checkpoint, item.segment)
            waits, verdicts = expected.waits.get(cell, []), expected.verdicts.get(cell, [])
            reached = [seconds for seconds, happened in waits if happened]
            assert (item.started, item.reached) == (len(waits), len(reached))
            assert item.actions == expected.actions.get(cell, 0)
            assert item.mean == (pytest.approx(sum(reached) / len(reached)) if reached else None)
            wanted = [statistics.percentile(reached, share) for share in (0.5, 0.9)] if reached else None
            assert item.seconds == (None if wanted is None else pytest.approx(wanted))
            assert list(item.expected) == [
                statistics.kaplan_meier(waits, share) for share in (Fraction(1, 2), Fraction(9, 10))
            ]
            worked = expected.worked.get(cell, [])
            wanted = [statistics.percentile(worked, share) for share in (0.5, 0.9)] if worked else None
            assert item.worked == (None if wanted is None else pytest.approx(wanted))
            assert item.attainment.worked == tuple(
                statistics.kaplan_meier(expected.spans.get(cell, []), share)
                for share in (Fraction(1, 2), Fraction(9, 10))
            )
            for name in ("met", "breached", "overdue", "not_yet_due", "cancelled"):
                assert getattr(item.attainment, name) == verdicts.count(name), name
        cells = list(expected.members)
        places = {item.checkpoint: str(item.number) for item in report.figures}
        found = await listed(connection, report.members, [(places[key], name, segment) for key, segment, name in cells])
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


async def check_stranded(walked: Walked, ask: Ask, where: FactWhere | None, process: str | None) -> None:
    """The stages in which cases stand that reached no step; in these processes there are none."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        figures = await read_stranded(connection, frame, question_of(world, ask, where))
        assert figures.stages == ()
        assert not reference.stranded(walked.cases, ask, steps_of(frame.versions).checkpoints)


async def check_everything(walked: Walked, seed: int, number: int = ASKS) -> None:
    """All figures, asked at random."""
    for rng, ask, where in asks(walked, seed, number):
        for mode in FunnelMode:
            await check_funnel(walked, ask, where, mode, rng.choice((None, *CHANNELS)))
        await check_losses(walked, ask, where, rng.choice((None, *CHANNELS)))
        await check_checkpoints(walked, ask, where, rng.choice(CHANNELS))
        await check_stranded(walked, ask, where, rng.choice((None, *CHANNELS)))


async def check_stages(walked: Walked, seed: int, number: int = ASKS // 3) -> None:
    """The figures of stages, managers and customers, asked of everything and then at random."""
    last = walked.instants[-1]
    _, whole, _ = next(asks(walked, seed, 1))
    whole = replace(whole, as_of=last, known_at=last, since=FIRST_INSTANT, until=LAST_INSTANT, chosen=everybody)
    for check in checking_stages.CHECKS:
        await check(walked, whole, None, CHANNELS[0])
    for rng, ask, where in asks(walked, seed, number):
        for mode in FunnelMode:
            await checking_stages.check_customers(walked, ask, where, mode, rng.choice((None, *CHANNELS)))
        for check in checking_stages.CHECKS:
            await check(walked, ask, where, rng.choice((None, *CHANNELS)))
