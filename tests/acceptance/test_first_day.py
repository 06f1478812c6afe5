"""What a new user does on the first day, over HTTP only, against the server and worker that `bpm-crm run` started."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.acceptance.product import Product, keys_of

CASE = "id sequence status outcome stage { key title } deal { key } clocks { key state dueAt }"
CAPTURE = f"""
mutation ($input: CaptureLeadInput!) {{ captureLead(input: $input) {{ __typename
  ... on LeadCaptured {{ isRepeated instance {{ {CASE} availableTransitions {{ key enabled requiredFields }} }} }}
  ... on UserError {{ code message path }}
}} }}
"""
FIRE = f"""
mutation ($input: FireTransitionInput!) {{ fireTransition(input: $input) {{ __typename
  ... on TransitionFired {{ instance {{ {CASE} }} record {{ sequence checkpoints }} }}
  ... on TransitionRefused {{ blockedBy {{ code message unblock field guard }} }}
  ... on UserError {{ code message path }}
}} }}
"""
HISTORY = """
query ($id: ID!) { processInstance(ref: {id: $id}) { sequence history(first: 50) { totalCount nodes {
  sequence kind transition actor { name } visit { stage business } checkpoints clockEvents { clock kind } } } } }
"""
FUNNEL = """
query ($since: DateTime!) { funnel(input: {process: "callback-request", period: {from: $since, to: "2999-01-01T00:00:00Z"}}) {
  total { entered steps { checkpoint reached overallConversion lost instances(first: 5) { totalCount nodes { id } } } } } }
"""
LOSSES = """
query ($since: DateTime!) { lossReasons(input: {process: "callback-request", period: {from: $since, to: "2999-01-01T00:00:00Z"}}) {
  stage reason count share instances(first: 5) { nodes { id } } } }
