"""The funnel, rule by rule: what is given, and what is to come out."""

from datetime import timedelta
from fractions import Fraction

import pytest

from bpm_crm.analytics.funnel_figures import FunnelUnit, OrderMode, SegmentFigures
from bpm_crm.analytics.members import Wanted
from tests.analytics.leads import (
    STEPS,
    arrival,
    counts,
    database_now,
    exclude,
    fire,
    force,
    funnel,
    hour,
    lead,
    leads,
    lose,
    question,
    up_to,
)
from tests.world import World, customer


def of(segments: tuple[SegmentFigures, ...], *key: str | None) -> SegmentFigures:
    """The segment of these values."""
    return next(segment for segment in segments if segment.segment == key)


async def test_the_worked_example_comes_out_exactly(world: World) -> None:
    reached = (100, 50, 20, 5, 0, 25)
    stories = [up_to(step) for step, many in enumerate(reached, 1) for _ in range(many)]
    await leads(world, ((arrival(world, 0), *story) for story in stories))
    figures = (await funnel(world)).total
    assert [step.step.checkpoint for step in figures.steps] == list(STEPS)
    assert counts(figures) == [200, 100, 50, 30, 25, 25]
    conversions = [step.step_conversion for step in figures.steps]
    assert conversions == [None, Fraction(1, 2), Fraction(1, 2), Fraction(3, 5), Fraction(5, 6), Fraction(1)]
    assert figures.steps[-1].overall_conversion == Fraction(125, 1000)
    assert [step.loss for step in figures.steps[1:]] == [100, 50, 20, 5, 0]
    assert (figures.greatest_loss_by_count, figures.greatest_loss_by_rate) == ("interested", "interested")


async def test_open_cases_stay_in_every_row_and_bound_the_conversion(world: World) -> None:
    await lead(world, 0, *up_to(3))
    await lead(world, 0, *up_to(2), lose(5))
    await lead(world, 0, *up_to(2))
    await lead(world, 0)
    offer = (await funnel(world)).total.steps[2]
    assert (offer.entered, offer.count("reached"), offer.count("lost"), offer.count("open")) == (4, 1, 1, 2)
    assert offer.bounds == (Fraction(1, 4), Fraction(3, 4))
    assert (offer.loss, offer.count("dropped")) == (2, 2)


async def test_the_greatest_loss_by_count_and_by_rate_may_be_different_steps(world: World) -> None:
    await leads(world, [(arrival(world, 0), *up_to(step)) for step in (1, 1, 1, 2, 2, 2, 2, 2, 3, 4)])
    figures = (await funnel(world)).total
    assert counts(figures) == [10, 7, 2, 1, 0, 0]
    assert [step.loss for step in figures.steps] == [0, 3, 5, 1, 1, 0]
    assert (figures.greatest_loss_by_count, figures.greatest_loss_by_rate) == ("offer", "paid")


async def test_a_case_that_returns_to_a_step_counts_once_at_its_earliest_time(world: World) -> None:
    await lead(world, 0, *up_to(3), fire("revise_offer", 50), fire("agree", 60), fire("rework", 70))
    offer = (await funnel(world)).total.steps[2]
    assert (offer.count("reached"), offer.visits, offer.count("reworked")) == (1, 3, 1)
    assert offer.seconds == [3_600, 3_600]


async def test_lost_then_reopened_then_won_is_won_and_was_lost_then(world: World) -> None:
    again = (fire("reopen", 20), *up_to(6, begins=30)[2:])
    await lead(world, 0, *up_to(2), lose(10), *again, by="north")
    now = (await funnel(world)).total.steps[-1]
    assert (now.count("reached"), now.count("lost")) == (1, 0)
    then = (await funnel(world, as_of=hour(15), known_at=await database_now(world))).total.steps[-1]
    assert (then.count("reached"), then.count("lost")) == (0, 1)
    between = (await funnel(world, as_of=hour(25), known_at=await database_now(world))).total.steps[-1]
    assert (between.count("lost"), between.count("open")) == (0, 1)


async def test_what_was_recorded_later_is_not_known_yet(world: World) -> None:
    case = await lead(world, 0)
    before = await database_now(world)
    await world.done(case, *up_to(2), by="ann")
    after = await database_now(world)
    assert counts((await funnel(world, as_of=before)).total)[:2] == [1, 0]
    assert counts((await funnel(world, as_of=after)).total)[:2] == [1, 1]
    assert counts((await funnel(world, as_of=before, known_at=after)).total)[:2] == [1, 1]
    assert counts((await funnel(world, as_of=hour(1.5), known_at=after)).total)[:2] == [1, 0]
    assert counts((await funnel(world, as_of=hour(2), known_at=after)).total)[:2] == [1, 1]


