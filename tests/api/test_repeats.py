"""One intent is done once: the same key with the same payload gets the first answer, with another it is a conflict; for every mutation."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bpm_crm.embedded.server import Server
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.api.client import Api, an_api
from tests.api.test_imports import send
from tests.api.walking import root_fields
from tests.databases import cloned
from tests.engine.build import changed
from tests.excel.desk import Desk, a_desk, xlsx
from tests.world import PUBLISHED_AT, a_world

DONE = "... on {} {{ isRepeated instance {{ id }} record {{ sequence }} }}"
SUCCESS = {
    "captureLead": "LeadCaptured",
    "fireTransition": "TransitionFired",
    "forceTransition": "TransitionFired",
    "recordActivity": "ActivityRecorded",
    "assignOwner": "OwnerAssigned",
    "excludeInstance": "InstanceExcluded",
}
PAYLOADS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "captureLead": ({"channel": "web-form", "title": "One"}, {"channel": "web-form", "title": "Two"}),
    "fireTransition": ({"transition": "contact"}, {"transition": "contact", "comment": "x"}),
    "forceTransition": ({"stage": "offer", "comment": "x"}, {"stage": "offer", "comment": "y"}),
    "recordActivity": ({"kind": "note"}, {"kind": "note", "comment": "y"}),
    "assignOwner": ({"team": "south"}, {"team": "north"}),
    "excludeInstance": ({"exclusion": "TEST"}, {"exclusion": "SPAM"}),
}
"""Of every mutation with one outcome: a payload, and another one."""


KPI = {
    "key": "offers",
    "process": "web-form",
    "kind": "COUNT",
    "better": "HIGHER",
    "title": {"en": "Offers", "ru": "Предложения"},
    "meaning": {"en": "Forms with an offer.", "ru": "Заявки с предложением."},
    "filter": "reached.offer",
}
ACTION = {
    "process": "web-form",
    "title": "Call at once",
    "kpi": "response_time",
    "expectedDirection": "DOWN",
    "startsOn": "2026-10-05",
}
REPLAYED = {"process": "web-form", "since": "2026-10-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "version": 1}
OF_CLOCKS = {name: value for name, value in REPLAYED.items() if name != "version"}
REVIEWED = {"process": "web-form", "rhythm": "MONTHLY", "startsOn": "2026-10-01"}
PLAN = {"process": "web-form", "fromVersion": 1, "toVersion": 2}
LEADS = [["№ заявки", "Клиент"], ["1", "Нина"]]
HISTORY = [["Case", "Transition", "Time"], ["1", "contact", "2026-09-07 10:00"]]

DRAFT = {"process": "email", "document": "process: email"}

Payload = dict[str, Any]
OF_COMPANIES: tuple[tuple[str, str, Payload, Payload], ...] = (
    ("publishKpi", "KpiPublished", {"kpi": KPI}, {"kpi": KPI, "changelog": "x"}),
    ("retireKpi", "KpiRetired", {"key": "offers"}, {"key": "offers", "changelog": "x"}),
    ("setReviewPeriod", "ReviewPeriodSet", REVIEWED, {**REVIEWED, "rhythm": "WEEKLY"}),
    ("stopReviews", "ReviewPeriodSet", {"process": "web-form"}, {"process": "web-form", "comment": "x"}),
    ("addCorrectiveAction", "CorrectiveActionSaved", ACTION, {**ACTION, "title": "Call soon"}),
    (
        "changeCorrectiveAction",
        "CorrectiveActionSaved",
        {"action": "$action", "comment": "x"},
        {"action": "$action", "comment": "y"},
    ),
    (
        "closeCorrectiveAction",
        "CorrectiveActionSaved",
        {"action": "$action"},
        {"action": "$action", "isCancelled": True},
    ),
    ("saveProcessDraft", "ProcessDraftSaved", DRAFT, {**DRAFT, "document": "process: email #"}),
    (
        "discardProcessDraft",
        "ProcessDraftDiscarded",
        {"process": "email", "expectedRevision": 1},
        {"process": "email", "expectedRevision": 2},
    ),
    (
        "publishProcess",
        "ProcessPublished",
        {"document": "$email", "changelog": "x"},
        {"document": "$email", "changelog": "y"},
    ),
    (
        "startRollout",
        "RolloutAnswer",
        {"process": "email", "version": 1, "share": 10},
        {"process": "email", "version": 1, "share": 20},
    ),
    ("changeRollout", "RolloutAnswer", {"process": "email", "share": 20}, {"process": "email", "share": 30}),
    ("stopRollout", "RolloutAnswer", {"process": "email"}, {"process": "email", "comment": "x"}),
    (
        "startRollout",
        "RolloutAnswer",
        {"process": "email", "version": 1, "share": 11},
        {"process": "web-form", "version": 1, "share": 1},
    ),
    ("finishRollout", "RolloutAnswer", {"process": "email"}, {"process": "email", "comment": "x"}),
    ("retireProcess", "ProcessRetirement", {"process": "referral"}, {"process": "referral", "comment": "x"}),
    ("reinstateProcess", "ProcessRetirement", {"process": "referral"}, {"process": "referral", "comment": "x"}),
    ("installProcesses", "ProcessesInstalled", {"processes": ["email"]}, {"processes": ["web-form"]}),
    ("exportWorkbook", "ExportAccepted", {"process": "web-form"}, {"process": "email"}),
    ("replayDraft", "ReplayAccepted", REPLAYED, {**REPLAYED, "since": "2026-10-02T00:00:00Z"}),
    (
        "slaWhatIf",
        "ReplayAccepted",
        {**OF_CLOCKS, "changes": [{"clock": "response", "target": "PT5M"}]},
        {**OF_CLOCKS, "changes": [{"clock": "response", "target": "PT6M"}]},
    ),
    (
        "importHistory",
        "ImportAccepted",
        {"file": "$history", "channel": "web-form"},
        {"file": "$history", "channel": "email"},
    ),
    (
        "importLeads",
        "ImportAccepted",
        {"file": "$leads", "channel": "web-form"},
        {"file": "$leads", "channel": "email"},
    ),
    ("undoImport", "UndoAccepted", {"job": "$job"}, {"job": "$job", "force": True}),
    ("planMigration", "MigrationPlanned", PLAN, {**PLAN, "waivedFields": ["page"]}),
    ("dryRunMigration", "MigrationAccepted", {"plan": "$plan"}, {"plan": "$former"}),
    ("migrateInstances", "MigrationAccepted", {"plan": "$plan"}, {"plan": "$former"}),
    ("undoMigration", "MigrationAccepted", {"migration": "$migration"}, {"migration": "$other"}),
)
"""Of every other mutation, in an order in which they can be done: what it answers, a payload, and another one."""
OBJECTS = {
    "Replay": "replay { id }",
    "Action": "action { id }",
    "Planned": "plan { id }",
    "Migration": "migration { id }",
    **dict.fromkeys(("Export", "Import", "Undo"), "job { id }"),
}
"""What an answer holds, by a part of its name."""
KEPT = (
    "replay",
    "migration_plan",
    "own_kpi",
    "review_change",
    "corrective_action",
    "job",
    "process_draft",
    "process_change",
    "process_version",
    "process_rollout",
)


@pytest.fixture(scope="module")
async def desk(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        an_api(world, tmp_path_factory.mktemp("desk")) as api,
    ):
        yield api


async def answer(api: Api, mutation: str, **input_: Any) -> dict[str, Any]:
    type_ = mutation[0].upper() + mutation[1:]
    shown = f"{{ __typename {DONE.format(SUCCESS[mutation])} ... on UserError {{ code message path }} }}"
    query = f"mutation ($input: {type_}Input!) {{ answer: {mutation}(input: $input) {shown} }}"
    found: dict[str, Any] = (await api.data(query, input=input_))["answer"]
    return found


async def payloads(api: Api, mutation: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both payloads, on a case of their own where the mutation is of a case."""
    if mutation == "captureLead":
        return PAYLOADS[mutation]
    case = await answer(api, "captureLead", channel="callback-request")
    first, other = ({"instance": {"id": case["instance"]["id"]}, **payload} for payload in PAYLOADS[mutation])
    return first, other


