"""Any cut of kept figures, filtered and grouped at random, is what history answers; and what is no such cut is asked of history."""

import random
from collections.abc import AsyncIterator

import pytest

from bpm_crm.analytics.cells.cuts import columns_named, dimensions_of
from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.dimensions import OF_CASES, Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.losses import KEPT_LOSSES
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.records.database import Database
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Not, Operator, Parameters, where
from tests.analytics.kept_answers import compare
from tests.analytics.test_cells import settle
from tests.analytics.walks import Walks
from tests.world import World

WHOLE = "dimensions LIKE '%stage%'"
"""The cells of whole segments."""
BASES = (OwnerBasis.AT_ENTRY, OwnerBasis.CURRENT)


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=4)
    yield database
    await database.close()


def a_condition(world: World, rng: random.Random, depth: int = 2) -> Condition:
    """A condition over what whole segments tell of a case, as filters and reaches are made."""
    users, teams = sorted(world.founded.users.values()), sorted(world.founded.teams.values())
    kind = rng.choice(("and", "or", "not", *("compare",) * 4)) if depth else "compare"
    if kind == "not":
        return Not(a_condition(world, rng, depth - 1))
    if kind != "compare":
        parts = tuple(a_condition(world, rng, depth - 1) for _ in range(rng.randrange(1, 4)))
        return All(parts) if kind == "and" else AnyOf(parts)
    return rng.choice(
        (
            Compare("k.region", rng.choice((Operator.EQ, Operator.NE)), rng.choice(("Tula", "Moscow", None)), "text"),
            Compare("k.region", Operator.CONTAINS, "UL", "text"),
            Compare("k.version", rng.choice((Operator.EQ, Operator.GTE)), rng.choice((1, 2)), "int"),
            Compare("k.campaign_id", Operator.IS_NULL, rng.random() < 0.5, "uuid"),
            Compare("k.owner_id", Operator.IN, rng.sample(users, 3), "uuid"),
            Compare("i.owner_id", Operator.EQ, rng.choice(users), "uuid"),
            Compare("i.team_id", rng.choice((Operator.IN, Operator.NOT_IN)), rng.sample(teams, 1), "uuid"),
            Compare("m.to_stage", Operator.IN, rng.sample(["new", "qualification", "offer", "lost", "won"], 3), "text"),
            Compare("coalesce(m.outcome, 'running')", Operator.EQ, rng.choice(("lost", "running")), "text"),
            Compare("CASE WHEN m.outcome IS NOT NULL THEN m.reason END", Operator.NE, "price", "text"),
        )
    )


def a_cut(world: World, rng: random.Random) -> Question:
    parameters = Parameters([world.tenant_id])
    condition = where(a_condition(world, rng), parameters)
    dimensions = rng.sample(OF_CASES, rng.choice((0, 1, 1, 2, 3, 7)))
    grouping = Grouping(tuple(dimensions), rng.choice(BASES))
    return Question(world.tenant_id, CaseFilter(condition, parameters.values[1:]), grouping=grouping)


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_cut_is_what_history_answers(world: World, worker: Database, seed: int) -> None:
    walks, rng = Walks(world, seed + 100), random.Random(seed)
    for number in range(3):
        if number == 1:
            await walks._publish()
        for _ in range(12):
            await walks._arrive()
        for _ in range(4):
            await walks._step_all()
        if number < 2:
            await settle(world, worker)
        for _ in range(8):
            await compare(world, a_cut(world, rng), rng.choice((None, "callback-request", "inbound-call")))


async def test_a_case_of_another_region_is_noticed(world: World, worker: Database) -> None:
    """The negative control: a whole segment that says something else than the case."""
    await Walks(world, 3).run(rounds=1, arrivals=15, steps=3)
    await settle(world, worker)
    question = Question(world.tenant_id, CaseFilter("k.region = $2::text", ["Tula"]))
    await compare(world, question, None)
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute(
            f"DELETE FROM cell WHERE {WHOLE} AND starts_on = (SELECT min(starts_on) FROM cell WHERE {WHOLE})"
        )
    with pytest.raises(AssertionError):
        await compare(world, Question(world.tenant_id, grouping=Grouping((Dimension.REGION,))), None)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("true", []),
        ("k.region = $2::text AND (i.owner_id = $3::uuid)", ["owner_now", "region"]),
        ("i.started_at > $2::timestamptz", None),
        ("(k.region = $2::text) AND (i.id = $3::uuid)", None),
        ("EXISTS (SELECT FROM history AS h WHERE h.instance_id = i.owner_id)", None),
    ],
)
def test_filters_that_look_at_more_than_segments_tell_are_known(sql: str, expected: list[str] | None) -> None:
    assert columns_named(CaseFilter(sql)) == expected


@pytest.mark.parametrize(
    ("dimensions", "basis", "expected"),
    [
        ((Dimension.OWNER, Dimension.REGION), OwnerBasis.AT_ENTRY, ["owner", "region"]),
        ((Dimension.OWNER, Dimension.TEAM), OwnerBasis.CURRENT, ["owner_now", "team_now"]),
        ((Dimension.OWNER,), OwnerBasis.ACTOR, None),
        ((Dimension.CHANNEL,), OwnerBasis.ACTOR, ["channel"]),
        ((Dimension.PRODUCT,), OwnerBasis.AT_ENTRY, None),
        ((Dimension.STAGE,), OwnerBasis.AT_ENTRY, None),
        ((Dimension.MONTH,), OwnerBasis.AT_ENTRY, None),
    ],
)
def test_groupings_by_more_than_segments_tell_are_known(
    dimensions: tuple[Dimension, ...], basis: OwnerBasis, expected: list[str] | None
) -> None:
    assert dimensions_of(Grouping(dimensions, basis)) == expected


async def test_what_is_no_cut_is_asked_of_history(world: World, worker: Database) -> None:
    await Walks(world, 4).run(rounds=1, arrivals=3, steps=1)
    await settle(world, worker)
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        for question in (
            Question(world.tenant_id, CaseFilter("i.started_at > $2::timestamptz", [frame.as_of])),
            Question(world.tenant_id, grouping=Grouping((Dimension.TEAM,), OwnerBasis.ACTOR)),
            Question(world.tenant_id, since=frame.as_of),
        ):
            assert await read_answers(connection, KEPT_LOSSES, frame, question) is None