async def test_past_events_recorded_today_are_seen_in_the_past_only_when_asked_with_todays_knowledge(
    world: World,
) -> None:
    await lead(world, 0, *up_to(2))
    assert (await funnel(world, as_of=hour(24))).total.entered == 0
    seen = await funnel(world, as_of=hour(24), known_at=await database_now(world))
    assert counts(seen.total)[:2] == [1, 1]


async def test_an_instant_in_the_future_means_now(world: World) -> None:
    await lead(world, 0)
    now = await database_now(world)
    frame = (await funnel(world, as_of=now + timedelta(days=9), known_at=now + timedelta(days=8))).frame
    assert now < frame.as_of == frame.known_at < now + timedelta(minutes=5)


async def test_a_case_excluded_later_was_counted_until_then_and_counts_again_when_let_in(world: World) -> None:
    case = await lead(world, 0)
    counted = await database_now(world)
    await world.done(case, exclude("spam"), by="north")
    excluded = await database_now(world)
    await world.done(case, exclude(None), by="north")
    assert (await funnel(world, as_of=counted)).total.entered == 1
    assert (await funnel(world, as_of=excluded)).total.entered == 0
    assert (await funnel(world, as_of=hour(1), known_at=excluded)).total.entered == 0
    assert (await funnel(world)).total.entered == 1


async def test_tests_and_duplicates_are_left_out(world: World) -> None:
    await lead(world, 0, exclude("duplicate"))
    await lead(world, 0, is_test=True)
    await lead(world, 0)
    assert (await funnel(world)).total.entered == 1


async def test_any_counts_touches_all_wants_the_order_and_implied_fills_what_was_skipped(world: World) -> None:
    await lead(world, 0, force("offer", 5), by="north")
    reached = {order: counts((await funnel(world, order_mode=order)).total)[:4] for order in OrderMode}
    assert reached == {OrderMode.ANY: [1, 0, 1, 0], OrderMode.ALL: [1, 0, 0, 0], OrderMode.IMPLIED: [1, 1, 1, 0]}
    skipped = (await funnel(world)).total.steps[2]
    assert (skipped.base, skipped.count("advanced"), skipped.step_conversion, skipped.loss) == (0, 1, None, -1)


async def test_all_wants_each_step_after_the_one_before_it(world: World) -> None:
    back = (force("offer", 5), force("interest", 6))
    await lead(world, 0, *back, by="north")
    await lead(world, 0, *back, fire("make_offer", 7), by="north")
    assert counts((await funnel(world, order_mode=OrderMode.ALL)).total)[:3] == [2, 2, 1]
    assert counts((await funnel(world)).total)[:3] == [2, 2, 2]


async def test_steps_at_one_instant_are_ordered_by_sequence(world: World) -> None:
    at_once = (fire("contact", 1), fire("qualify", 1), fire("make_offer", 1))
    await lead(world, 0, *at_once)
    await lead(world, 0, force("offer", 1), force("interest", 1), by="north")
    assert counts((await funnel(world, order_mode=OrderMode.ALL)).total)[:3] == [2, 2, 1]


async def test_a_case_enters_an_implied_cohort_by_its_first_touch_of_any_step(world: World) -> None:
    await lead(world, 0, *up_to(2))
    late = question(world, since=hour(1))
    assert (await funnel(world, asked=late, order_mode=OrderMode.IMPLIED)).total.entered == 0
    assert (await funnel(world, asked=question(world), order_mode=OrderMode.IMPLIED)).total.entered == 1


async def test_a_period_begins_with_its_first_instant_and_ends_before_its_last(world: World) -> None:
    for at in (0, 1, 2):
        await lead(world, at)
    figures = await funnel(world, asked=question(world, since=hour(0), until=hour(2)))
    assert figures.total.entered == 2


async def test_a_step_reached_after_the_window_does_not_count_and_a_window_that_is_over_is_missed(world: World) -> None:
    await lead(world, 0, *up_to(2))
    await lead(world, 0, fire("contact", 1), fire("qualify", 49))
    await lead(world, 0)
    await lead(world, 0, lose(60))
    day = timedelta(hours=2)
    interested = (await funnel(world, window=day)).total.steps[1]
    numbers = [interested.count(name) for name in ("reached", "lost", "open", "missed")]
    assert numbers == [1, 1, 0, 2]
    assert interested.bounds == (Fraction(1, 4), Fraction(1, 4))
    then = await funnel(world, as_of=hour(2), known_at=await database_now(world), window=day)
    assert [then.total.steps[1].count(name) for name in ("reached", "lost", "open", "missed")] == [1, 0, 3, 0]


async def test_the_window_includes_its_last_instant(world: World) -> None:
    await lead(world, 0, fire("contact", 1), fire("qualify", 2))
    assert counts((await funnel(world, window=timedelta(hours=2))).total)[1] == 1
    assert counts((await funnel(world, window=timedelta(hours=2, seconds=-1))).total)[1] == 0


