"""Stage times, rule by rule. Offices are open from 06:00 to 15:00 UTC, from Monday to Friday."""

from dataclasses import replace
from typing import Any

import pytest

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.members import Wanted
from bpm_crm.analytics.stage_clocks import stage_clocks, stage_targets
from bpm_crm.analytics.stage_pace import Change, Pace, against_history, against_target, change
from bpm_crm.analytics.stage_times import StageTimeFigures, StageTimes, read_stage_times
from bpm_crm.analytics.stays import Quantile, Stay
from bpm_crm.engine.process import Process
from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Record
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import assign, database_now, exclude, fire, force, hour, lead, lose, question, up_to
from tests.analytics.migrated import migrate, renamed, take_back
from tests.excel.test_migrations import published
from tests.world import World

HOUR = 3_600


async def times(world: World, asked: Question | None = None, **options: Any) -> StageTimeFigures:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request", **options)
        keys = [(version.definition_id, version.number) for version in frame.versions]
        processes = {key: await world.writer.processes.get(connection, world.tenant_id, *key) for key in keys}
        return await read_stage_times(connection, frame, asked or question(world), processes)


async def stage(world: World, key: str, asked: Question | None = None, **options: Any) -> StageTimes:
    options = {"known_at": await database_now(world), **options} if "as_of" in options else options
    return next(item for item in (await times(world, asked, **options)).times if item.stage == key)


def medians(found: StageTimes, visit: str) -> list[float | None]:
    return [found.stays[visit, unit].median.seconds for unit in ("calendar", "business", "active")]


async def test_a_visit_takes_calendar_business_and_active_time(world: World) -> None:
    await lead(world, 6, fire("contact", 8), fire("qualify", 32))
    assert medians(await stage(world, "new"), "first") == [2 * HOUR] * 3
    # From Monday 08:00 until Tuesday 08:00: seven hours and two.
    assert medians(await stage(world, "qualification"), "first") == [24 * HOUR, 9 * HOUR, 9 * HOUR]


async def test_a_migration_that_was_taken_back_is_no_visit(world: World) -> None:
    case = await lead(world, 0, fire("fail_to_reach", 6))
    await published(world, renamed())
    sequence = await migrate(world, case)
    assert (await stage(world, "unreached", Question(world.tenant_id))).count("open") == 1
    await take_back(world, case, sequence)
    assert [item.stage for item in (await times(world, Question(world.tenant_id))).times] == ["new", "no_answer"]
    found = await stage(world, "no_answer")
    assert [found.count(number) for number in ("entered", "open", "reworked")] == [1, 1, 0]
    await world.done(case, fire("contact", 8))
    found = await stage(world, "no_answer")
    assert found.count("reworked") == 0
    assert medians(found, "first") == medians(found, "cumulative") == [2 * HOUR] * 3


async def test_an_open_visit_is_seen_as_far_as_it_lasted_in_every_kind_of_time(world: World) -> None:
    for end in (8, 10, 30):
        await lead(world, 6, fire("contact", end))
    await lead(world, 6)
    found = await stage(world, "new", as_of=hour(34))
    stay = found.stays["first", "business"]
    # Of four, ended after 2, 4 and 9 hours; the last is seen for 9 and 4 hours of Monday and Tuesday.
    assert (stay.cases, stay.open, stay.mean) == (4, 1, 5 * HOUR)
    assert (stay.median.seconds, stay.p90.seconds) == (4 * HOUR, None)
    early = await stage(world, "new", as_of=hour(9))
    assert (early.stays["first", "calendar"].open, early.stays["first", "calendar"].median.seconds) == (3, None)
    assert (early.count("entered"), early.count("open")) == (4, 3)


async def test_a_case_censored_before_the_others_end_changes_the_median(world: World) -> None:
    await lead(world, 6, fire("contact", 7))
    await lead(world, 8)
    await lead(world, 6, fire("contact", 10))
    # One of three ends after an hour, one was seen for two and a half, the last ends after four.
    assert (await stage(world, "new", as_of=hour(10.5))).stays["first", "calendar"].median.seconds == 4 * HOUR


