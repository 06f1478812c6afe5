"""SLA clocks by example (`semantics.md` §3 and §4): targets, verdicts by event time, pauses, warnings, cycles, segments."""

import pytest

from bpm_crm.engine.clock import Clock, ClockState
from bpm_crm.engine.clock_segments import segments_of
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.step import Activity, assign
from tests.engine.build import (
    HOUR,
    acted,
    at,
    begun,
    clock_events,
    minutes,
    moved,
    process_of,
    small,
    ticked,
    wall,
    with_clock,
)

TWO_HOURS = "start: {started: true}\nstop: {activity: response}\ntarget: PT2H\n"
A_DAY = "start: {started: true}\nstop: {activity: response}\ntarget: 1 business day\npause: customer\n"
PATIENT = TWO_HOURS + 'pause: customer\nwarnings: ["50%", PT30M]\nescalate: [{to: owner}, {after: PT1H, to: manager}]\n'
STAGE = "start: {entering: work}\nstop: {leaving: work}\ntarget: PT2H\n"


def clock_of(state: InstanceState) -> Clock:
    return state.clocks["task"]


def due(state: InstanceState) -> str | None:
    return wall(clock_of(state).due_at)


def resting(process: Process) -> InstanceState:
    """A case that began at 09:00 on a Monday and waits for the customer since 10:00."""
    return moved(process, moved(process, begun(process), "begin", "2026-11-16 09:00"), "wait", "2026-11-16 10:00")


def life(process: Process, state: InstanceState, until: str) -> list[tuple[str, int]]:
    """The segments of the clock: kind and minutes."""
    segments = segments_of(process.rules["task"], clock_of(state), at(until))
    return [(segment.kind.value, minutes(segment.ends - segment.begins)) for segment in segments]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-11-14 12:00", "2026-11-17 09:00"),
        ("2026-11-15 23:59", "2026-11-17 09:00"),
        ("2026-11-13 18:00", "2026-11-17 09:00"),
        ("2026-11-13 17:59", "2026-11-16 17:59"),
        ("2026-11-16 08:00", "2026-11-17 09:00"),
        ("2026-11-16 09:00", "2026-11-17 09:00"),
        ("2026-11-16 13:37", "2026-11-17 13:37"),
    ],
)
def test_a_target_in_business_days_is_the_instant_that_the_calendar_gives(start: str, expected: str) -> None:
    process = small(A_DAY)
    state = begun(process, start)

    assert due(state) == expected
    assert clock_of(state).due_at == process.calendar.add_days(at(start), 1)
    assert clock_of(state).next_at == clock_of(state).due_at
    assert clock_events(ticked(process, state, clock_of(state).due_at + 1)) == [("breached", expected)]


@pytest.mark.parametrize(("after", "verdict"), [(0, ClockState.MET), (1, ClockState.BREACHED)])
def test_a_stop_at_the_due_instant_of_business_days_meets_it_and_a_later_one_does_not(
    after: int, verdict: ClockState
) -> None:
    process = small(A_DAY)
    state = begun(process, "2026-11-14 12:00")

    assert clock_of(acted(process, state, clock_of(state).due_at + after).state).state is verdict


def test_a_pause_moves_a_target_in_business_days_by_the_time_paused() -> None:
    process = small(A_DAY)
    state = moved(process, begun(process, "2026-11-14 12:00"), "begin", "2026-11-16 09:00")
    waiting = moved(process, state, "wait", "2026-11-16 10:00")

    assert due(moved(process, waiting, "resume", "2026-11-16 11:30")) == "2026-11-17 10:30"
    assert due(moved(process, waiting, "resume", "2026-11-16 10:00")) == "2026-11-17 09:00"


def test_a_target_of_working_time_that_ends_at_closing_is_due_at_closing() -> None:
    assert due(begun(small(TWO_HOURS), "2026-11-16 16:00")) == "2026-11-16 18:00"
    assert due(begun(small(TWO_HOURS), "2026-11-16 16:01")) == "2026-11-17 09:01"


def test_a_stop_recorded_late_is_judged_by_when_it_happened_and_withdraws_the_breach() -> None:
    process = small(TWO_HOURS)
    swept = ticked(process, begun(process), "2026-11-16 11:01")
    assert clock_events(swept) == [("breached", "2026-11-16 11:00")]
    assert swept is not None

    step = acted(process, swept.state, "2026-11-16 10:59")

    assert clock_events(step) == [("withdrawn breached", "2026-11-16 10:59"), ("stopped", "2026-11-16 10:59")]
    assert clock_of(step.state).state is ClockState.MET
    assert clock_of(step.state).breached_at is None


