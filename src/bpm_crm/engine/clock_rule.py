"""What a clock of one policy goes through: start, warnings, breach, escalation, pause, stop, by event time (`semantics.md` §4).

A verdict is about when things happened, never about when they were noticed: `advance` passes thresholds before an instant,
and a change recorded late withdraws those that were passed too soon. Instants and spans are integers, microseconds.
"""

from functools import lru_cache

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.clock import Carry, Clock, ClockEvent, ClockEventKind, Gap, Threshold
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
        return self.ran(clock, until, None)

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
        clock, events = self._settled(self.replanned(clock._replace(closed_at=None, cancelled=False)), at)
        cancelled = cancelled and clock.breached_at is None
        return self._closed(clock, at, events, ClockEventKind.AMENDED, cancelled=cancelled)

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
        clock = self.replanned(clock._replace(gaps=gaps))
        kind = ClockEventKind.PAUSED if reasons else ClockEventKind.RESUMED
        return clock, [*events, ClockEvent(kind, at, clock, reasons=reasons)]

    def reopen(self, clock: Clock, *, at: int, stage: str, reasons: tuple[str, ...]) -> Change:
        """Start again after a closed cycle: the next cycle, or the old one resumed, as the policy says."""
        if self.policy.reopening is Reopening.NEW_CYCLE or clock.closed_at is None:
            return self.start(at=at, stage=stage, cycle=clock.cycle + 1, reasons=reasons)
        gaps = (*clock.gaps, Gap(clock.closed_at, at, ()))
        if reasons:
            gaps = (*gaps, Gap(at, None, reasons))
        clock = self.replanned(clock._replace(closed_at=None, cancelled=False, gaps=gaps))
        return clock, [ClockEvent(ClockEventKind.RESUMED, at, clock, reasons=reasons)]

    def replanned(self, clock: Clock) -> Clock:
        """The clock with its due and next instants recomputed; one that was breached under an earlier version was due as it was then."""
        is_settled = clock.carry is not None and clock.breached_at is not None and clock.breached_at < clock.carry.at
        due_at = None if is_settled else self.instant(clock, clock.budget)
        next_at = self._next_at(clock, clock.fired)
        return clock._replace(due_at=clock.due_at if due_at is None else due_at, next_at=next_at)

    def ran(self, clock: Clock, until: int, since: int | None) -> int:
        """Business time of this calendar in which the clock ran."""
        return sum(self.calendar.between(begins, ends) for begins, ends in clock.runs(until, since) if ends is not None)

    def _begin(self, at: int, stage: str) -> Clock:
        """A first cycle that runs from `at` in `stage`; remembered, since the steps of a batch happen at one instant."""
        planned = self.plan(at, stage)
        if planned is None:
            raise LookupError(f"policy {self.policy.key} has no target in stage {stage}")
        clock = Clock(self.policy.key, 1, at, *planned)
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
            return min(carry.used, self.ran(clock, max(until, clock.started_at), None))
        return carry.used + self.ran(clock, until, carry.at)

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