"""
BREACHES = (
    "subscription { slaEvent { event { kind clock at dueAt to user { name } } instance { id clocks { key state } } } }"
)

TO_WON: tuple[tuple[str, dict[str, Any]], ...] = (
    ("make_offer", {"amount": "120000"}),
    ("agree", {}),
    ("sign", {"contract_number": "7"}),
    ("send_invoice", {"invoice_number": "7", "invoice_due_on": "2027-01-24"}),
    ("pay", {"paid_amount": "120000"}),
    ("deliver", {"delivered_on": "2027-02-01"}),
)


def captured(product: Product, by: str = "salesperson", **lead: Any) -> dict[str, Any]:
    answer = product.data(CAPTURE, by, input=lead)["captureLead"]
    assert answer["__typename"] == "LeadCaptured", answer
    case: dict[str, Any] = answer["instance"]
    return case


def fired(
    product: Product, case: dict[str, Any], transition: str, data: dict[str, Any] | None = None, **more: Any
) -> Any:
    """The answer to a move, as the salesperson."""
    move = {"instance": {"id": case["id"]}, "transition": transition, "data": data or {}, **more}
    return product.data(FIRE, "salesperson", input=move)["fireTransition"]


def test_the_start_says_where_everything_is_and_gives_a_token_of_every_role(product: Product) -> None:
    assert set(product.tokens) == {"admin", "process_owner", "manager", "salesperson", "analyst", "channel_integration"}
    assert f"{product.url}/graphql#token=" in product.welcome
    ready = httpx.get(f"{product.url}/readyz").json()
    assert ready.pop("changes_waiting") >= 0
    assert ready == {"ready": True, "database": True, "migrated": True, "worker": True}
    me = "{ viewer { roles name } }"
    assert product.data(me, "manager")["viewer"] == {"roles": ["MANAGER"], "name": "Maria Manager"}


def test_a_lead_comes_in_by_each_of_the_ten_channels_and_its_clocks_run(product: Product) -> None:
    listed = product.data("{ channels { key } }")
    channels = [channel for channel in keys_of(listed["channels"]) if not channel.startswith("receipt")]
    assert len(channels) == 10
    for channel in channels:
        case = captured(
            product, "channel_integration", channel=channel, externalId=f"first-day-{channel}", team="moscow"
        )
        assert case["status"] == "RUNNING", channel
        assert case["clocks"], channel
        assert {clock["state"] for clock in case["clocks"]} <= {"RUNNING", "PAUSED"}, channel
        assert case["availableTransitions"], channel
        again = product.data(
            CAPTURE,
            "channel_integration",
            input={"channel": channel, "externalId": f"first-day-{channel}", "team": "moscow"},
        )
        assert again["captureLead"]["isRepeated"] is True
        assert again["captureLead"]["instance"]["id"] == case["id"]


def test_a_case_is_refused_unblocked_won_and_another_lost_and_the_figures_show_both(product: Product) -> None:
    since = datetime.now(UTC).isoformat()
    case = captured(
        product, channel="callback-request", externalId="walk-1", customer={"name": "Nina", "phone": "+7 916 123-45-67"}
    )
    wrong = fired(product, case, "make_offer", {"amount": "1"})
    assert wrong["__typename"] == "TransitionRefused"
    assert wrong["blockedBy"][0]["code"] == "WRONG_STAGE"
    assert "contact" in wrong["blockedBy"][0]["unblock"]

    assert fired(product, case, "contact")["__typename"] == "TransitionFired"
    empty = fired(product, case, "qualify")
    assert [(found["code"], found["field"]) for found in empty["blockedBy"]] == [("FIELD_REQUIRED", "need")]
    assert "need" in empty["blockedBy"][0]["unblock"]
    russian = product.ask(FIRE, "salesperson", "ru", input={"instance": {"id": case["id"]}, "transition": "qualify"})
    told = russian["data"]["fireTransition"]["blockedBy"][0]
    assert (told["code"], told["message"], told["unblock"]) == (
        "FIELD_REQUIRED",
        "Для этого перехода нужно поле «need».",
        "Передайте «need» в `data`.",
    )

    assert fired(product, case, "qualify", {"need": "a roof"})["__typename"] == "TransitionFired"
    free = fired(product, case, "make_offer", {"amount": "0"})
    assert free["blockedBy"][0]["code"] == "GUARD_FAILED"
    assert free["blockedBy"][0]["unblock"] == "Send `amount` with the price of the offer."
    for transition, data in TO_WON:
        answer = fired(product, case, transition, data)
        assert answer["__typename"] == "TransitionFired", answer
    assert (answer["instance"]["status"], answer["instance"]["stage"]["key"]) == ("WON", "won")

    other = captured(product, channel="callback-request", externalId="walk-2")
    assert fired(product, other, "lose")["blockedBy"][0]["code"] == "REASON_REQUIRED"
    assert fired(product, other, "lose", reason="no_need")["instance"]["status"] == "LOST"

    history = product.data(HISTORY, id=case["id"])["processInstance"]
    assert history["history"]["totalCount"] == history["sequence"] == 9
    moves = [record["transition"] for record in reversed(history["history"]["nodes"])]
    assert sorted(filter(None, moves)) == sorted(["contact", "qualify", *(transition for transition, _ in TO_WON)])

    total = product.data(FUNNEL, "manager", since=since)["funnel"]["total"]
    steps = {step["checkpoint"]: step for step in total["steps"]}
    assert (total["entered"], steps["lead"]["reached"], steps["delivered"]["reached"]) == (2, 2, 1)
    assert steps["delivered"]["overallConversion"] == "0.5"
    assert keys_of(steps["delivered"]["instances"]["nodes"], "id") == [case["id"]]
    losses = product.data(LOSSES, "manager", since=since)["lossReasons"]
    assert [(cell["stage"], cell["reason"], cell["count"]) for cell in losses] == [("new", "no_need", 1)]
    assert keys_of(losses[0]["instances"]["nodes"], "id") == [other["id"]]

    after = product.data(
        '{ processInstances(where: {process: {eq: "post-payment"}}, first: 200) { nodes { deal { key } } } }'
    )
    assert after["processInstances"]["nodes"], "payment starts the process of the first 24 hours"


async def test_a_clock_breaches_for_real_and_the_socket_tells_it(product: Product) -> None:
    """Thanked within two hours, around the clock: the payment was two hours ago, but for four seconds."""
    async with connect(
        product.url.replace("http", "ws") + "/graphql", subprotocols=["graphql-transport-ws"], proxy=None
    ) as socket:  # type: ignore[list-item]
        payload = {"Authorization": f"Bearer {product.tokens['manager']}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": BREACHES}}))
        await asyncio.sleep(0.5)
        paid_at = datetime.now(UTC) - timedelta(hours=2) + timedelta(seconds=4)
        lead = {
            "channel": "post-payment",
            "externalId": "breach-1",
            "team": "moscow",
            "occurredAt": paid_at.isoformat(),
        }
        case = await asyncio.to_thread(captured, product, **lead)
        assert {clock["key"]: clock["state"] for clock in case["clocks"]}["response"] == "RUNNING"
        while True:
            message = json.loads(await asyncio.wait_for(socket.recv(), 20))
            told = message["payload"]["data"]["slaEvent"]
            if (told["instance"]["id"], told["event"]["kind"]) == (case["id"], "BREACHED"):
                break
    assert told["event"]["clock"] == "response"
    assert datetime.fromisoformat(told["event"]["at"]) == paid_at + timedelta(hours=2)
    assert datetime.now(UTC) >= paid_at + timedelta(hours=2)
    records = product.data(HISTORY, "manager", id=case["id"])["processInstance"]["history"]["nodes"]
    events = [(event["clock"], event["kind"]) for record in records for event in record["clockEvents"]]
    assert events.count(("response", "BREACHED")) == 1


RECEIPT = """
{ checkpointKpis(process: "receipt", period: {from: "2010-01-01T00:00:00Z", to: "2012-06-01T00:00:00Z"},
    asOf: "2013-01-01T00:00:00Z", knownAt: "%s", groupBy: [CHANNEL]) {
  checkpoint started reached medianSeconds dimension { key title } startedInstances(first: 1) { totalCount } instances(first: 1) { totalCount } } }
