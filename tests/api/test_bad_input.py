"""Bad input: a typed refusal that names the place and the cure, and nothing is written: rows of all tables, of all companies."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.api.stage import Stage

ANSWER = """{ __typename
  ... on UserError { code message path }
  ... on InvalidInput { problems { code message path known } }
  ... on TransitionRefused { blockedBy { code message field unblock } }
  ... on StaleInstance { expectedSequence currentSequence }
}"""
CASE = {"instance": {"id": "$case"}}
FIRE = {**CASE, "transition": "qualify", "data": {"need": "a roof"}}
LONG = "x" * 100_000
NUL = "\x00"
ANY_ID = "01a201e4-874e-762c-af30-dbc33b9e6570"


@pytest.fixture(autouse=True)
async def untouched(stage: Stage) -> AsyncIterator[None]:
    """Nothing is written by any of these tests."""
    before = await stage.rows()
    yield
    assert await stage.rows() == before


def filled(stage: Stage, value: Any) -> Any:
    """An input with references in place of their names: `$case` ours, `$foreign` another company's."""
    if isinstance(value, dict):
        return {key: filled(stage, item) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(stage, item) for item in value]
    names = {"$case": stage.own.nodes["ProcessInstance"], "$foreign": stage.rival.nodes["ProcessInstance"]}
    names |= {"$stranger": stage.rival.nodes["User"], "$deal": stage.own.nodes["Deal"]}
    return names.get(value, value) if isinstance(value, str) else value


async def refused(stage: Stage, mutation: str, input_: dict[str, Any]) -> dict[str, Any]:
    """The refusal of a mutation; its path begins at the input and its message says something."""
    type_ = mutation[0].upper() + mutation[1:]
    query = f"mutation ($input: {type_}Input!) {{ answer: {mutation}(input: $input) {ANSWER} }}"
    answer = await stage.ask("admin", query, input=filled(stage, input_))
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["answer"]
    assert found["path"][0] == "input", found
    assert len(found["message"]) > 10
    assert len(found["message"]) < 2_000
    return found


