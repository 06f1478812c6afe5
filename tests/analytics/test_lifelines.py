"""Estimates and quantiles over random lengths against `lifelines`, which knows nothing of ours."""

import random
from math import inf
from typing import Any

import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.utils import median_survival_times, qth_survival_times

from bpm_crm.analytics.estimates import Estimate, read_estimates
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.members import SPANS, Members
from bpm_crm.analytics.statements import REPORTS, report, statement
from tests.world import World

ENDS = {"open": 0, "reached": 1, "lost": 2}
SPELLS = """
WITH steps AS (SELECT 1 AS step),
members AS (
    SELECT 1 AS step, 1 AS through, ARRAY['x'] AS segment, s.number, s.waited
    FROM unnest(:waits::float8[], :numbers::text[]) AS s (waited, number)
    WHERE $1::uuid IS NOT NULL
)
"""
LENGTHS = """
WITH observed AS (
    SELECT 'wait' AS measure, 1 AS step, 1 AS cell, s.seconds, s.is_seen
    FROM unnest(:waits::float8[], :seen::boolean[]) AS s (seconds, is_seen)
    WHERE $1::uuid IS NOT NULL
),
"""


def lives(seed: int, number: int) -> list[tuple[float, str]]:
    """Cases that reach a step or are lost, each at its own rate, and are seen for some time only."""
    rng = random.Random(seed)
    found = []
    for _ in range(number):
        ends = {"reached": rng.expovariate(1 / 50), "lost": rng.expovariate(1 / 80), "open": rng.uniform(5, 200)}
        end = min(ends, key=lambda name: ends[name])
        found.append((ends[end], end))
    # The last is open: where nobody is left `lifelines` divides by nothing.
    return [*found, (max(wait for wait, _ in found) + 1, "open")]


async def estimate(world: World, spells: list[tuple[float, str]]) -> Estimate:
    values = {"waits": [wait for wait, _ in spells], "numbers": [end for _, end in spells]}
    members = Members(SPELLS, Question(world.tenant_id), values, SPANS)
    async with world.database.reader(world.tenant_id) as connection:
        return (await read_estimates(connection, members))[1, None]


@pytest.mark.parametrize("seed", range(6))
async def test_the_eventual_rate_and_its_variance_are_those_of_aalen_johansen(world: World, seed: int) -> None:
    spells = lives(seed, 60 + 40 * seed)
    fitter = AalenJohansenFitter(calculate_variance=True)
    fitter.fit([wait for wait, _ in spells], [ENDS[end] for _, end in spells], event_of_interest=1)
    found = await estimate(world, spells)
    assert found.rate == pytest.approx(float(fitter.cumulative_density_.iloc[-1, 0]), abs=1e-9)
    assert found.variance == pytest.approx(float(fitter.variance_.iloc[-1]), rel=1e-6)


async def test_the_interval_holds_the_same_middle_and_is_of_another_kind(world: World) -> None:
    """`lifelines` spreads its interval on the log-log scale, ours is that of Wilson: near each other where there are many cases."""
    spells = lives(9, 400)
    fitter = AalenJohansenFitter()
    fitter.fit([wait for wait, _ in spells], [ENDS[end] for _, end in spells], event_of_interest=1)
    lower, upper = (float(end) for end in fitter.confidence_interval_.iloc[-1])
    found = await estimate(world, spells)
    assert found.interval == pytest.approx((lower, upper), abs=0.01)
    assert found.interval != pytest.approx((lower, upper), abs=1e-6)


async def test_lost_cases_as_censored_would_promise_too_much(world: World) -> None:
    spells = lives(5, 300)
    fitter = KaplanMeierFitter()
    fitter.fit([wait for wait, _ in spells], [end == "reached" for _, end in spells])
    assert (await estimate(world, spells)).rate < 1 - float(fitter.survival_function_.iloc[-1, 0]) - 0.1


async def quantiles(world: World, waits: list[float], seen: list[bool]) -> Any:
    part = (REPORTS / "parts" / "kaplan_meier.sql").read_text(encoding="utf-8")
    assert part.rstrip() in report("checkpoints", arrivals="arrivals_any")
    text = f"{LENGTHS}{part} SELECT * FROM expected"
    found = statement(text, world.tenant_id, {"waits": waits, "seen": seen})
    async with world.database.reader(world.tenant_id) as connection:
        return await connection.fetchrow(found.text, *found.values)


async def test_where_nothing_is_left_the_upper_end_needs_enough_cases(world: World) -> None:
    for number, upper in ((1, None), (5, None), (6, 7.0)):
        row = await quantiles(world, [7.0] * number, [True] * number)
        assert (row["median"], row["median_from"], row["median_to"]) == (7.0, 7.0, upper)


@pytest.mark.parametrize("seed", range(6))
async def test_quantiles_of_waiting_and_their_intervals_are_those_of_kaplan_meier(world: World, seed: int) -> None:
    rng = random.Random(seed)
    number = 30 + 50 * seed
    waits = [float(rng.randrange(1, 60 + 40 * seed)) for _ in range(number)]
    seen = [rng.random() < 0.75 for _ in range(number)]
    waits, seen = [*waits, max(waits) + 1], [*seen, False]
    fitter = KaplanMeierFitter()
    fitter.fit(waits, seen)
    row = await quantiles(world, waits, seen)
    assert known(row["median"]) == fitter.median_survival_time_
    assert known(row["p90"]) == qth_survival_times(0.1, fitter.survival_function_)
    band = fitter.confidence_interval_
    assert [known(row["median_from"]), known(row["median_to"])] == list(median_survival_times(band).iloc[0])
    assert [known(row["p90_from"]), known(row["p90_to"])] == list(qth_survival_times(0.1, band).iloc[0])


def known(seconds: float | None) -> float:
    return inf if seconds is None else seconds