def test_breached_stays_breached_whatever_follows() -> None:
    process = small(TWO_HOURS + "pause: customer\ncancel: {entering: won}\n")
    state = moved(process, begun(process), "begin", "2026-11-16 11:30")
    waiting = moved(process, state, "wait", "2026-11-16 12:00")
    resumed = moved(process, waiting, "resume", "2026-11-17 12:00")

    for later in (state, waiting, resumed, moved(process, resumed, "win", "2026-11-17 13:00")):
        assert clock_of(later).state is ClockState.BREACHED
        assert wall(clock_of(later).breached_at) == "2026-11-16 11:00"


@pytest.mark.parametrize(
    ("activity", "stops"),
    [
        (Activity("call", "outbound"), True),
        (Activity("email", "outbound"), True),
        (Activity("email", "outbound", automated=True), False),
        (Activity("email", "inbound"), False),
        (Activity("note", "internal"), False),
        (Activity("task", "internal"), False),
    ],
)
def test_a_response_is_the_first_outbound_contact_by_a_human(activity: Activity, stops: bool) -> None:
    process = small(TWO_HOURS)
    step = acted(process, begun(process), "2026-11-16 09:30", activity)

    assert clock_of(step.state).is_open is not stops


def test_a_new_owner_neither_stops_nor_restarts_a_clock() -> None:
    process = small(TWO_HOURS)
    state = begun(process)

    assert clock_of(assign(process, state, "bob", "south", at("2026-11-16 10:00")).state) == clock_of(state)


def test_pauses_count_in_business_time_only() -> None:
    process = small(PATIENT)
    overnight = moved(process, resting(process), "resume", "2026-11-17 10:00")
    at_night = moved(process, resting(process), "resume", "2026-11-16 20:00")

    assert due(overnight) == "2026-11-17 11:00"
    assert due(at_night) == "2026-11-17 10:00"


def test_overlapping_reasons_of_a_pause_unite() -> None:
    more = "  papers: {title: {en: P, ru: П}, from: {activity: note}, until: {activity: meeting}}\n"
    text = with_clock(TWO_HOURS + "pause: [customer, papers]\n").replace("reasons:", more + "reasons:")
    process = process_of(text)
    state = moved(process, begun(process), "begin", "2026-11-16 09:00")
    state = acted(process, state, "2026-11-16 09:30", Activity("note")).state
    state = moved(process, state, "wait", "2026-11-16 10:00")
    assert clock_of(state).standing_for == ("customer", "papers")
    state = acted(process, state, "2026-11-16 10:30", Activity("meeting")).state
    assert clock_of(state).standing_for == ("customer",)
    state = moved(process, state, "resume", "2026-11-16 11:00")

    assert due(state) == "2026-11-16 12:30"
    assert life(process, state, "2026-11-16 12:00") == [("running", 30), ("paused", 30), ("paused", 30), ("paused", 30), ("running", 60)]  # fmt: skip


def test_warnings_and_escalations_happen_once_and_in_order() -> None:
    process = small(PATIENT)
    state = begun(process)
    step = ticked(process, state, "2026-11-16 13:00")

    assert clock_events(step) == [
        ("warned 1", "2026-11-16 10:00"),
        ("warned 2", "2026-11-16 10:30"),
        ("breached", "2026-11-16 11:00"),
        ("escalated 1", "2026-11-16 11:00"),
        ("escalated 2", "2026-11-16 12:00"),
    ]
    assert step is not None
    assert ticked(process, step.state, "2026-11-20 13:00") is None
    assert step.state.next_due_at is None


def test_nothing_happens_at_the_instant_itself_since_a_stop_then_still_meets_it() -> None:
    process = small(PATIENT)

    assert ticked(process, begun(process), "2026-11-16 10:00") is None
    assert ticked(process, begun(process), at("2026-11-16 10:00") + 1) is not None


def test_warnings_are_planned_again_after_a_pause() -> None:
    process = small(PATIENT)
    state = moved(process, begun(process), "begin", "2026-11-16 09:00")
    waiting = moved(process, state, "wait", "2026-11-16 09:45")
    assert ticked(process, waiting, "2026-11-16 14:59") is None
    resumed = moved(process, waiting, "resume", "2026-11-16 15:00")

    assert clock_events(ticked(process, resumed, "2026-11-16 16:16")) == [
        ("warned 1", "2026-11-16 15:15"),
        ("warned 2", "2026-11-16 15:45"),
        ("breached", "2026-11-16 16:15"),
        ("escalated 1", "2026-11-16 16:15"),
    ]


