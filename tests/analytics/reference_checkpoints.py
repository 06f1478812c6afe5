"""Losses and checkpoints once more, slowly and plainly, over the rows of the history."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from tests.analytics import reference
from tests.analytics.cases import EPOCH, MICROSECOND, Ask, Case, Cell, Row, Segment

# Losses


@dataclass
class LossAnswer:
    members: dict[tuple[str, str | None, Segment], set[UUID]] = field(default_factory=lambda: defaultdict(set))
    amounts: dict[tuple[str, str | None, Segment], list[Decimal | None]] = field(
        default_factory=lambda: defaultdict(list)
    )


def losses(cases: Iterable[Case], ask: Ask) -> LossAnswer:
    answer = LossAnswer()
    for case in cases:
        if not reference.is_counted(case, ask):
            continue
        move = reference.last_move(case, ask)
        if move is None or move["outcome"] != "lost" or not reference.inside(move["occurred_at"], ask):
            continue
        cell = (move["from_stage"], move["reason"], reference.segment_of(move, case, ask))
        answer.members[cell].add(case.id)
        named = [row["data"]["amount"] for row in case.history[: move["sequence"]] if "amount" in (row["data"] or {})]
        answer.amounts[cell].append(Decimal(named[-1]) if named and named[-1] is not None else None)
    return answer


# Checkpoints


@dataclass
class CheckpointAnswer:
    members: dict[Cell, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    waits: dict[tuple[str, Segment], list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    actions: dict[tuple[str, Segment], int] = field(default_factory=lambda: defaultdict(int))
    worked: dict[tuple[str, Segment], list[float]] = field(default_factory=lambda: defaultdict(list))
    verdicts: dict[tuple[str, Segment], list[str]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[tuple[str, Segment], list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))


def checkpoints(
    cases: Iterable[Case], ask: Ask, keys: Sequence[str], bound: Mapping[tuple[int, str], str]
) -> CheckpointAnswer:
    """`bound` says which checkpoint a policy of a version measures."""
    answer = CheckpointAnswer()
    for case in cases:
        if not reference.is_counted(case, ask):
            continue
        if reference.inside(case.row["started_at"], ask):
            for key in keys:
                _wait(answer, case, ask, key)
        for row, event in _last_events(case, ask):
            key = bound.get((row["version"], event["clock"]))
            if key is not None and reference.inside(EPOCH + event["due"] * MICROSECOND, ask):
                segment = reference.segment_of(None if event["open"] else row, case, ask)
                verdicts = _verdicts(event, ask)
                answer.verdicts[key, segment].extend(verdicts)
                if verdicts[0] in {"met", "breached"}:
                    answer.spans[key, segment].append(_span(case, event))
    return answer


def _wait(answer: CheckpointAnswer, case: Case, ask: Ask, key: str) -> None:
    rows = reference.touches(case, ask, key)
    segment = reference.segment_of(rows[0] if rows else None, case, ask)
    move = reference.last_move(case, ask)
    assert move is not None
    until = move["occurred_at"] if move["outcome"] is not None else ask.as_of
    if rows:
        until = rows[0]["occurred_at"]
    answer.waits[key, segment].append(((until - case.row["started_at"]).total_seconds(), bool(rows)))
    if rows and rows[0]["to_stage"] is not None:
        visits = [row["business"] or 0 for row in case.history if row["sequence"] <= rows[0]["sequence"]]
        answer.worked[key, segment].append(sum(visits) / 1_000_000)
    answer.actions[key, segment] += len(rows)
    answer.members[key, segment, "started"].add(case.id)
    answer.members[key, segment, "reached" if rows else "unreached"].add(case.id)


def _last_events(case: Case, ask: Ask) -> list[tuple[Row, Row]]:
    """The last event of each cycle, with the row that holds it."""
    last: dict[tuple[str, int], tuple[Row, Row]] = {}
    for row in reference.known(case, ask):
        for event in row["clocks"] or ():
            if EPOCH + event["at"] * MICROSECOND <= ask.as_of:
                last[event["clock"], event["cycle"]] = (row, event)
    return list(last.values())


def _verdicts(event: Row, ask: Ask) -> list[str]:
    if event["state"] == "met" and EPOCH + event["due"] * MICROSECOND <= ask.as_of:
        return ["met"]
    if event["state"] == "cancelled":
        return ["cancelled"]
    is_late = event["state"] == "running" and EPOCH + event["due"] * MICROSECOND < ask.as_of
    if event["state"] == "breached" or is_late:
        return ["breached", "overdue"] if event["open"] else ["breached"]
    return ["not_yet_due"]


def _span(case: Case, event: Row) -> tuple[float, bool]:
    """The business seconds a clock took; of an open one, its target."""
    if not event["open"]:
        return event["elapsed"] / 1_000_000, True
    events = [item for row in case.history for item in row["clocks"] or () if item["event"] == "started"]
    budgets = [item["budget"] for item in events if (item["clock"], item["cycle"]) == (event["clock"], event["cycle"])]
    return budgets[0] / 1_000_000, False
