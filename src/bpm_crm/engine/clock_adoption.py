"""A clock that goes on under another version of its policy: what it has used stays used, what it has told is not told again."""

from bpm_crm.engine.clock import Carry, Clock
from bpm_crm.engine.clock_rule import ClockRule


def adopt(clock: Clock, source: ClockRule, rule: ClockRule, at: int, planned: tuple[int, int]) -> Clock:
    """The clock of an earlier version's rule, `source`, from `at` on: the time it has used stays used, what has fired does not fire again.

    An open one that is not breached gets the budget of `planned` (and, where it counts days, the due instant); the others keep theirs.
    """
    until = at if clock.closed_at is None else clock.closed_at
    used = source.consumed(clock, until)
    is_decided = not clock.is_open or clock.breached_at is not None
    budget, due_at = (clock.budget, clock.due_at) if is_decided else planned
    told = _told(source, clock)
    places = [place for place, item in enumerate(rule.thresholds(budget), 1) if item.name in told]
    fired = max(places, default=0)
    carry = Carry(until, used, fired, tuple(sorted(told)))
    clock = clock._replace(policy=rule.policy.key, budget=budget, fired=fired, carry=carry)
    if not clock.is_open:
        return clock
    if clock.is_standing and not is_decided:
        due_at = rule.calendar.add(at, max(0, budget - used))
    return rule.replanned(clock._replace(due_at=due_at))


def counts_alike(one: ClockRule, other: ClockRule) -> bool:
    """Whether a clock means the same under both rules: targets, calendar, warnings, escalations."""
    mine, theirs = one.policy, other.policy
    return (
        (mine.targets, mine.warnings, mine.escalations) == (theirs.targets, theirs.warnings, theirs.escalations)
        and mine.always_open == theirs.always_open
        and one.calendar.spec == other.calendar.spec
    )


def _told(rule: ClockRule, clock: Clock) -> set[str]:
    """The names of all thresholds passed in this cycle, under this version and earlier ones; those withdrawn count no more."""
    thresholds = rule.thresholds(clock.budget)
    brought = () if clock.carry is None else clock.carry.told
    known = {item.name for item in thresholds}
    return {item.name for item in thresholds[: clock.fired]} | {name for name in brought if name not in known}
