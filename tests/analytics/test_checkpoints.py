"""Figures of checkpoints, rule by rule. The clock of `response` allows 15 business minutes; offices open at 06:00 UTC."""

from datetime import timedelta
from typing import Any

import pytest

from bpm_crm.analytics.checkpoints import CheckpointFigures, CheckpointReport, read_checkpoints
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.operations.commands import Tick
from tests.analytics.leads import (
    assign,
    call,
    database_now,
    exclude,
    fire,
    force,
    hour,
    lead,
    lose,
    question,
    up_to,
)
from tests.world import World


async def checkpoints(world: World, asked: Question | None = None, **options: Any) -> CheckpointReport:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request", **options)
        return await read_checkpoints(connection, frame, asked or question(world))


async def responded(world: World, asked: Question | None = None, **options: Any) -> CheckpointFigures:
    report = await checkpoints(world, asked, **options)
    return next(figures for figures in report.figures if figures.checkpoint == "responded")


def verdicts(figures: CheckpointFigures) -> tuple[int, int, int, int, int]:
    found = figures.attainment
    return found.met, found.breached, found.overdue, found.not_yet_due, found.cancelled


MET, BREACHED, OVERDUE, NOT_YET_DUE, CANCELLED = range(5)


async def test_every_checkpoint_of_the_process_has_a_row_funnel_steps_first(world: World) -> None:
    report = await checkpoints(world)
    steps = ["lead", "interested", "offer", "contract", "paid", "delivered"]
    assert [figures.checkpoint for figures in report.figures] == [*steps, "invoiced", "responded", "spoken"]
    assert {(item.started, item.reached, item.rate, item.seconds, item.expected) for item in report.figures} == {
        (0, 0, None, None, (None, None))
    }


async def test_cases_begun_in_the_period_are_counted_with_their_touches(world: World) -> None:
    await lead(world, 8, call(9), call(10))
    await lead(world, 8)
    await lead(world, 200, call(201))
    figures = await responded(world, question(world, until=hour(200)))
    assert (figures.started, figures.reached, figures.actions, figures.rate) == (2, 1, 2, pytest.approx(0.5))
    assert (figures.mean, figures.seconds) == (3_600, [3_600, 3_600])


async def test_those_who_wait_are_censored_not_forgotten(world: World) -> None:
    for hours in (1, 2, 3):
        await lead(world, 8, call(8 + hours))
    await lead(world, 8, lose(10.5))
    await lead(world, 8)
    figures = await responded(world)
    assert figures.seconds == pytest.approx([2 * 3_600, 2.8 * 3_600])
    assert figures.expected == (3 * 3_600, None)


async def test_a_case_that_ended_unanswered_counts_as_long_as_it_was_open(world: World) -> None:
    await lead(world, 8, lose(9))
    await lead(world, 8, call(10))
    figures = await responded(world)
    assert figures.expected == (2 * 3_600, 2 * 3_600)
    assert figures.rate == pytest.approx(0.5)


async def test_a_clock_is_met_or_breached_by_when_things_happened(world: World) -> None:
    await lead(world, 8, call(8.25))
    await lead(world, 8, call(8.26))
    await lead(world, 8)
    assert verdicts(await responded(world)) == (1, 2, 1, 0, 0)
    assert (await responded(world)).attainment.rate == pytest.approx(1 / 3)


async def test_an_overdue_clock_is_breached_before_anybody_notices_and_after(world: World) -> None:
    case = await lead(world, 8)
    known = await database_now(world)
    at_due = await responded(world, as_of=hour(8.25), known_at=known)
    assert verdicts(at_due) == (0, 0, 0, 1, 0)
    late = await responded(world, as_of=hour(8.25) + timedelta(seconds=1), known_at=known)
    assert verdicts(late) == (0, 1, 1, 0, 0)
    await world.done(case, Tick())
    assert verdicts(await responded(world)) == (0, 1, 1, 0, 0)
    assert verdicts(await responded(world, as_of=hour(8.2), known_at=await database_now(world))) == (0, 0, 0, 1, 0)


