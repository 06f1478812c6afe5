"""Funnels of customers once more, slowly and plainly: all counted cases of a customer taken together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from tests.analytics import reference
from tests.analytics.cases import Ask, Case, Cell, Row, Segment

Touch = tuple[Row, Case]


@dataclass
class Customer:
    """A customer's counted cases."""

    cases: list[Case]

    def outcome(self, ask: Ask) -> str | None:
        """Open while a case is open, else won if one was won."""
        found = {reference.outcome(case, ask) for case in self.cases}
        return next(outcome for outcome in (None, "won", "lost", "cancelled") if outcome in found)

    def touches(self, ask: Ask, step: str) -> list[Touch]:
        found = [(row, case) for case in self.cases for row in reference.touches(case, ask, step)]
        return sorted(found, key=moment)

    def path(self, ask: Ask, steps: Sequence[str], order: str) -> list[Touch | None]:
        """The touch that brought the customer to each step."""
        found: list[Touch | None] = []
        for number, step in enumerate(steps):
            touched = self.touches(ask, step)
            if order == "implied":
                touched = sorted((touch for later in steps[number:] for touch in self.touches(ask, later)), key=moment)
            if order == "all" and number:
                before = found[-1]
                touched = [] if before is None else [touch for touch in touched if moment(touch) >= moment(before)]
            found.append(touched[0] if touched else None)
        return found

    def standing(self, ask: Ask, is_over: bool = False) -> str:
        outcome = self.outcome(ask)
        if outcome in {"lost", "cancelled"}:
            return "lost"
        return "missed" if outcome is not None or is_over else "open"


def moment(touch: Touch) -> tuple[object, ...]:
    row, case = touch
    return row["occurred_at"], row["sequence"], case.id.bytes


def customers(cases: Iterable[Case], ask: Ask) -> list[Customer]:
    found: dict[UUID, list[Case]] = defaultdict(list)
    for case in cases:
        if reference.is_counted(case, ask):
            found[case.row["customer_id"] or case.id].append(case)
    return [Customer(some) for some in found.values()]


Members = dict[Cell, set[UUID]]


def cohort(cases: Iterable[Case], ask: Ask, steps: Sequence[str]) -> Members:
    members: Members = defaultdict(set)
    for customer in customers(cases, ask):
        path = customer.path(ask, steps, ask.order)
        if path[0] is None or not reference.inside(path[0][0]["occurred_at"], ask):
            continue
        is_over = False
        if ask.window is not None:
            last = path[0][0]["occurred_at"] + ask.window
            path = [touch if touch is not None and touch[0]["occurred_at"] <= last else None for touch in path]
            is_over = ask.as_of > last
        here: tuple[Segment, UUID] = ((), UUID(int=0))
        for number, touch in enumerate(path, 1):
            was = here
            if touch is None:
                members[number, here[0], customer.standing(ask, is_over)].add(here[1])
                if path[number - 2] is not None:
                    members[number, here[0], "dropped"].add(here[1])
                continue
            here = reference.segment_of(touch[0], touch[1], ask), touch[1].id
            members[number, here[0], "reached"].add(here[1])
            if number > 1:
                members[number, was[0], "advanced"].add(here[1])
    return members


def period(cases: Iterable[Case], ask: Ask, steps: Sequence[str]) -> Members:
    members: Members = defaultdict(set)
    for customer in customers(cases, ask):
        path = customer.path(ask, steps, "any")
        for number, touch in enumerate(path, 1):
            before = path[number - 2] if number > 1 else None
            if touch is not None and reference.inside(touch[0]["occurred_at"], ask):
                segment = reference.segment_of(touch[0], touch[1], ask)
                for name in ("reached", "advanced") if number > 1 else ("reached",):
                    members[number, segment, name].add(touch[1].id)
            if before is not None and touch is None and reference.inside(before[0]["occurred_at"], ask):
                segment = reference.segment_of(before[0], before[1], ask)
                for name in ("dropped", customer.standing(ask)):
                    members[number, segment, name].add(before[1].id)
    return members


def snapshot(cases: Iterable[Case], ask: Ask, steps: Sequence[str]) -> Members:
    members: Members = defaultdict(set)
    begun = [case for case in cases if reference.inside(case.row["started_at"], ask)]
    for customer in customers(begun, ask):
        touched = [
            (*moment(touch), number, touch)
            for number, step in enumerate(steps, 1)
            for touch in customer.touches(ask, step)
        ]
        if touched:
            *_, number, (row, case) = max(touched, key=lambda item: item[:4])
            for name in ("reached", customer.standing(ask)):
                members[number, reference.segment_of(row, case, ask), name].add(case.id)
    return members