@pytest.mark.parametrize(
    ("mutation", "input_", "code", "path"),
    [
        ("fireTransition", {**CASE, "transition": "fly"}, "UNKNOWN_TRANSITION", "transition"),
        ("fireTransition", {**CASE, "transition": LONG}, "UNKNOWN_TRANSITION", "transition"),
        ("fireTransition", {**FIRE, "data": {"colour": "red"}}, "UNKNOWN_FIELD", "data.colour"),
        ("fireTransition", {**FIRE, "data": {"amount": "many"}}, "WRONG_TYPE", "data.amount"),
        ("fireTransition", {**FIRE, "data": {"amount": True}}, "WRONG_TYPE", "data.amount"),
        ("fireTransition", {**FIRE, "data": {"amount": "1e400"}}, "WRONG_TYPE", "data.amount"),
        ("fireTransition", {**FIRE, "data": {"amount": -1}}, "TOO_SMALL", "data.amount"),
        ("fireTransition", {**FIRE, "data": {"need": 5}}, "WRONG_TYPE", "data.need"),
        ("fireTransition", {**FIRE, "data": {"need": LONG}}, "TOO_LONG", "data.need"),
        ("fireTransition", {**FIRE, "data": {"need": {"a": [1]}}}, "WRONG_TYPE", "data.need"),
        ("fireTransition", {**FIRE, "data": ["need"]}, "WRONG_TYPE", "data"),
        ("fireTransition", {**FIRE, "data": "need"}, "WRONG_TYPE", "data"),
        ("fireTransition", {**FIRE, "data": {"delivered_on": "2026-02-30"}}, "WRONG_TYPE", "data.delivered_on"),
        ("fireTransition", {**CASE, "transition": "lose", "reason": "bad_weather"}, "UNKNOWN_REASON", "reason"),
        ("fireTransition", {**FIRE, "comment": "x" * 4_001}, "TOO_LONG", "comment"),
        ("fireTransition", {**FIRE, "idempotencyKey": ""}, "WRONG_TYPE", "idempotencyKey"),
        ("fireTransition", {**FIRE, "idempotencyKey": "x" * 201}, "TOO_LONG", "idempotencyKey"),
        ("fireTransition", {**FIRE, "occurredAt": "2999-01-01T00:00:00Z"}, "IN_THE_FUTURE", "occurredAt"),
        ("fireTransition", {**FIRE, "occurredAt": "0001-01-02T00:00:00Z"}, "OUT_OF_RANGE", "occurredAt"),
        ("fireTransition", {**FIRE, "instance": {"id": "$foreign"}}, "NOT_FOUND", "instance"),
        ("fireTransition", {**FIRE, "instance": {"id": "$deal"}}, "NOT_FOUND", "instance"),
        ("fireTransition", {**FIRE, "instance": {"id": "né"}}, "NOT_FOUND", "instance"),
        ("fireTransition", {**FIRE, "instance": {"dealKey": "D-1"}}, "NOT_FOUND", "instance"),
        ("fireTransition", {**FIRE, "expectedSequence": 1}, "STALE_INSTANCE", "expectedSequence"),
        ("fireTransition", {**FIRE, "expectedSequence": -(2**31)}, "STALE_INSTANCE", "expectedSequence"),
        ("forceTransition", {**CASE, "stage": "heaven", "comment": "x"}, "UNKNOWN_STAGE", "stage"),
        ("forceTransition", {**CASE, "stage": "offer", "comment": " "}, "WRONG_TYPE", "comment"),
        ("recordActivity", {**CASE, "kind": "dance"}, "UNKNOWN_ACTIVITY", "kind"),
        ("recordActivity", {**CASE, "kind": "approval"}, "UNKNOWN_TRANSITION", "transition"),
        ("recordActivity", {**CASE, "kind": "approval", "transition": "fly"}, "UNKNOWN_TRANSITION", "transition"),
        ("assignOwner", {**CASE, "owner": "$stranger"}, "UNKNOWN_USER", "owner"),
        ("assignOwner", {**CASE, "owner": LONG}, "UNKNOWN_USER", "owner"),
        ("assignOwner", {**CASE, "team": "rivalry"}, "UNKNOWN_TEAM", "team"),
        ("captureLead", {"channel": "rivalry"}, "UNKNOWN_CHANNEL", "channel"),
        ("captureLead", {"channel": LONG}, "UNKNOWN_CHANNEL", "channel"),
        ("captureLead", {"channel": "web-form", "campaign": "rivalry"}, "UNKNOWN_CAMPAIGN", "campaign"),
        ("captureLead", {"channel": "web-form", "team": "rivalry"}, "UNKNOWN_TEAM", "team"),
        ("captureLead", {"channel": "web-form", "owner": "$stranger"}, "UNKNOWN_USER", "owner"),
        ("captureLead", {"channel": "web-form", "externalId": ""}, "WRONG_TYPE", "externalId"),
        ("captureLead", {"channel": "web-form", "externalId": LONG}, "TOO_LONG", "externalId"),
        ("captureLead", {"channel": "web-form", "title": LONG}, "TOO_LONG", "title"),
        ("captureLead", {"channel": "web-form", "customer": {"name": LONG}}, "TOO_LONG", "customer.name"),
        ("captureLead", {"channel": "web-form", "data": {"colour": 1}}, "UNKNOWN_FIELD", "data.colour"),
        ("captureLead", {"channel": "web-form", "data": 7}, "WRONG_TYPE", "data"),
        ("captureLead", {"channel": "web-form", "comment": LONG}, "TOO_LONG", "comment"),
    ],
)
async def test_a_mutation_names_the_place_and_the_cure(
    stage: Stage, mutation: str, input_: dict[str, Any], code: str, path: str
) -> None:
    found = await refused(stage, mutation, input_)
    assert (found["code"], ".".join(found["path"])) == (code, f"input.{path}")
    for problem in found.get("problems", ()):
        assert problem["code"]
        if problem["code"].startswith("UNKNOWN") and mutation != "recordActivity" and code != "UNKNOWN_USER":
            assert all(known in problem["message"] for known in problem["known"])
            assert problem["known"], problem


async def test_everything_that_is_wrong_is_told_at_once(stage: Stage) -> None:
    wrong = {"channel": "moon", "campaign": "moon", "team": "moon", "title": LONG}
    found = await refused(stage, "captureLead", wrong)
    assert [".".join(problem["path"]) for problem in found["problems"]] == [f"input.{name}" for name in wrong]
    found = await refused(stage, "fireTransition", {**FIRE, "data": {"amount": "x", "colour": 1, "need": 2}})
    assert {problem["path"][-1] for problem in found["problems"]} == {"amount", "colour", "need"}


