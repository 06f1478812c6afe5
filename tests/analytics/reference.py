"""The figures once more, slowly and plainly, over the rows of the history: what the SQL is compared with.

Every function says one rule of `docs/figures.md` in a few lines of Python; nothing here is shared with the code under test.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from tests.world import World

Row = Mapping[str, Any]
Segment = tuple[str | None, ...]
Cell = tuple[Any, Segment, str]
"""(step, segment, number)"""
Spell = tuple[float, str]
"""How long a case was seen on its way to a step, and how that ended: `reached`, `lost`, `missed` or (not yet) `open`."""

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass
class Case:
    """A case: its row as it is now, and its history in the order of the sequence."""

    row: Row
    history: list[Row]

    @property
    def id(self) -> UUID:
        found: UUID = self.row["id"]
        return found


@dataclass
class Ask:
    """What is asked. `chosen` is the filter over cases as last known."""

    as_of: datetime
    known_at: datetime
    since: datetime
    until: datetime
    definitions: frozenset[UUID]
    by: tuple[str, ...] = ()
    basis: str = "at_entry"
    window: timedelta | None = None
    order: str = "any"
    chosen: Callable[[Row], bool] = lambda _row: True


@dataclass
class Answer:
    """The cases of every number, the touches of those that reached a step, the seconds from the step before."""

    members: dict[Cell, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    visits: dict[tuple[Any, Segment], int] = field(default_factory=lambda: defaultdict(int))
    seconds: dict[tuple[Any, Segment], list[float]] = field(default_factory=lambda: defaultdict(list))
    spells: dict[tuple[Any, Segment], list[Spell]] = field(default_factory=lambda: defaultdict(list))

    def add(self, step: Any, segment: Segment, number: str, case: Case) -> None:
        assert case.id not in self.members[step, segment, number]
        self.members[step, segment, number].add(case.id)


async def load_cases(world: World) -> list[Case]:
    """Every case of the world with its history."""
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch("SELECT * FROM process_instance WHERE tenant_id = $1", world.tenant_id)
        steps = await connection.fetch(
            "SELECT * FROM history WHERE tenant_id = $1 ORDER BY instance_id, sequence", world.tenant_id
        )
    histories: dict[UUID, list[Row]] = defaultdict(list)
    for step in steps:
        histories[step["instance_id"]].append(step)
    return [Case(row, histories[row["id"]]) for row in rows]


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
        and ask.chosen(rows[-1])
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
    return tuple(_value(dimension, row, known(case, ask)[-1], ask.basis) for dimension in ask.by)


def _value(dimension: str, row: Row | None, last: Row, basis: str) -> str | None:
    if dimension == "version":
        return f"{last['definition_id']}@{last['version']}"
    if dimension == "region":
        found: str | None = last["region"]
        return found
    if dimension == "owner":
        return _text(_owner(row, last, basis))
    if dimension == "team":
        return _text((last if basis == "current" or row is None else row)["team_id"])
    column = {"channel": "channel_id", "campaign": "campaign_id", "process": "definition_id"}[dimension]
    return _text(last[column])


def _owner(row: Row | None, last: Row, basis: str) -> UUID | None:
    if basis == "actor":
        return None if row is None or row["actor_kind"] != "user" else row["actor_id"]
    found: UUID | None = (last if basis == "current" or row is None else row)["owner_id"]
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
    last = known(case, ask)[-1]
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
        last = known(case, ask)[-1]
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
        if not is_counted(case, ask):
            continue
        move = last_move(case, ask)
        if move is None or move["outcome"] != "lost" or not inside(move["occurred_at"], ask):
            continue
        cell = (move["from_stage"], move["reason"], segment_of(move, case, ask))
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
    verdicts: dict[tuple[str, Segment], list[str]] = field(default_factory=lambda: defaultdict(list))


def checkpoints(
    cases: Iterable[Case], ask: Ask, keys: Sequence[str], bound: Mapping[tuple[int, str], str]
) -> CheckpointAnswer:
    """`bound` says which checkpoint a policy of a version measures."""
    answer = CheckpointAnswer()
    for case in cases:
        if not is_counted(case, ask):
            continue
        if inside(case.row["started_at"], ask):
            for key in keys:
                _wait(answer, case, ask, key)
        for row, event in _last_events(case, ask):
            key = bound.get((row["version"], event["clock"]))
            if key is not None and inside(EPOCH + event["due"] * MICROSECOND, ask):
                segment = segment_of(None if event["open"] else row, case, ask)
                answer.verdicts[key, segment].extend(_verdicts(event, ask))
    return answer


def _wait(answer: CheckpointAnswer, case: Case, ask: Ask, key: str) -> None:
    rows = touches(case, ask, key)
    segment = segment_of(rows[0] if rows else None, case, ask)
    move = last_move(case, ask)
    assert move is not None
    until = move["occurred_at"] if move["outcome"] is not None else ask.as_of
    if rows:
        until = rows[0]["occurred_at"]
    answer.waits[key, segment].append(((until - case.row["started_at"]).total_seconds(), bool(rows)))
    answer.actions[key, segment] += len(rows)
    answer.members[key, segment, "started"].add(case.id)
    answer.members[key, segment, "reached" if rows else "unreached"].add(case.id)


def _last_events(case: Case, ask: Ask) -> list[tuple[Row, Row]]:
    """The last event of each cycle, with the row that holds it."""
    last: dict[tuple[str, int], tuple[Row, Row]] = {}
    for row in known(case, ask):
        for event in row["clocks"] or ():
            if EPOCH + event["at"] * MICROSECOND <= ask.as_of:
                last[event["clock"], event["cycle"]] = (row, event)
    return list(last.values())


def _verdicts(event: Row, ask: Ask) -> list[str]:
    if event["state"] == "met":
        return ["met"]
    if event["state"] == "cancelled":
        return ["cancelled"]
    is_late = event["state"] == "running" and EPOCH + event["due"] * MICROSECOND < ask.as_of
    if event["state"] == "breached" or is_late:
        return ["breached", "overdue"] if event["open"] else ["breached"]
    return ["not_yet_due"]


# Statistics


def percentile(values: Sequence[float], share: float) -> float:
    """By linear interpolation between the two nearest ranks."""
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def kaplan_meier(waits: Sequence[tuple[float, bool]], share: Fraction) -> float | None:
    """The first length after which at least this share has happened; those not seen to happen count as long as they were seen."""
    waiting = Fraction(1)
    for length in sorted({seconds for seconds, happened in waits if happened}):
        at_risk = sum(1 for seconds, _ in waits if seconds >= length)
        events = sum(1 for seconds, happened in waits if happened and seconds == length)
        waiting *= 1 - Fraction(events, at_risk)
        if waiting <= 1 - share:
            return length
    return None


def eventual_rate(spells: Sequence[Spell]) -> float:
    """Aalen-Johansen, by handing what is not known on: a case last seen open leaves its weight to those seen longer."""
    weights = [1.0] * len(spells)
    order = sorted(range(len(spells)), key=lambda place: spells[place][0])
    for place in order:
        length, end = spells[place]
        if end == "open":
            later = [other for other in order if spells[other][0] > length]
            for other in later:
                weights[other] += weights[place] / len(later)
            weights[place] = 0.0
    reached = (weight for weight, (_, end) in zip(weights, spells, strict=True) if end == "reached")
    return sum(reached) / len(spells)


def eventual_variance(spells: Sequence[Spell]) -> float:
    """The variance of that rate by the delta method, straight from its definition."""
    final, waiting, share = eventual_rate(spells), 1.0, 0.0
    total = 0.0
    for length in sorted({seconds for seconds, _ in spells}):
        risk = sum(1 for seconds, _ in spells if seconds >= length)
        reached = sum(1 for seconds, end in spells if seconds == length and end == "reached")
        settled = sum(1 for seconds, end in spells if seconds == length and end != "open")
        share += waiting * reached / risk
        missing = final - share
        if settled < risk:
            total += missing**2 * settled / (risk * (risk - settled))
        total += waiting**2 * reached * (risk - reached) / risk**3 - 2 * missing * waiting * reached / risk**2
        waiting *= 1 - settled / risk
    return total