async def test_first_latest_and_cumulative_differ_for_a_case_that_came_back(world: World) -> None:
    await lead(world, 6, fire("fail_to_reach", 7), force("new", 9), fire("contact", 12), by="north")
    found = await stage(world, "new")
    assert [medians(found, visit)[0] for visit in ("first", "latest", "cumulative")] == [HOUR, 3 * HOUR, 4 * HOUR]
    assert (found.count("entered"), found.count("reworked"), found.count("open")) == (1, 1, 0)
    between = await stage(world, "new", as_of=hour(10))
    assert [between.stays[visit, "calendar"].open for visit in ("first", "latest", "cumulative")] == [0, 1, 1]


async def test_a_pause_by_stage_leaves_no_active_time_ended_or_not(world: World) -> None:
    await lead(world, 6, *up_to(2, begins=6), fire("postpone", 9), fire("resume", 11))
    assert medians(await stage(world, "thinking"), "first") == [2 * HOUR, 2 * HOUR, 0]
    assert medians(await stage(world, "thinking", as_of=hour(11)), "first") == [2 * HOUR, 2 * HOUR, 0]
    open_ = await stage(world, "thinking", as_of=hour(10))
    assert (open_.stays["first", "active"].open, open_.stays["first", "active"].mean) == (1, None)


WITH_A_CONDITIONAL_PAUSE = """
pauses:
  on_hold:
    title: {en: On hold, ru: Отложено}
    begins: {activity: note}
    until: {activity: meeting}
"""


async def test_a_pause_by_condition_is_found_in_open_visits_by_replaying_them(world: World) -> None:
    async with world.owner.transaction(world.tenant_id) as connection:
        text = shipped_text("callback-request") + WITH_A_CONDITIONAL_PAUSE
        at = await connection.fetchval("SELECT now()")
        await publish(connection, world.tenant_id, text, changelog="pause", at=at, by=None)
    await world.refresh()
    note, meeting = (
        Record(Activity(kind, "internal"), occurred_at=hour(at)) for kind, at in (("note", 8), ("meeting", 11))
    )
    await lead(world, 6, note, meeting, fire("contact", 12), note_later := replace(note, occurred_at=hour(13)))
    assert note_later.occurred_at == hour(13)
    first = (await stage(world, "new")).stays["first", "active"]
    assert first.median.seconds == 3 * HOUR  # six hours less three
    for as_of, active in ((7, 1), (9, 2), (10.5, 2), (11.5, 2.5)):
        figures = await times(world, as_of=hour(as_of), known_at=await database_now(world))
        found = await seen_so_far(world, figures)
        assert found == pytest.approx({("new", "active"): active * HOUR})
    figures = await times(world, as_of=hour(14.5), known_at=await database_now(world))
    assert (await seen_so_far(world, figures))["qualification", "active"] == pytest.approx(HOUR)


async def seen_so_far(world: World, figures: StageTimeFigures) -> dict[tuple[str, str], float]:
    """The active seconds of open visits, which no figure shows as they are: they are censored."""
    async with world.database.reader(world.tenant_id) as connection:
        members = await figures.members.members(connection)
        found = members.statement("SELECT v.stage, v.active FROM visits AS v WHERE v.is_open")
        return {(row["stage"], "active"): row["active"] for row in await connection.fetch(found.text, *found.values)}


async def test_the_period_is_that_of_the_first_entry(world: World) -> None:
    await lead(world, 6, fire("contact", 30), force("new", 50), fire("contact", 53), by="north")
    second_day = question(world, since=hour(24), until=hour(48))
    assert [item.stage for item in (await times(world, second_day)).times] == ["qualification"]
    found = await stage(world, "new", question(world, until=hour(24)))
    assert found.stays["cumulative", "calendar"].median.seconds == 27 * HOUR


async def test_final_stages_are_no_places_to_stay_in_and_excluded_cases_no_cases(world: World) -> None:
    await lead(world, 6, lose(7), fire("reopen", 30), by="north")
    await lead(world, 6, exclude("test"))
    found = (await times(world)).times
    assert {item.stage: item.count("entered") for item in found} == {"new": 1, "interest": 1}


