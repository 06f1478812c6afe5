"""Series of weeks around a start, and moves of KPIs by dimension, over cases in the database, against what the KPIs say themselves."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import pytest

from bpm_crm.analytics.dimensions import OF_CASES, UNGROUPED, Dimension
from bpm_crm.analytics.effect_series import COHORT_AGE, Week, age_of, bounds_of, read_weeks, values_of, weeks_around
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Better, Kpi
from bpm_crm.analytics.kpi_moves import DECOMPOSED, read_move
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi
from bpm_crm.analytics.own_kpis import kpi_of
from tests.analytics.checking import Walked, asks, question_of
from tests.analytics.leads import arrival, fire, hour, leads, lose, up_to
from tests.world import World

MONDAY = date(2026, 9, 7)
ZONE = "Europe/Moscow"
LATE = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = timedelta(days=2)


def test_weeks_begin_on_the_weekday_of_the_start_and_end_with_what_is_of_age() -> None:
    weeks = weeks_around(date(2026, 9, 9), ZONE, end=None, age=timedelta(days=28), as_of=LATE)
    assert [week.place for week in weeks] == list(range(-52, 3))
    assert weeks[52].since == datetime(2026, 9, 8, 21, tzinfo=UTC)
    assert all(week.until - week.since == timedelta(days=7) for week in weeks)
    assert weeks[-1].until + timedelta(days=28) <= LATE < weeks[-1].until + timedelta(days=35)


def test_weeks_after_the_end_of_an_action_are_left_out() -> None:
    weeks = weeks_around(MONDAY, ZONE, end=date(2026, 9, 22), age=timedelta(0), as_of=LATE)
    assert [week.place for week in weeks if week.place >= 0] == [0, 1]
    never = weeks_around(MONDAY, ZONE, end=MONDAY, age=timedelta(0), as_of=LATE)
    assert [week.place for week in never if week.place >= 0] == []


def test_cohorts_are_followed_and_other_kpis_are_complete_when_the_week_ends() -> None:
    assert age_of(CATALOGUE["lead_to_sale"]) == COHORT_AGE
    assert age_of(CATALOGUE["win_rate_closed"]) == timedelta(0)
    assert bounds_of(CATALOGUE["win_rate_closed"]) == (0, 1)
    assert bounds_of(CATALOGUE["response_time"]) == (0, None)
    assert bounds_of(CATALOGUE["forecast_amount"]) == (None, None)


async def test_every_week_is_seen_at_the_same_age(world: World) -> None:
    """Two leads a week; of week 0 one is won on day 2, of week 1 one on day 20: at the age of 7 days only the first counts."""
    quick = (arrival(world, 24), *up_to(6, 24))
    slow = (arrival(world, 24 * 8), *up_to(5, 24 * 8), fire("deliver", 24 * 28))
    await leads(world, [quick, (arrival(world, 30), fire("contact", 31)), slow, (arrival(world, 200), lose(210))])
    kpi = CATALOGUE["lead_to_sale"]
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request")
        question = Question(world.tenant_id)
        found = {}
        for days in (7, 28):
            age = timedelta(days=days)
            weeks = weeks_around(MONDAY, ZONE, end=None, age=age, as_of=frame.as_of)
            found[days] = values_of(await read_weeks(connection, kpi, frame, question, weeks, age))
    assert {place: found[7][place] for place in (0, 1)} == {0: 0.5, 1: 0.0 if won_by_delivery(found) else 0.5}
    assert found[28][1] == 0.5
    assert min(found[7]) == 0, "the empty weeks before the first cases are no weeks of nothing"


def won_by_delivery(found: dict[int, dict[int, float]]) -> bool:
    """Whether a sale is won only by its delivery: then week 1 has none at seven days."""
    return found[7][1] != found[28][1]


OWN = [
    OwnKpi("own", "callback-request", kind, "", "", "", "", Better.HIGHER, **parts)
    for kind, parts in (
        (OwnKind.COUNT, {"filter": "visits.offer > 0"}),
        (OwnKind.SUM, {"value": "data.amount", "begins": "offer"}),
        (OwnKind.SHARE, {"condition": "instance.outcome == 'won'", "begins": "interested"}),
        (OwnKind.DURATION, {"begins": "interested", "ends": "offer"}),
    )
]


@pytest.mark.parametrize("kpi", [*CATALOGUE.values(), *(kpi_of(own, 1) for own in OWN)], ids=lambda kpi: kpi.key)
async def test_weeks_read_together_say_what_each_says_alone(walked: Walked, kpi: Kpi) -> None:
    """Though history is looked through but once: weeks of many ages, the knowledge of every instant, with and without a filter."""
    world, rng = walked.world, random.Random(kpi.key)
    for _, asked, where in asks(walked, rng.randrange(1_000), 3):
        days = rng.choice((0, 1, 7))
        begins = datetime.combine(MONDAY, time(), UTC) + timedelta(hours=rng.randrange(-72, 24))
        weeks = [Week(place, begins + place * DAYS, begins + (place + 1) * DAYS) for place in range(4)]
        async with world.database.reader(world.tenant_id) as connection:
            frame = await read_frame(connection, world.tenant_id, known_at=asked.known_at)
            question = replace(question_of(world, asked, where), grouping=UNGROUPED)
            found = await read_weeks(connection, kpi, frame, question, weeks, timedelta(days=days))
            for week in weeks:
                seen = replace(frame, as_of=week.until + timedelta(days=days))
                alone = await measure(connection, kpi, seen, replace(question, since=week.since, until=week.until))
                assert week.place not in found or found[week.place].total == alone.total
                assert week.place in found or not (alone.total.numerator or alone.total.denominator)


@pytest.mark.parametrize("key", sorted(CATALOGUE))
async def test_contributions_add_up_to_the_move_of_every_kpi_by_every_dimension(walked: Walked, key: str) -> None:
    kpi = CATALOGUE[key]
    if kpi.kind not in DECOMPOSED:
        assert kpi.kind in {"duration", "velocity"}
        return
    world = walked.world
    dimensions = [dimension for dimension in OF_CASES if dimension in kpi.dimensions]
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        begin, end = walked_period(walked)
        middle = begin + (end - begin) / 2
        base, now = (
            Question(world.tenant_id, since=begin, until=middle),
            Question(world.tenant_id, since=middle, until=end),
        )
        move = await read_move(connection, kpi, frame, base, now, dimensions)
        alone = [(await measure(connection, kpi, frame, question)).total.value for question in (base, now)]
    assert [move.base.value, move.now.value] == alone
    for item in move.breakdowns:
        if move.size is None:
            assert item.contributions is None
            continue
        assert item.contributions is not None
        assert sum((one.total for one in item.contributions), Fraction(0)) == move.size, item.dimension


def walked_period(walked: Walked) -> tuple[datetime, datetime]:
    """The time in which the cases of a walked world walked."""
    instants = [row["occurred_at"] for case in walked.cases for row in case.history]
    return min(instants), max(instants) + timedelta(seconds=1)


async def test_the_greatest_contribution_is_that_of_the_team_that_changed(world: World) -> None:
    """North wins 1 of 4 and then 3 of 4, south 2 of 4 and 2 of 4: 3/8 → 5/8, all of it the rate of north."""

    def week(begin: float, team: str, won: int) -> list[tuple[object, ...]]:
        return [
            (
                arrival(world, begin + n, team=team),
                *(up_to(6, begin + n) if n < won else (fire("contact", begin + n + 1), lose(begin + n + 2))),
            )
            for n in range(4)
        ]

    plan = [*week(1, "north", 1), *week(1, "south", 2), *week(200, "north", 3), *week(200, "south", 2)]
    await leads(world, plan, by="admin")  # type: ignore[arg-type]
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        base = Question(world.tenant_id, since=hour(0), until=hour(168))
        now = Question(world.tenant_id, since=hour(168), until=hour(336))
        kpi = CATALOGUE["win_rate_closed"]
        move = await read_move(connection, kpi, frame, base, now, [Dimension.TEAM, Dimension.REGION])
    teams, regions = move.breakdowns
    assert move.size == Fraction(1, 4)
    assert teams.contributions is not None
    north, south = teams.contributions
    assert north.segment == (str(world.founded.teams["north"]),)
    assert (north.rate, north.mix, south.total) == (Fraction(1, 4), 0, 0)
    assert south.is_noise
    assert regions.contributions is not None
    assert [(one.segment, one.total) for one in regions.contributions] == [((None,), Fraction(1, 4))]
