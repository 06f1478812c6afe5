"""KPIs over GraphQL: the catalogue, values with their cases, series, comparisons, and KPIs of a company's own."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.embedded.server import Server
from tests.api.client import Api
from tests.api.funnel_seed import a_loaded_api
from tests.databases import cloned
from tests.world import a_world

VALUE = """fragment V on KpiValue { dimension { dimension key title } value numerator denominator interval { lower upper } p90 seen censored
  leftOut instances(first: 0) { totalCount } denominatorInstances(first: 0) { totalCount } leftOutInstances(first: 0) { totalCount } }"""
KPI = (
    """query ($key: String!, $period: PeriodInput!, $groupBy: [Dimension!], $where: FactWhere, $with: KpiComparisonInput, $order: KpiRowOrder! = TITLE,
  $limit: Int) { kpi(key: $key, period: $period, groupBy: $groupBy, where: $where, compareWith: $with, orderBy: $order, limit: $limit) {
  definition { key title meaning unit better kind periodBasis dimensions process version }
  frame { period { from to } filter } total { ...V } rows { ...V }
  comparison { frame { period { from to } } total { ...D } rows { ...D } } } }
fragment D on KpiDifference { dimension { key } difference interval { lower upper } isClear value { value } other { value } } """
    + VALUE
)
SERIES = (
    "query ($key: String!, $period: PeriodInput!, $part: SeriesPart!) { kpi(key: $key, period: $period) "
    "{ series(by: $part) { key from to value { ...V } } } } " + VALUE
)
WEIGHED = {"average_check", "purchase_frequency", "revenue_per_customer"}
"""Ratios whose numerator is what its cases add up to."""
WEEK = {"fromDate": "2026-09-07", "toDate": "2026-09-14"}
SEPTEMBER = {"fromDate": "2026-09-01", "toDate": "2026-10-01"}


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("loaded")) as api,
    ):
        yield api


async def kpi(api: Api, key: str, period: Any = WEEK, by: str = "admin", **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(KPI, by=by, key=key, period=period, **asked))["kpi"]
    return found


async def fault(api: Api, key: str, period: Any = WEEK, **asked: Any) -> str:
    answer = await api.ask(KPI, by="admin", key=key, period=period, **asked)
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
    found: str = answer["errors"][0]["message"]
    return found


async def test_the_catalogue_lists_every_kpi_with_its_meaning_in_both_languages(loaded: Api) -> None:
    query = "{ kpiCatalogue { key title meaning unit better kind periodBasis dimensions process version } }"
    english = (await loaded.data(query, by="ann"))["kpiCatalogue"]
    russian = (await loaded.ask(query, by="ann", language="ru"))["data"]["kpiCatalogue"]
    assert [item["key"] for item in english] == sorted(CATALOGUE)
    for one, other in zip(english, russian, strict=True):
        assert one["title"] != other["title"]
        assert one["meaning"] != other["meaning"]


async def test_a_share_has_its_parts_its_interval_and_its_cases(loaded: Api) -> None:
    found = await kpi(loaded, "lead_to_sale")
    total = found["total"]
    assert (total["value"], total["numerator"], total["denominator"]) == ("0.125", "25", "200")
    assert total["interval"] == {"lower": "0.0861197448", "upper": "0.17801425"}
    assert total["instances"]["totalCount"] == 25
    assert total["denominatorInstances"]["totalCount"] == 200
    assert found["rows"] == []


@pytest.mark.parametrize("key", CATALOGUE)
async def test_the_lists_of_a_kpi_are_as_long_as_its_numbers_in_every_segment(loaded: Api, key: str) -> None:
    for dimensions in ([], ["CHANNEL"], ["OWNER", "PROCESS"]):
        found = await kpi(loaded, key, SEPTEMBER, groupBy=dimensions)
        kind = found["definition"]["kind"]
        for value in (found["total"], *found["rows"]):
            check_lists(kind, value, is_weighed=key in WEIGHED)
        if dimensions and kind != "VELOCITY":
            rows = [float(row["numerator"]) for row in found["rows"]]
            assert sum(rows) == pytest.approx(float(found["total"]["numerator"]))


def check_lists(kind: str, value: dict[str, Any], *, is_weighed: bool = False) -> None:
    assert value["leftOutInstances"]["totalCount"] == value["leftOut"]
    if kind in {"COUNT", "SHARE", "DURATION", "RATE"} or (kind == "RATIO" and not is_weighed):
        assert str(value["instances"]["totalCount"]) == value["numerator"]
    if kind in {"SHARE", "DURATION", "RATIO"}:
        assert str(value["denominatorInstances"]["totalCount"]) == value["denominator"]


async def test_rows_are_sorted_and_cut_as_asked(loaded: Api) -> None:
    titles = await kpi(loaded, "new_cases", groupBy=["OWNER"])
    assert [row["dimension"][0]["title"] for row in titles["rows"]] == ["Ann Seller", "Bob Seller", "None"]
    largest = await kpi(loaded, "new_cases", groupBy=["OWNER"], order="VALUE_DESC", limit=1)
    smallest = await kpi(loaded, "new_cases", groupBy=["OWNER"], order="VALUE_ASC")
    values = [float(row["value"]) for row in titles["rows"]]
    assert [row["value"] for row in largest["rows"]] == [f"{max(values):g}"]
    assert [float(row["value"]) for row in smallest["rows"]] == sorted(values)


async def test_a_series_has_every_part_of_the_period(loaded: Api) -> None:
    for key, values in (
        ("new_cases", ["100", "100", "0"]),
        ("lead_to_sale", ["0.12", "0.13", None]),
        ("open_cases", ["0", "87", "87"]),
    ):
        period = {"fromDate": "2026-09-07", "toDate": "2026-09-10"}
        points = (await loaded.data(SERIES, by="admin", key=key, period=period, part="DAY"))["kpi"]["series"]
        assert [point["key"] for point in points] == ["2026-09-07", "2026-09-08", "2026-09-09"]
        assert points[0]["from"] == "2026-09-06T21:00:00Z"
        assert [point["value"]["value"] for point in points] == values, key
        for point in points:
            check_lists("COUNT" if key != "lead_to_sale" else "SHARE", point["value"])


async def test_a_kpi_is_compared_with_the_period_before_and_with_other_cases(loaded: Api) -> None:
    tuesday = {"fromDate": "2026-09-08", "toDate": "2026-09-09"}
    found = (await kpi(loaded, "lead_to_sale", tuesday, groupBy=["CHANNEL"], **{"with": {"previousPeriod": True}}))[
        "comparison"
    ]
    assert found["frame"]["period"] == {"from": "2026-09-06T21:00:00Z", "to": "2026-09-07T21:00:00Z"}
    total = found["total"]
    assert (total["difference"], total["value"]["value"], total["other"]["value"]) == ("0.01", "0.13", "0.12")
    assert total["interval"] == {"lower": "-0.0840830436", "upper": "0.104176401"}
    assert total["isClear"] is False
    assert [(row["dimension"][0]["key"], row["difference"]) for row in found["rows"]] == [
        ("callback-request", None),
        ("web-form", None),
    ]
    forms = {"where": {"process": {"eq": "web-form"}}, "with": {"where": {"process": {"eq": "callback-request"}}}}
    other = (await kpi(loaded, "open_cases", **forms))["comparison"]["total"]
    assert (other["difference"], other["isClear"]) == ("87", True)


async def test_what_a_kpi_cannot_be_asked_is_told_with_the_cure(loaded: Api) -> None:
    assert "near it are: win_rate_" in await fault(loaded, "win_rat")
    assert "open_cases cannot be grouped by MONTH; it can by CHANNEL" in await fault(
        loaded, "open_cases", groupBy=["MONTH"]
    )
    assert "give both" in await fault(loaded, "sales", {}, **{"with": {"previousPeriod": True}})
    assert "`previousPeriod` is true" in await fault(loaded, "sales", **{"with": {"previousPeriod": False}})
    assert "not below 0" in await fault(loaded, "sales", limit=-1)
    for period, part in (({}, "DAY"), ({"fromDate": "2000-01-01"}, "DAY")):
        answer = await loaded.ask(SERIES, by="admin", key="sales", period=period, part=part)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", answer
    answer = await loaded.ask("{ funnel(input: {groupBy: [MONTH]}) { total { entered } } }", by="admin")
    assert "Only KPIs can be grouped by MONTH" in answer["errors"][0]["message"]


PRODUCTS = """query ($where: FactWhere, $process: String!) {
  kpi(key: "new_cases", period: {}, where: $where) { total { value } }
  funnel(input: {process: $process, where: $where}) { total { entered steps { reached } } }
  lossReasons(input: {process: $process, where: $where}) { count }
  stageTimes(input: {process: $process, where: $where}) { stage entered }
  processMap(input: {process: $process, where: $where}) { cases }
  checkpointKpis(process: $process, period: {}, where: $where) { started }
}"""


async def test_figures_are_filtered_by_product(loaded: Api) -> None:
    asked = {"process": "callback-request"}
    by_product = {
        row["dimension"][0]["key"]: int(row["value"])
        for row in (await kpi(loaded, "new_cases", {}, groupBy=["PRODUCT"]))["rows"]
    }
    assert len(by_product) > 1
    for product, cases in by_product.items():
        chosen = {"isNull": True} if product is None else {"eq": product}
        found = await loaded.data(PRODUCTS, by="admin", where={"product": chosen}, **asked)
        assert int(found["kpi"]["total"]["value"]) == cases
        entered, started = found["funnel"]["total"]["entered"], found["checkpointKpis"][0]["started"]
        assert entered == started == found["processMap"]["cases"] <= cases
    roofs = await loaded.data(PRODUCTS, by="admin", where={"product": {"startsWith": "roof"}}, **asked)
    assert int(roofs["kpi"]["total"]["value"]) == by_product["roof"] + by_product["roof window"]
    nothing = await loaded.data(PRODUCTS, by="admin", where={"product": {"eq": "moon"}}, **asked)
    assert (nothing["kpi"]["total"]["value"], nothing["funnel"]["total"]["entered"]) == ("0", 0)


async def test_a_filter_by_product_of_a_process_without_products_is_refused_with_the_cure(loaded: Api) -> None:
    where = {"not": {"product": {"in": ["roof"]}}}
    answer = await loaded.ask(
        'query ($where: FactWhere) { funnel(input: {process: "post-payment", where: $where}) { mode } }',
        by="admin",
        where=where,
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "post-payment have no product" in answer["errors"][0]["message"]
    export = "mutation ($input: ExportWorkbookInput!) { exportWorkbook(input: $input) { __typename } }"
    answer = await loaded.ask(export, by="admin", input={"process": "post-payment", "where": where})
    assert "post-payment have no product" in answer["errors"][0]["message"]
    assert await loaded.world.counts(("job",)) == {"job": 0}


async def test_a_seller_sees_the_figures_of_own_cases(loaded: Api) -> None:
    everybody = (await kpi(loaded, "sales"))["total"]["value"]
    ann, bob = [(await kpi(loaded, "sales", by=name))["total"]["value"] for name in ("ann", "bob")]
    assert int(ann) + int(bob) == int(everybody) == 25


OWN = {
    "key": "big_sales",
    "process": "callback-request",
    "kind": "SHARE",
    "title": {"en": "Sales with an offer", "ru": "Продажи с предложением"},
    "meaning": {"en": "Of the requests with an offer, those won.", "ru": "Из обращений с предложением выигранные."},
    "better": "HIGHER",
    "filter": "reached.offer",
    "condition": "instance.outcome == 'won'",
}
PUBLISH = """mutation ($input: PublishKpiInput!) { publishKpi(input: $input) { __typename
  ... on UserError { code message path } ... on InvalidInput { problems { path message } }
  ... on KpiPublished { isRepeated publishedAt definition { key version title process unit dimensions } } } }"""
RETIRE = """mutation ($input: RetireKpiInput!) { retireKpi(input: $input) { __typename ... on UserError { code path }
  ... on KpiRetired { key version isRepeated } } }"""
PREVIEW = """query ($kpi: OwnKpiInput!, $period: PeriodInput!) { previewKpi(kpi: $kpi, period: $period) { __typename
  ... on UserError { path message } ... on KpiResult { definition { version } total { value instances(first: 0) { totalCount } } } } }"""
TABLES = ("own_kpi",)


VERSIONS = """query ($key: String, $first: Int, $after: String) { ownKpiVersions(key: $key, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor } nodes { key version isCurrent changelog publishedAt publishedBy { name }
    definition { title version process } formula { kind filter condition } } } }"""


async def publish(api: Api, by: str = "owner", **parts: Any) -> dict[str, Any]:
    options = {name: parts.pop(name) for name in ("idempotencyKey", "changelog") if name in parts}
    found: dict[str, Any] = (await api.data(PUBLISH, by=by, input={"kpi": {**OWN, **parts}, **options}))["publishKpi"]
    return found


async def test_an_own_kpi_is_previewed_published_asked_and_retired(loaded: Api) -> None:
    world = loaded.world
    preview = (await loaded.data(PREVIEW, by="owner", kpi=OWN, period=WEEK))["previewKpi"]
    assert preview["total"] == {"value": "0.48", "instances": {"totalCount": 12}}
    assert await world.counts(TABLES) == {"own_kpi": 0}
    assert "big_sales" in await fault(loaded, "big_sales")

    done = await publish(loaded, idempotencyKey="one")
    again = await publish(loaded, idempotencyKey="one")
    assert (done["definition"]["version"], done["isRepeated"], again["isRepeated"]) == (1, False, True)
    other = await publish(loaded, idempotencyKey="one", filter="reached.contract")
    assert other["__typename"] == "IdempotencyConflict"
    assert await world.counts(TABLES) == {"own_kpi": 1}

    found = await kpi(loaded, "big_sales", groupBy=["OWNER", "MONTH"])
    assert (found["total"]["value"], found["definition"]["version"]) == ("0.48", 1)
    for value in (found["total"], *found["rows"]):
        check_lists("SHARE", value)
    listed = (await loaded.data("{ kpiCatalogue { key version } }", by="ann"))["kpiCatalogue"]
    assert {"key": "big_sales", "version": 1} in listed
    second = await publish(loaded, filter="reached.contract")
    assert second["definition"]["version"] == 2
    assert (await kpi(loaded, "big_sales"))["total"]["value"] == "0.8"

    gone = (await loaded.data(RETIRE, by="owner", input={"key": "big_sales"}))["retireKpi"]
    assert gone == {"__typename": "KpiRetired", "key": "big_sales", "version": 3, "isRepeated": False}
    assert "There is no KPI “big_sales”" in await fault(loaded, "big_sales")
    twice = (await loaded.data(RETIRE, by="owner", input={"key": "big_sales"}))["retireKpi"]
    assert twice == {"__typename": "NotFound", "code": "NOT_FOUND", "path": ["input", "key"]}


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        ({"key": "sales"}, ["input", "kpi", "key"], "a shipped KPI"),
        ({"key": "Sales!"}, ["input", "kpi", "key"], "small letters"),
        ({"process": "moon"}, ["input", "kpi", "process"], "There is no process “moon”"),
        ({"filter": "data.amount >"}, ["input", "kpi", "filter"], "Syntax error"),
        ({"filter": "x" * 3_000}, ["input", "kpi", "filter"], "at most 2000"),
        ({"title": {"en": "", "ru": "Да"}}, ["input", "kpi", "title"], "in both"),
        ({"idempotencyKey": ""}, ["input", "idempotencyKey"], "1 to 200"),
        ({"changelog": "x" * 3_000}, ["input", "changelog"], "at most 2000"),
    ],
)
async def test_a_bad_own_kpi_is_refused_with_its_place_and_nothing_is_written(
    loaded: Api, parts: dict[str, Any], path: list[str], words: str
) -> None:
    before = await loaded.world.counts(TABLES)
    refused = await publish(loaded, **parts)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", path)
    assert words in refused["message"]
    assert await loaded.world.counts(TABLES) == before


async def test_the_problems_of_an_own_kpi_are_told_in_the_language_of_who_asks(loaded: Api) -> None:
    for parts, words in (
        ({"key": "Sales"}, "строчных латинских"),
        ({"process": "moon"}, "Процесса «moon» нет"),
        ({"condition": None}, "нужно `condition`"),
        ({"filter": "reached."}, "Выражение не компилируется"),
    ):
        draft = {"kpi": {**OWN, **parts}, "period": WEEK}
        told = {}
        for language in ("en", "ru"):
            answer = await loaded.ask(PREVIEW, by="owner", language=language, **draft)
            told[language] = answer["data"]["previewKpi"]
        assert told["en"]["path"] == told["ru"]["path"]
        assert words in told["ru"]["message"]
        assert not re.search("[а-я]", told["en"]["message"])


async def test_only_those_who_define_processes_define_kpis(loaded: Api) -> None:
    before = await loaded.world.counts(TABLES)
    for by in ("ann", "north", "analyst"):
        for query, variables in (
            (PUBLISH, {"input": {"kpi": OWN}}),
            (RETIRE, {"input": {"key": "big_sales"}}),
            (PREVIEW, {"kpi": OWN, "period": WEEK}),
        ):
            answer = await loaded.ask(query, by=by, **variables)
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert await loaded.world.counts(TABLES) == before


async def test_a_process_tells_its_key_stage(loaded: Api) -> None:
    found = await loaded.data('{ processDefinition(key: "web-form") { keyStage } }', by="ann")
    assert found == {"processDefinition": {"keyStage": "offer"}}


async def test_every_version_of_an_own_kpi_stays_and_is_listed(loaded: Api) -> None:
    for number, filter_ in enumerate(("reached.offer", "reached.contract"), 1):
        done = await publish(loaded, key="versioned", filter=filter_, changelog=f"version {number}")
        assert done["definition"]["version"] == number
    await loaded.data(RETIRE, by="owner", input={"key": "versioned", "changelog": "not needed"})
    await publish(loaded, key="another_of_ours")
    found = (await loaded.data(VERSIONS, by="analyst", key="versioned"))["ownKpiVersions"]
    assert found["totalCount"] == 3
    retired, second, first = found["nodes"]
    assert [item["version"] for item in found["nodes"]] == [3, 2, 1]
    assert [item["isCurrent"] for item in found["nodes"]] == [True, False, False]
    assert (retired["definition"], retired["formula"], retired["changelog"]) == (None, None, "not needed")
    assert (second["formula"]["filter"], first["formula"]["filter"]) == ("reached.contract", "reached.offer")
    assert first["formula"]["kind"] == "SHARE"
    assert first["definition"] == {"title": "Sales with an offer", "version": 1, "process": "callback-request"}
    assert first["publishedBy"]["name"]
    russian = await loaded.ask(VERSIONS, by="owner", language="ru", key="versioned")
    assert russian["data"]["ownKpiVersions"]["nodes"][2]["definition"]["title"] == "Продажи с предложением"

    every = (await loaded.data(VERSIONS, by="owner"))["ownKpiVersions"]
    expected = sorted((item["key"], -item["version"]) for item in every["nodes"])
    assert [(item["key"], -item["version"]) for item in every["nodes"]] == expected
    seen, after = [], None
    while True:
        page = (await loaded.data(VERSIONS, by="owner", first=1, after=after))["ownKpiVersions"]
        seen += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == every["nodes"]
    assert (await loaded.data(VERSIONS, by="owner", key="nothing"))["ownKpiVersions"]["nodes"] == []