@pytest.mark.parametrize(
    ("transition", "more", "code", "cure"),
    [
        ("lose", {}, "REASON_REQUIRED", "no_need"),
        ("lose", {"reason": "price"}, "REASON_NOT_APPLICABLE", "no_need"),
        ("qualify", {"reason": "no_need", "data": {"need": "x"}}, "REASON_NOT_TAKEN", "Leave"),
        ("qualify", {}, "FIELD_REQUIRED", "need"),
        ("deliver", {}, "WRONG_STAGE", "qualify"),
        ("qualify", {"data": {"need": "x"}, "occurredAt": "2026-11-01T09:00:00Z"}, "OCCURRED_TOO_EARLY", "occurredAt"),
    ],
)
async def test_what_stands_in_the_way_is_told_with_what_would_remove_it(
    stage: Stage, transition: str, more: dict[str, Any], code: str, cure: str
) -> None:
    found = await refused(stage, "fireTransition", {**CASE, "transition": transition, **more})
    assert found["code"] == "TRANSITION_REFUSED"
    told = {blocker["code"]: blocker for blocker in found["blockedBy"]}
    assert cure in told[code]["unblock"]


async def test_among_many_moves_each_refusal_names_its_own(stage: Stage) -> None:
    items = [
        {**CASE, "transition": "fly"},
        {"instance": {"id": "$foreign"}, "transition": "contact"},
        {**FIRE, "comment": LONG},
        {**FIRE, "expectedSequence": 0},
        {**CASE, "transition": "deliver"},
    ]
    query = f"mutation ($input: FireTransitionsInput!) {{ fireTransitions(input: $input) {{ fired refused results {ANSWER} }} }}"
    answer = (await stage.ask("admin", query, input=filled(stage, {"items": items})))["data"]["fireTransitions"]
    assert (answer["fired"], answer["refused"]) == (0, 5)
    assert [(result["code"], ".".join(result["path"])) for result in answer["results"]] == [
        ("UNKNOWN_TRANSITION", "input.items.0.transition"),
        ("NOT_FOUND", "input.items.1.instance"),
        ("TOO_LONG", "input.items.2.comment"),
        ("STALE_INSTANCE", "input.items.3.expectedSequence"),
        ("TRANSITION_REFUSED", "input.items.4"),
    ]


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


