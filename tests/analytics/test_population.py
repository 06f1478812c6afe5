"""Estimates over a population whose truth is known: they cover it as often as they say, though half of the leads are still open."""

import math

import pytest

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.estimates import read_estimates
from bpm_crm.embedded.server import Server
from tests.analytics.leads import database_now, frame_of, funnel, hour, question
from tests.analytics.population import EVENTUALLY, LEGS, Population
from tests.databases import cloned
from tests.world import World, a_world

SEEN_HOURS = 240.0


def may_miss(tries: int, rate: float = 0.05) -> float:
    """How many of so many intervals may miss their truth: three standard errors above what their level says."""
    return tries * rate + 3 * math.sqrt(tries * rate * (1 - rate))


async def check_coverage(world: World, population: Population) -> None:
    await population.live(world)
    asked = question(world, by=(Dimension.REGION,))
    figures = await funnel(world, as_of=hour(SEEN_HOURS), known_at=await database_now(world), asked=asked)
    async with world.database.reader(world.tenant_id) as connection:
        estimates = await read_estimates(connection, figures.members)
    for step, truth in enumerate(EVENTUALLY, 2):
        found = [item for (number, segment), item in estimates.items() if number == step and segment is not None]
        assert len(found) == population.groups
        missed = [item for item in found if not item.interval[0] <= truth <= item.interval[1]]
        assert len(missed) <= may_miss(len(found)), f"{len(missed)} of {len(found)} intervals miss {truth}"
        total = estimates[step, None]
        assert total.interval[0] - 0.02 <= truth <= total.interval[1] + 0.02
        seen = figures.total.steps[step - 1]
        assert seen.count("open") > 0
        naive = seen.overall_conversion
        assert naive is not None
        assert abs(total.rate - truth) < abs(float(naive) - truth), "an estimate should be nearer than the plain share"


async def test_intervals_cover_the_truth_as_often_as_they_say(world: World) -> None:
    await check_coverage(world, Population(groups=40, size=40, hours=SEEN_HOURS, seed=11))


async def test_expected_times_are_those_of_the_population(world: World) -> None:
    """Half of those who are not lost before have got there after the median of the exponential; the mean of those seen is biased low."""
    await Population(groups=1, size=1_000, hours=SEEN_HOURS, seed=5).live(world)
    frame = await frame_of(world, as_of=hour(SEEN_HOURS), known_at=await database_now(world))
    async with world.database.reader(world.tenant_id) as connection:
        report = await read_checkpoints(connection, frame, question(world))
    interested = next(item for item in report.figures if item.checkpoint == "interested")
    median = 3600 * math.log(2) / LEGS[0].onward
    assert interested.expected[0] == pytest.approx(median, rel=0.15)
    assert interested.seconds is not None
    assert interested.seconds[0] < interested.expected[0] * 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_intervals_cover_the_truth_of_large_populations(postgres: Server, template: str, seed: int) -> None:
    async with cloned(postgres, template) as access, a_world(access) as world:
        await check_coverage(world, Population(groups=200, size=60, hours=SEEN_HOURS, seed=seed))
