"""Where to look, through the API: contributions that add up as they are shown, with their cases; refusals that name the cure."""

from decimal import Decimal
from typing import Any

import pytest

from tests.api.client import Api
from tests.api.test_review_cycle import AFTER, BEFORE, pass_weeks

QUERY = """query ($key: String!, $period: PeriodInput!, $base: PeriodInput, $dimensions: [Dimension!]!, $most: Int! = 10) {
  kpiDrivers(key: $key, period: $period, basePeriod: $base, dimensions: $dimensions, most: $most) {
    __typename
    ... on KpiDrivers {
      decomposition baseValue value move basePeriod { from to } definition { key }
      breakdowns { dimension drivers {
        contribution rate mix standardError withinNoise dimension { key }
        base { numerator denominator instances { totalCount } } now { numerator denominator instances { totalCount } }
      } rest { values contribution rate mix } }
    }
    ... on KpiDoesNotDecompose { code message path }
  }
}"""
AUGUST = {"fromDate": "2026-08-01", "toDate": "2026-09-01"}
AUTUMN = {"fromDate": "2026-09-14", "toDate": "2026-11-09"}


async def seeded(api: Api) -> None:
    await pass_weeks(api.world, BEFORE, -len(BEFORE), team="north", region="Tula")
    await pass_weeks(api.world, AFTER, 0, team="north", region="Tula")
    await pass_weeks(api.world, (1, 2, 1), -3, team="south", region="Omsk")
    await pass_weeks(api.world, (1, 0, 2, 1), 0, team="south", region="Orel")


async def drivers(api: Api, by: str = "analyst", **variables: Any) -> dict[str, Any]:
    given = {"key": "win_rate_closed", "period": AUTUMN, "base": AUGUST, "dimensions": ["TEAM"], **variables}
    found: dict[str, Any] = (await api.data(QUERY, by=by, **given))["kpiDrivers"]
    return found


async def test_what_is_shown_adds_up_to_the_move_that_is_shown(api: Api) -> None:
    await seeded(api)
    for key, most in (("win_rate_closed", 10), ("win_rate_closed", 1), ("sales", 10), ("leads_per_sale", 0)):
        found = await drivers(api, key=key, dimensions=["TEAM", "REGION", "CHANNEL"], most=most)
        assert Decimal(found["move"]) == Decimal(found["value"]) - Decimal(found["baseValue"])
        assert [item["dimension"] for item in found["breakdowns"]] == ["TEAM", "REGION", "CHANNEL"]
        for item in found["breakdowns"]:
            assert len(item["drivers"]) <= most
            shown = [*item["drivers"], item["rest"]]
            assert sum(Decimal(part["contribution"]) for part in shown) == Decimal(found["move"])
            assert all(Decimal(p["rate"]) + Decimal(p["mix"]) == Decimal(p["contribution"]) for p in shown)
            for driver in item["drivers"]:
                for side in (driver["base"], driver["now"]):
                    assert side["instances"]["totalCount"] == int(Decimal(side["numerator"]))


async def test_a_manager_sees_the_move_of_their_own_cases(api: Api) -> None:
    await seeded(api)
    mine = await drivers(api, by="north")
    (driver,) = mine["breakdowns"][0]["drivers"]
    assert driver["dimension"]["key"] == "north"
    assert driver["contribution"] == mine["move"]
    assert driver["withinNoise"] is False
    assert mine["move"] != (await drivers(api))["move"]


async def test_without_a_base_period_it_is_the_one_before(api: Api) -> None:
    found = await drivers(api, base=None, period=AUGUST)
    assert found["basePeriod"] == {"from": "2026-06-30T21:00:00Z", "to": "2026-07-31T21:00:00Z"}
    assert (found["value"], found["move"], found["breakdowns"]) == (None, None, [])


@pytest.mark.parametrize("key", ["response_time", "cycle_time", "velocity"])
async def test_a_median_or_a_product_does_not_decompose(api: Api, key: str) -> None:
    found = await drivers(api, key=key)
    assert (found["__typename"], found["code"], found["path"]) == (
        "KpiDoesNotDecompose",
        "KPI_DOES_NOT_DECOMPOSE",
        ["key"],
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"key": "win_rate_close"}, "win_rate_closed"),
        ({"dimensions": []}, "from 1 to"),
        ({"most": -1}, "from 0 to"),
        ({"most": 101}, "from 0 to"),
        ({"dimensions": ["DAY"], "key": "open_cases"}, "open_cases cannot be grouped by DAY"),
        ({"period": {"fromDate": "2026-08-01"}, "base": None}, "both ends"),
        ({"base": {"toDate": "2026-08-01"}}, "both ends"),
    ],
)
async def test_a_bad_question_is_answered_with_its_cure(api: Api, variables: dict[str, Any], message: str) -> None:
    given = {"key": "win_rate_closed", "period": AUTUMN, "base": AUGUST, "dimensions": ["TEAM"], **variables}
    answer = await api.ask(QUERY, by="analyst", **given)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in answer["errors"][0]["message"]
