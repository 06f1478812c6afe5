"""A stored report equals the same question asked later for the same instant, whatever was recorded in between, backdated or not."""

from typing import Any

import pytest

from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.embedded.server import Server
from tests.analytics.stored import REPORTS, numbers_of
from tests.analytics.walks import CHANNELS, Walks
from tests.databases import cloned
from tests.world import World, a_world

GROUPINGS = (
    Grouping(),
    Grouping([Dimension.CHANNEL, Dimension.OWNER]),
    Grouping([Dimension.TEAM], OwnerBasis.ACTOR),
    Grouping([Dimension.VERSION, Dimension.REGION]),
)


async def answers(world: World, walks: Walks, groupings: int) -> dict[tuple[str, str, int, int], Any]:
    """Every report, of each process and for each instant so far, by so many of the groupings: by others at every instant."""
    found = {}
    async with world.database.reader(world.tenant_id) as connection:
        for place, instant in enumerate(walks.instants[:2]):
            for process in CHANNELS:
                frame = await read_frame(connection, world.tenant_id, process=process, as_of=instant)
                for at, (name, report) in enumerate(REPORTS.items(), place):
                    for number in range(at, at + groupings):
                        question = Question(world.tenant_id, grouping=GROUPINGS[number % len(GROUPINGS)])
                        answer = numbers_of(await report(connection, frame, question))
                        found[name, process, place, number % len(GROUPINGS)] = answer
    return found


async def check_stability(world: World, *, events: int, arrivals: int, steps: int, groupings: int) -> None:
    walks = Walks(world, seed=3)
    await walks.run(rounds=2, arrivals=12, steps=6)
    stored = await answers(world, walks, groupings)
    begun = (await world.counts(("history",)))["history"]
    while (await world.counts(("history",)))["history"] - begun < events:
        await walks.run(rounds=1, arrivals=arrivals, steps=steps)
    await walks.run(rounds=3, arrivals=2, steps=1)  # the third publishes a new version
    again = await answers(world, walks, groupings)
    assert {key for key in stored if stored[key] != again[key]} == set()
    unchanged = [key for key in stored if key[0] in CHANGING and stored[key] == await read_now(world, key)]
    assert unchanged == [], "what was recorded since should be seen now"


CHANGING = ("cohort any", "snapshot", "losses", "checkpoints", "outcomes", "stage times", "managers", "new_cases")
"""Reports that cannot have stayed the same."""


async def read_now(world: World, key: tuple[str, str, int, int]) -> Any:
    name, process, _, grouping = key
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process)
        question = Question(world.tenant_id, grouping=GROUPINGS[grouping])
        return numbers_of(await REPORTS[name](connection, frame, question))


async def test_a_stored_report_equals_the_same_question_later(world: World) -> None:
    await check_stability(world, events=600, arrivals=20, steps=4, groupings=1)


@pytest.mark.slow
async def test_a_stored_report_equals_the_same_question_after_100_000_further_events(
    postgres: Server, template: str
) -> None:
    async with cloned(postgres, template) as access, a_world(access) as world:
        await check_stability(world, events=100_000, arrivals=800, steps=8, groupings=len(GROUPINGS))
