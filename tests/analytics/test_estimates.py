"""Estimates of the eventual rate, worked by hand."""

from math import nextafter

import pytest

from bpm_crm.analytics.estimates import FEWEST_SETTLED, Estimate, read_estimates
from bpm_crm.analytics.funnel import FunnelFigures
from tests.analytics.leads import database_now, fire, funnel, hour, lead, lose
from tests.world import World


async def interested(world: World, figures: FunnelFigures) -> Estimate:
    async with world.database.reader(world.tenant_id) as connection:
        return (await read_estimates(connection, figures.members))[2, None]


async def test_open_cases_are_censored_and_lost_ones_compete(world: World) -> None:
    await lead(world, 0, fire("contact", 1), fire("qualify", 1))
    await lead(world, 0, lose(2))
    await lead(world, 7)
    await lead(world, 0, fire("contact", 5), fire("qualify", 5))
    figures = await funnel(world, as_of=hour(10), known_at=await database_now(world))
    estimate = await interested(world, figures)
    # Of 4 one got there after an hour; of the 3 left one was lost; the open one was seen 3 hours; the last one got there.
    assert estimate.rate == pytest.approx(1 / 4 + (3 / 4) * (2 / 3) * 1)
    assert (estimate.cases, estimate.settled, estimate.is_insufficient) == (4, 3, True)
    assert figures.total.steps[1].bounds == (pytest.approx(0.5), pytest.approx(0.75))


async def test_with_every_case_settled_the_estimate_is_the_share(world: World) -> None:
    for at in (1, 2, 3):
        await lead(world, 0, fire("contact", at), fire("qualify", at))
    await lead(world, 0, lose(1))
    await lead(world, 0, fire("cancel", 2, "spam"))
    estimate = await interested(world, await funnel(world))
    assert estimate.rate == pytest.approx(3 / 5)
    assert estimate.variance == pytest.approx(3 / 5 * 2 / 5 / 5)


async def test_a_step_nobody_reached_is_estimated_at_nothing_with_room_above(world: World) -> None:
    await lead(world, 0, lose(1))
    await lead(world, 0)
    estimate = await interested(world, await funnel(world))
    assert (estimate.rate, estimate.variance, estimate.settled) == (0, 0, 1)
    assert estimate.interval == (0, pytest.approx(0.79345069))


def test_the_interval_of_settled_cases_is_that_of_wilson() -> None:
    lower, upper = Estimate(0.25, 0.25 * 0.75 / 200, 200, 200).interval
    assert (lower, upper) == (pytest.approx(0.1950816801), pytest.approx(0.3143409831))


@pytest.mark.parametrize(("rate", "settled"), [(0.0, 0), (0.0, 5), (1.0, 1), (nextafter(1.0, 0.0), 7)])
def test_an_interval_holds_its_rate_and_stays_between_nothing_and_all(rate: float, settled: int) -> None:
    lower, upper = Estimate(rate, 0.0, 10, settled).interval
    assert 0 <= lower <= rate <= upper <= 1
    assert lower < upper


def test_history_is_sufficient_from_a_number_of_settled_cases_on() -> None:
    assert Estimate(0.5, 0.1, 100, FEWEST_SETTLED - 1).is_insufficient
    assert not Estimate(0.5, 0.1, 100, FEWEST_SETTLED).is_insufficient
