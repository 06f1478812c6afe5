"""Every field has an access rule: a table of them, held against the schema, and against what each role is answered."""

from collections.abc import Mapping

import pytest
from graphql import GraphQLField, GraphQLObjectType

from bpm_crm.api._resolvers import DEFINITION
from bpm_crm.operations.access import ROLE_TABLE, Permission, Role
from tests.api.stage import Stage
from tests.api.test_access import PERSONAS
from tests.api.walking import operation, own_types, root_fields

ANYBODY = None
"""Whoever is signed in."""
RULES: Mapping[str, Permission | None] = {
    "Query.node": ANYBODY,  # the rule of the object that is found
    "Query.viewer": ANYBODY,
    "Query.users": Permission.VIEW_PEOPLE,
    "Query.teams": Permission.VIEW_PEOPLE,
    "Query.channels": Permission.VIEW_DEFINITIONS,
    "Query.processDefinitions": Permission.VIEW_DEFINITIONS,
    "Query.processDefinition": Permission.VIEW_DEFINITIONS,
    "Query.importBpmn": Permission.VIEW_DEFINITIONS,
    "Query.processInstances": Permission.VIEW_CASES,
    "Query.processInstance": Permission.VIEW_CASES,
    "Query.deals": Permission.VIEW_CASES,
    "Query.customers": Permission.VIEW_CUSTOMERS,
    "Query.funnel": Permission.VIEW_FIGURES,
    "Query.lossReasons": Permission.VIEW_FIGURES,
    "Query.checkpointKpis": Permission.VIEW_FIGURES,
    "Query.processMap": Permission.VIEW_FIGURES,
    "Query.kpiCatalogue": Permission.VIEW_FIGURES,
    "Query.kpi": Permission.VIEW_FIGURES,
    "Query.ownKpiVersions": Permission.VIEW_FIGURES,
    "Query.previewKpi": Permission.DEFINE_KPIS,
    "Mutation.publishKpi": Permission.DEFINE_KPIS,
    "Mutation.retireKpi": Permission.DEFINE_KPIS,
    "Query.stageOutcomes": Permission.VIEW_FIGURES,
    "Query.stageTimes": Permission.VIEW_FIGURES,
    "Query.lossForensics": Permission.VIEW_FIGURES,
    "Query.managerComparison": Permission.VIEW_FIGURES,
    "Query.kpiDrivers": Permission.VIEW_FIGURES,
    "Query.reviewSchedules": Permission.VIEW_REVIEWS,
    "Query.reviews": Permission.VIEW_REVIEWS,
    "Query.review": Permission.VIEW_REVIEWS,
    "Query.correctiveActions": Permission.VIEW_CORRECTIVE_ACTIONS,
    "Query.correctiveAction": Permission.VIEW_CORRECTIVE_ACTIONS,
    "Query.previewImport": Permission.IMPORT_LEADS,  # of history: IMPORT_HISTORY
    "Query.importJob": ANYBODY,  # to who asked for it
    "Query.exportJob": ANYBODY,  # to who asked for it
    "Query.jobs": ANYBODY,  # those one asked for
    "Query.replay": Permission.MANAGE_PROCESSES,
    "Query.replays": Permission.MANAGE_PROCESSES,
    "Mutation.replayDraft": Permission.MANAGE_PROCESSES,
    "Mutation.slaWhatIf": Permission.MANAGE_PROCESSES,
    "Mutation.importLeads": Permission.IMPORT_LEADS,
    "Mutation.importHistory": Permission.IMPORT_HISTORY,
    "Mutation.undoImport": Permission.EXCLUDE_CASE,
    "Mutation.cancelJob": ANYBODY,  # to who asked for it
    "Mutation.exportWorkbook": Permission.VIEW_FIGURES,
    "Mutation.captureLead": Permission.CAPTURE_LEAD,
    "Mutation.fireTransition": Permission.FIRE_TRANSITION,
    "Mutation.fireTransitions": Permission.FIRE_TRANSITION,
    "Mutation.forceTransition": Permission.FORCE_TRANSITION,
    "Mutation.recordActivity": Permission.RECORD_ACTIVITY,
    "Mutation.assignOwner": Permission.ASSIGN_OWNER,
    "Mutation.excludeInstance": Permission.EXCLUDE_CASE,
    "Mutation.setReviewPeriod": Permission.SCHEDULE_REVIEWS,
    "Mutation.stopReviews": Permission.SCHEDULE_REVIEWS,
    "Mutation.addCorrectiveAction": Permission.MANAGE_CORRECTIVE_ACTIONS,
    "Mutation.changeCorrectiveAction": Permission.MANAGE_CORRECTIVE_ACTIONS,
    "Mutation.closeCorrectiveAction": Permission.MANAGE_CORRECTIVE_ACTIONS,
    "Query.processDrafts": Permission.MANAGE_PROCESSES,
    "Mutation.saveProcessDraft": Permission.MANAGE_PROCESSES,
    "Mutation.discardProcessDraft": Permission.MANAGE_PROCESSES,
    "Query.diffProcess": Permission.MANAGE_PROCESSES,
    "Query.processVersions": Permission.VIEW_DEFINITIONS,
    "Query.processChanges": Permission.MANAGE_PROCESSES,
    "Mutation.publishProcess": Permission.MANAGE_PROCESSES,
    "Mutation.retireProcess": Permission.MANAGE_PROCESSES,
    "Mutation.reinstateProcess": Permission.MANAGE_PROCESSES,
    "Mutation.installProcesses": Permission.MANAGE_PROCESSES,
    "Query.processRollouts": Permission.MANAGE_PROCESSES,
    "Mutation.startRollout": Permission.MANAGE_PROCESSES,
    "Mutation.changeRollout": Permission.MANAGE_PROCESSES,
    "Mutation.stopRollout": Permission.MANAGE_PROCESSES,
    "Mutation.finishRollout": Permission.MANAGE_PROCESSES,
    "Query.transitionForm": Permission.VIEW_DEFINITIONS,
    "Mutation.validateProcess": Permission.MANAGE_PROCESSES,
    "Query.migrationPlan": Permission.MIGRATE_CASES,
    "Query.migration": Permission.MIGRATE_CASES,
    "Mutation.planMigration": Permission.MIGRATE_CASES,
    "Mutation.dryRunMigration": Permission.MIGRATE_CASES,
    "Mutation.migrateInstances": Permission.MIGRATE_CASES,
    "Mutation.undoMigration": Permission.MIGRATE_CASES,
    "Subscription.instanceChanged": Permission.VIEW_CASES,
    "Subscription.slaEvent": Permission.VIEW_CASES,
    "Subscription.jobProgress": ANYBODY,  # to who asked for it
}
"""The rule of every root field. A new one is to be entered here, and then keeps to it in the tests below."""
FOLLOWED: Mapping[str, Permission | None] = {
    "Deal.customer": Permission.VIEW_CUSTOMERS,
    "Deal.instance": Permission.VIEW_CASES,
    "Deal.instances": Permission.VIEW_CASES,
    "ProcessInstance.deal": Permission.VIEW_CASES,
    "ProcessInstance.history": Permission.VIEW_CASES,
    "Customer.instances": Permission.VIEW_CASES,
    "Customer.timeline": Permission.VIEW_CASES,
    "TimelineEntry.instance": Permission.VIEW_CASES,
    "ProcessDefinition.versions": Permission.VIEW_DEFINITIONS,
    "ProcessDefinition.diagram": Permission.VIEW_DEFINITIONS,
    "ProcessInstance.diagram": Permission.VIEW_DEFINITIONS,
    "ProcessVersion.document": Permission.VIEW_DEFINITIONS,
    "ProcessVersion.certificate": Permission.VIEW_DEFINITIONS,
    "ProcessVersion.source": Permission.VIEW_DEFINITIONS,
    "ProcessVersion.status": Permission.VIEW_DEFINITIONS,
    "ProcessVersion.totalInstances": Permission.MANAGE_PROCESSES,
    "ProcessVersion.openInstances": Permission.MANAGE_PROCESSES,
    "ProcessRollout.readOut": Permission.MANAGE_PROCESSES,
    "AvailableTransition.form": Permission.VIEW_CASES,
    "ProcessDefinition.draft": Permission.MANAGE_PROCESSES,
    "ProcessDraft.problems": Permission.MANAGE_PROCESSES,
    "FunnelStep.instances": Permission.VIEW_CASES,
    "FunnelStep.instancesOf": Permission.VIEW_CASES,
    "FunnelStep.estimate": Permission.VIEW_FIGURES,
    "LossCell.instances": Permission.VIEW_CASES,
    "LossForensicsCell.instances": Permission.VIEW_CASES,
    "LossCause.instances": Permission.VIEW_CASES,
    "StageOutcome.instances": Permission.VIEW_CASES,
    "StageOutcome.instancesOf": Permission.VIEW_CASES,
    "StageTime.instances": Permission.VIEW_CASES,
    "StageTime.instancesOf": Permission.VIEW_CASES,
    "StageTime.history": Permission.VIEW_FIGURES,
    "VisitTimes.cases": Permission.VIEW_FIGURES,
    "VisitTimes.open": Permission.VIEW_FIGURES,
    "VisitTimes.calendar": Permission.VIEW_FIGURES,
    "VisitTimes.business": Permission.VIEW_FIGURES,
    "VisitTimes.active": Permission.VIEW_FIGURES,
    "StayTimes.completedMeanSeconds": Permission.VIEW_FIGURES,
    "StayTimes.medianLowerSeconds": Permission.VIEW_FIGURES,
    "StayTimes.medianSeconds": Permission.VIEW_FIGURES,
    "StayTimes.p90Seconds": Permission.VIEW_FIGURES,
    "StayTimes.medianUpperSeconds": Permission.VIEW_FIGURES,
    "StayTimes.p90LowerSeconds": Permission.VIEW_FIGURES,
    "StayTimes.p90UpperSeconds": Permission.VIEW_FIGURES,
    "ManagerStepFigures.instances": Permission.VIEW_CASES,
    "ManagerStepFigures.instancesOf": Permission.VIEW_CASES,
    "CheckpointKpi.instances": Permission.VIEW_CASES,
    "CheckpointKpi.startedInstances": Permission.VIEW_CASES,
    "CheckpointKpi.unreachedInstances": Permission.VIEW_CASES,
    "ProcessMap.variants": Permission.VIEW_FIGURES,
    "ProcessMap.instances": Permission.VIEW_CASES,
    "MapActivity.instances": Permission.VIEW_CASES,
    "MapEdge.instances": Permission.VIEW_CASES,
    "MapLoop.instances": Permission.VIEW_CASES,
    "Handover.instances": Permission.VIEW_CASES,
    "Conformance.instances": Permission.VIEW_CASES,
    "Deviation.instances": Permission.VIEW_CASES,
    "ProcessVariant.instances": Permission.VIEW_CASES,
    "KpiResult.series": Permission.VIEW_FIGURES,
    "KpiValue.instances": Permission.VIEW_CASES,
    "KpiValue.denominatorInstances": Permission.VIEW_CASES,
    "KpiValue.leftOutInstances": Permission.VIEW_CASES,
    "Funnel.unmappedStages": Permission.VIEW_FIGURES,
    "FunnelStep.lostInstances": Permission.VIEW_CASES,
    "ImportJob.problems": ANYBODY,
    "ImportJob.errorFile": ANYBODY,
    "ExportJob.file": ANYBODY,
    "StoredFile.link": ANYBODY,  # to whose file it is
    "Replay.document": ANYBODY,
    **dict.fromkeys(
        ("Replay.totals", "Replay.steps", "Replay.clocks", "Replay.checkpoints"), Permission.MANAGE_PROCESSES
    ),
    **dict.fromkeys(
        (
            "ReplayTotal.instances",
            "ReplayedStep.instances",
            "ReplayedBreaches.instances",
            "ReplayedShare.instances",
            "ReplayedReach.instances",
        ),
        Permission.MANAGE_PROCESSES,
    ),
    "UnmappedStage.instances": Permission.VIEW_CASES,
    "CorrectiveAction.effect": Permission.VIEW_FIGURES,
    "Migration.cases": Permission.MIGRATE_CASES,
    "CaseMigration.instance": Permission.VIEW_CASES,
}
"""The rule of every field that looks something up beyond the object it is on; all other fields are parts of their object."""