"""


def test_a_real_log_becomes_cases_whose_figures_equal_those_known_of_it(product: Product, test_data: Path) -> None:
    log = test_data / "eventlogs" / "receipt.xes.gz"
    truth = json.loads((test_data / "eventlogs" / "truth_receipt_channels.json").read_text())
    first = product.command("import-log", str(log))
    assert first.returncode == 0, first.stderr
    assert "1434 cases imported" in first.stdout
    cells = product.data(RECEIPT % datetime.now(UTC).isoformat(), "analyst")["checkpointKpis"]
    sent = [cell for cell in cells if cell["title" if "title" in cell else "checkpoint"].lower().startswith("t05")]
    by_channel = {cell["dimension"][0]["title"]: cell for cell in sent}
    assert set(by_channel) == set(truth)
    for channel, known in truth.items():
        cell = by_channel[channel]
        assert cell["started"] == cell["startedInstances"]["totalCount"] == known["cases"], channel
        assert cell["reached"] == cell["instances"]["totalCount"] == known["reached_T05_confirmation_sent"], channel
        assert cell["medianSeconds"] == pytest.approx(known["intake_to_T05_median_s"], abs=0.501), channel

    again = product.command("import-log", str(log))
    assert "0 cases imported, 1434 were here already" in again.stdout, again.stdout + again.stderr


def test_a_broken_log_is_refused_with_its_place_and_writes_nothing(
    product: Product, test_data: Path, tmp_path: Path
) -> None:
    content = gzip.decompress((test_data / "eventlogs" / "receipt.xes.gz").read_bytes())
    broken = tmp_path / "broken.xes"
    broken.write_bytes(content[: len(content) // 2])
    count = "{ processInstances { totalCount } processDefinitions { totalCount } channels { key } }"
    before = product.data(count)
    refused = product.command("import-log", str(broken))
    assert refused.returncode == 1
    assert "line" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert product.data(count) == before


def test_what_was_acknowledged_outlives_a_power_cut(product: Product) -> None:
    case = captured(product, channel="web-form", externalId="power-cut")
    tokens = product.tokens
    product.kill()
    product.start()
    product.tokens = tokens
    found = product.data(
        "query ($id: ID!) { processInstance(ref: {id: $id}) { id sequence stage { key } } }", id=case["id"]
    )
    assert found["processInstance"] == {
        "id": case["id"],
        "sequence": case["sequence"],
        "stage": {"key": case["stage"]["key"]},
    }