async def test_a_response_recorded_late_withdraws_the_breach(world: World) -> None:
    case = await lead(world, 8)
    await world.done(case, Tick())
    noticed = await database_now(world)
    await world.done(case, call(8.2))
    assert verdicts(await responded(world)) == (1, 0, 0, 0, 0)
    assert verdicts(await responded(world, as_of=noticed)) == (0, 1, 1, 0, 0)
    assert verdicts(await responded(world, as_of=hour(8.1), known_at=await database_now(world))) == (0, 0, 0, 1, 0)


async def test_cycles_count_in_the_period_they_are_due_in_whenever_their_case_began(world: World) -> None:
    await lead(world, 14.9, call(15))
    figures = await responded(world, question(world, since=hour(24)))
    assert (figures.started, verdicts(figures)) == (0, (1, 0, 0, 0, 0))
    first_day = await responded(world, question(world, until=hour(24)))
    assert (first_day.started, verdicts(first_day)) == (1, (0, 0, 0, 0, 0))


async def test_a_clock_cancelled_with_its_case_has_no_verdict(world: World) -> None:
    await lead(world, 8, lose(8.1))
    figures = await responded(world)
    assert (verdicts(figures), figures.attainment.rate) == ((0, 0, 0, 0, 1), None)


async def test_a_paused_clock_is_not_yet_due(world: World) -> None:
    await lead(world, 8, *up_to(2, begins=8), fire("postpone", 11))
    report = await checkpoints(world)
    offer = next(figures for figures in report.figures if figures.checkpoint == "offer")
    assert verdicts(offer) == (0, 0, 0, 1, 0)


async def test_excluded_cases_count_nowhere(world: World) -> None:
    await lead(world, 8, call(8.1), exclude("test"))
    figures = await responded(world)
    assert (figures.started, verdicts(figures)) == (0, (0, 0, 0, 0, 0))


async def test_a_segment_is_of_who_had_the_case_when_it_was_reached_or_has_it_now(world: World) -> None:
    await lead(world, 8, assign(world, "ann", 8), call(8.1), assign(world, "bob", 9))
    await lead(world, 8, assign(world, "ann", 8), assign(world, "bob", 9))
    ann, bob = (str(world.founded.users[f"{name}@example.org"]) for name in ("ann", "bob"))
    report = await checkpoints(world, question(world, by=[Dimension.OWNER]))
    found = {item.segment: item for item in report.figures if item.checkpoint == "responded"}
    assert {segment: (item.started, item.reached) for segment, item in found.items()} == {
        (None,): (0, 0),
        (ann,): (1, 1),
        (bob,): (1, 0),
    }
    assert verdicts(found[ann,]) == (1, 0, 0, 0, 0)
    assert verdicts(found[bob,]) == (0, 1, 1, 0, 0)


async def test_a_checkpoint_touched_twice_counts_at_its_first_time(world: World) -> None:
    await lead(world, 8, *up_to(3, begins=8), fire("revise_offer", 40), force("interest", 50), by="north")
    report = await checkpoints(world)
    offer = next(figures for figures in report.figures if figures.checkpoint == "offer")
    assert (offer.reached, offer.actions, offer.seconds) == (1, 2, [3 * 3_600, 3 * 3_600])


async def test_business_time_leaves_out_the_nights_where_a_move_brought_the_case(world: World) -> None:
    await lead(world, 8, call(9), fire("contact", 10), fire("qualify", 32))
    report = await checkpoints(world)
    found = {figures.checkpoint: figures for figures in report.figures}
    # Monday 11:00 in Moscow until Tuesday 11:00: seven hours, and two.
    assert (found["interested"].seconds, found["interested"].worked) == ([24 * 3_600] * 2, [9 * 3_600] * 2)
    assert (found["lead"].worked, found["spoken"].worked) == ([0, 0], [2 * 3_600] * 2)
    assert (found["responded"].seconds, found["responded"].worked) == ([3_600, 3_600], None)


async def test_clocks_tell_the_business_time_they_took_and_overdue_ones_are_censored_at_their_target(
    world: World,
) -> None:
    await lead(world, 8, call(8.1))
    await lead(world, 14.9, call(30.1))
    assert (await responded(world)).attainment.worked == (pytest.approx(360), pytest.approx(720))
    await lead(world, 8)
    found = (await responded(world)).attainment
    assert (found.met, found.breached, found.overdue) == (2, 1, 1)
    assert found.worked == (pytest.approx(720), None)
