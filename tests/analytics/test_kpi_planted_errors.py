"""The comparison of KPIs is tested: an error planted into any rule of the plain statements must be noticed."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from bpm_crm.analytics import kpi_values
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from tests.analytics import reference_kpis
from tests.analytics.cases import Ask, Case, Row
from tests.analytics.checking import Walked, asks
from tests.analytics.checking_kpis import check_kpi
from tests.analytics.reference_kpis import Documents, Units

FEWEST = 4


def _any_outbound(row: Row, _documents: Documents) -> bool:
    return row["activity"] is not None and row["activity"]["direction"] == "outbound"


def _uncensored(case: Case, ask: Ask, row: Row | None) -> Any:
    found = _waited(case, ask, row)
    found.is_seen = True
    return found


_waited = reference_kpis._waited


def _all_closed(cases: list[Case], ask: Ask, _documents: Documents) -> Units:
    for case, move in reference_kpis._closed(cases, ask):
        yield reference_kpis.Unit(case, move, move["occurred_at"], numbers=("denominator", "numerator"))


def _by_state(event: Row, _ask: Ask) -> bool:
    return bool(event["state"] == "breached")


def _first_band(case: Case, ask: Ask, everybody: list[Case], fewest: int) -> Fraction | None:
    """Without the age of the stay."""
    ages, reference_kpis.AGES = reference_kpis.AGES, [timedelta(0)]
    try:
        return _chance(case, ask, everybody, fewest)
    finally:
        reference_kpis.AGES = ages


_chance = reference_kpis._chance

PLANTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("response_time", "_is_response"): _any_outbound,
    ("cycle_time", "_waited"): _uncensored,
    ("time_to_key_stage", "_waited"): _uncensored,
    ("attainment", "_is_late"): _by_state,
    ("overdue_cases", "_is_late"): _by_state,
    ("forecast_sales", "_chance"): _first_band,
    ("velocity", "_data"): lambda *_: None,
}


async def _check(walked: Walked, key: str, dimensions: tuple[Dimension, ...] = ()) -> None:
    rng = random.Random(key)
    kpi = replace(CATALOGUE[key], dimensions=dimensions) if dimensions else CATALOGUE[key]
    for _, ask, where in asks(walked, rng.randrange(1_000), 40):
        await check_kpi(walked, kpi, ask, where, rng, FEWEST)


@pytest.mark.parametrize(("key", "name"), PLANTED)
async def test_an_error_planted_into_a_plain_statement_is_noticed(
    walked: Walked, monkeypatch: pytest.MonkeyPatch, key: str, name: str
) -> None:
    monkeypatch.setattr(kpi_values, "FEWEST_SETTLED", FEWEST)
    monkeypatch.setattr(reference_kpis, name, PLANTED[key, name])
    with pytest.raises(AssertionError):
        await _check(walked, key)


async def test_an_error_planted_into_the_units_is_noticed(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that ended counts as won, in the wrong statement."""
    monkeypatch.setitem(reference_kpis.UNITS, "win_rate_closed", _all_closed)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        await _check(walked, "win_rate_closed")


async def test_days_of_another_time_zone_are_noticed(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_kpis, "MOSCOW", reference_kpis.EPOCH.tzinfo)
    with pytest.raises(AssertionError):
        await _check(walked, "forced_moves", (Dimension.DAY,))


@pytest.mark.parametrize("name", ["wilson", "median_interval"])
async def test_a_wrong_interval_is_noticed(walked: Walked, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(reference_kpis, name, lambda *_: (0.0, 1.0))
    with pytest.raises(AssertionError):
        await _check(walked, {"wilson": "rework_rate", "median_interval": "cycle_time"}[name])
