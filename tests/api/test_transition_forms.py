"""Forms through the API: a front end that knows nothing of a process takes a case from the first stage to the last by forms alone."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bpm_crm.processes.library import shipped_keys
from tests.api.client import Api

FORM = """key trigger version target needsReason takesReason roles approvalRoles alternatives condition
    label { en ru } conditionMessage { ru } reasons { key title { en ru } stages }
    fields { key type isRequired isPersonal minimum maximum maxLength currentValue label { en ru } help { en ru }
             choices { key title { en } } constraints { operator value field unlessEmpty } }"""
CASE = f"""query ($id: ID!) {{ processInstance(ref: {{id: $id}}) {{
    sequence status stage {{ key }} availableTransitions {{ enabled form {{ {FORM} }} }} }} }}"""
FIRE = """mutation ($input: FireTransitionInput!) { answer: fireTransition(input: $input) { __typename
    ... on UserError { code message } } }"""
CAPTURE = "mutation ($channel: String!) { answer: captureLead(input: {channel: $channel}) { ... on LeadCaptured { instance { id } } } }"
ONE = f"query ($process: String!, $transition: String!, $version: Int) {{ transitionForm(process: $process, transition: $transition, version: $version) {{ {FORM} }} }}"


def filled(form: dict[str, Any]) -> dict[str, Any]:
    """What to send, by the form alone."""
    data = {field["key"]: value(field) for field in form["fields"]}
    for field in form["fields"]:
        for rule in field["constraints"]:
            if rule["field"] is not None:
                data[field["key"]] = data.get(rule["field"], field["currentValue"])
    reason = form["reasons"][0]["key"] if form["needsReason"] else None
    return {"transition": form["trigger"], "data": data, "reason": reason}


def value(field: dict[str, Any]) -> Any:
    match field["type"]:
        case "STRING":
            return "Text"[: field["maxLength"]]
        case "BOOLEAN":
            return True
        case "CHOICE":
            return field["choices"][0]["key"]
        case "DATE":
            return "2026-11-30"
        case "DATETIME":
            return datetime.now(UTC).isoformat()
    number = Decimal(field["minimum"] or 0) + 1
    for rule in field["constraints"]:
        if rule["value"] is not None:
            bound = Decimal(rule["value"])
            number = (
                bound
                if rule["operator"] in {"AT_LEAST", "AT_MOST", "EQUAL"}
                else bound + (1 if rule["operator"] == "ABOVE" else -1)
            )
    return int(number) if field["type"] == "INTEGER" else str(number)


@pytest.mark.parametrize("channel", shipped_keys())
async def test_a_case_is_taken_to_an_end_by_forms_alone(api: Api, channel: str) -> None:
    """Every stage on the way is left by the first open move that leads to a stage not seen yet."""
    case = (await api.data(CAPTURE, channel=channel))["answer"]["instance"]["id"]
    seen: set[str] = set()
    while True:
        found = (await api.data(CASE, id=case))["processInstance"]
        if found["status"] != "RUNNING":
            break
        seen.add(found["stage"]["key"])
        forms = [
            move["form"]
            for move in found["availableTransitions"]
            if move["enabled"] and not move["form"]["approvalRoles"]
        ]
        form = next(item for item in forms if item["target"] not in seen)
        sent = {"instance": {"id": case}, "expectedSequence": found["sequence"], **filled(form)}
        answer = (await api.data(FIRE, input=sent))["answer"]
        assert answer["__typename"] == "TransitionFired", (form["key"], sent, answer)
    assert len(seen) > 1


async def test_the_form_of_a_case_has_its_values_and_hides_personal_ones(api: Api) -> None:
    case = (await api.data(CAPTURE, channel="email"))["answer"]["instance"]["id"]
    for move in ("understand", "qualify"):
        await api.data(
            FIRE, input={"instance": {"id": case}, "transition": move, "data": {"need": "A roof", "amount": "5"}}
        )
    forms = (await api.data(CASE, id=case))["processInstance"]["availableTransitions"]
    offer = next(item["form"] for item in forms if item["form"]["key"] == "make_offer")
    assert [(field["key"], field["currentValue"]) for field in offer["fields"]] == [("amount", "5")]
    lose = next(item["form"] for item in forms if item["form"]["key"] == "lose")
    everywhere = (await api.data(ONE, process="email", transition="lose"))["transitionForm"]
    assert {item["key"] for item in lose["reasons"]} < {item["key"] for item in everywhere["reasons"]}


async def test_a_form_that_is_not_there_is_null(api: Api) -> None:
    for asked in (
        {"process": "nowhere", "transition": "lose"},
        {"process": "email", "transition": "nothing"},
        {"process": "email", "transition": "lose", "version": 2},
        {"process": "email", "transition": "lose", "version": 0},
    ):
        assert await api.data(ONE, "ann", **asked) == {"transitionForm": None}
    assert (await api.data(ONE, "ann", process="email", transition="resume"))["transitionForm"]["alternatives"] == [
        "resume_interest"
    ]
