"""Every figure over random walks of cases against its plain statement in `reference.py`, and every list behind a number."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.estimates import Estimates, read_estimates
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question, read_frame
from bpm_crm.analytics.funnel import FunnelMode, OrderMode, read_funnel
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.members import Members, Wanted
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.analytics.steps import steps_of
from bpm_crm.analytics.stranded import read_stranded
from bpm_crm.records.bootstrap import Access
from tests.analytics import reference
from tests.analytics.reference import Answer, Ask, Case, Row, Segment
from tests.analytics.walks import CHANNELS, Walks
from tests.world import World, a_world

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
    owners = [walked.world.founded.users[f"{name}@example.org"] for name in ("ann", "bob", "eve")]
    touching = (row for case in walked.cases for row in case.history if row["checkpoints"])
    happened = sorted({row["occurred_at"] for row in touching})
    for _ in range(number):
        known_at = rng.choice(walked.instants)
        as_of = rng.choice((known_at, known_at, rng.choice(happened)))
        since, until = FIRST_INSTANT, LAST_INSTANT
        if rng.random() < 0.6:
            since, until = sorted(rng.sample(happened, 2))
        by = tuple(rng.sample([item.value for item in Dimension], rng.choice((0, 0, 1, 1, 2, 3))))
        owner = rng.choice((None, None, None, rng.choice(owners)))
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
            chosen=(lambda row, owner=owner: owner is None or row["owner_id"] == owner),
        )
        yield rng, ask, owner


def question_of(world: World, ask: Ask, owner: UUID | None) -> Question:
    cases = CaseFilter() if owner is None else CaseFilter("k.owner_id = $2::uuid", (owner,))
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
        if mode is FunnelMode.COHORT:
            check_estimates(await read_estimates(connection, figures.members), expected)
        cells = list(expected.members)
        found = await listed(connection, figures.members, [(str(step), name, segment) for step, segment, name in cells])
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


def check_estimates(found: Estimates, expected: Answer) -> None:
    """The estimated eventual rate of every step, in every segment and in all."""
    spells: dict[tuple[int, Segment | None], list[reference.Spell]] = defaultdict(list)
    for (step, segment), some in expected.spells.items():
        spells[step, segment].extend(some)
        spells[step, None].extend(some)
    assert found.keys() == spells.keys()
    for place, estimate in found.items():
        cases = spells[place]
        assert estimate.rate == pytest.approx(reference.eventual_rate(cases), abs=1e-9)
        assert estimate.variance == pytest.approx(reference.eventual_variance(cases), abs=1e-9)
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


async def check_losses(walked: Walked, ask: Ask, owner: UUID | None, process: str | None) -> None:
    """Every cell of the losses: its cases, its share of the stage, its money."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process, as_of=ask.as_of, known_at=ask.known_at)
        ask = replace(ask, definitions=frozenset(frame.definitions))
        figures = await read_losses(connection, frame, question_of(world, ask, owner))
        expected = reference.losses(walked.cases, ask)
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


async def check_checkpoints(walked: Walked, ask: Ask, owner: UUID | None, process: str) -> None:
    """Every checkpoint in every segment: cases, times, censored times, verdicts."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        report = await read_checkpoints(connection, frame, question_of(world, ask, owner))
        keys = {key for version in frame.versions for key in version.checkpoints}
        bound = {
            (version.number, policy): part["checkpoint"]
            for version in frame.versions
            for policy, part in version.clocks.items()
            if "checkpoint" in part
        }
        expected = reference.checkpoints(walked.cases, ask, sorted(keys), bound)
        segments = {cell[1] for cell in (*expected.waits, *expected.verdicts)}
        assert {item.segment for item in report.figures} == segments or (not ask.by and not segments)
        for item in report.figures:
            cell = (item.checkpoint, item.segment)
            waits, verdicts = expected.waits.get(cell, []), expected.verdicts.get(cell, [])
            reached = [seconds for seconds, happened in waits if happened]
            assert (item.started, item.reached) == (len(waits), len(reached))
            assert item.actions == expected.actions.get(cell, 0)
            assert item.mean == (pytest.approx(sum(reached) / len(reached)) if reached else None)
            wanted = [reference.percentile(reached, share) for share in (0.5, 0.9)] if reached else None
            assert item.seconds == (None if wanted is None else pytest.approx(wanted))
            assert list(item.expected) == [
                reference.kaplan_meier(waits, share) for share in (Fraction(1, 2), Fraction(9, 10))
            ]
            for name in ("met", "breached", "overdue", "not_yet_due", "cancelled"):
                assert getattr(item.attainment, name) == verdicts.count(name), name
        cells = list(expected.members)
        places = {item.checkpoint: str(item.number) for item in report.figures}
        found = await listed(connection, report.members, [(places[key], name, segment) for key, segment, name in cells])
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


async def check_stranded(walked: Walked, ask: Ask, owner: UUID | None, process: str | None) -> None:
    """The stages in which cases stand that reached no step; in these processes there are none."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        figures = await read_stranded(connection, frame, question_of(world, ask, owner))
        assert figures.stages == ()
        assert not reference.stranded(walked.cases, ask, steps_of(frame.versions).checkpoints)


