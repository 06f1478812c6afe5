"""A slow second engine, written from `semantics.md` without looking at the first: what a case is after what happened to it.

It keeps gaps and boundaries, and works everything else out anew when asked: thresholds passed are counted, never remembered.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bpm_crm.engine.clock import Clock, Gap
from bpm_crm.engine.definition import (
    AssignOwner,
    ProcessDefinition,
    ReasonRule,
    Reopening,
    SlaPolicy,
    StageKind,
    Transition,
)
from bpm_crm.engine.duration import BusinessDays, WorkingTime
from bpm_crm.engine.occasions import Condition, OccasionKind
from bpm_crm.engine.state import Actor, InstanceState
from tests.engine.hours import AllHours, OpenHours, first_instant

FINAL = {StageKind.WON, StageKind.LOST, StageKind.CANCELLED}

Oracle = Callable[["Model", Mapping[str, Any], Actor, int], bool | None]


def moment(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)


def _number(data: Mapping[str, Any], key: str) -> Decimal | None:
    return None if data.get(key) is None else Decimal(str(data[key]))


def _day(data: Mapping[str, Any], key: str) -> datetime | None:
    return None if data.get(key) is None else datetime.fromisoformat(data[key]).replace(tzinfo=UTC)


def _if_known(value: Any, holds: Callable[[Any], bool]) -> bool | None:
    return None if value is None else holds(value)


ORACLES: Mapping[str, Oracle] = {
    "data.amount > 0.0": lambda m, d, a, t: _if_known(_number(d, "amount"), lambda n: n > 0),
    "data.amount > 10.0": lambda m, d, a, t: _if_known(_number(d, "amount"), lambda n: n > 10),
    "data.count == null || data.count < 5": lambda m, d, a, t: d.get("count") is None or d["count"] < 5,
    "data.flag == true": lambda m, d, a, t: d.get("flag") is True,
    "data.day != null && data.day < now": lambda m, d, a, t: (
        _day(d, "day") is not None and _day(d, "day") < moment(t)  # type: ignore[operator]
    ),
    "reached.begun": lambda m, d, a, t: "begun" in m.reached,
    "visits.s1 < 2": lambda m, d, a, t: m.visits.get("s1", 0) < 2,
    "activities.call > 0": lambda m, d, a, t: m.activities.get("call", 0) > 0,
    "'manager' in actor.roles": lambda m, d, a, t: "manager" in a.roles,
    "now - instance.entered_at > duration('1h')": lambda m, d, a, t: t - m.entered_at > 3_600_000_000,
    "reached.offer": lambda m, d, a, t: "offer" in m.reached,
    "reached.responded": lambda m, d, a, t: "responded" in m.reached,
    "data.satisfaction >= 7": lambda m, d, a, t: _if_known(d.get("satisfaction"), lambda n: n >= 7),
    "data.discount_percent == null || data.discount_percent <= 15.0": lambda m, d, a, t: (
        d.get("discount_percent") is None or Decimal(d["discount_percent"]) <= 15
    ),
    "data.amount == null || data.paid_amount >= data.amount": lambda m, d, a, t: (
        d.get("amount") is None or _if_known(d.get("paid_amount"), lambda n: Decimal(n) >= Decimal(d["amount"]))
    ),
}
"""What each guard that tests use means; None: it cannot be computed."""


@dataclass
class Cycle:
    """One cycle of a clock: its plan, its gaps, and how far anyone has looked."""

    policy: SlaPolicy
    hours: OpenHours
    number: int
    started: int
    budget: int
    due: int
    gaps: list[tuple[int, int | None, tuple[str, ...]]] = field(default_factory=list)
    seen: int = 0
    closed: int | None = None
    cancelled: bool = False

    @property
    def since(self) -> int:
        """When the running measurement began: at the start, or where it was resumed after a stop."""
        return max([self.started, *(ends for _, ends, reasons in self.gaps if not reasons and ends is not None)])

    @property
    def boundary(self) -> int:
        begins, ends, _ = self.gaps[-1] if self.gaps else (self.started, None, ())
        return begins if ends is None else ends

    @property
    def standing(self) -> tuple[str, ...]:
        return self.gaps[-1][2] if self.gaps and self.gaps[-1][1] is None else ()

    def falls(self, amount: int) -> int | None:
        """When so much working time has been used up; the due instant of a target in days may be an opening."""
        stretches = self.hours.without([(begins, ends) for begins, ends, _ in self.gaps])
        found = first_instant(stretches, self.started, amount)
        if found is not None and amount == self.budget and self.hours.is_opening(self.due):
            return self.hours.opening(found) if self.hours.is_closing(found) else found
        return found

    def thresholds(self) -> list[int]:
        steps = [
            int(self.budget * warning.share)
            if warning.share is not None
            else max(0, self.budget - (warning.before or 0))
            for warning in self.policy.warnings
        ]
        return sorted([*steps, self.budget, *(self.budget + step.after for step in self.policy.escalations)])

    def passed(self) -> int:
        falls = [self.falls(amount) for amount in self.thresholds()]
        return sum(fell is not None and fell < self.seen for fell in falls)

    def look(self, at: int) -> None:
        if self.closed is None:
            self.seen = max(self.seen, at)

    def replan(self) -> None:
        due = self.falls(self.budget)
        self.due = self.due if due is None else due

    def hold(self, at: int, reasons: tuple[str, ...]) -> None:
        if self.standing == reasons:
            return
        at = max(at, self.boundary)
        self._cut(at)
        if reasons:
            self.gaps.append((at, None, reasons))
        self.seen = at
        self.replan()

    def close(self, at: int, *, cancelled: bool) -> None:
        at = max(at, self.started)
        self._cut(at)
        self.seen = self.closed = at
        self.cancelled = cancelled and self.breached() is None

    def amend(self, at: int, *, cancelled: bool) -> None:
        self.closed, self.cancelled = None, False
        self.replan()
        self.close(at, cancelled=cancelled)

    def breached(self) -> int | None:
        due = self.falls(self.budget)
        return due if due is not None and due < self.seen else None

    def clock(self) -> Clock:
        """The clock as the engine should have it."""
        passed = self.passed()
        thresholds = self.thresholds()
        more = self.closed is None and passed < len(thresholds)
        return Clock(
            self.policy.key,
            self.number,
            self.started,
            self.budget,
            self.due,
            self.falls(thresholds[passed]) if more else None,
            passed,
            tuple(Gap(*gap) for gap in self.gaps),
            self.breached(),
            self.closed,
            self.cancelled,
        )

    def _cut(self, at: int) -> None:
        self.gaps = [
            (begins, ends if ends is not None and ends <= at else at, reasons)
            for begins, ends, reasons in self.gaps
            if begins < at
        ]


class Model:
    """A case, by the words of the semantics."""

    def __init__(self, definition: ProcessDefinition) -> None:
        self.definition = definition
        self.hours = OpenHours(definition.calendar)
        self.always = AllHours()
        self.sequence = 0
        self.data: dict[str, Any] = {}
        self.reached: dict[str, tuple[int, int]] = {}
        self.visits: dict[str, int] = {}
        self.activities: dict[str, int] = {}
        self.approvals: dict[str, list[str]] = {}
        self.cycles: dict[str, Cycle] = {}
        self.reasons: frozenset[str] = frozenset()
        self.pauses: list[tuple[int, int | None]] = []
        self.boundary = 0
        self.owner: str | None = None
        self.team: str | None = None
        self.reason: str | None = None
        self.exclusion: str | None = None
        self.ended_at: int | None = None
        self.visit: tuple[int, int] | None = None
        self._touched: set[str] = set()

    # What can be asked for

    def start(self, at: int, data: Mapping[str, Any], team: str | None) -> None:
        self.started_at = self.entered_at = at
        self.stage, self.team = self.definition.initial, team
        self._begin_step(at)
        self.data = {key: value for key, value in data.items() if value is not None}
        self.visits[self.stage] = 1
        self._hold_stage(at)
        self._happens(at, OccasionKind.STARTED)
        self._happens(at, OccasionKind.ENTERING, self.stage)

    def candidates(self, trigger: str) -> list[Transition]:
        moves = self.definition.transitions.values()
        return [item for item in moves if item.trigger == trigger and self.stage in item.sources]

    def refusal(
        self, trigger: str, data: Mapping[str, Any], reason: str | None, actor: Actor, at: int
    ) -> tuple[Transition | None, list[str]]:
        """The transition taken, and the codes of everything in its way."""
        merged = {**self.data, **data}
        early = ["OCCURRED_TOO_EARLY"] if at < self.entered_at else []
        candidates = self.candidates(trigger)
        if not candidates:
            moves = [item for item in self.definition.transitions.values() if item.trigger == trigger]
            barred = all(item.roles and not item.roles & actor.roles for item in moves)
            return None, ["WRONG_STAGE", *(["ROLE_NOT_ALLOWED"] if barred else []), *early]
        codes = []
        for transition in candidates:
            code = self.guard(transition, merged, actor, at)
            if code is None:
                return transition, self._others(transition, merged, reason, actor, early)
            codes.append(code)
        return None, [*codes, *self._others(candidates[0], merged, reason, actor, early)]

    def guard(self, transition: Transition, data: Mapping[str, Any], actor: Actor, at: int) -> str | None:
        if transition.guard is None or ORACLES[transition.guard.when](self, data, actor, at) is True:
            return None
        read = {key for key in self.definition.fields if f"data.{key}" in transition.guard.when}
        return "GUARD_NEEDS_DATA" if any(data.get(key) is None for key in read) else "GUARD_FAILED"

    def move(self, transition: Transition, data: Mapping[str, Any], reason: str | None, actor: Actor, at: int) -> None:
        self._begin_step(at)
        self.data = {key: value for key, value in {**self.data, **data}.items() if value is not None}
        kind = self.definition.stages[transition.target].kind
        self.reason = reason if kind in FINAL else None
        self._leave(at)
        self._happens(at, OccasionKind.TRANSITION, transition.key)
        self._enter(transition.target, at)
        for effect in transition.effects:
            if isinstance(effect, AssignOwner) and actor.kind == "user" and not (effect.keep and self.owner):
                self.owner, self.team = actor.id, actor.team or self.team

    def force(self, stage: str, at: int) -> None:
        self._begin_step(at)
        self.reason = None
        self._leave(at)
        self._enter(stage, at)

    def record(self, kind: str, direction: str, automated: bool, at: int) -> None:
        self._begin_step(at)
        self._reacts(at, lambda condition: any(m.accepts(kind, direction, automated) for m in condition.activities))
        self.activities[kind] = self.activities.get(kind, 0) + 1

    def approve(self, transition: str, actor: Actor, at: int) -> None:
        approvers = self.approvals.setdefault(transition, [])
        self.record("approval", "internal", False, at)
        if actor.id is not None and actor.id not in approvers:
            approvers.append(actor.id)

    def assign(self, owner: str | None, team: str | None, at: int) -> None:
        self._begin_step(at)
        self.owner, self.team = owner, team

    def exclude(self, exclusion: str | None, at: int) -> None:
        self._begin_step(at)
        self.exclusion = exclusion

    def tick(self, at: int) -> bool:
        """Whether anything was due."""
        before = self.clocks()
        self.visit = None
        for cycle in self.cycles.values():
            cycle.look(at)
        changed = self.clocks() != before
        self.sequence += changed
        return changed

    def clocks(self) -> dict[str, Clock]:
        return {key: cycle.clock() for key, cycle in self.cycles.items()}

    def differences(self, state: InstanceState) -> dict[str, tuple[Any, Any]]:
        """Where the engine's state is another: (this, the engine's)."""
        own = {
            "stage": self.stage,
            "sequence": self.sequence,
            "started_at": self.started_at,
            "entered_at": self.entered_at,
            "ended_at": self.ended_at,
            "data": self.data,
            "reached": self.reached,
            "visits": self.visits,
            "activities": self.activities,
            "approvals": {key: tuple(people) for key, people in self.approvals.items()},
            "clocks": self.clocks(),
            "owner": self.owner,
            "team": self.team,
            "reason": self.reason,
            "exclusion": self.exclusion,
        }
        found = {key: (value, getattr(state, key)) for key, value in own.items() if value != getattr(state, key)}
        if tuple(sorted(self.reasons)) != state.hold.reasons:
            found["hold"] = (self.reasons, state.hold.reasons)
        return found

    # What then happens

    def _others(
        self, transition: Transition, data: Mapping[str, Any], reason: str | None, actor: Actor, early: list[str]
    ) -> list[str]:
        codes = []
        if transition.roles and not transition.roles & actor.roles:
            codes.append("ROLE_NOT_ALLOWED")
        codes += ["FIELD_REQUIRED" for key in transition.required if data.get(key) in {None, ""}]
        catalogue = {item.key for item in self.definition.reasons.values() if item.applies(transition.key, self.stage)}
        if reason is None and transition.reason is ReasonRule.REQUIRED:
            codes.append("REASON_REQUIRED")
        elif reason is not None and transition.reason is ReasonRule.NONE:
            codes.append("REASON_NOT_TAKEN")
        elif reason is not None and reason not in catalogue:
            codes.append("REASON_NOT_APPLICABLE")
        if transition.approval_roles is not None:
            approvers = self.approvals.get(transition.key, [])
            codes += (
                [] if set(approvers) - {actor.id} else [f"APPROVAL_{'BY_SAME_PERSON' if approvers else 'REQUIRED'}"]
            )
        return [*codes, *early]

    def _begin_step(self, at: int) -> None:
        self.sequence += 1
        self._touched = set()
        self.visit = None
        for cycle in self.cycles.values():
            cycle.look(at)

    def _leave(self, at: int) -> None:
        business = self.hours.worked(self.entered_at, at)
        paused = sum(
            self.hours.worked(max(begins, self.entered_at), max(begins, self.entered_at, min(at, ends or at)))
            for begins, ends in self.pauses
        )
        self.visit = (business, max(0, business - paused))
        self.pauses = [(max(self.pauses[-1][0], at), None)] if self.reasons else []
        self.boundary = self.pauses[-1][0] if self.pauses else 0
        self._happens(at, OccasionKind.LEAVING, self.stage)

    def _enter(self, stage: str, at: int) -> None:
        final = self.definition.stages[stage].kind in FINAL
        if self.ended_at is not None and not final:
            self.ended_at = self.reason = None
        self.stage, self.entered_at, self.approvals = stage, at, {}
        self.visits[stage] = self.visits.get(stage, 0) + 1
        self._hold_stage(at)
        self._happens(at, OccasionKind.ENTERING, stage)
        if final:
            self.ended_at = at
            self._happens(at, OccasionKind.ENDED)
            for cycle in self.cycles.values():
                if cycle.closed is None:
                    cycle.close(at, cancelled=True)

    def _hold_stage(self, at: int) -> None:
        pauses = self.definition.pauses.values()
        bound = {pause.key for pause in pauses if pause.during}
        self._hold(at, self.reasons - bound | {pause.key for pause in pauses if self.stage in pause.during})

    def _hold(self, at: int, reasons: frozenset[str]) -> None:
        if reasons == self.reasons:
            return
        since = self.boundary = max(at, self.boundary)
        if self.reasons:
            self.pauses[-1] = (self.pauses[-1][0], since)
        if reasons:
            self.pauses.append((since, None))
        self.reasons = reasons
        for cycle in self.cycles.values():
            if cycle.closed is None:
                cycle.hold(at, self._pausing(cycle.policy))

    def _pausing(self, policy: SlaPolicy) -> tuple[str, ...]:
        return tuple(sorted(self.reasons & policy.pauses))

    def _happens(self, at: int, kind: OccasionKind, key: str = "") -> None:
        self._reacts(at, lambda condition: any(o.kind is kind and o.key == key for o in condition.occasions))

    def _reacts(self, at: int, is_met: Callable[[Condition], bool]) -> None:
        policies = self.definition.policies.values()
        self._close_all(at, (policy.key for policy in policies if is_met(policy.stop)), cancelled=False)
        self._close_all(at, (policy.key for policy in policies if is_met(policy.cancel)), cancelled=True)
        pauses = self.definition.pauses.values()
        ends = {pause.key for pause in pauses if is_met(pause.ends)}
        self._hold(at, self.reasons - ends | {pause.key for pause in pauses if is_met(pause.begins)})
        for policy in policies:
            if is_met(policy.start):
                self._start(policy, at)
        for checkpoint in self.definition.checkpoints.values():
            if is_met(checkpoint.reached) and checkpoint.key not in self._touched:
                self._touched.add(checkpoint.key)
                first = self.reached.get(checkpoint.key, (at + 1, 0))
                if at < first[0]:
                    self.reached[checkpoint.key] = (at, self.sequence)
                self._happens(at, OccasionKind.CHECKPOINT, checkpoint.key)

    def _close_all(self, at: int, keys: Iterable[str], *, cancelled: bool) -> None:
        for key in keys:
            cycle = self.cycles.get(key)
            if cycle is None or at < cycle.since:
                continue
            if cycle.closed is None:
                cycle.close(at, cancelled=cancelled)
            elif at < cycle.closed:
                cycle.amend(at, cancelled=cancelled)

    def _start(self, policy: SlaPolicy, at: int) -> None:
        last = self.cycles.get(policy.key)
        target = policy.targets.get(self.stage, policy.targets.get(""))
        if target is None or self.definition.stages[self.stage].kind in FINAL:
            return
        if last is not None and (last.closed is None or at < last.closed):
            return
        reasons = self._pausing(policy)
        if last is not None and policy.reopening is Reopening.RESUME and last.closed is not None:
            last.gaps.append((last.closed, at, ()))
            last.closed, last.cancelled = None, False
            cycle = last
        else:
            cycle = self._new_cycle(policy, target, at, 1 if last is None else last.number + 1)
        if reasons:
            cycle.gaps.append((at, None, reasons))
        cycle.replan()

    def _new_cycle(self, policy: SlaPolicy, target: WorkingTime | BusinessDays, at: int, number: int) -> Cycle:
        hours = self.always if policy.always_open else self.hours
        if isinstance(target, WorkingTime):
            due = first_instant(hours.stretches, at, target.microseconds)
            assert due is not None
            budget = target.microseconds
        else:
            due = hours.after_days(at, target.days)
            budget = hours.worked(at, due)
        cycle = Cycle(policy, hours, number, at, budget, due, seen=at)
        self.cycles[policy.key] = cycle
        return cycle
