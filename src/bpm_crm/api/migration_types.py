"""Migrations as the API shows them: plans, jobs, and the verdict on each case."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import argument

from bpm_crm.api.connections import After, Before, First, Last, PageInfo, cut, fetch_page, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import UserError
from bpm_crm.api.exposing import expose
from bpm_crm.api.ids import to_global
from bpm_crm.api.instance_lists import visible_instance
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.api.jobs import Job, job_values
from bpm_crm.api.nodes import Node
from bpm_crm.engine.migration_obstacles import MigrationCode
from bpm_crm.engine.migration_proposal import Because, Proposal
from bpm_crm.operations.jobs import JobKind
from bpm_crm.operations.migration_plans import unpack_plan
from bpm_crm.records.case_migrations import CASES, CaseVerdict, PlanRecord, running_by_stage, verdict_of
from bpm_crm.records.jobs import JobRecord
from bpm_crm.records.selection import All, Compare, Operator, Query

expose(
    Because,
    "Why a counterpart is proposed.",
    {
        Because.SAME_KEY: "Both versions have the key.",
        Because.TITLE: "The names people see are alike.",
        Because.NEIGHBOURS: "The stages before and after it are the same.",
        Because.CHECKPOINTS: "Entering it reaches the same checkpoints.",
        Because.CONDITIONS: "The same things start and stop or reach it.",
        Because.GIVEN: "Somebody said so.",
    },
)
expose(
    MigrationCode,
    "Why a case is not migrated, or a migration of it not undone.",
    {
        MigrationCode.CASE_CLOSED: "The case has ended.",
        MigrationCode.STAGE_UNMAPPED: "The plan does not say in which stage it goes on.",
        MigrationCode.DATA_MISSING: "A field is empty that every way into the stage asks for.",
        MigrationCode.DATA_INVALID: "A value is not one the new version takes.",
        MigrationCode.PERSONAL_DATA_EXPOSED: "A field with personal data is no personal field of the new version.",
        MigrationCode.CLOCK_UNMAPPED: "An open clock has no counterpart and is not waived.",
        MigrationCode.CLOCK_WITHOUT_TARGET: "The counterpart of a clock has no target for the stage.",
        MigrationCode.OTHER_VERSION: "The case runs under another version.",
        MigrationCode.OUT_OF_REACH: "There is no such case within reach.",
        MigrationCode.MOVED_ON: "Somebody has worked on the case since.",
        MigrationCode.CLOCKS_WENT_ON: "Its clocks have warned, breached or escalated since.",
    },
)


class MigrationVerdict(Enum):
    """What becomes of a case."""

    WAITING = "waiting"
    MIGRATED = "migrated"
    REFUSED = "refused"
    UNDONE = "undone"


expose(
    MigrationVerdict,
    "What becomes of a case in a migration.",
    {
        MigrationVerdict.WAITING: "It was not looked at yet.",
        MigrationVerdict.MIGRATED: "It goes on under the new version; in a dry run: it would.",
        MigrationVerdict.REFUSED: "It stays where it is; `obstacles` say why.",
        MigrationVerdict.UNDONE: "It is as it was before the migration.",
    },
)


@strawberry.type(description="A key of the version left and its counterpart in the version entered.")
class NameMapping:
    """A key and its counterpart."""

    key: str = strawberry.field(description="Key in the version left.")
    to: str | None = strawberry.field(description="Key in the version entered; null: somebody has to say.")
    confidence: Decimal = strawberry.field(description="How sure a proposal is, from 0 to 1.")
    because: list[Because] = strawberry.field(description="Why it is proposed.")
    running: int | None = strawberry.field(description="Of a stage: how many running cases are in it now.")


@strawberry.type(description="A revision of the plan of a migration from one version of a process to another.")
class MigrationPlan(Node):
    """A revision of a plan."""

    process: str = strawberry.field(description="Key of the process.")
    from_version: int = strawberry.field(description="Version left.")
    to_version: int = strawberry.field(description="Version entered.")
    revision: int = strawberry.field(description="Number of the revision: pass it as `expectedRevision` when editing.")
    stages: list[NameMapping] = strawberry.field(description="What becomes of each stage.")
    clocks: list[NameMapping] = strawberry.field(description="What becomes of each clock.")
    checkpoints: list[NameMapping] = strawberry.field(description="What becomes of each checkpoint.")
    waived_clocks: list[str] = strawberry.field(
        description="Clocks that are cancelled where they are open and have no counterpart."
    )
    waived_fields: list[str] = strawberry.field(
        description="Fields that may stay empty though the stage asks for them."
    )
    started_clocks: list[str] = strawberry.field(description="Clocks of the new version that start with the migration.")
    running: int = strawberry.field(description="How many cases run under the version left now.")
    created_at: datetime = strawberry.field(description="When the revision was stored.")


@strawberry.type(name="MigrationObstacle", description="One reason why a case stays where it is.")
class MigrationObstacleType:
    """One reason why a case stays."""

    code: MigrationCode = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description="What stands in the way, in the language of `Accept-Language`.")
    cure: str = strawberry.field(description="What would help.")


@strawberry.type(description="What becomes of one case of a migration.")
class CaseMigration:
    """What becomes of one case."""

    verdict: MigrationVerdict = strawberry.field(description="What becomes of it.")
    sequence: int | None = strawberry.field(description="The step that migrated it or took it back.")
    obstacles: list[MigrationObstacleType] = strawberry.field(description="Why it stays; empty where it does not.")

    @strawberry.field(description="The case; null for those who may not see it.")
    async def instance(self, info: Info) -> ProcessInstance | None:
        """The case."""
        found: ProcessInstance | None = await visible_instance(info, self.record.instance_id)
        return found

    record: strawberry.Private[CaseVerdict]


@strawberry.type(description="A case in a list, with its cursor.")
class CaseMigrationEdge:
    """A case in a list."""

    cursor: str = strawberry.field(description="Cursor of the case.")
    node: CaseMigration = strawberry.field(description="The case.")


@strawberry.type(description="A page of cases of a migration.")
class CaseMigrationConnection:
    """A page of cases."""

    edges: list[CaseMigrationEdge] = strawberry.field(description="Cases with their cursors.")
    nodes: list[CaseMigration] = strawberry.field(description="Cases.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of cases in the whole list.")


@strawberry.type(description="A migration of running cases, a dry run of one, or the undoing of one: how far it is.")
class Migration(Job):
    """A migration of running cases."""

    is_dry_run: bool = strawberry.field(description="Whether nothing is written, as asked.")
    is_undoing: bool = strawberry.field(description="Whether it undoes another migration.")
    migrated: int = strawberry.field(description="Cases migrated; in a dry run: that would be.")
    refused: int = strawberry.field(description="Cases that stay where they are.")
    undone: int = strawberry.field(description="Cases that are as they were before.")

    @strawberry.field(description="The verdict on each case, by one statement for a page.")
    async def cases(
        self,
        info: Info,
        verdict: Annotated[MigrationVerdict | None, argument(description="Only these; null: all.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> CaseMigrationConnection:
        """The verdict on each case."""
        context = info.context
        parts = [Compare("m.job_id", Operator.EQ, self.record.id, "uuid")]
        if verdict is not None:
            parts.append(Compare("m.verdict", Operator.EQ, verdict.value, "text"))
        query = Query(CASES, All(tuple(parts)))
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, context.services.database, context.caller.tenant_id, query, window)
        nodes = [_case(verdict_of(row), context.language) for row in page.rows]
        return paged(CaseMigrationConnection, CaseMigrationEdge, nodes, page, window)

    record: strawberry.Private[JobRecord]


@strawberry.type(description="Somebody else has stored a newer revision of the plan. Read it again.")
class StaleMigrationPlan(UserError):
    """Somebody else has stored a newer revision."""

    expected_revision: int = strawberry.field(description="The revision the caller expected.")
    current_revision: int = strawberry.field(description="The newest revision.")


def migration_type(record: JobRecord, language: str) -> Migration:
    """A migration as the API shows it."""
    counts: dict[str, Any] = {name: record.counts.get(name, 0) for name in ("migrated", "refused", "undone")}
    return Migration(
        id=to_global("Migration", record.id),
        is_dry_run=bool(record.input.get("dry_run")),
        is_undoing=record.kind == JobKind.MIGRATION_UNDO.value,
        **counts,
        **job_values(record, language),
    )


async def plan_type(context: RequestContext, record: PlanRecord) -> MigrationPlan:
    """A plan as the API shows it, with how many cases it concerns now."""
    tenant_id = context.known.tenant.id
    async with context.services.database.reader(tenant_id) as connection:
        running = await running_by_stage(connection, tenant_id, record.definition_id, record.from_version)
    plan = unpack_plan(record.document)
    return MigrationPlan(
        id=to_global("MigrationPlan", record.id),
        process=context.known.definitions[record.definition_id].key,
        from_version=record.from_version,
        to_version=record.to_version,
        revision=record.revision,
        stages=[_name(item, running.get(item.key, 0)) for item in plan.stages],
        clocks=[_name(item, None) for item in plan.clocks],
        checkpoints=[_name(item, None) for item in plan.checkpoints],
        waived_clocks=sorted(plan.waived_clocks),
        waived_fields=sorted(plan.waived_fields),
        started_clocks=sorted(plan.started_clocks),
        running=sum(running.values()),
        created_at=record.created_at,
    )


def _name(item: Proposal, running: int | None) -> NameMapping:
    return NameMapping(
        key=item.key,
        to=item.to,
        confidence=Decimal(str(item.confidence)),
        because=list(item.because),
        running=running,
    )


def _case(record: CaseVerdict, language: str) -> CaseMigration:
    obstacles = [
        MigrationObstacleType(
            code=MigrationCode(item["code"]), message=item["message"][language], cure=item["cure"][language]
        )
        for item in record.obstacles or ()
    ]
    return CaseMigration(
        verdict=MigrationVerdict(record.verdict), sequence=record.sequence, obstacles=obstacles, record=record
    )