FAULTS = {
    "a text with NUL in a variable": ("query ($s: String) { deals(search: $s) { totalCount } }", {"s": "a\x00b"}),
    "a text with NUL in the document": ('{ deals(where: {title: {eq: "a\\u0000b"}}) { totalCount } }', {}),
    "a text with NUL in an input": (
        "mutation ($i: CaptureLeadInput!) { captureLead(input: $i) { __typename } }",
        {"i": {"channel": "web-form", "customer": {"name": "\x00"}}},
    ),
    "a number of JSON with too many bits": (
        'mutation { captureLead(input: {channel: "web-form", data: {a: 99999999999999999999}}) { __typename } }',
        {},
    ),
    "a number of JSON with very many digits": (
        f'mutation {{ captureLead(input: {{channel: "web-form", data: {{a: {"9" * 5_000}}}}}) {{ __typename }} }}',
        {},
    ),
    "an infinite number of JSON": (
        'mutation { captureLead(input: {channel: "web-form", data: {a: 1e999}}) { __typename } }',
        {},
    ),
    "a phone without a country": (
        'mutation { captureLead(input: {channel: "web-form", customer: {phone: "12"}}) { __typename } }',
        {},
    ),
    "an address that is none": (
        'mutation { captureLead(input: {channel: "web-form", customer: {email: "a@"}}) { __typename } }',
        {},
    ),
    "an instant without an offset": ('{ deals(where: {startedAt: {gt: "2026-01-01T00:00:00"}}) { totalCount } }', {}),
    "an instant before time": ('{ deals(where: {startedAt: {gt: "0001-01-01T00:00:00Z"}}) { totalCount } }', {}),
    "an instant after time": (
        '{ deals(where: {startedAt: {gt: "9999-12-31T23:59:59.999999Z"}}) { totalCount } }',
        {},
    ),
    "a decimal of endless scale": ('{ deals(where: {amount: {gt: "1e-20000"}}) { totalCount } }', {}),
    "a decimal too large": ('{ deals(where: {amount: {gt: "1e18"}}) { totalCount } }', {}),
    "a decimal that is not a number": ('{ deals(where: {amount: {gt: "NaN"}}) { totalCount } }', {}),
    "two references for one": (
        '{ processInstance(ref: {id: "x", dealKey: "y"}) { id } }',
        {},
    ),
    "no reference": ("{ processInstance(ref: {}) { id } }", {}),
    "null where a value may only be left out": (
        'mutation ($t: String) { assignOwner(input: {instance: {id: "x"}, team: $t}) { __typename } }',
        {"t": None},
    ),
    "a page too large": ("{ deals(first: 201) { totalCount } }", {}),
    "a cursor of null": (f'{{ deals(after: "{cursor(None)}") {{ totalCount nodes {{ id }} }} }}', {}),
    "a cursor of too few values": (f'{{ deals(after: "{cursor()}") {{ totalCount nodes {{ id }} }} }}', {}),
    "a cursor of another type": (f'{{ deals(after: "{cursor(7)}") {{ totalCount nodes {{ id }} }} }}', {}),
    "a cursor with NUL": (
        f'{{ deals(orderBy: [{{field: KEY}}], after: "{cursor(NUL, ANY_ID)}") {{ nodes {{ id }} }} }}',
        {},
    ),
    "a cursor with a number too large": (
        f'{{ processInstances {{ nodes {{ history(after: "{cursor(2**31 - 1)}") {{ nodes {{ id }} }} }} }} }}',
        {},
    ),
    "a cursor of nested lists": (
        f'{{ deals(after: "{base64.b64encode(b"[" * 3000 + b"]" * 3000).decode()}") {{ nodes {{ id }} }} }}',
        {},
    ),
    "a cursor with an amount beyond numbers": (
        f'{{ deals(orderBy: [{{field: AMOUNT}}], after: "{cursor(False, "1e999999", ANY_ID)}") {{ nodes {{ id }} }} }}',
        {},
    ),
    "an unknown process": ('{ funnel(input: {process: "rivalry"}) { asOf } }', {}),
    "a period that ends before it begins": (
        '{ funnel(input: {period: {from: "2026-02-01T00:00:00Z", to: "2026-01-01T00:00:00Z"}}) { asOf } }',
        {},
    ),
    "too many moves": (
        "mutation ($i: FireTransitionsInput!) { fireTransitions(input: $i) { fired } }",
        {"i": {"items": [{"instance": {"id": "x"}, "transition": "contact"}] * 201}},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_value_that_no_type_allows_is_a_fault_with_its_place(stage: Stage, name: str) -> None:
    query, variables = FAULTS[name]
    answer = await stage.ask("admin", query, **variables)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] in {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}, answer
    assert "locations" in error or "variables." in error["message"], error
    assert len(error["message"]) < 600
    assert "\x00" not in error["message"]


HARMLESS = {
    "nearly the first instant there is": '{ deals(where: {startedAt: {gt: "0001-01-01T00:00:01Z"}}) { totalCount } }',
    "the last instant there is": '{ deals(where: {startedAt: {lt: "9999-12-31T23:59:59Z"}}) { totalCount } }',
    "a figure as of the first year": '{ funnel(input: {asOf: "0001-01-01T00:00:01Z"}) { asOf total { entered } } }',
    "a period until the last instant": """{ kpi(key: "sales", period: {from: "2026-01-01T00:00:00Z", to: "9999-12-31T23:59:59Z"}) {
      frame { period { from to } } total { value } }
      funnel(input: {period: {from: "0001-01-02T00:00:00Z", to: "9999-12-30T00:00:00Z"}}) { total { entered } } }""",
    "a period long ago with the one before": """{ kpi(key: "churn", period: {from: "1901-01-01T00:00:00Z", to: "2198-01-01T00:00:00Z"},
      compareWith: {previousPeriod: true}) { total { value } comparison { total { difference } } } }""",
    "working hours of long ago": '{ kpi(key: "arrivals_per_hour", period: {fromDate: "1800-01-01", toDate: "1899-01-01"}) { total { value } } }',
    "working hours of the far future": '{ kpi(key: "arrivals_per_hour", period: {fromDate: "5000-01-01"}) { total { value } } }',
    "stages of the first century": '{ stageTimes(input: {asOf: "0100-01-01T00:00:00Z"}) { stage entered } }',
    "letters of every kind": '{ deals(search: "Ё\\\\%_\'\\"\\u202e😀\\n") { totalCount } }',
    "an id in another alphabet": '{ node(id: "идентификатор") { id } }',
    "an id that is base64 of nothing": '{ node(id: "====") { id } }',
    "a page of nothing": "{ deals(first: 0) { totalCount nodes { id } pageInfo { hasNextPage } } }",
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_is_strange_and_yet_makes_sense_is_answered(stage: Stage, name: str) -> None:
    answer = await stage.ask("admin", HARMLESS[name])
    assert "errors" not in answer, answer


async def test_an_instant_in_the_near_future_is_clock_skew_and_no_more(stage: Stage) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    found = await refused(stage, "fireTransition", {**FIRE, "occurredAt": later.isoformat()})
    assert found["code"] == "IN_THE_FUTURE"


async def test_an_order_named_again_and_again_is_an_order_once(stage: Stage) -> None:
    query = "query ($o: [DealOrder!]) { deals(orderBy: $o) { nodes { key } } }"
    once = [{"field": "KEY", "direction": "DESC"}]
    answer = await stage.ask("admin", query, o=once * 3_000)
    assert answer["data"] == (await stage.ask("admin", query, o=once))["data"]