EMPTY = {"fireTransitions": "{items: []}", "installProcesses": "{dryRun: true}"}
"""Inputs that ask for nothing, of what would do something with the shortest one."""
ROOT_FIELDS = {f"{kind.title()}.{name}": (kind, name, field) for kind, name, field in root_fields()}
SERVED = [place for place in ROOT_FIELDS if not place.startswith("Subscription.")]


def may(role: Role, permission: Permission | None) -> bool:
    return permission is ANYBODY or permission in ROLE_TABLE[role]


def code(answer: dict[str, object]) -> object:
    errors = answer.get("errors")
    return errors[0]["extensions"]["code"] if isinstance(errors, list) else None


def test_every_root_field_has_a_rule() -> None:
    assert set(RULES) == set(ROOT_FIELDS)


def test_every_field_that_looks_something_up_has_a_rule() -> None:
    roots = {place.split(".")[0] for place in RULES}
    looking = {
        f"{type_.name}.{name}"
        for type_ in own_types()
        if isinstance(type_, GraphQLObjectType) and type_.name not in roots
        for name, field in type_.fields.items()
        if is_looking(field)
    }
    assert set(FOLLOWED) == looking


def is_looking(field: GraphQLField) -> bool:
    definition = field.extensions.get(DEFINITION)
    return getattr(definition, "base_resolver", None) is not None


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_role_without_the_permission_is_told_so_and_one_with_it_is_not(stage: Stage, persona: str) -> None:
    before = await stage.rows()
    for place in SERVED:
        kind, name, field = ROOT_FIELDS[place]
        given = {"input": EMPTY[name]} if name in EMPTY else {}
        answer = await stage.ask(persona, operation(kind, name, field, given))
        allowed = may(PERSONAS[persona], RULES[place])
        assert (code(answer) == "FORBIDDEN") is not allowed, (place, answer)
        assert code(answer) != "INTERNAL", (place, answer)
    assert await stage.rows() == before


