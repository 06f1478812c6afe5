"""The life of a clock told as segments that add up to it: running, closed hours, paused and why, stopped, carried."""

from collections.abc import Iterator

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.clock import Clock, Segment, SegmentKind
from bpm_crm.engine.clock_rule import ClockRule


def segments_of(rule: ClockRule, clock: Clock, until: int) -> list[Segment]:
    """The life of a clock of this rule up to `until` (or its end): running, closed hours, paused and why, stopped."""
    end = until if clock.closed_at is None else min(until, clock.closed_at)
    found: list[Segment] = []
    cursor = clock.started_at
    carry = clock.carry
    if carry is not None and rule.ran(clock, min(carry.at, end), None) != min(carry.used, rule.consumed(clock, end)):
        cursor = min(carry.at, end)
        found.append(Segment(SegmentKind.CARRIED, clock.started_at, cursor))
    for gap in clock.gaps:
        if gap.begins >= end:
            break
        begins, ends = max(gap.begins, cursor), end if gap.ends is None else min(gap.ends, end)
        if ends <= cursor:
            continue
        found.extend(_running(rule.calendar, cursor, begins))
        kind = SegmentKind.PAUSED if gap.reasons else SegmentKind.STOPPED
        found.append(Segment(kind, begins, ends, gap.reasons))
        cursor = ends
    found.extend(_running(rule.calendar, cursor, end))
    return [segment for segment in found if segment.begins < segment.ends]


def _running(calendar: BusinessCalendar, begins: int, ends: int) -> Iterator[Segment]:
    """A stretch in which nothing stopped the clock, open hours and closed ones apart; empty ones among them."""
    cursor = begins
    for opens, closes in calendar.open_spans(begins, ends):
        yield Segment(SegmentKind.CLOSED_HOURS, cursor, opens)
        yield Segment(SegmentKind.RUNNING, opens, closes)
        cursor = closes
    yield Segment(SegmentKind.CLOSED_HOURS, cursor, ends)