def test_every_mutation_with_one_outcome_is_tried() -> None:
    several, none = {"fireTransitions"}, {"validateProcess", "cancelJob"}
    tried = {*PAYLOADS, *(mutation for mutation, *_ in OF_COMPANIES)}
    assert tried == {name for _, name, _ in root_fields("Mutation")} - several - none


@pytest.mark.parametrize("mutation", PAYLOADS)
async def test_the_same_key_and_payload_is_the_first_answer_and_another_payload_a_conflict(
    desk: Api, mutation: str
) -> None:
    first, other = await payloads(desk, mutation)
    key = f"key of {mutation}"
    done = await answer(desk, mutation, **first, idempotencyKey=key)
    assert (done["__typename"], done["isRepeated"]) == (SUCCESS[mutation], False), done
    before = await desk.world.counts()
    again = await answer(desk, mutation, **first, idempotencyKey=key)
    assert again == {**done, "isRepeated": True}
    conflict = await answer(desk, mutation, **other, idempotencyKey=key)
    assert (conflict["code"], conflict["path"]) == ("IDEMPOTENCY_CONFLICT", ["input", "idempotencyKey"])
    assert key in conflict["message"]
    assert "fresh key" in conflict["message"]
    assert await desk.world.counts() == before


async def test_what_is_done_for_a_company_is_done_once(api: Api) -> None:
    async with a_desk(api.world) as worker:
        former, latter = await a_former_migration(api, worker)
        known = {"$former": former, "$other": latter, "$email": shipped_text("email").replace("PT4H", "PT3H")}
        known |= {"$leads": await send(api, xlsx(LEADS)), "$history": await send(api, xlsx(HISTORY))}
        for number, (mutation, success, first, other) in enumerate(OF_COMPANIES):
            key = f"{mutation} {number}"
            sent = {name: known.get(value, value) if isinstance(value, str) else value for name, value in first.items()}
            done = await of_company(api, mutation, success, idempotencyKey=key, **sent)
            assert (done["__typename"], done["isRepeated"]) == (success, False), (mutation, done)
            before = await api.world.counts(KEPT)
            assert await of_company(api, mutation, success, idempotencyKey=key, **sent) == {
                **done,
                "isRepeated": True,
            }
            differing = {
                name: known.get(value, value) if isinstance(value, str) else value for name, value in other.items()
            }
            conflict = await of_company(api, mutation, success, idempotencyKey=key, **differing)
            assert (conflict["code"], conflict["path"]) == ("IDEMPOTENCY_CONFLICT", ["input", "idempotencyKey"]), (
                mutation
            )
            assert await api.world.counts(KEPT) == before
            known |= {"$action": done["action"]["id"]} if "action" in done else {}
            known |= {"$job": done["job"]["id"]} if "job" in done else {}
            known |= {"$plan": done["plan"]["id"]} if "plan" in done else {}
            known |= {"$migration": done["migration"]["id"]} if "migration" in done else {}
            await worker.runner.drain()


