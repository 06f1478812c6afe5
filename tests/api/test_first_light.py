"""A lead through its process over GraphQL, in one process."""

from tests.api.client import Api

CAPTURE = """
mutation ($input: CaptureLeadInput!) { captureLead(input: $input) {
  __typename
  ... on LeadCaptured { isRepeated instance { id sequence stage { key title } owner { name } team { key } deal { key customer { name phone } }
    clocks { key state dueAt remainingBusiness segments { kind duration } } availableTransitions { trigger enabled requiredFields blockedBy { code } } } }
  ... on UserError { code message path }
} }
"""
FIRE = """
mutation ($input: FireTransitionInput!) { fireTransition(input: $input) {
  __typename
  ... on TransitionFired { instance { id sequence stage { key } status outcome } record { sequence kind checkpoints visit { stage business } } }
  ... on TransitionRefused { blockedBy { code message unblock field } }
  ... on InvalidInput { problems { code message path } }
  ... on UserError { code message path }
} }
"""


async def test_a_lead_is_captured_refused_unblocked_and_won(api: Api) -> None:
    lead = {
        "channel": "callback-request",
        "externalId": "L-1",
        "team": "north",
        "customer": {"name": "Nina", "phone": "+7 999 123-45-67"},
        "data": {"page": "/"},
    }
    captured = (await api.data(CAPTURE, by="ann", input=lead))["captureLead"]
    assert captured["__typename"] == "LeadCaptured", captured
    case = captured["instance"]
    assert case["stage"] == {"key": "new", "title": "To be called"}
    assert case["deal"]["customer"] == {"name": "Nina", "phone": "+79991234567"}
    assert {clock["key"] for clock in case["clocks"]} == {"response", "stuck"}
    refused = (await api.data(FIRE, by="ann", input={"instance": {"id": case["id"]}, "transition": "make_offer"}))[
        "fireTransition"
    ]
    assert refused["__typename"] == "TransitionRefused"
    assert refused["blockedBy"][0]["code"] == "WRONG_STAGE"
    for trigger, data in (
        ("contact", {}),
        ("qualify", {"need": "a roof"}),
        ("make_offer", {"amount": "120000.50"}),
        ("agree", {}),
        ("sign", {"contract_number": "7"}),
        ("send_invoice", {"invoice_number": "7", "invoice_due_on": "2026-12-24"}),
        ("pay", {"paid_amount": "120000.50"}),
        ("deliver", {"delivered_on": "2026-12-01"}),
    ):
        fired = (
            await api.data(
                FIRE,
                by="ann",
                input={"instance": {"dealKey": case["deal"]["key"]}, "transition": trigger, "data": data},
            )
        )["fireTransition"]
        assert fired["__typename"] == "TransitionFired", fired
    assert fired["instance"]["status"] == "WON"
    listed = await api.data(
        "{ processInstances(where: {status: {eq: WON}}) { totalCount nodes { stage { key } deal { amount { amount currency } } history { totalCount nodes { kind transition } } } } deals { nodes { key outcome amount { amount } } } customers { nodes { name timeline(first: 2) { totalCount nodes { record { kind } } } } } viewer { name roles permissions { permission reach } } }"
    )
    assert listed["processInstances"]["totalCount"] == 1
    assert listed["processInstances"]["nodes"][0]["deal"]["amount"] == {"amount": "120000.5", "currency": "RUB"}
    assert listed["customers"]["nodes"][0]["timeline"]["totalCount"] == 9
