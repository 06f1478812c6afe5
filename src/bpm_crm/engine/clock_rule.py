"""What a clock of one policy goes through: start, warnings, breach, escalation, pause, stop, by event time (`semantics.md` §4).

A verdict is about when things happened, never about when they were noticed: `advance` passes thresholds before an instant,
and a change recorded late withdraws those that were passed too soon. Instants and spans are integers, microseconds.
"""

from collections.abc import Iterator
from dataclasses import replace

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.clock import Clock, ClockEvent, ClockEventKind, Gap, Segment, SegmentKind, Threshold
from bpm_crm.engine.definition import Reopening, SlaPolicy
from bpm_crm.engine.duration import BusinessDays

Change = tuple[Clock, list[ClockEvent]]


class ClockRule:
    """A policy with the calendar it counts in: every change a clock of this policy can go through."""

    def __init__(self, policy: SlaPolicy, calendar: BusinessCalendar) -> None:
        self.policy = policy
        self.calendar = calendar

    def thresholds(self, budget: int) -> list[Threshold]:
        """Warnings, breach and escalations of a clock of this budget, in the order in which they fall."""
        steps = [
            Threshold(warning.threshold(budget), ClockEventKind.WARNED, step, None)
            for step, warning in enumerate(self.policy.warnings, 1)
        ]
        steps.append(Threshold(budget, ClockEventKind.BREACHED, 0, None))
        steps.extend(
            Threshold(budget + escalation.after, ClockEventKind.ESCALATED, step, escalation.to)
            for step, escalation in enumerate(self.policy.escalations, 1)
        )
        return sorted(steps, key=lambda threshold: threshold.consumed)

    def consumed(self, clock: Clock, at: int) -> int:
        """Business time the clock has run by `at` (or by its end, if that came first)."""
        until = at if clock.closed_at is None else min(at, clock.closed_at)
        return sum(self.calendar.between(begins, ends) for begins, ends in clock.runs(until) if ends is not None)

    def instant(self, clock: Clock, consumed: int) -> int | None:
        """The instant at which the clock has consumed this much; None while it stands still before that."""
        left = consumed
        for begins, ends in clock.runs(None):
            if ends is None:
                return self.calendar.add(begins, left)
            run = self.calendar.between(begins, ends)
            if left <= run:
                return self.calendar.add(begins, left)
            left -= run
        return None

    def start(self, *, at: int, stage: str, cycle: int, reasons: tuple[str, ...]) -> Change:
        """A new cycle that starts at `at` in `stage`, standing still from the first moment if `reasons` hold."""
        target = self.policy.target(stage)
        if target is None:
            raise LookupError(f"policy {self.policy.key} has no target in stage {stage}")
        if isinstance(target, BusinessDays):
            due_at = self.calendar.add_days(at, target.days)
            budget = self.calendar.between(at, due_at)
        else:
            budget = target.microseconds
            due_at = self.calendar.add(at, budget)
        clock = Clock(self.policy.key, cycle, at, budget, due_at)
        if reasons:
            clock = replace(clock, gaps=(Gap(at, None, reasons),))
        clock = self._planned(clock)
        return clock, [ClockEvent(ClockEventKind.STARTED, at, clock, reasons=reasons)]

    def advance(self, clock: Clock, until: int) -> Change:
        """Pass every threshold that falls strictly before `until`; a second call passes none of them again."""
        if clock.next_at is None or clock.next_at >= until:
            return clock, []
        events: list[ClockEvent] = []
        thresholds = self.thresholds(clock.budget)
        while clock.next_at is not None and clock.next_at < until:
            threshold, at = thresholds[clock.fired], clock.next_at
            breached_at = at if threshold.kind is ClockEventKind.BREACHED else clock.breached_at
            clock = self._planned(replace(clock, fired=clock.fired + 1, breached_at=breached_at))
            events.append(ClockEvent(threshold.kind, at, clock, step=threshold.step, to=threshold.to))
        return clock, events

    def stop(self, clock: Clock, at: int) -> Change:
        """Close the clock at `at`: met if that is not after its due instant, else breached."""
        return self._close(clock, at, ClockEventKind.STOPPED)

    def cancel(self, clock: Clock, at: int) -> Change:
        """Close the clock without a verdict; one that is already breached at `at` stays breached."""
        settled, events = self._settled(clock, at)
        if settled.breached_at is not None:
            closed, more = self.stop(settled, at)
            return closed, [*events, *more]
        return self._close(clock, at, ClockEventKind.CANCELLED)

    def amend(self, clock: Clock, at: int) -> Change:
        """Correct a closed clock when a stop that happened before its end is recorded later."""
        reopened = self._planned(replace(clock, closed_at=None, cancelled=False))
        return self._close(reopened, at, ClockEventKind.AMENDED)

    def hold(self, clock: Clock, at: int, reasons: tuple[str, ...]) -> Change:
        """Make exactly `reasons` hold from `at`: pause, change of reasons, or resume. Overlapping reasons unite.

        A change recorded late never rewrites an earlier one: it counts from the last recorded boundary.
        """
        if clock.standing_for == reasons:
            return clock, []
        at = max(at, clock.last_boundary)
        clock, events = self._settled(clock, at)
        gaps = _gaps_until(clock.gaps, at)
        if reasons:
            gaps = (*gaps, Gap(at, None, reasons))
        clock = self._planned(replace(clock, gaps=gaps))
        kind = ClockEventKind.PAUSED if reasons else ClockEventKind.RESUMED
        return clock, [*events, ClockEvent(kind, at, clock, reasons=reasons)]

    def reopen(self, clock: Clock, *, at: int, stage: str, reasons: tuple[str, ...]) -> Change:
        """Start again after a closed cycle: the next cycle, or the old one resumed, as the policy says."""
        if self.policy.reopening is Reopening.NEW_CYCLE or clock.closed_at is None:
            return self.start(at=at, stage=stage, cycle=clock.cycle + 1, reasons=reasons)
        gaps = (*clock.gaps, Gap(clock.closed_at, at, ()))
        if reasons:
            gaps = (*gaps, Gap(at, None, reasons))
        clock = self._planned(replace(clock, closed_at=None, cancelled=False, gaps=gaps))
        return clock, [ClockEvent(ClockEventKind.RESUMED, at, clock, reasons=reasons)]

    def segments(self, clock: Clock, until: int) -> list[Segment]:
        """The life of the clock up to `until` (or its end): running, closed hours, paused and why, stopped."""
        end = until if clock.closed_at is None else min(until, clock.closed_at)
        found: list[Segment] = []
        cursor = clock.started_at
        for gap in clock.gaps:
            if gap.begins >= end:
                break
            found.extend(self._run_segments(cursor, gap.begins))
            ends = end if gap.ends is None else min(gap.ends, end)
            kind = SegmentKind.PAUSED if gap.reasons else SegmentKind.STOPPED
            found.append(Segment(kind, gap.begins, ends, gap.reasons))
            cursor = ends
        found.extend(self._run_segments(cursor, end))
        return [segment for segment in found if segment.begins < segment.ends]

    def _run_segments(self, begins: int, ends: int) -> Iterator[Segment]:
        cursor = begins
        for opens, closes in self.calendar.open_spans(begins, ends):
            yield Segment(SegmentKind.CLOSED_HOURS, cursor, opens)
            yield Segment(SegmentKind.RUNNING, opens, closes)
            cursor = closes
        yield Segment(SegmentKind.CLOSED_HOURS, cursor, max(cursor, ends))

    def _close(self, clock: Clock, at: int, kind: ClockEventKind) -> Change:
        at = max(at, clock.started_at)
        clock, events = self._settled(clock, at)
        clock = replace(
            clock,
            gaps=_gaps_until(clock.gaps, at),
            closed_at=at,
            next_at=None,
            cancelled=kind is ClockEventKind.CANCELLED,
        )
        return clock, [*events, ClockEvent(kind, at, clock, elapsed=self.consumed(clock, at))]

    def _settled(self, clock: Clock, at: int) -> Change:
        """Bring the thresholds to what was true at `at`: pass the earlier ones, withdraw those passed too soon."""
        clock, events = self.advance(clock, at)
        thresholds = self.thresholds(clock.budget)
        while clock.fired:
            threshold = thresholds[clock.fired - 1]
            fell_at = self.instant(clock, threshold.consumed)
            if fell_at is not None and fell_at < at:
                break
            breached_at = None if threshold.kind is ClockEventKind.BREACHED else clock.breached_at
            clock = replace(clock, fired=clock.fired - 1, breached_at=breached_at)
            events.append(
                ClockEvent(ClockEventKind.WITHDRAWN, at, clock, threshold.step, threshold.to, withdrawn=threshold.kind)
            )
        return clock, events

    def _planned(self, clock: Clock) -> Clock:
        """The clock with its due and next instants recomputed."""
        thresholds = self.thresholds(clock.budget)
        due_at = self.instant(clock, clock.budget)
        more = clock.fired < len(thresholds)
        next_at = self.instant(clock, thresholds[clock.fired].consumed) if more else None
        return replace(clock, due_at=clock.due_at if due_at is None else due_at, next_at=next_at)


def _gaps_until(gaps: tuple[Gap, ...], at: int) -> tuple[Gap, ...]:
    """The gaps as they stood at `at`: later ones dropped, one that spans `at` ended there."""
    kept = (gap for gap in gaps if gap.begins < at)
    return tuple(gap if gap.ends is not None and gap.ends <= at else replace(gap, ends=at) for gap in kept)