async def test_segments_are_by_owner_at_the_first_entry_and_add_up(world: World) -> None:
    await lead(
        world, 6, assign(world, "ann", 6), fire("contact", 8), assign(world, "bob", 9), fire("qualify", 10), by="north"
    )
    found = (await times(world, question(world, by=[Dimension.OWNER]))).times
    ann, bob = (str(world.founded.users[f"{name}@example.org"]) for name in ("ann", "bob"))
    assert {(item.stage, item.segment[0]) for item in found} == {
        ("new", None),
        ("qualification", ann),
        ("interest", bob),
    }


# Targets


async def test_the_target_of_a_stage_is_of_the_clock_made_for_it(world: World) -> None:
    figures = await times(world)
    version = figures.frame.versions[0]
    async with world.database.reader(world.tenant_id) as connection:
        key = (version.definition_id, version.number)
        definition = (await world.writer.processes.get(connection, world.tenant_id, *key)).definition
    clocks = stage_clocks(definition)
    assert (clocks["no_answer"], clocks["offer"], clocks["new"]) == ("retry", "stuck", "stuck")
    assert "lost" not in clocks
    targets = stage_targets(Process(definition))
    assert [str(targets[key]) for key in ("no_answer", "offer", "new")] == [
        "PT2H",
        "5 business days",
        "2 business days",
    ]
    assert "won" not in targets


async def test_first_visits_are_judged_once_their_target_has_passed(world: World) -> None:
    await lead(world, 6, fire("fail_to_reach", 7), fire("contact", 8))
    await lead(world, 6, fire("fail_to_reach", 7), fire("contact", 9.5))
    await lead(world, 6, fire("fail_to_reach", 7))
    soon = await stage(world, "no_answer", as_of=hour(8.5))
    assert {name: soon.count(name) for name in ("within", "late", "not_yet_due")} == {
        "within": 0,
        "late": 0,
        "not_yet_due": 3,
    }
    assert soon.late_share is None
    later = await stage(world, "no_answer", as_of=hour(9.2))
    assert {name: later.count(name) for name in ("within", "late", "not_yet_due")} == {
        "within": 1,
        "late": 2,
        "not_yet_due": 0,
    }
    assert later.late_share == pytest.approx(2 / 3)
    async with world.database.reader(world.tenant_id) as connection:
        figures = await times(world)
        (late,) = await figures.members.listed(connection, [Wanted("no_answer", ("late",), (), 5)])
    assert late.total == 2


def judged(late: int, within: int, **more: int) -> StageTimes:
    return StageTimes("offer", {}, 1, (), {"entered": late + within, "late": late, "within": within, **more}, {})


def test_a_stage_is_slow_when_surely_more_than_a_tenth_is_late() -> None:
    assert against_target(judged(40, 60)) is Pace.SLOW
    assert against_target(judged(10, 90)) is Pace.NOT_SLOW
    assert against_target(judged(14, 86)) is Pace.NOT_SLOW  # from 8.5 to 22 %: may be chance
    assert against_target(judged(19, 0)) is Pace.NOT_ENOUGH
    assert against_target(judged(0, 0, untargeted=0)) is None


# History


def test_a_change_has_the_interval_that_both_medians_give_it() -> None:
    assert change(Quantile(50, 44, 60), Quantile(40, 36, 48)) == Change(10, 0, pytest.approx(10 + 116**0.5))
    assert change(Quantile(50, 44, None), Quantile(40, 36, 48)) == Change(10, 0, None)
    assert change(Quantile(None), Quantile(40, 36, 48)) == Change(None, None, None)


def test_a_stage_is_slower_than_before_only_beyond_chance() -> None:
    def lasting(median: float, lower: float, upper: float | None, cases: int = 50) -> StageTimes:
        stay = Stay(cases, 0, median, Quantile(median, lower, upper))
        return StageTimes("offer", {}, 1, (), {"entered": cases}, {("first", "business"): stay})

    before = lasting(100, 90, 110)
    assert against_history(lasting(200, 180, 220), before)[1] is Pace.SLOW
    assert against_history(lasting(105, 90, 120), before)[1] is Pace.NOT_SLOW
    assert against_history(lasting(50, 45, 55), before)[1] is Pace.NOT_SLOW
    assert against_history(lasting(200, 180, 220, cases=5), before)[1] is Pace.NOT_ENOUGH
    assert against_history(lasting(200, 180, 220), None)[1] is Pace.NOT_ENOUGH
