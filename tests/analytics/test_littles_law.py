"""Little's law holds between figures that are computed apart: those in a stage = arrivals in an hour x how long they stay."""

import random
from datetime import timedelta

import pytest

from bpm_crm.analytics.funnel_figures import FunnelMode
from bpm_crm.analytics.members import Wanted
from tests.analytics.leads import arrival, counts, database_now, fire, funnel, hour, leads, question
from tests.analytics.test_stage_times import stage, times
from tests.world import World

HOURS, ARRIVALS, STAY = 60, 150, 6


async def test_snapshots_arrivals_and_stage_times_agree(world: World) -> None:
    """Everything happens at full hours and is looked at between them, from empty to empty: then the law is exact."""
    rng = random.Random(3)
    stories = []
    for _ in range(ARRIVALS):
        begins = rng.randrange(HOURS - 24)
        ends = min(begins + 1 + int(rng.expovariate(1 / STAY)), HOURS)
        stories.append((arrival(world, begins), fire("contact", ends), fire("qualify", ends)))
    await leads(world, stories)
    known_at = await database_now(world)
    looks = [hour(at) + timedelta(minutes=30) for at in range(HOURS)]
    standing = [
        (await funnel(world, mode=FunnelMode.SNAPSHOT, as_of=at, known_at=known_at)).total.steps[0].count("open")
        for at in looks
    ]
    arrived = counts((await funnel(world, mode=FunnelMode.PERIOD)).total)[0]
    stay = (await stage(world, "new")).stays["cumulative", "calendar"]
    assert (arrived, stay.cases, stay.open) == (ARRIVALS, ARRIVALS, 0)
    assert stay.mean is not None
    assert sum(standing) / HOURS == pytest.approx(arrived / HOURS * stay.mean / 3_600)
    # The stage itself says the same of any instant.
    middle = HOURS // 2
    figures = await times(world, question(world), as_of=looks[middle], known_at=known_at)
    async with world.database.reader(world.tenant_id) as connection:
        (open_,) = await figures.members.listed(connection, [Wanted("new", ("open",), (), 0)])
    assert open_.total == standing[middle] > 0
