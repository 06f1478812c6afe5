"""The comparison itself is tested: an error planted into any rule of the references must be noticed."""

from datetime import datetime
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest

from tests.analytics import (
    reference,
    reference_checkpoints,
    reference_customers,
    reference_forensics,
    reference_stages,
)
from tests.analytics import reference_statistics as statistics
from tests.analytics.cases import Ask, Case, Row
from tests.analytics.checking import Walked, check_everything, check_stages


def _without_known_at(case: Case, _ask: Ask) -> list[Row]:
    return case.history


def _without_as_of(case: Case, ask: Ask) -> list[Row]:
    return reference.known(case, ask)


def _latest_first(row: Row) -> tuple[float, int]:
    return -row["occurred_at"].timestamp(), row["sequence"]


def _excluded_too(case: Case, ask: Ask) -> bool:
    rows = reference.known(case, ask)
    is_chosen = case.row["definition_id"] in ask.definitions and bool(rows) and ask.chosen(case, ask)
    return is_chosen and reference.last_move(case, ask) is not None


def _closed(at: datetime, ask: Ask) -> bool:
    return ask.since < at <= ask.until


def _owner_now(_row: Row | None, last: Row, _basis: str) -> Any:
    return last["owner_id"]


def _open_is_lost(case: Case, ask: Ask, _is_over: bool = False) -> str:
    return "missed" if reference.outcome(case, ask) == "won" else "lost"


def _nearest_rank(values: Any, share: float) -> float:
    found: float = sorted(values)[int(share * len(values))]
    return found


def _without_the_censored(waits: Any, share: Fraction) -> float | None:
    reached = sorted(seconds for seconds, happened in waits if happened)
    found: float | None = reached[int((len(reached) - 1) * share)] if reached else None
    return found


def _those_last_seen_are_lost(spells: Any) -> float:
    return sum(1 for _, end in spells if end == "reached") / len(spells)


def _binomial(spells: Any) -> float:
    share = statistics.eventual_rate(spells)
    return share * (1 - share) / len(spells)


def _without_the_overdue(_case: Case, event: Row) -> tuple[float, bool]:
    return event.get("elapsed", 0) / 1_000_000, not event["open"]


def _by_the_state_alone(event: Row, _ask: Ask) -> list[str]:
    return ["not_yet_due"] if event["state"] in {"running", "paused"} else [event["state"]]


PLANTED = {
    (reference, "known"): _without_known_at,
    (reference, "seen"): _without_as_of,
    (reference, "moment"): _latest_first,
    (reference, "is_counted"): _excluded_too,
    (reference, "inside"): _closed,
    (reference, "_owner"): _owner_now,
    (reference, "standing"): _open_is_lost,
    (reference_checkpoints, "_verdicts"): _by_the_state_alone,
    (reference_checkpoints, "_span"): _without_the_overdue,
    (statistics, "percentile"): _nearest_rank,
    (statistics, "kaplan_meier"): _without_the_censored,
    (statistics, "eventual_rate"): _those_last_seen_are_lost,
    (statistics, "eventual_variance"): _binomial,
}


def _skipping_is_next(case: Case, ask: Ask, number: int, after: Any, steps: Any, mapped: Any) -> str:
    found = fate(case, ask, number, after, steps, mapped)
    return "next" if found == "skipped" else found


def _open_visits_have_ended(case: Case, ask: Ask, processes: Any) -> list[reference_stages.Visit]:
    return [reference_stages.Visit(**{**vars(visit), "is_over": True}) for visit in visits_of(case, ask, processes)]


def _judged_before_it_is_due(case: Case, ask: Ask, entry: Row, policy: str | None) -> str:
    found = verdict(case, ask, entry, policy)
    return "within" if found == "not_yet_due" else found


def _any_case_of_a_customer_alone(cases: Any, ask: Ask) -> list[reference_customers.Customer]:
    return [reference_customers.Customer([case]) for case in cases if reference.is_counted(case, ask)]


def _no_interval(_waits: Any, _share: float) -> tuple[None, None]:
    return None, None


def _nothing_is_missing(*_: Any) -> None:
    return None


fate, visits_of, verdict = reference_stages.fate, reference_stages.visits_of, reference_stages.verdict
PLANTED_IN_STAGES = {
    (reference_stages, "fate"): _skipping_is_next,
    (reference_stages, "visits_of"): _open_visits_have_ended,
    (reference_stages, "verdict"): _judged_before_it_is_due,
    (reference_customers, "customers"): _any_case_of_a_customer_alone,
    (reference_forensics, "_blocked"): _nothing_is_missing,
    (reference_forensics, "DOCUMENTS"): frozenset({"payment"}),
    (statistics, "brookmeyer_crowley"): _no_interval,
}


@pytest.mark.parametrize(
    ("module", "name"), PLANTED_IN_STAGES, ids=lambda item: str(getattr(item, "__name__", item)).split(".")[-1]
)
async def test_an_error_planted_into_the_plain_statement_of_stages_is_noticed(
    walked: Walked, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    monkeypatch.setattr(module, name, PLANTED_IN_STAGES[module, name])
    with pytest.raises(AssertionError):
        await check_stages(walked, seed=8, number=20)


@pytest.mark.parametrize(
    ("module", "name"), PLANTED, ids=lambda item: str(getattr(item, "__name__", item)).split(".")[-1]
)
async def test_an_error_planted_into_the_plain_statement_is_noticed(
    walked: Walked, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    monkeypatch.setattr(module, name, PLANTED[module, name])
    with pytest.raises(AssertionError):
        await check_everything(walked, seed=7)