async def test_cancelled_counts_among_the_lost_and_won_without_the_step_is_missed(world: World) -> None:
    await lead(world, 0, *up_to(2), fire("cancel", 9, "spam"))
    await lead(world, 0, *up_to(2), force("won", 9), by="north")
    offer = (await funnel(world)).total.steps[2]
    assert {name: offer.count(name) for name in ("reached", "lost", "cancelled", "open", "missed")} == {
        "reached": 0,
        "lost": 1,
        "cancelled": 1,
        "open": 0,
        "missed": 1,
    }
    assert offer.bounds == (0, 0)


async def test_forced_entries_are_counted_apart(world: World) -> None:
    await lead(world, 0, force("interest", 5), by="north")
    await lead(world, 0, *up_to(2), force("new", 9), force("interest", 10), by="north")
    interested = (await funnel(world)).total.steps[1]
    assert (interested.count("reached"), interested.count("forced")) == (2, 1)


async def test_without_cases_there_are_rows_and_no_rates(world: World) -> None:
    figures = (await funnel(world)).total
    assert [step.step.checkpoint for step in figures.steps] == list(STEPS)
    assert counts(figures) == [0] * 6
    assert {step.step_conversion for step in figures.steps} == {None}
    assert {step.overall_conversion for step in figures.steps} == {None}
    assert {step.bounds for step in figures.steps} == {(None, None)}
    assert (figures.entered, figures.greatest_loss_by_count, figures.greatest_loss_by_rate) == (0, None, None)


async def test_times_are_percentiles_over_the_cases_that_reached_both_steps(world: World) -> None:
    for hours in (1, 2, 3, 10):
        await lead(world, 0, fire("contact", 0), fire("qualify", hours))
    await lead(world, 0)
    interested = (await funnel(world)).total.steps[1]
    assert interested.seconds == pytest.approx([2.5 * 3_600, 7.9 * 3_600])


async def test_a_step_touched_before_the_one_before_it_has_no_time_from_it(world: World) -> None:
    await lead(world, 0, force("offer", 5), force("interest", 6), by="north")
    offer = (await funnel(world)).total.steps[2]
    assert (offer.count("reached"), offer.count("advanced"), offer.seconds) == (1, 1, None)
    await lead(world, 0, *up_to(3))
    assert (await funnel(world)).total.steps[2].seconds == [3_600, 3_600]


async def test_a_customer_with_several_requests_counts_once_by_the_earliest_times(world: World) -> None:
    known = customer(1)
    first = await lead(world, 0, *up_to(2), lose(9), customer=known)
    second = await lead(world, 20, *up_to(3, begins=20), customer=known)
    await lead(world, 0, lose(9), customer=customer(2))
    await lead(world, 0, exclude("duplicate"), customer=customer(3))
    await lead(world, 0)
    await lead(world, 0)
    figures = (await funnel(world, unit=FunnelUnit.CUSTOMER)).total
    assert counts(figures) == [4, 1, 1, 0, 0, 0]
    assert (figures.steps[1].count("lost"), figures.steps[3].count("open")) == (1, 3)
    assert counts((await funnel(world)).total) == [5, 2, 1, 0, 0, 0]
    # As of the tenth hour the first request is lost and the second has not come.
    then = (await funnel(world, unit=FunnelUnit.CUSTOMER, as_of=hour(10), known_at=await database_now(world))).total
    assert (counts(then), then.steps[2].count("lost")) == ([4, 1, 0, 0, 0, 0], 2)
    members = (await funnel(world, unit=FunnelUnit.CUSTOMER)).members
    async with world.database.reader(world.tenant_id) as connection:
        reached = await members.listed(connection, [Wanted(str(step), ("reached",), None, 9) for step in (2, 3)])
    assert [list(page.ids) for page in reached] == [[first], [second]]


async def test_a_customer_who_came_before_the_period_is_not_new_in_it(world: World) -> None:
    await lead(world, 0, customer=customer(1))
    await lead(world, 30, customer=customer(1))
    second_day = question(world, since=hour(24), until=hour(48))
    assert counts((await funnel(world, asked=second_day, unit=FunnelUnit.CUSTOMER)).total)[0] == 0
    assert counts((await funnel(world, asked=second_day)).total)[0] == 1


async def test_a_customer_is_open_while_a_case_is_and_won_if_one_was(world: World) -> None:
    await lead(world, 0, force("won", 5), by="north", customer=customer(1))
    await lead(world, 1, lose(5), customer=customer(1))
    paid = (await funnel(world, unit=FunnelUnit.CUSTOMER)).total.steps[4]
    assert [paid.count(name) for name in ("missed", "lost", "open")] == [1, 0, 0]
    await lead(world, 2, customer=customer(1))
    paid = (await funnel(world, unit=FunnelUnit.CUSTOMER)).total.steps[4]
    assert [paid.count(name) for name in ("missed", "lost", "open")] == [0, 0, 1]