async def test_without_credentials_no_field_is_answered(stage: Stage) -> None:
    for place in SERVED:
        kind, name, field = ROOT_FIELDS[place]
        answer = await stage.api.ask(operation(kind, name, field, {}), by=None)
        assert code(answer) == "UNAUTHENTICATED", place
        assert not any((answer.get("data") or {}).values()), place


@pytest.mark.parametrize("persona", PERSONAS)
async def test_what_a_role_may_not_see_is_not_to_be_had_by_a_way_around(stage: Stage, persona: str) -> None:
    """Customers by deals, by cases, by timelines: where the role may not see customers, no name, phone or address is answered."""
    for below in (
        "deals { nodes { title customer { name phone email } } }",
        "processInstances { nodes { data deal { title customer { name phone email } } } }",
        f'node(id: "{stage.own.nodes["Customer"]}") {{ ... on Customer {{ name phone email }} }}',
        f'node(id: "{stage.own.nodes["Deal"]}") {{ ... on Deal {{ customer {{ name phone email }} }} }}',
    ):
        answer = await stage.ask(persona, f"{{ {below} }}")
        seen = any(word in str(answer) for word in ("Customer 99", "+7999", "@example.com"))
        assert seen <= may(PERSONAS[persona], Permission.VIEW_CUSTOMERS), below


PEOPLE = """owner { name email } team { key } history { nodes { actor { name } owner { name } team { key } clockEvents { user { name } } } }
    deal { owner { name } team { key } } definition { versions { publishedBy { name } } }"""


@pytest.mark.parametrize("persona", PERSONAS)
async def test_people_are_seen_on_cases_only_by_those_who_may_see_people(stage: Stage, persona: str) -> None:
    query = f"query ($id: ID!) {{ processInstance(ref: {{id: $id}}) {{ externalId {PEOPLE} }} }}"
    answer = await stage.ask(persona, query, id=stage.own.nodes["ProcessInstance"])
    assert answer["data"]["processInstance"]["externalId"] == "own"
    seen = any(word in str(answer) for word in ("Ann Seller", "Ada Admin", "ann@example.org", "north"))
    assert seen is may(PERSONAS[persona], Permission.VIEW_PEOPLE)