async def a_former_migration(api: Api, worker: Desk) -> tuple[str, str]:
    """Web forms have a second version; the ids of a plan between both and of a migration that was done."""
    text = changed(shipped_text("web-form"), "title: {en: Form,", "title: {en: The form,")
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await publish(connection, api.world.tenant_id, text, changelog="second", at=PUBLISHED_AT, by=None)
    plan = (await of_company(api, "planMigration", "MigrationPlanned", **PLAN))["plan"]["id"]
    done = await of_company(api, "migrateInstances", "MigrationAccepted", plan=plan)
    await worker.runner.drain()
    return plan, done["migration"]["id"]


async def of_company(api: Api, mutation: str, success: str, **input_: Any) -> dict[str, Any]:
    type_ = mutation[0].upper() + mutation[1:]
    named = next((part for part in OBJECTS if part in success), "")
    inner = OBJECTS.get(named, "")
    shown = f"{{ __typename ... on {success} {{ isRepeated {inner} }} ... on UserError {{ code message path }} }}"
    query = f"mutation ($input: {type_}Input!) {{ answer: {mutation}(input: $input) {shown} }}"
    found: dict[str, Any] = (await api.data(query, input=input_))["answer"]
    return found


@pytest.mark.parametrize(
    "difference",
    [
        {"team": "south"},
        {"comment": "x"},
        {"region": "Tula"},
        {"data": {"page": "/"}},
        {"isTest": True},
        {"title": "x"},
    ],
    ids=lambda difference: str(*difference),
)
async def test_whatever_differs_in_a_lead_makes_it_another_payload(desk: Api, difference: dict[str, Any]) -> None:
    key = f"lead {difference}"
    await answer(desk, "captureLead", channel="web-form", idempotencyKey=key)
    before = await desk.world.counts()
    conflict = await answer(desk, "captureLead", channel="web-form", **difference, idempotencyKey=key)
    assert conflict["__typename"] == "IdempotencyConflict", conflict
    assert await desk.world.counts() == before


async def test_a_key_of_one_mutation_is_a_conflict_for_another(desk: Api) -> None:
    first, _ = await payloads(desk, "fireTransition")
    await answer(desk, "fireTransition", **first, idempotencyKey="shared")
    before = await desk.world.counts()
    other = await answer(desk, "recordActivity", instance=first["instance"], kind="note", idempotencyKey="shared")
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    assert await desk.world.counts() == before


async def test_a_repetition_is_answered_though_the_sequence_has_gone_on(desk: Api) -> None:
    first, _ = await payloads(desk, "fireTransition")
    sent = {**first, "expectedSequence": 1, "idempotencyKey": "went on"}
    done = await answer(desk, "fireTransition", **sent)
    assert await answer(desk, "fireTransition", **sent) == {**done, "isRepeated": True}


async def test_a_lead_is_known_again_by_its_channel_and_external_id(desk: Api) -> None:
    lead = {"channel": "web-form", "externalId": "L-1", "customer": {"name": "Nina", "phone": "+79161234567"}}
    done = await answer(desk, "captureLead", **lead)
    before = await desk.world.counts()
    assert await answer(desk, "captureLead", **lead) == {**done, "isRepeated": True}
    other = await answer(desk, "captureLead", **{**lead, "customer": {"name": "Olga"}})
    assert (other["code"], other["path"]) == ("LEAD_ALREADY_CAPTURED", ["input", "externalId"])
    assert "another external id" in other["message"]
    assert await desk.world.counts() == before


async def test_leads_without_an_external_id_are_never_taken_for_one_another(desk: Api) -> None:
    first = await answer(desk, "captureLead", channel="web-form", title="same")
    second = await answer(desk, "captureLead", channel="web-form", title="same")
    assert not second["isRepeated"]
    assert first["instance"] != second["instance"]
