"""The process map once more, slowly and plainly, over the rows of the history; what a case has seen is told in `reference.py`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from tests.analytics.cases import Ask, Case, Row
from tests.analytics.reference import inside, is_counted, last_move, moment, seen, touches

Parts = tuple[str | None, ...]
FINAL = {"won", "lost", "cancelled"}


@dataclass
class Map:
    """How often each case counts in each number of each part; the seconds of each part; all that was waited for cases to end."""

    members: dict[tuple[Parts, str], dict[UUID, int]] = field(default_factory=lambda: defaultdict(dict))
    seconds: dict[Parts, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: list[tuple[float, bool]] = field(default_factory=list)
    ways: dict[tuple[str, ...], list[tuple[UUID, float | None]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, parts: Parts, number: str, case: Case, times: int = 1) -> None:
        found = self.members[parts, number]
        found[case.id] = found.get(case.id, 0) + times


def activities_of(row: Row, classifier: str) -> list[str]:
    """What a row of the history tells of, as activities."""
    if classifier == "stage":
        return [row["to_stage"]] if row["to_stage"] is not None else []
    if classifier == "transition":
        return [row["transition"]] if row["transition"] is not None else []
    if classifier == "checkpoint":
        return list(row["checkpoints"] or ())
    return [row["activity"]["kind"]] if row["activity"] is not None else []


def events(case: Case, ask: Ask, classifier: str) -> list[tuple[str, Row]]:
    """The events of a case in the order of happening."""
    rows = sorted(seen(case, ask), key=moment)
    return [(activity, row) for row in rows for activity in activities_of(row, classifier)]


def performer(row: Row) -> str | None:
    return f"user:{row['actor_id']}" if row["actor_kind"] == "user" else None


def elapsed(one: Row, other: Row) -> float:
    found: float = (other["occurred_at"] - one["occurred_at"]).total_seconds()
    return found


def process_map(cases: Iterable[Case], ask: Ask, classifier: str, documents: Mapping[int, Mapping[str, Any]]) -> Map:
    """`documents` are the versions of the process."""
    answer = Map()
    for case in cases:
        if is_counted(case, ask) and inside(case.row["started_at"], ask):
            happened = events(case, ask, classifier)
            _activities(answer, case, ask, [activity for activity, _ in happened])
            _followers(answer, case, happened)
            _handovers(answer, case, [row for _, row in happened])
            _deviations(answer, case, ask, documents)
    return answer


def _activities(answer: Map, case: Case, ask: Ask, happened: Sequence[str]) -> None:
    move = last_move(case, ask)
    assert move is not None
    is_ended = move["outcome"] is not None
    until = move["occurred_at"] if is_ended else ask.as_of
    seconds = (until - case.row["started_at"]).total_seconds()
    answer.waits.append((seconds, is_ended))
    answer.ways[tuple(happened)].append((case.id, seconds if is_ended else None))
    answer.add(("case",), "cases", case, len(happened))
    answer.add(("case",), "ended" if is_ended else "open", case, len(happened))
    if is_ended:
        answer.seconds["case",].append(seconds)
    if not happened:
        answer.add(("case",), "eventless", case, 0)
        return
    times = Counter(happened)
    if len(happened) > len(times):
        answer.add(("case",), "reworked", case, len(happened) - len(times))
    for activity, count in times.items():
        answer.add(("activity", activity), "cases", case, count)
        if count > 1:
            answer.add(("activity", activity), "reworked", case, count - 1)
    answer.add(("activity", happened[0]), "starts", case, times[happened[0]])
    answer.add(("activity", happened[-1]), "ends" if is_ended else "standing", case, times[happened[-1]])


def _followers(answer: Map, case: Case, happened: Sequence[tuple[str, Row]]) -> None:
    for (source, first), (target, second) in pairwise(happened):
        answer.add(("edge", source, target), "cases", case)
        answer.seconds["edge", source, target].append(elapsed(first, second))
        if source == target:
            answer.add(("loop", source), "cases", case)
    names = [activity for activity, _ in happened]
    for one, other, third in zip(names, names[1:], names[2:], strict=False):
        if one == third and one != other:
            answer.add(("loop", one, other), "cases", case)


def _handovers(answer: Map, case: Case, rows: Sequence[Row]) -> None:
    done = [(performer(row), row) for row in rows if performer(row) is not None]
    for (giver, first), (taker, second) in pairwise(done):
        if giver != taker:
            answer.add(("handover", giver, taker), "cases", case)
            answer.seconds["handover", giver, taker].append(elapsed(first, second))


def leads(document: Mapping[str, Any], source: str, target: str) -> bool:
    """Whether a version has a transition between two stages."""
    for part in document["transitions"].values():
        if part["to"] != target:
            continue
        sources = part["from"]
        if source in sources or (sources == "*" and document["stages"][source]["kind"] not in FINAL):
            return True
    return False


def _deviations(answer: Map, case: Case, ask: Ask, documents: Mapping[int, Mapping[str, Any]]) -> None:
    found: list[Parts] = []
    for row in seen(case, ask):
        source, target = row["from_stage"], row["to_stage"]
        if source is None or target is None:
            continue
        if row["kind"] == "forced":
            found.append(("forced_move", source, target))
        if not leads(documents[row["version"]], source, target):
            found.append(("undefined_move", source, target))
    version = seen(case, ask)[-1]["version"]
    found.extend(("skipped_step", None, step) for step in skipped(case, ask, documents[version]))
    for kind, *place in found:
        answer.add(("deviation", kind), "cases", case)
        answer.add(("deviation", kind, *place), "cases", case)
    answer.add(("conformance",), "deviating" if found else "conforming", case)


def skipped(case: Case, ask: Ask, document: Mapping[str, Any]) -> list[str]:
    """The steps that a case never touched, though it touched a later one."""
    orders = {key: part["order"] for key, part in document["checkpoints"].items() if part.get("order") is not None}
    touched = [key for key in orders if touches(case, ask, key)]
    furthest = max((orders[key] for key in touched), default=0)
    return [key for key, order in orders.items() if key not in touched and order < furthest]
