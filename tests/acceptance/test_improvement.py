"""A manager improves a process over HTTP: funnel, greatest loss, its records, what went wrong, an action, weeks, the measured effect."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance.product import Product

LATE = "Svetlana Sales"
PROCESS = "web-form"
WEEKS_BEFORE, WEEKS_AFTER, DEALS_A_WEEK = 16, 10, 4

FUNNEL = """
query ($owner: ID!) { funnel(input: {where: {owner: {eq: $owner}}}) { total {
  greatestLossByRate steps { checkpoint loss dropped instancesOf(number: DROPPED, first: 60) { totalCount nodes { id } } } } } }
"""
RECORD = "query ($id: ID!) { processInstance(ref: {id: $id}) { outcome clocks { key breachedAt } } }"
FORENSICS = """
query ($owner: ID!) { lossForensics(input: {where: {owner: {eq: $owner}, lossReason: {eq: "invoice_late"}}}) {
  stage reason evidence count causes { key count instances(first: 200) { totalCount nodes { id } } } } }
"""
MANAGERS = """
{ managerComparison(input: {}) { managers { manager { title } steps { checkpoint verdict cases rate } } } }
"""
PUBLISH_KPI = """
mutation ($kpi: OwnKpiInput!) { publishKpi(input: {kpi: $kpi, changelog: "For the review of invoices"}) { __typename
  ... on KpiPublished { definition { key } } ... on UserError { code message path } } }
"""
ACTION = """
mutation ($input: AddCorrectiveActionInput!) { addCorrectiveAction(input: $input) { __typename
  ... on CorrectiveActionSaved { action { id status changes { kind } } } ... on UserError { code message path } } }
"""
EFFECT = """
query ($id: ID!) { correctiveAction(id: $id) { title status effect(method: BEFORE_AFTER, followUp: "PT120H") {
  verdict estimate lower upper includesExpected weeksBefore weeksAfter meanBefore meanAfter
  weeks { period { from } value { numerator denominator instances(first: 0) { totalCount } } } } } }
"""
CAPTURE = """
mutation ($input: CaptureLeadInput!) { captureLead(input: $input) { __typename
  ... on LeadCaptured { instance { id } } ... on UserError { code message path } } }
"""
MOVES = """
mutation ($items: [FireTransitionInput!]!) { fireTransitions(input: {items: $items}) {
  results { __typename ... on TransitionRefused { blockedBy { code message } } ... on UserError { code message path } } } }
