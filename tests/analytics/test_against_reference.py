"""Every figure over random walks of cases against its plain statement in `reference.py`, and every list behind a number."""

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.analytics import reference
from tests.analytics.leads import MONDAY, database_now
from tests.analytics.reference import Answer, Ask, Case, Segment
from tests.analytics.walks import CHANNELS, Walks
from tests.world import World, a_world

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question, read_frame
from bpm_crm.analytics.funnel import FunnelMode, OrderMode, read_funnel
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.members import Members, Wanted
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.analytics.stranded import read_stranded
from bpm_crm.analytics.steps import steps_of
from bpm_crm.records.bootstrap import Access

ROUNDS, ARRIVALS, STEPS = 4, 12, 6
ASKS = 60


@dataclass
class Walked:
    """Where cases have walked: the world, its cases, and the instants between the rounds."""

    world: World
    cases: list[Case]
    instants: list[datetime]


@pytest.fixture(params=[1, 2])
async def walked(request: pytest.FixtureRequest, access: Access) -> AsyncIterator[Walked]:
    async with a_world(access) as world:
        walks = Walks(world, request.param)
        await walks.run(ROUNDS, ARRIVALS, STEPS)
        yield Walked(world, await reference.load_cases(world), walks.instants)


def asks(walked: Walked, seed: int, number: int = ASKS) -> Iterator[tuple[random.Random, Ask, UUID | None]]:
    """Questions at random: instants, periods, dimensions, filters."""
    rng = random.Random(seed)
    owners = list(walked.world.founded.users.values())
    for _ in range(number):
        known_at = rng.choice(walked.instants)
        as_of = rng.choice((known_at, known_at, MONDAY + timedelta(minutes=rng.randrange(0, 20_000))))
        since, until = FIRST_INSTANT, LAST_INSTANT
        if rng.random() < 0.6:
            since = MONDAY + timedelta(minutes=rng.randrange(0, 4_000))
            until = since + timedelta(minutes=rng.randrange(1, 8_000))
        by = tuple(rng.sample([item.value for item in Dimension], rng.choice((0, 0, 1, 1, 2, 3))))
        owner = rng.choice((None, None, *owners))
        ask = Ask(
            as_of=as_of,
            known_at=known_at,
            since=since,
            until=until,
            definitions=frozenset(),
            by=by,
            basis=rng.choice([item.value for item in OwnerBasis]),
            window=rng.choice((None, None, timedelta(minutes=rng.randrange(0, 3_000)))),
            order=rng.choice([item.value for item in OrderMode]),
            chosen=(lambda row, owner=owner: owner is None or row["owner_id"] == owner),
        )
        yield rng, ask, owner


def question_of(world: World, ask: Ask, owner: UUID | None) -> Question:
    cases = CaseFilter() if owner is None else CaseFilter("i.owner_id = $2::uuid", (owner,))
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


NUMBERS = ("reached", "lost", "open", "missed", "cancelled", "forced", "reworked", "unmapped", "advanced", "dropped")


async def check_funnel(walked: Walked, ask: Ask, owner: UUID | None, mode: FunnelMode, process: str | None) -> None:
    """Every number of a funnel in every segment and in all, and the cases behind each."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        figures = await read_funnel(
            connection,
            frame,
            question_of(world, ask, owner),
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
                wanted = [reference.percentile(seconds, share) for share in (0.5, 0.9)] if seconds else None
                assert step.seconds == (None if wanted is None else pytest.approx(wanted))
        cells = list(expected.members)
        found = await listed(connection, figures.members, [(str(step), name, segment) for step, segment, name in cells])
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


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


@pytest.mark.parametrize("mode", list(FunnelMode))
async def test_a_funnel_agrees_with_its_plain_statement(walked: Walked, mode: FunnelMode) -> None:
    for rng, ask, owner in asks(walked, seed=7):
        await check_funnel(walked, ask, owner, mode, rng.choice((None, *CHANNELS)))
