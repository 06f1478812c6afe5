"""What a clock of one policy goes through: start, warnings, breach, escalation, pause, stop, by event time (`semantics.md` §4).

A verdict is about when things happened, never about when they were noticed: `advance` passes thresholds before an instant,
and a change recorded late withdraws those that were passed too soon. Instants and spans are integers, microseconds.
"""

from functools import lru_cache

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.clock import Carry, Clock, ClockEvent, ClockEventKind, Gap, Segment, SegmentKind, Threshold
from bpm_crm.engine.definition import Reopening, SlaPolicy
from bpm_crm.engine.duration import BusinessDays

MOST_BUDGETS_KEPT = 256
MOST_STARTS_KEPT = 64

Change = tuple[Clock, list[ClockEvent]]


class ClockRule:
    """A policy with the calendar it counts in: every change a clock of this policy can go through."""

    def __init__(self, policy: SlaPolicy, calendar: BusinessCalendar) -> None:
        self.policy = policy
        self.calendar = calendar
        self.thresholds = lru_cache(MOST_BUDGETS_KEPT)(self._thresholds)
        self._begun = lru_cache(MOST_STARTS_KEPT)(self._begin)
        self._counts_days = any(isinstance(target, BusinessDays) for target in policy.targets.values())

    def consumed(self, clock: Clock, at: int) -> int:
        """Business time the clock has run by `at` (or by its end, if that came first)."""
        until = at if clock.closed_at is None else min(at, clock.closed_at)
        if clock.carry is not None:
            return self._consumed_since(clock, clock.carry, until)
        if not clock.gaps:
            return self.calendar.between(clock.started_at, max(until, clock.started_at))
        return self._run(clock, until, None)

    def instant(self, clock: Clock, consumed: int) -> int | None:
        """The instant at which the clock has consumed this much; None while it stands still before that.

        The budget is consumed at the due instant. One counted in business days may lie on an opening: no time has passed there since the
        closing before, where a budget of working time ends.
        """
        if clock.carry is not None and consumed <= clock.carry.used:
            return clock.carry.at
        found = self._first_instant(clock, consumed)
        if found is None or consumed != clock.budget or not self._is_due_at_opening(clock):
            return found
        return self.calendar.next_open(found)

    def start(self, *, at: int, stage: str, cycle: int, reasons: tuple[str, ...]) -> Change:
        """A new cycle that starts at `at` in `stage`, standing still from the first moment if `reasons` hold."""
        begun = self._begun(at, stage)
        clock = begun if cycle == 1 else Clock(begun.policy, cycle, *begun[2:])
        if reasons:
            clock = clock._replace(gaps=(Gap(at, None, reasons),))
            clock = clock._replace(next_at=self._next_at(clock, 0))
        return clock, [ClockEvent(ClockEventKind.STARTED, at, clock, reasons=reasons)]

    def plan(self, at: int, stage: str) -> tuple[int, int] | None:
        """The budget and the due instant of a cycle that starts at `at` in `stage`; None where the policy has no target there."""
        target = self.policy.target(stage)
        if target is None:
            return None
        if isinstance(target, BusinessDays):
            due_at = self.calendar.add_days(at, target.days)
            return self.calendar.between(at, due_at), due_at
        return target.microseconds, self.calendar.add(at, target.microseconds)

    def advance(self, clock: Clock, until: int) -> Change:
        """Pass every threshold that falls strictly before `until`; a second call passes none of them again."""
        events: list[ClockEvent] = []
        while clock.next_at is not None and clock.next_at < until:
            threshold, at = self.thresholds(clock.budget)[clock.fired], clock.next_at
            fired = clock.fired + 1
            breached_at = at if threshold.kind is ClockEventKind.BREACHED else clock.breached_at
            clock = clock._replace(fired=fired, breached_at=breached_at, next_at=self._next_at(clock, fired))
            events.append(ClockEvent(threshold.kind, at, clock, step=threshold.step, to=threshold.to))
        return clock, events

    def stop(self, clock: Clock, at: int) -> Change:
        """Close the clock at `at`: met if that is not after its due instant, else breached."""
        clock, events = self._settled(clock, at)
        return self._closed(clock, at, events, ClockEventKind.STOPPED)

    def cancel(self, clock: Clock, at: int) -> Change:
        """Close the clock without a verdict; one that is already breached at `at` stays breached."""
        clock, events = self._settled(clock, at)
        if clock.breached_at is not None:
            return self._closed(clock, at, events, ClockEventKind.STOPPED)
        return self._closed(clock, at, events, ClockEventKind.CANCELLED, cancelled=True)

    def amend(self, clock: Clock, at: int, *, cancelled: bool) -> Change:
        """Correct a closed clock when a stop or a cancellation that happened before its end is recorded later."""
        clock, events = self._settled(self._planned(clock._replace(closed_at=None, cancelled=False)), at)
        cancelled = cancelled and clock.breached_at is None
        return self._closed(clock, at, events, ClockEventKind.AMENDED, cancelled=cancelled)

    def adopt(self, clock: Clock, source: "ClockRule", at: int, planned: tuple[int, int]) -> Clock:
        """The clock of an earlier version's rule from `at` on: the time it has used stays used, what has fired does not fire again.

        An open one that is not breached gets the budget of `planned` (and, where it counts days, the due instant); the others keep theirs.
        """
        until = at if clock.closed_at is None else clock.closed_at
        used = source.consumed(clock, until)
        is_decided = not clock.is_open or clock.breached_at is not None
        budget, due_at = (clock.budget, clock.due_at) if is_decided else planned
        told = source.told(clock)
        places = [place for place, item in enumerate(self.thresholds(budget), 1) if item.name in told]
        fired = max(places, default=0)
        carry = Carry(until, used, fired, tuple(sorted(told)))
        clock = clock._replace(policy=self.policy.key, budget=budget, fired=fired, carry=carry)
        if not clock.is_open:
            return clock
        if clock.is_standing and not is_decided:
            due_at = self.calendar.add(at, max(0, budget - used))
        return self._planned(clock._replace(due_at=due_at))

    def told(self, clock: Clock) -> set[str]:
        """The names of all thresholds passed in this cycle, under this version and earlier ones; those withdrawn count no more."""
        thresholds = self.thresholds(clock.budget)
        brought = () if clock.carry is None else clock.carry.told
        known = {item.name for item in thresholds}
        return {item.name for item in thresholds[: clock.fired]} | {name for name in brought if name not in known}

    def counts_like(self, other: "ClockRule") -> bool:
        """Whether a clock of the other rule means the same under this one: targets, calendar, warnings, escalations."""
        mine, theirs = self.policy, other.policy
        return (
            (mine.targets, mine.warnings, mine.escalations) == (theirs.targets, theirs.warnings, theirs.escalations)
            and mine.always_open == theirs.always_open
            and (mine.always_open or getattr(self.calendar, "spec", None) == getattr(other.calendar, "spec", None))
        )

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
        clock = self._planned(clock._replace(gaps=gaps))
        kind = ClockEventKind.PAUSED if reasons else ClockEventKind.RESUMED
        return clock, [*events, ClockEvent(kind, at, clock, reasons=reasons)]

    def reopen(self, clock: Clock, *, at: int, stage: str, reasons: tuple[str, ...]) -> Change:
        """Start again after a closed cycle: the next cycle, or the old one resumed, as the policy says."""
        if self.policy.reopening is Reopening.NEW_CYCLE or clock.closed_at is None:
            return self.start(at=at, stage=stage, cycle=clock.cycle + 1, reasons=reasons)
        gaps = (*clock.gaps, Gap(clock.closed_at, at, ()))
        if reasons:
            gaps = (*gaps, Gap(at, None, reasons))
        clock = self._planned(clock._replace(closed_at=None, cancelled=False, gaps=gaps))
        return clock, [ClockEvent(ClockEventKind.RESUMED, at, clock, reasons=reasons)]

    def segments(self, clock: Clock, until: int) -> list[Segment]:
        """The life of the clock up to `until` (or its end): running, closed hours, paused and why, stopped."""
        end = until if clock.closed_at is None else min(until, clock.closed_at)
        found: list[Segment] = []
        cursor = clock.started_at
        carry = clock.carry
        if carry is not None and self._run(clock, min(carry.at, end), None) != min(
            carry.used, self.consumed(clock, end)
        ):
            cursor = min(carry.at, end)
            found.append(Segment(SegmentKind.CARRIED, clock.started_at, cursor))
        for gap in clock.gaps:
            if gap.begins >= end:
                break
            begins, ends = max(gap.begins, cursor), end if gap.ends is None else min(gap.ends, end)
            if ends <= cursor:
                continue
            found.extend(self._run_segments(cursor, begins))
            kind = SegmentKind.PAUSED if gap.reasons else SegmentKind.STOPPED
            found.append(Segment(kind, begins, ends, gap.reasons))
            cursor = ends
        found.extend(self._run_segments(cursor, end))
        return [segment for segment in found if segment.begins < segment.ends]

    def _run_segments(self, begins: int, ends: int) -> list[Segment]:
        found: list[Segment] = []
        cursor = begins
        for opens, closes in self.calendar.open_spans(begins, ends):
            found.append(Segment(SegmentKind.CLOSED_HOURS, cursor, opens))
            found.append(Segment(SegmentKind.RUNNING, opens, closes))
            cursor = closes
        found.append(Segment(SegmentKind.CLOSED_HOURS, cursor, ends))
        return found

    def _begin(self, at: int, stage: str) -> Clock:
        """A first cycle that runs from `at` in `stage`; remembered, since the steps of a batch happen at one instant."""
        target = self.policy.target(stage)
        if target is None:
            raise LookupError(f"policy {self.policy.key} has no target in stage {stage}")
        if isinstance(target, BusinessDays):
            due_at = self.calendar.add_days(at, target.days)
            budget = self.calendar.between(at, due_at)
        else:
            budget = target.microseconds
            due_at = self.calendar.add(at, budget)
        clock = Clock(self.policy.key, 1, at, budget, due_at)
        return clock._replace(next_at=self._next_at(clock, 0))

    def _thresholds(self, budget: int) -> tuple[Threshold, ...]:
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
        return tuple(sorted(steps, key=lambda threshold: threshold.consumed))

    def _first_instant(self, clock: Clock, consumed: int) -> int | None:
        """The first instant by which the clock has consumed this much."""
        carry = clock.carry
        if not clock.gaps and carry is None:
            return self.calendar.add(clock.started_at, consumed)
        left = consumed if carry is None else consumed - carry.used
        for begins, ends in clock.runs(None, None if carry is None else carry.at):
            if ends is None:
                return self.calendar.add(begins, left)
            run = self.calendar.between(begins, ends)
            if left <= run:
                return self.calendar.add(begins, left)
            left -= run
        return None

    def _fell_at(self, clock: Clock, threshold: Threshold) -> int | None:
        """When a threshold that was passed fell. Of those passed under an earlier version only the breach is still known exactly."""
        if clock.carry is None or clock.fired > clock.carry.fired:
            return self.instant(clock, threshold.consumed)
        return clock.breached_at if threshold.kind is ClockEventKind.BREACHED else clock.started_at - 1

    def _consumed_since(self, clock: Clock, carry: Carry, until: int) -> int:
        """What was brought along, and what was run since; of an instant before that, as much of it as this calendar finds."""
        if until < carry.at:
            return min(carry.used, self._run(clock, max(until, clock.started_at), None))
        return carry.used + self._run(clock, until, carry.at)

    def _run(self, clock: Clock, until: int, since: int | None) -> int:
        """Business time of this calendar in which the clock ran."""
        return sum(self.calendar.between(begins, ends) for begins, ends in clock.runs(until, since) if ends is not None)

    def _is_due_at_opening(self, clock: Clock) -> bool:
        return self._counts_days and not self.calendar.between(clock.due_at - 1, clock.due_at)

    def _closed(
        self, clock: Clock, at: int, events: list[ClockEvent], kind: ClockEventKind, *, cancelled: bool = False
    ) -> Change:
        at = max(at, clock.started_at)
        clock = clock.closed(at, _gaps_until(clock.gaps, at), cancelled=cancelled)
        return clock, [*events, ClockEvent(kind, at, clock, elapsed=self.consumed(clock, at))]

    def _settled(self, clock: Clock, at: int) -> Change:
        """Bring the thresholds to what was true at `at`: pass the earlier ones, withdraw those passed too soon."""
        at = max(at, clock.started_at)
        clock, events = self.advance(clock, at)
        while clock.fired:
            threshold = self.thresholds(clock.budget)[clock.fired - 1]
            fell_at = self._fell_at(clock, threshold)
            if fell_at is not None and fell_at < at:
                break
            breached_at = None if threshold.kind is ClockEventKind.BREACHED else clock.breached_at
            clock = clock._replace(fired=clock.fired - 1, breached_at=breached_at)
            events.append(
                ClockEvent(ClockEventKind.WITHDRAWN, at, clock, threshold.step, threshold.to, withdrawn=threshold.kind)
            )
        return clock, events

    def _planned(self, clock: Clock) -> Clock:
        """The clock with its due and next instants recomputed; one that was breached under an earlier version was due as it was then."""
        is_settled = clock.carry is not None and clock.breached_at is not None and clock.breached_at < clock.carry.at
        due_at = None if is_settled else self.instant(clock, clock.budget)
        next_at = self._next_at(clock, clock.fired)
        return clock._replace(due_at=clock.due_at if due_at is None else due_at, next_at=next_at)

    def _next_at(self, clock: Clock, fired: int) -> int | None:
        """When the threshold after the first `fired` ones falls."""
        thresholds = self.thresholds(clock.budget)
        return self.instant(clock, thresholds[fired].consumed) if fired < len(thresholds) else None


def _gaps_until(gaps: tuple[Gap, ...], at: int) -> tuple[Gap, ...]:
    """The gaps as they stood at `at`: later ones dropped, one that spans `at` ended there."""
    if not gaps:
        return gaps
    return tuple(
        gap if gap.ends is not None and gap.ends <= at else Gap(gap.begins, at, gap.reasons)
        for gap in gaps
        if gap.begins < at
    )