"""
GIVE = """
mutation ($input: AssignOwnerInput!) { assignOwner(input: $input) { __typename ... on UserError { code message path } } }
"""


def test_a_manager_finds_a_weak_step_acts_and_sees_whether_it_helped(product: Product) -> None:
    owner = next(
        user["id"] for user in product.data("{ users { id name } }", "manager")["users"] if user["name"] == LATE
    )

    # The funnel of the year tells where this seller's deals are lost, and opens into them.
    funnel = product.data(FUNNEL, "manager", owner=owner)["funnel"]["total"]
    assert funnel["greatestLossByRate"] == "paid"
    step = next(step for step in funnel["steps"] if step["checkpoint"] == "paid")
    opened = step["instancesOf"]
    assert opened["totalCount"] == step["dropped"] == step["loss"] >= 20
    records = {
        node["id"]: product.data(RECORD, "manager", id=node["id"])["processInstance"] for node in opened["nodes"]
    }
    lost = {key: case for key, case in records.items() if case["outcome"] == "LOST"}
    late = {key for key, case in lost.items() if clock_of(case, "invoice")["breachedAt"] is not None}
    assert len(late) >= 0.8 * len(lost), "most of these losses had a late invoice"

    # Of every deal that the customer left for a late invoice the record shows the same, and chance does not explain the step.
    cells = product.data(FORENSICS, "manager", owner=owner)["lossForensics"]
    assert {cell["evidence"] for cell in cells} == {"DOCUMENT_LATE"}
    causes = [cause for cell in cells for cause in cell["causes"] if cause["key"] == "invoice"]
    blamed = {node["id"] for cause in causes for node in cause["instances"]["nodes"]}
    assert blamed
    assert blamed & records.keys() <= late
    managers = product.data(MANAGERS, "analyst")["managerComparison"]["managers"]
    verdicts = {
        (manager["manager"]["title"], step["checkpoint"]): step["verdict"]
        for manager in managers
        for step in manager["steps"]
    }
    assert verdicts[LATE, "paid"] == "WEAK"
    assert [place for place, verdict in verdicts.items() if verdict == "WEAK" and place[1] == "paid"] == [
        (LATE, "paid")
    ]

    # The process owner defines what will be measured; the manager writes down what is done about it.
    published = product.data(PUBLISH_KPI, "process_owner", kpi=INVOICED_IN_TIME)["publishKpi"]
    assert published["__typename"] == "KpiPublished", published
    starts_on = monday(weeks_ago=WEEKS_AFTER)
    action = product.data(ACTION, "manager", input=an_action(owner, starts_on))["addCorrectiveAction"]
    assert action["__typename"] == "CorrectiveActionSaved", action
    unseen = effect_of(product, action)
    assert unseen["verdict"] == "NOT_ENOUGH_DATA"

    # Weeks pass, before and after its start; then the effect is read from the records.
    live(product, owner, starts_on)
    effect = effect_of(product, action)
    assert (effect["weeksBefore"], effect["weeksAfter"]) >= (WEEKS_BEFORE, WEEKS_AFTER - 2)
    assert effect["verdict"] == "EVIDENCE_FOR_IMPROVEMENT", effect
    assert float(effect["lower"]) > 0
    assert effect["includesExpected"]
    for week in effect["weeks"]:
        if week["value"] is not None:
            assert week["value"]["instances"]["totalCount"] == int(week["value"]["numerator"])


INVOICED_IN_TIME = {
    "key": "invoiced_in_time",
    "process": PROCESS,
    "kind": "SHARE",
    "better": "HIGHER",
    "title": {"en": "Invoices in time", "ru": "Счета вовремя"},
    "meaning": {
        "en": "Of the forms with a contract, those whose invoice was sent in time.",
        "ru": "Из заявок с договором те, по которым счёт отправлен вовремя.",
    },
    "filter": "reached.contract",
    "condition": "clocks.invoice == 'met'",
}


def an_action(owner: str, starts_on: datetime) -> Mapping[str, Any]:
    return {
        "process": PROCESS,
        "title": "Invoices on the day of the contract",
        "team": "moscow",
        "caseOwner": owner,
        "checkpoint": "invoiced",
        "kpi": "invoiced_in_time",
        "expectedDirection": "UP",
        "expectedSize": "0.5",
        "startsOn": starts_on.date().isoformat(),
        "comment": "Customers leave while they wait for the invoice",
    }


def effect_of(product: Product, action: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = product.data(EFFECT, "manager", id=action["action"]["id"])["correctiveAction"]["effect"]
    return found


def clock_of(case: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(clock for clock in case["clocks"] if clock["key"] == key)
    return found


def monday(weeks_ago: int) -> datetime:
    """Nine in the morning, in Moscow, of a Monday."""
    today = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday(), weeks=weeks_ago)


def live(product: Product, owner: str, starts_on: datetime) -> None:
    """A few deals a week, which all come to a contract: their invoices are mostly late before the start, and mostly not after it."""
    rng = random.Random(4)
    deals: list[tuple[str, datetime, bool]] = []
    for week in range(-WEEKS_BEFORE, WEEKS_AFTER - 1):
        for number in range(DEALS_A_WEEK):
            begins = starts_on + timedelta(weeks=week, days=number)
            lead = {"channel": PROCESS, "externalId": f"simulated {week} {number}", "team": "moscow"}
            at = {"occurredAt": begins.isoformat()}
            captured = product.data(CAPTURE, input={**lead, **at, "customer": {"name": f"Customer {week} {number}"}})
            case = captured["captureLead"]["instance"]["id"]
            given = {"instance": {"id": case}, "owner": owner, "team": "moscow", **at}
            assert product.data(GIVE, input=given)["assignOwner"]["__typename"] == "OwnerAssigned"
            deals.append((case, begins, rng.random() < (0.85 if week < 0 else 0.1)))
    for moves in steps(deals):
        for first in range(0, len(moves), 100):
            results = product.data(MOVES, items=moves[first : first + 100])["fireTransitions"]["results"]
            assert {result["__typename"] for result in results} == {"TransitionFired"}, results


def steps(deals: Sequence[tuple[str, datetime, bool]]) -> Iterator[list[dict[str, Any]]]:
    """The moves of all deals, one step of each at a time."""
    path: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("contact", 0.5, {}),
        ("qualify", 0.6, {"need": "A warm house"}),
        ("make_offer", 1, {"amount": "100000"}),
        ("agree", 2, {}),
        ("sign", 3, {"contract_number": "1"}),
    )
    for transition, hours, data in path:
        yield [move(case, transition, begins + timedelta(hours=hours), data) for case, begins, _ in deals]
    invoice = {"invoice_number": "1", "invoice_due_on": "2030-01-01"}
    yield [
        move(case, "send_invoice", begins + timedelta(hours=100 if is_late else 4), invoice)
        for case, begins, is_late in deals
    ]


def move(case: str, transition: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"instance": {"id": case}, "transition": transition, "data": data, "occurredAt": at.isoformat()}