async def check_everything(walked: Walked, seed: int) -> None:
    """All figures, asked at random."""
    for rng, ask, owner in asks(walked, seed):
        for mode in FunnelMode:
            await check_funnel(walked, ask, owner, mode, rng.choice((None, *CHANNELS)))
        await check_losses(walked, ask, owner, rng.choice((None, *CHANNELS)))
        await check_checkpoints(walked, ask, owner, rng.choice(CHANNELS))
        await check_stranded(walked, ask, owner, rng.choice((None, *CHANNELS)))


async def test_every_figure_agrees_with_its_plain_statement(walked: Walked) -> None:
    await check_everything(walked, seed=7)


def _without_known_at(case: Case, _ask: Ask) -> list[Row]:
    return case.history


def _without_as_of(case: Case, ask: Ask) -> list[Row]:
    return reference.known(case, ask)


def _latest_first(row: Row) -> tuple[float, int]:
    return -row["occurred_at"].timestamp(), row["sequence"]


def _excluded_too(case: Case, ask: Ask) -> bool:
    rows = reference.known(case, ask)
    is_chosen = case.row["definition_id"] in ask.definitions and bool(rows) and ask.chosen(rows[-1])
    return is_chosen and reference.last_move(case, ask) is not None


def _closed(at: datetime, ask: Ask) -> bool:
    return ask.since < at <= ask.until


def _owner_now(_row: Row | None, last: Row, _basis: str) -> Any:
    return last["owner_id"]


def _open_is_lost(case: Case, ask: Ask, _is_over: bool = False) -> str:
    return "missed" if reference.outcome(case, ask) == "won" else "lost"


def _nearest_rank(values: Any, share: float) -> float:
    found: float = sorted(values)[int(share * len(values))]
    return found


def _without_the_censored(waits: Any, share: Fraction) -> float | None:
    reached = sorted(seconds for seconds, happened in waits if happened)
    found: float | None = reached[int((len(reached) - 1) * share)] if reached else None
    return found


def _those_last_seen_are_lost(spells: Any) -> float:
    return sum(1 for _, end in spells if end == "reached") / len(spells)


def _by_the_state_alone(event: Row, _ask: Ask) -> list[str]:
    return ["not_yet_due"] if event["state"] in {"running", "paused"} else [event["state"]]


PLANTED = {
    "known": _without_known_at,
    "seen": _without_as_of,
    "moment": _latest_first,
    "is_counted": _excluded_too,
    "inside": _closed,
    "_owner": _owner_now,
    "standing": _open_is_lost,
    "percentile": _nearest_rank,
    "kaplan_meier": _without_the_censored,
    "eventual_rate": _those_last_seen_are_lost,
    "_verdicts": _by_the_state_alone,
}


async def test_every_error_planted_into_the_plain_statement_is_noticed(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, planted in PLANTED.items():
        with monkeypatch.context() as patched:
            patched.setattr(reference, name, planted)
            noticed = False
            try:
                await check_everything(walked, seed=7)
            except AssertionError:
                noticed = True
            assert noticed, f"nobody noticed the error planted into {name}"
