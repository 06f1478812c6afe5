"""Stage outcomes and stage times once more, slowly and plainly, over the rows of the history."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from bpm_crm.engine.process import Process
from tests.analytics import reference
from tests.analytics.cases import EPOCH, MICROSECOND, Ask, Case, Cell, Row, Segment

# Outcomes

FATES = ("next", "skipped", "back", "lost", "won", "open")
"""What becomes of a case that entered a step: one of these, and only one."""


@dataclass
class OutcomeAnswer:
    members: dict[Cell, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    visits: dict[tuple[int, Segment], int] = field(default_factory=lambda: defaultdict(int))


def outcomes(
    cases: Iterable[Case], ask: Ask, steps: Sequence[str], versions: Mapping[tuple[UUID, int], set[str]]
) -> OutcomeAnswer:
    answer = OutcomeAnswer()
    for case in cases:
        if not reference.is_counted(case, ask):
            continue
        last = reference.seen(case, ask)[-1]
        mapped = versions[last["definition_id"], last["version"]]
        walk = [
            (*reference.moment(row), number, row)
            for number, step in enumerate(steps, 1)
            for row in reference.touches(case, ask, step)
        ]
        walk.sort(key=lambda touch: touch[:3])
        for number in range(1, len(steps) + 1):
            entered = [place for place, touch in enumerate(walk) if touch[2] == number and _in(touch[0], ask)]
            if not entered:
                continue
            segment = reference.segment_of(walk[entered[0]][3], case, ask)
            names = ["entered", fate(case, ask, number, [touch[2] for touch in walk[entered[0] :]], steps, mapped)]
            if len(entered) > 1:
                names.append("reworked")
            if names[1] == "lost" and reference.outcome(case, ask) == "cancelled":
                names.append("cancelled")
            for name in names:
                answer.members[number, segment, name].add(case.id)
            answer.visits[number, segment] += len(entered)
    return answer


def fate(case: Case, ask: Ask, number: int, after: Sequence[int], steps: Sequence[str], mapped: set[str]) -> str:
    """What became of a case at a step, by the steps it touched from then on."""
    others = [step for step in after if step != number]
    if not others:
        return {None: "open", "won": "won"}.get(reference.outcome(case, ask), "lost")
    if others[0] < number:
        return "back"
    passed_over = [step for step in steps[number : others[0] - 1] if step in mapped]
    return "skipped" if passed_over else "next"


def _in(at: datetime, ask: Ask) -> bool:
    return reference.inside(at, ask)


# Managers


def managers(cases: Iterable[Case], ask: Ask, steps: Sequence[str]) -> dict[Cell, set[UUID]]:
    """Of the cases of the cohort that reached the step before: whose they were then, and what became of them."""
    found: dict[Cell, set[UUID]] = defaultdict(set)
    for case in cases:
        if not reference.is_counted(case, ask):
            continue
        path = reference.arrivals(case, ask, steps, "implied")
        if path[0] is None or not reference.inside(path[0]["occurred_at"], ask):
            continue
        for number, (before, row) in enumerate(pairwise(path), 2):
            if before is not None:
                open_or_not = "pending" if reference.outcome(case, ask) is None else "failed"
                name = "advanced" if row is not None else open_or_not
                found[number, reference.segment_of(before, case, ask), name].add(case.id)
    return found


# Times


@dataclass
class StageAnswer:
    members: dict[tuple[str, Segment, str], set[UUID]] = field(default_factory=lambda: defaultdict(set))
    spans: dict[tuple[str, Segment, str, str], list[tuple[float, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )


@dataclass
class Visit:
    """A stay: seconds of each kind, and whether it has ended."""

    row: Row
    calendar: float
    business: float
    active: float
    is_over: bool


def stage_times(
    cases: Iterable[Case], ask: Ask, processes: Mapping[tuple[UUID, int], Process], targets: Mapping[str, str]
) -> StageAnswer:
    """`targets` names the clock that sets the target of a stage."""
    answer = StageAnswer()
    for case in cases:
        if not reference.is_counted(case, ask):
            continue
        stays: dict[str, list[Visit]] = defaultdict(list)
        for visit in visits_of(case, ask, processes):
            stays[visit.row["to_stage"]].append(visit)
        for stage, visits in stays.items():
            if not reference.inside(visits[0].row["occurred_at"], ask):
                continue
            segment = reference.segment_of(visits[0].row, case, ask)
            names = ["entered", verdict(case, ask, visits[0].row, targets.get(stage))]
            names += ["open"] if not visits[-1].is_over else []
            names += ["reworked"] if len(visits) > 1 else []
            for name in names:
                answer.members[stage, segment, name].add(case.id)
            for kind in ("calendar", "business", "active"):
                spans = [(getattr(visit, kind), visit.is_over) for visit in visits]
                whole = (sum(span for span, _ in spans), spans[-1][1])
                for which, span in (("first", spans[0]), ("latest", spans[-1]), ("cumulative", whole)):
                    answer.spans[stage, segment, which, kind].append(span)
    return answer


def visits_of(case: Case, ask: Ask, processes: Mapping[tuple[UUID, int], Process]) -> list[Visit]:
    moves: list[Row] = []
    for row in reference.seen(case, ask):
        if row["kind"] == "migration_undone":
            assert moves.pop()["kind"] == "migration"
        elif row["to_stage"] is not None:
            moves.append(row)
    last = reference.seen(case, ask)[-1]
    process = processes[last["definition_id"], last["version"]]
    found = []
    for row, left in zip(moves, [*moves[1:], None], strict=True):
        if row["outcome"] is not None:
            continue
        if left is not None:
            calendar = (left["occurred_at"] - row["occurred_at"]).total_seconds()
            found.append(Visit(row, calendar, left["business"] / 1e6, left["active"] / 1e6, True))
            continue
        calendar = (ask.as_of - row["occurred_at"]).total_seconds()
        business = process.calendar.worked(row["occurred_at"], ask.as_of).total_seconds()
        paused = any(row["to_stage"] in pause.during for pause in process.definition.pauses.values())
        found.append(Visit(row, calendar, business, 0 if paused else business, False))
    return found


def verdict(case: Case, ask: Ask, entry: Row, policy: str | None) -> str:
    """Whether the stay that began with a row ended within its target, once that was due."""
    rows = reference.known(case, ask)
    cycles = [
        event["cycle"] for event in entry["clocks"] or () if (event["clock"], event["event"]) == (policy, "started")
    ]
    if not cycles:
        return "untargeted"
    events = [event for row in rows for event in row["clocks"] or () if EPOCH + event["at"] * MICROSECOND <= ask.as_of]
    last = [event for event in events if (event["clock"], event["cycle"]) == (policy, cycles[0])][-1]
    due = EPOCH + last["due"] * MICROSECOND
    if last["state"] == "breached" or (last["state"] == "running" and due < ask.as_of):
        return "late"
    if last["state"] == "met" and due <= ask.as_of:
        return "within"
    return "untargeted" if last["state"] == "cancelled" else "not_yet_due"
