"""KPIs once more, slowly and plainly, over the rows of the history: which units each counts, and what they amount to.

Every function says what `meaning` in the header of its file says; nothing here is shared with the SQL.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import inf
from statistics import NormalDist
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.analytics import reference
from tests.analytics.cases import EPOCH, MICROSECOND, Ask, Case, Row, Segment
from tests.analytics.reference_statistics import brookmeyer_crowley

MOSCOW = ZoneInfo("Europe/Moscow")
NEVER = EPOCH


@dataclass
class Unit:
    """Something counted: of which case, brought there by which row (None: as it stands), when, and how much it is."""

    case: Case
    row: Row | None
    at: datetime = NEVER
    clock: str = ""
    numbers: tuple[str, ...] = ("numerator",)
    amount: Fraction = Fraction(1)
    seconds: float = 0.0
    is_seen: bool = True


@dataclass
class Documents:
    """What the versions say: the key stage, the steps with their places, the checkpoint of the response, bound fields; hours by process."""

    key_stage: Mapping[tuple[UUID, int], str | None]
    steps: Mapping[tuple[UUID, int], Mapping[str, int]]
    response: Mapping[tuple[UUID, int], str | None]
    bound: Mapping[tuple[UUID, int, str], str | None]
    hours: Callable[[UUID, datetime, datetime], Fraction]
    fewest: int = 30
    within: timedelta = timedelta(days=90)


Units = Iterator[Unit]


def segment_of(unit: Unit, ask: Ask, documents: Documents) -> Segment:
    return tuple(_value(dimension, unit, ask, documents) for dimension in ask.by)


def _value(dimension: str, unit: Unit, ask: Ask, documents: Documents) -> str | None:
    day = unit.at.astimezone(MOSCOW)
    match dimension:
        case "day":
            return day.date().isoformat()
        case "week":
            return f"{day.isocalendar().year}-W{day.isocalendar().week:02}"
        case "month":
            return f"{day.year}-{day.month:02}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "year":
            return str(day.year)
        case "clock":
            return unit.clock
        case "stage":
            return str(_move(unit.case, ask)["to_stage"])
        case "product":
            found = _data(unit.case, ask, documents, "product")
            return None if found is None else str(found)
        case _:
            return reference.segment_of(unit.row, unit.case, replaced(ask, by=(dimension,)))[0]


def _data(case: Case, ask: Ask, documents: Documents, column: str) -> Any:
    field = documents.bound[*_version(case, ask), column]
    named = [row["data"][field] for row in reference.seen(case, ask) if field in (row["data"] or {})]
    return named[-1] if named else None


def _version(case: Case, ask: Ask) -> tuple[UUID, int]:
    return case.row["definition_id"], reference.seen(case, ask)[-1]["version"]


def _move(case: Case, ask: Ask) -> Row:
    found = reference.last_move(case, ask)
    assert found is not None
    return found


def _begun(cases: list[Case], ask: Ask) -> Iterator[Case]:
    return (case for case in cases if reference.inside(case.row["started_at"], ask))


def _end(case: Case, ask: Ask) -> datetime:
    found: datetime = _move(case, ask)["occurred_at"] if reference.outcome(case, ask) else ask.as_of
    return found


def _seconds(since: datetime, until: datetime) -> float:
    return max((until - since).total_seconds(), 0.0)


def _share(is_met: bool) -> tuple[str, ...]:
    return ("denominator", "numerator") if is_met else ("denominator",)


def _waited(case: Case, ask: Ask, row: Row | None) -> Unit:
    began = case.row["started_at"]
    until = _end(case, ask) if row is None else row["occurred_at"]
    return Unit(
        case, row, began, numbers=_share(row is not None), seconds=_seconds(began, until), is_seen=row is not None
    )


def _is_response(row: Row, documents: Documents) -> bool:
    act = row["activity"]
    if act is not None and act["direction"] == "outbound" and not act["automated"]:
        return True
    return documents.response[row["definition_id"], row["version"]] in (row["checkpoints"] or ())


def response_time(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for case in _begun(cases, ask):
        rows = sorted((row for row in reference.seen(case, ask) if _is_response(row, documents)), key=reference.moment)
        yield _waited(case, ask, rows[0] if rows else None)


def _key_rows(case: Case, ask: Ask, documents: Documents) -> list[Row]:
    rows = (row for row in reference.seen(case, ask) if row["to_stage"] is not None)
    there = (row for row in rows if documents.key_stage[row["definition_id"], row["version"]] == row["to_stage"])
    return sorted(there, key=reference.moment)


def time_to_key_stage(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for case in _begun(cases, ask):
        if documents.key_stage[_version(case, ask)] is not None:
            rows = _key_rows(case, ask, documents)
            yield _waited(case, ask, rows[0] if rows else None)


def key_stage_entries(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for case in cases:
        for row in _key_rows(case, ask, documents):
            if reference.inside(row["occurred_at"], ask):
                yield Unit(case, row, row["occurred_at"])


def key_stage_actions(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for case in cases:
        rows = sorted(reference.known(case, ask), key=reference.moment)
        stood: Row | None = None
        for row in rows:
            act = row["activity"]
            is_there = (
                stood is not None
                and documents.key_stage[case.row["definition_id"], stood["version"]] == stood["to_stage"]
            )
            is_act = act is not None and not act["automated"]
            is_seen = row["occurred_at"] <= ask.as_of and reference.inside(row["occurred_at"], ask)
            if is_act and is_there and is_seen:
                yield Unit(case, row, row["occurred_at"])
            if row["to_stage"] is not None:
                stood = row


def lead_to_sale(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case in _begun(cases, ask):
        yield _waited(case, ask, _move(case, ask) if reference.outcome(case, ask) == "won" else None)


def win_rate_cohort(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    return (unit for unit in lead_to_sale(cases, ask, documents) if reference.outcome(unit.case, ask) != "cancelled")


def cycle_time(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case in _begun(cases, ask):
        ended = reference.outcome(case, ask)
        if ended != "cancelled":
            yield _waited(case, ask, None if ended is None else _move(case, ask))


def _closed(cases: list[Case], ask: Ask) -> Iterator[tuple[Case, Row]]:
    for case in cases:
        move = _move(case, ask)
        if move["outcome"] is not None and reference.inside(move["occurred_at"], ask):
            yield case, move


def win_rate_closed(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case, move in _closed(cases, ask):
        if move["outcome"] != "cancelled":
            yield Unit(case, move, move["occurred_at"], numbers=_share(move["outcome"] == "won"))


def sales(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    return (Unit(case, move, move["occurred_at"]) for case, move in _closed(cases, ask) if move["outcome"] == "won")


def new_cases(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    return (Unit(case, None, case.row["started_at"]) for case in _begun(cases, ask))


def leads_per_sale(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    yield from new_cases(cases, ask, documents)
    for unit in sales(cases, ask, documents):
        yield replaced(unit, numbers=("denominator",))


def velocity(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for case in _begun(cases, ask):
        ended, move, began = reference.outcome(case, ask), _move(case, ask), case.row["started_at"]
        if ended is None:
            yield Unit(case, None, began, numbers=("open",))
        elif ended in {"won", "lost"}:
            days = Fraction((move["occurred_at"] - began) // MICROSECOND, 86_400_000_000)
            yield Unit(case, move, began, numbers=("closed",), amount=days)
        if ended == "won":
            yield Unit(case, move, began, numbers=("won",))
            amount = _data(case, ask, documents, "amount")
            if amount is None:
                yield Unit(case, move, began, numbers=("left_out",))
            else:
                yield Unit(case, move, began, numbers=("priced",), amount=Fraction(amount))


def rework_rate(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case in _begun(cases, ask):
        stages = [row["to_stage"] for row in reference.seen(case, ask) if row["to_stage"] is not None]
        yield Unit(case, None, case.row["started_at"], numbers=_share(len(set(stages)) < len(stages)))


def skipped_steps(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for case in _begun(cases, ask):
        places = documents.steps[_version(case, ask)]
        touched = {place for key, place in places.items() if reference.touches(case, ask, key)}
        for place in places.values():
            if touched and place < max(touched):
                yield Unit(case, None, case.row["started_at"], numbers=_share(place not in touched))


def forced_moves(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case in cases:
        for row in reference.seen(case, ask):
            if (
                row["to_stage"] is not None
                and row["from_stage"] is not None
                and reference.inside(row["occurred_at"], ask)
            ):
                yield Unit(case, row, row["occurred_at"], numbers=_share(row["kind"] == "forced"))


def _cycles(case: Case, ask: Ask) -> Iterator[tuple[Row, Row]]:
    last: dict[tuple[str, int], tuple[Row, Row]] = {}
    for row in reference.known(case, ask):
        for event in row["clocks"] or ():
            if _instant(event["at"]) <= ask.as_of:
                last[event["clock"], event["cycle"]] = (row, event)
    return iter(last.values())


def _instant(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def _is_late(event: Row, ask: Ask) -> bool:
    return event["state"] == "breached" or (event["state"] == "running" and _instant(event["due"]) < ask.as_of)


def clock_time(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    return (replaced(unit, numbers=_share(unit.is_seen)) for unit in attainment(cases, ask, documents))


def attainment(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case in cases:
        for row, event in _cycles(case, ask):
            is_met = event["state"] == "met" and _instant(event["due"]) <= ask.as_of
            if reference.inside(_instant(event["due"]), ask) and (is_met or _is_late(event, ask)):
                took = event.get("elapsed") if not event["open"] else _budget(case, event)
                where = None if event["open"] else row
                yield Unit(
                    case,
                    where,
                    _instant(event["due"]),
                    event["clock"],
                    _share(is_met),
                    seconds=took / 1e6,
                    is_seen=not event["open"],
                )


def _budget(case: Case, event: Row) -> int:
    started = (item for row in case.history for item in row["clocks"] or () if item["event"] == "started")
    return next(
        int(item["budget"]) for item in started if (item["clock"], item["cycle"]) == (event["clock"], event["cycle"])
    )


def _clock_events(kind: str) -> Callable[[list[Case], Ask, Documents], Units]:
    def units(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
        for case in cases:
            last: dict[Any, tuple[Row, Row]] = {}
            for row in reference.known(case, ask):
                for event in row["clocks"] or ():
                    if kind in (event["event"], event.get("withdrawn")) and _instant(event["at"]) <= ask.as_of:
                        last[event["clock"], event["cycle"], event.get("step")] = (row, event)
            for row, event in last.values():
                if event["event"] == kind and reference.inside(_instant(event["at"]), ask):
                    yield Unit(case, row, _instant(event["at"]), event["clock"])

    return units


def open_cases(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    return (Unit(case, None) for case in cases if reference.outcome(case, ask) is None)


def overdue_cases(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for unit in open_cases(cases, ask, documents):
        if any(event["open"] and _is_late(event, ask) for _, event in _cycles(unit.case, ask)):
            yield unit


def due_today(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    today = ask.as_of.astimezone(MOSCOW).date()
    for unit in open_cases(cases, ask, documents):
        running = (event for _, event in _cycles(unit.case, ask) if event["open"] and event["state"] == "running")
        dues = [_instant(event["due"]) for event in running]
        if any(due >= ask.as_of and due.astimezone(MOSCOW).date() == today for due in dues):
            yield unit


def _per_hour(units: Units, ask: Ask, documents: Documents) -> Units:
    until = min(ask.until, ask.as_of)
    for unit in units:
        is_begun = ask.since.year > 1
        hours = documents.hours(unit.case.row["definition_id"], ask.since, until) if is_begun else Fraction(0)
        yield replaced(unit, amount=hours, numbers=("numerator",) if hours or not is_begun else ("left_out",))


def arrivals_per_hour(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    return _per_hour(new_cases(cases, ask, documents), ask, documents)


def completions_per_hour(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    return _per_hour((Unit(case, move) for case, move in _closed(cases, ask)), ask, documents)


AGES = [timedelta(days=days) for days in (0, 1, 3, 7, 14, 30, 90)]


def _chance(case: Case, ask: Ask, everybody: list[Case], fewest: int) -> Fraction | None:
    """The share won among earlier stays in the same stage that reached the band the case is in."""
    move = _move(case, ask)
    band = max(age for age in AGES if age <= max(ask.as_of - move["occurred_at"], AGES[0]))
    won = []
    for other in everybody:
        if other.row["definition_id"] == case.row["definition_id"] and reference.outcome(other, ask) is not None:
            moves = [row for row in reference.seen(other, ask) if row["to_stage"] is not None]
            for entry, leaving in pairwise(moves):
                if entry["to_stage"] == move["to_stage"] and leaving["occurred_at"] - entry["occurred_at"] >= band:
                    won.append(reference.outcome(other, ask) == "won")
    return Fraction(sum(won), len(won)) if len(won) >= fewest else None


def _forecast(
    weigh: Callable[[Case, Ask, Documents], Fraction | None],
) -> Callable[[list[Case], Ask, Documents], Units]:
    def units(cases: list[Case], ask: Ask, documents: Documents) -> Units:
        everybody = cases
        chosen = replaced(ask)
        for unit in open_cases([case for case in cases if ask.chosen(case, ask)], chosen, documents):
            chance, weight = _chance(unit.case, ask, everybody, documents.fewest), weigh(unit.case, ask, documents)
            if chance is None or weight is None:
                yield replaced(unit, numbers=("left_out",))
            else:
                yield replaced(unit, amount=chance * weight)

    return units


def _amount(case: Case, ask: Ask, documents: Documents) -> Fraction | None:
    found = _data(case, ask, documents, "amount")
    return None if found is None else Fraction(found)


def revenue(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for unit in sales(cases, ask, documents):
        amount = _amount(unit.case, ask, documents)
        yield replaced(unit, numbers=("left_out",)) if amount is None else replaced(unit, amount=amount)


def average_check(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for unit in revenue(cases, ask, documents):
        yield unit
        if unit.numbers == ("numerator",):
            yield replaced(unit, numbers=("denominator",), amount=Fraction(1))


def _purchases(cases: list[Case], ask: Ask) -> Iterator[list[tuple[datetime, UUID, Case]]]:
    """The purchases of each customer, in the order of time, whatever the filter."""
    found: dict[UUID, list[tuple[datetime, UUID, Case]]] = {}
    for case in cases:
        move, customer = _move(case, ask), case.row["customer_id"]
        if move["outcome"] == "won" and customer is not None:
            found.setdefault(customer, []).append((move["occurred_at"], case.id, case))
    return (sorted(some) for some in found.values())


def _newcomers(cases: list[Case], ask: Ask) -> Iterator[tuple[Unit, list[tuple[datetime, UUID, Case]]]]:
    """The first purchase of each customer whose first it was in the period, beside all of them."""
    for bought in _purchases(cases, ask):
        at, _, case = bought[0]
        if reference.inside(at, ask) and ask.chosen(case, ask):
            yield Unit(case, _move(case, ask), at), bought


def repeat_conversion(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for unit, bought in _newcomers(cases, ask):
        if unit.at + documents.within > ask.as_of:
            yield replaced(unit, numbers=("left_out",))
        else:
            again = [at for at, _, _ in bought[1:] if at <= unit.at + documents.within]
            yield replaced(unit, numbers=_share(bool(again)))


def revenue_per_customer(cases: list[Case], ask: Ask, documents: Documents) -> Units:
    for unit, bought in _newcomers(cases, ask):
        amounts = [amount for *_, case in bought if (amount := _amount(case, ask, documents)) is not None]
        if not amounts:
            yield replaced(unit, numbers=("left_out",))
        else:
            yield replaced(unit, amount=sum(amounts, Fraction(0)))
            yield replaced(unit, numbers=("denominator",))


def purchase_frequency(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for bought in _purchases(cases, ask):
        inside = [(at, case) for at, _, case in bought if reference.inside(at, ask)]
        if inside and ask.chosen(inside[0][1], ask):
            at, case = inside[0]
            yield Unit(case, _move(case, ask), at, amount=Fraction(len(inside)))
            yield Unit(case, _move(case, ask), at, numbers=("denominator",))


def churn(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    if ask.since.year == 1 or ask.as_of < ask.since:
        return
    before = ask.since - (ask.until - ask.since)
    for bought in _purchases(cases, ask):
        earlier = [(at, case) for at, _, case in bought if before <= at < ask.since]
        if earlier and ask.chosen(earlier[-1][1], ask):
            at, case = earlier[-1]
            yield Unit(
                case, _move(case, ask), at, numbers=_share(not any(reference.inside(at, ask) for at, *_ in bought))
            )


UNITS: Mapping[str, Callable[[list[Case], Ask, Documents], Units]] = {
    "arrivals_per_hour": arrivals_per_hour,
    "attainment": attainment,
    "average_check": average_check,
    "breaches": _clock_events("breached"),
    "churn": churn,
    "clock_time": clock_time,
    "completions_per_hour": completions_per_hour,
    "cycle_time": cycle_time,
    "due_today": due_today,
    "escalations": _clock_events("escalated"),
    "forced_moves": forced_moves,
    "forecast_amount": _forecast(_amount),
    "forecast_sales": _forecast(lambda *_: Fraction(1)),
    "key_stage_actions": key_stage_actions,
    "key_stage_entries": key_stage_entries,
    "lead_to_key_stage": time_to_key_stage,
    "lead_to_sale": lead_to_sale,
    "leads_per_sale": leads_per_sale,
    "new_cases": new_cases,
    "open_cases": open_cases,
    "overdue_cases": overdue_cases,
    "purchase_frequency": purchase_frequency,
    "repeat_conversion": repeat_conversion,
    "response_time": response_time,
    "revenue": revenue,
    "revenue_per_customer": revenue_per_customer,
    "rework_rate": rework_rate,
    "sales": sales,
    "skipped_steps": skipped_steps,
    "time_to_key_stage": time_to_key_stage,
    "time_to_sale": lead_to_sale,
    "velocity": velocity,
    "warnings": _clock_events("warned"),
    "win_rate_closed": win_rate_closed,
    "win_rate_cohort": win_rate_cohort,
}
OF_EVERYBODY = frozenset(
    {"churn", "forecast_amount", "forecast_sales", "purchase_frequency", "repeat_conversion", "revenue_per_customer"}
)
"""What looks at cases beyond the filter."""


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The shares that a test at 5 % does not refuse: found by halving, from the definition."""
    z = NormalDist().inv_cdf(0.975)

    def refused(share: float) -> bool:
        return abs(part / whole - share) > z * (share * (1 - share) / whole) ** 0.5

    def edge(inner: float, outer: float) -> float:
        for _ in range(80):
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if refused(middle) else (middle, outer)
        return inner

    return (0.0 if part == 0 else edge(part / whole, 0.0)), (1.0 if part == whole else edge(part / whole, 1.0))


def median_interval(waits: list[tuple[float, bool]]) -> tuple[float, float] | None:
    """The interval of a median: none before its lower end is known, without end where the upper one is not."""
    lower, upper = brookmeyer_crowley(waits, 0.5)
    return None if lower is None else (lower, inf if upper is None else upper)
