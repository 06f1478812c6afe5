"""Funnels once more, slowly and plainly, over the rows of the history: what the SQL is compared with.

Every function says one rule of `docs/figures.md` in a few lines of Python; nothing here is shared with the code under test. Losses
and checkpoints are in `reference_checkpoints.py`, statistics in `reference_statistics.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.analytics.cases import Answer, Ask, Case, Row, Segment

# What is seen


def known(case: Case, ask: Ask) -> list[Row]:
    return [row for row in case.history if row["recorded_at"] <= ask.known_at]


def seen(case: Case, ask: Ask) -> list[Row]:
    return [row for row in known(case, ask) if row["occurred_at"] <= ask.as_of]


def last_move(case: Case, ask: Ask) -> Row | None:
    moves = [row for row in seen(case, ask) if row["to_stage"] is not None]
    return moves[-1] if moves else None


def is_counted(case: Case, ask: Ask) -> bool:
    rows = known(case, ask)
    return (
        case.row["definition_id"] in ask.definitions
        and bool(rows)
        and ask.chosen(case, ask)
        and rows[-1]["exclusion"] is None
        and last_move(case, ask) is not None
    )


def outcome(case: Case, ask: Ask) -> str | None:
    move = last_move(case, ask)
    assert move is not None
    found: str | None = move["outcome"]
    return found


def touches(case: Case, ask: Ask, checkpoint: str) -> list[Row]:
    rows = [row for row in seen(case, ask) if checkpoint in (row["checkpoints"] or ())]
    return sorted(rows, key=moment)


def moment(row: Row) -> tuple[datetime, int]:
    return row["occurred_at"], row["sequence"]


def inside(at: datetime, ask: Ask) -> bool:
    return ask.since <= at < ask.until


# Segments


def segment_of(row: Row | None, case: Case, ask: Ask) -> Segment:
    """The segment of a case where `row` brought it; None: nothing did."""
    return tuple(_value(dimension, row, case, ask) for dimension in ask.by)


def _value(dimension: str, row: Row | None, case: Case, ask: Ask) -> str | None:
    last, then, basis = known(case, ask)[-1], seen(case, ask)[-1], ask.basis
    if dimension == "version":
        then = then if row is None else row
        return f"{then['definition_id']}@{then['version']}"
    if dimension == "region":
        found: str | None = last["region"]
        return found
    if dimension == "owner":
        return _text(_owner(row, then, basis))
    if dimension == "team":
        return _text((then if basis == "current" or row is None else row)["team_id"])
    column = {"channel": "channel_id", "campaign": "campaign_id", "process": "definition_id"}[dimension]
    return _text(last[column])


def _owner(row: Row | None, then: Row, basis: str) -> UUID | None:
    if basis == "actor":
        return None if row is None or row["actor_kind"] != "user" else row["actor_id"]
    found: UUID | None = (then if basis == "current" or row is None else row)["owner_id"]
    return found


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


# Funnels


def arrivals(case: Case, ask: Ask, steps: Sequence[str], order: str) -> list[Row | None]:
    """The row that brought the case to each step; None where it did not come."""
    found: list[Row | None] = []
    for number, step in enumerate(steps):
        rows = touches(case, ask, step)
        if order == "implied":
            rows = sorted((row for later in steps[number:] for row in touches(case, ask, later)), key=moment)
        if order == "all" and number:
            before = found[-1]
            rows = [] if before is None else [row for row in rows if moment(row) >= moment(before)]
        found.append(rows[0] if rows else None)
    return found


def cohort(
    cases: Iterable[Case], ask: Ask, steps: Sequence[str], versions: Mapping[tuple[UUID, int], set[str]]
) -> Answer:
    """`versions` says which steps each version has."""
    answer = Answer()
    for case in cases:
        if not is_counted(case, ask):
            continue
        path = arrivals(case, ask, steps, ask.order)
        first = path[0]
        if first is None or not inside(first["occurred_at"], ask):
            continue
        entered = first["occurred_at"]
        is_over = False
        if ask.window is not None:
            last = entered + ask.window
            path = [row if row is not None and row["occurred_at"] <= last else None for row in path]
            is_over = ask.as_of > last
        _walk(answer, case, ask, steps, path, is_over, versions)
        _wait_for_each(answer, case, ask, path, is_over)
    return answer


def _wait_for_each(answer: Answer, case: Case, ask: Ask, path: Sequence[Row | None], is_over: bool) -> None:
    """What the estimates of the eventual rates are made of."""
    first, move = path[0], last_move(case, ask)
    assert first is not None
    assert move is not None
    seen_until = ask.as_of if move["outcome"] is None else move["occurred_at"]
    if ask.window is not None:
        seen_until = min(seen_until, first["occurred_at"] + ask.window)
    here: Segment = ()
    for number, row in enumerate(path, 1):
        here = here if row is None else segment_of(row, case, ask)
        until, end = (row["occurred_at"], "reached") if row is not None else (seen_until, standing(case, ask, is_over))
        answer.spells[number, here].append((max((until - first["occurred_at"]).total_seconds(), 0.0), end))


def _walk(
    answer: Answer,
    case: Case,
    ask: Ask,
    steps: Sequence[str],
    path: Sequence[Row | None],
    is_over: bool,
    versions: Mapping[tuple[UUID, int], set[str]],
) -> None:
    here: Segment = ()
    before: Segment | None = None
    last = seen(case, ask)[-1]
    for number, row in enumerate(path, 1):
        previous = path[number - 2] if number > 1 else None
        here = segment_of(row, case, ask) if row is not None else here
        if row is not None:
            _reach(answer, case, ask, number, steps[number - 1], row, here)
            if before is not None:
                answer.add(number, before, "advanced", case)
                if previous is not None and previous["occurred_at"] <= row["occurred_at"]:
                    answer.seconds[number, before].append(elapsed(previous, row))
        else:
            answer.add(number, here, standing(case, ask, is_over), case)
            if outcome(case, ask) == "cancelled":
                answer.add(number, here, "cancelled", case)
            if previous is not None:
                assert before is not None
                answer.add(number, before, "dropped", case)
                is_open = standing(case, ask, is_over) == "open"
                answer.add(number, before, "pending" if is_open else "failed", case)
        if steps[number - 1] not in versions[last["definition_id"], last["version"]]:
            answer.add(number, here, "unmapped", case)
        before = here


def _reach(answer: Answer, case: Case, ask: Ask, number: int, step: str, row: Row, segment: Segment) -> None:
    answer.add(number, segment, "reached", case)
    visits = len(touches(case, ask, step))
    answer.visits[number, segment] += visits
    if visits > 1:
        answer.add(number, segment, "reworked", case)
    if row["kind"] == "forced":
        answer.add(number, segment, "forced", case)


def standing(case: Case, ask: Ask, is_over: bool = False) -> str:
    ended = outcome(case, ask)
    if ended in {"lost", "cancelled"}:
        return "lost"
    return "missed" if ended is not None or is_over else "open"


def elapsed(earlier: Row, later: Row) -> float:
    found: timedelta = later["occurred_at"] - earlier["occurred_at"]
    return found.total_seconds()


def period(
    cases: Iterable[Case], ask: Ask, steps: Sequence[str], versions: Mapping[tuple[UUID, int], set[str]]
) -> Answer:
    answer = Answer()
    for case in cases:
        if not is_counted(case, ask):
            continue
        path = arrivals(case, ask, steps, "any")
        last = seen(case, ask)[-1]
        for number, row in enumerate(path, 1):
            previous = path[number - 2] if number > 1 else None
            if row is not None and inside(row["occurred_at"], ask):
                here = segment_of(row, case, ask)
                _reach(answer, case, ask, number, steps[number - 1], row, here)
                if number > 1:
                    answer.add(number, here, "advanced", case)
                if previous is not None and previous["occurred_at"] <= row["occurred_at"]:
                    answer.seconds[number, here].append(elapsed(previous, row))
            if previous is not None and inside(previous["occurred_at"], ask):
                there = segment_of(previous, case, ask)
                if row is None:
                    answer.add(number, there, standing(case, ask), case)
                    answer.add(number, there, "dropped", case)
                    if outcome(case, ask) == "cancelled":
                        answer.add(number, there, "cancelled", case)
                if steps[number - 1] not in versions[last["definition_id"], last["version"]]:
                    answer.add(number, there, "unmapped", case)
    return answer


def snapshot(cases: Iterable[Case], ask: Ask, steps: Sequence[str]) -> Answer:
    answer = Answer()
    for case in cases:
        if not is_counted(case, ask) or not inside(case.row["started_at"], ask):
            continue
        touched = [
            (moment(row), number, row) for number, step in enumerate(steps, 1) for row in touches(case, ask, step)
        ]
        if not touched:
            continue
        _, number, row = max(touched, key=lambda touch: touch[:2])
        here = segment_of(row, case, ask)
        _reach(answer, case, ask, number, steps[number - 1], row, here)
        answer.add(number, here, standing(case, ask), case)
        if outcome(case, ask) == "cancelled":
            answer.add(number, here, "cancelled", case)
    return answer


def stranded(cases: Iterable[Case], ask: Ask, steps: Sequence[str]) -> dict[tuple[UUID, str], set[UUID]]:
    found: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for case in cases:
        if is_counted(case, ask) and inside(case.row["started_at"], ask):
            move = last_move(case, ask)
            if move is not None and not any(touches(case, ask, step) for step in steps):
                found[case.row["definition_id"], move["to_stage"]].add(case.id)
    return found