def test_a_warning_that_falls_when_a_pause_begins_stands() -> None:
    process = small(PATIENT)

    assert clock_events(ticked(process, resting(process), "2026-11-16 14:00")) == [("warned 1", "2026-11-16 10:00")]


def test_warnings_are_cancelled_with_the_clock() -> None:
    process = small(PATIENT + "cancel: {entering: work}\n")
    state = moved(process, begun(process), "begin", "2026-11-16 09:30")

    assert clock_of(state).state is ClockState.CANCELLED
    assert (clock_of(state).next_at, state.next_due_at) == (None, None)
    assert ticked(process, state, "2026-11-20 09:00") is None


def test_a_case_that_ends_leaves_no_clock_open() -> None:
    process = small(PATIENT)
    state = moved(process, begun(process), "lose", "2026-11-16 09:30", reason="price")

    assert clock_of(state).state is ClockState.CANCELLED


def test_the_next_due_instant_is_the_earliest_of_the_open_clocks() -> None:
    other = "  more:\n    title: {en: More, ru: Ещё}\n    start: {started: true}\n    stop: {ended: true}\n    target: PT1H\n"
    process = process_of(with_clock(TWO_HOURS) + other)
    state = begun(process)
    assert wall(state.next_due_at) == "2026-11-16 10:00"

    later = ticked(process, state, "2026-11-16 10:30")

    assert later is not None
    assert wall(later.state.next_due_at) == "2026-11-16 11:00"
    assert wall(later.state.overdue_since) == "2026-11-16 10:00"
    assert clock_of(later.state).state is ClockState.RUNNING


def test_a_stage_entered_again_starts_a_new_cycle() -> None:
    process = small(STAGE + "reopen: new_cycle\n")
    state = moved(process, begun(process), "begin", "2026-11-16 09:00")
    back = moved(process, moved(process, state, "wait", "2026-11-16 10:00"), "resume", "2026-11-16 14:00")

    assert (clock_of(back).cycle, due(back)) == (2, "2026-11-16 16:00")


def test_a_clock_that_is_resumed_keeps_the_time_used_and_its_time_closed_is_no_pause() -> None:
    process = small(STAGE + "reopen: resume\n")
    state = moved(process, begun(process), "begin", "2026-11-16 09:00")
    closed = moved(process, state, "wait", "2026-11-16 10:00")
    assert clock_of(closed).state is ClockState.MET
    back = moved(process, closed, "resume", "2026-11-16 14:00")

    assert (clock_of(back).cycle, due(back)) == (1, "2026-11-16 15:00")
    assert life(process, back, "2026-11-16 15:00") == [("running", 60), ("stopped", 240), ("running", 60)]


def test_the_segments_of_a_clock_add_up_to_its_life() -> None:
    process = small(PATIENT.replace("PT2H", "PT12H"))
    state = moved(process, resting(process), "resume", "2026-11-16 17:00")
    segments = segments_of(process.rules["task"], clock_of(state), at("2026-11-17 11:00"))

    assert life(process, state, "2026-11-17 11:00") == [
        ("running", 60),
        ("paused", 420),
        ("running", 60),
        ("closed_hours", 900),
        ("running", 120),
    ]
    assert sum(segment.ends - segment.begins for segment in segments) == at("2026-11-17 11:00") - at("2026-11-16 09:00")
    assert process.rules["task"].consumed(clock_of(state), at("2026-11-17 11:00")) == 4 * HOUR


def test_a_clock_round_the_clock_does_not_know_closed_hours() -> None:
    process = small(TWO_HOURS.replace("PT2H", "PT24H") + "calendar: always\n")
    state = begun(process, "2026-11-14 12:00")

    assert due(state) == "2026-11-15 12:00"
    assert life(process, state, "2026-11-15 12:00") == [("running", 1440)]


def test_a_target_may_differ_by_the_stage_in_which_the_clock_starts() -> None:
    process = small(STAGE.replace("work}\nstop", '"*"}\nstop').replace("leaving: work", 'leaving: "*"').replace("PT2H", "{work: PT1H}"))  # fmt: skip
    state = begun(process)
    assert state.clocks == {}

    assert due(moved(process, state, "begin", "2026-11-16 09:00")) == "2026-11-16 10:00"
