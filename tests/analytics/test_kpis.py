"""KPIs over leads told by hand: what each must answer."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.measures import Measured, measure
from tests.analytics.leads import LATER, call, fire, force, hour, lead, lose, question, up_to
from tests.world import World


async def kpi(
    world: World, key: str, *by: Dimension, as_of: Any = None, known_at: Any = None, **asked: Any
) -> Measured:
    """A KPI over the leads of the tests' week or after it."""
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=None, as_of=as_of, known_at=known_at)
        return await measure(connection, CATALOGUE[key], frame, question(world, by=by, **asked))


async def test_the_response_time_censors_those_who_still_wait(world: World) -> None:
    await lead(world, 0, call(1))
    await lead(world, 0, call(3), call(5))
    await lead(world, 0, lose(4))
    await lead(world, 0)
    found = (await kpi(world, "response_time", as_of=hour(10), known_at=LATER + timedelta(days=36_500))).total
    assert (found.value, found.p90) == (3 * 3600, None)
    assert (found.seen, found.censored) == (2, 2)
    assert (found.numerator, found.denominator) == (2, 4)


async def test_the_win_rate_of_those_closed_leaves_out_cancelled_and_open_cases(world: World) -> None:
    await lead(world, 0, *up_to(6))
    await lead(world, 0, lose(1))
    await lead(world, 0, lose(1))
    await lead(world, 0, fire("cancel", 1, "spam"))
    await lead(world, 0)
    found = await kpi(world, "win_rate_closed", Dimension.MONTH)
    assert found.total.value == Fraction(1, 3)
    assert found.total.interval == pytest.approx((0.0615, 0.7923), abs=1e-4)
    assert [item.segment for item in found.segments] == [("2026-09",)]


async def test_forced_moves_are_a_share_of_all_moves(world: World) -> None:
    await lead(world, 0, fire("contact", 1), force("offer", 2))
    await lead(world, 0)
    found = (await kpi(world, "forced_moves")).total
    assert (found.numerator, found.denominator) == (1, 2)
    assert Grouping().reached == "ARRAY[]::text[]"
