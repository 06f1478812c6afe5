"""Two companies behind one API, shared by tests that leave it as it is: what exists here, what exists there, what exists nowhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bpm_crm.analytics.kpi_catalogue import Better
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi
from bpm_crm.api.ids import to_global
from bpm_crm.embedded.server import Server
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.migration_plan import propose
from bpm_crm.operations.access import EVERYTHING, Role
from bpm_crm.operations.commands import Assign, Capture, Command, Fire, Recorded, Work
from bpm_crm.operations.companies import Company, Founded, Person, found_company, issue_key
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.operations.leads import Lead, capture_of
from bpm_crm.operations.migration_plans import pack_plan
from bpm_crm.operations.own_kpis import publish_kpi
from bpm_crm.operations.publishing import publish
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.processes.library import shipped_text
from bpm_crm.records.case_migrations import PlanRecord, insert_plan
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.instances import InstanceRecord
from bpm_crm.records.reference import Reference, load_reference
from bpm_crm.records.replays import ReplayRecord, insert_replay
from bpm_crm.records.reviews import (
    ActionRecord,
    ReviewRecord,
    ScheduleRecord,
    insert_review,
    save_action,
    save_schedule,
)
from tests.api.client import Api, an_api
from tests.databases import cloned
from tests.world import PUBLISHED_AT, World, a_world, customer

CHANNEL = "callback-request"
RIVAL_KEY = "rivalry"
"""What the other company calls everything that has a key: its channel, process, team and campaign."""
OWN_LEADS, RIVAL_LEADS = 6, 9
NOWHERE = UUID("00000000-0000-7000-8000-000000000000")


@dataclass(frozen=True)
class Ids:
    """What can be referred to in one company: global ids by type, and keys by kind."""

    nodes: dict[str, str]
    keys: dict[str, str]


@dataclass
class Stage:
    """The API over both companies, with an integration of ours, and the same references in three worlds."""

    api: Api
    home: Path
    robot: str
    own: Ids
    rival: Ids
    nobody: Ids

    async def ask(self, persona: str, query: str, language: str = "en", **variables: Any) -> dict[str, Any]:
        if persona == "robot":
            return await self.api.ask(query, by=None, token=self.robot, language=language, **variables)
        return await self.api.ask(query, by=persona, language=language, **variables)

    async def rows(self) -> dict[str, int]:
        """The number of rows of every table, of all companies."""
        owner = self.api.world.owner
        counts: dict[str, int] = {}
        async with owner.across_tenants() as connection:
            tables = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            )
            for tenant_id in (self.api.world.tenant_id, UUID(self.rival.keys["tenant"])):
                await connection.execute(f"BEGIN; SET LOCAL app.tenant_id = '{tenant_id}'")
                for (table,) in tables:
                    counts[table] = counts.get(table, 0) + await connection.fetchval(f"SELECT count(*) FROM {table}")
                await connection.execute("COMMIT")
        return counts


@asynccontextmanager
async def a_stage(postgres: Server, template: str, home: Path) -> AsyncIterator[Stage]:
    """Both companies: a case with a customer, a deal, an owner and a few steps in each, several leads more, a lost one."""
    async with cloned(postgres, template) as access, a_world(access) as world:
        for number in range(OWN_LEADS - 1):
            await world.done(None, world.capture(external_id=f"a{number}", customer=customer(number)), Fire("contact"))
        lead = world.capture(
            external_id="own", customer=replace(customer(99), region="Tula"), campaign="spring", region="Tula"
        )
        ann, north = world.founded.users["ann@example.org"], world.founded.teams["north"]
        tiles = Fire("contact", {"product": "tiles"})
        case = await world.done(None, lead, Assign(ann, north), tiles, by="admin")
        gone = world.capture(external_id="lost", campaign="spring", region="Tula")
        await world.done(None, gone, Assign(ann, north), tiles, Fire("lose", reason="no_need"), by="admin")
        await a_kpi(world, world.tenant_id, "ours", CHANNEL)
        own = await ids_of(world, world.founded, world.reference, case, CHANNEL, "spring", "ann", "north", "web-form")
        own.nodes.update(await jobs_of(world, world.tenant_id, world.founded.users["admin@example.org"]))
        rival = await a_rival(world)
        robot = await a_robot(world)
        async with an_api(world, home) as api:
            yield Stage(api, home, robot, own, rival, nobody_of(own))


async def a_kpi(world: World, tenant_id: UUID, key: str, process: str) -> None:
    """A KPI of a company's own: all its cases."""
    own = OwnKpi(key, process, OwnKind.COUNT, key, key, key, key, Better.HIGHER)
    async with world.owner.transaction(tenant_id) as connection:
        await publish_kpi(connection, tenant_id, own, changelog="", at=PUBLISHED_AT, by=None, idempotency_key=None)


async def jobs_of(world: World, tenant_id: UUID, by: UUID) -> dict[str, str]:
    """The global ids of an import, an export and a migration that somebody asked for, and that no worker is there to carry out."""
    found: dict[str, str] = {}
    kinds = {"ImportJob": JobKind.LEADS, "ExportJob": JobKind.WORKBOOK, "Migration": JobKind.MIGRATION}
    for node, kind in kinds.items():
        async with world.owner.transaction(tenant_id) as connection:
            job, _ = await ask(connection, tenant_id, kind=kind, by=by, language="en", values={})
        found[node] = str(to_global(node, job.id))
    replay = await a_replay(world, tenant_id, by)
    return found | {node: str(to_global(node, replay)) for node in ("Replay", "ReplayJob")}


async def a_replay(world: World, tenant_id: UUID, by: UUID) -> UUID:
    """The job of a replay that somebody asked for."""
    async with world.owner.transaction(tenant_id) as connection:
        job, _ = await ask(connection, tenant_id, kind=JobKind.REPLAY, by=by, language="en", values={})
        version = await connection.fetchrow(
            "SELECT definition_id, document FROM process_version WHERE tenant_id = $1 LIMIT 1", tenant_id
        )
        at = job.created_at
        record = ReplayRecord(
            job.id, version["definition_id"], version["document"], 1, None, PUBLISHED_AT, at, at, 0, None, {}
        )
        await insert_replay(connection, tenant_id, record)
    return job.id


async def a_plan(world: World, record: InstanceRecord, by: UUID) -> UUID:
    """A plan of a migration that would change nothing."""
    async with world.owner.transaction(record.tenant_id) as connection:
        process = await world.writer.processes.get(connection, record.tenant_id, record.definition_id, record.version)
        document = pack_plan(propose(process.definition, process.definition, MigrationMapping()))
        plan = PlanRecord(new_id(), record.definition_id, 1, 2, 1, document, PUBLISHED_AT, by, b"")
        await insert_plan(connection, record.tenant_id, plan, None)
    return plan.id


async def a_robot(world: World) -> str:
    """The key of an integration of our channel."""
    async with world.owner.transaction(world.tenant_id) as connection:
        channels = [world.founded.channels[CHANNEL]]
        role = Role.CHANNEL_INTEGRATION
        return await issue_key(connection, world.tenant_id, name="robot", role=role, channels=channels, at=PUBLISHED_AT)


async def a_rival(world: World) -> Ids:
    """Another company in the same database, in which everything has names of its own."""
    tenant_id = new_id()
    person = Person("rex@rival.example", "Rex Rival", (Role.ADMIN,), team=RIVAL_KEY, leads=RIVAL_KEY)
    company = Company(
        "rival", "Rival", "UTC", "USD", (person,), {RIVAL_KEY: "R"}, ((RIVAL_KEY, "R", "R"),), {RIVAL_KEY: "R"}
    )
    text = shipped_text(CHANNEL).replace(CHANNEL, RIVAL_KEY)
    async with world.owner.transaction(tenant_id) as connection:
        founded = await found_company(connection, tenant_id, company, PUBLISHED_AT)
        await publish(connection, tenant_id, text, changelog="first", at=PUBLISHED_AT, by=None)
    async with world.owner.reader(tenant_id) as connection:
        reference = await load_reference(connection, tenant_id)
    assert reference is not None
    viewer = viewer_of_user(reference, founded.users[person.email])
    assert viewer is not None
    for number in range(RIVAL_LEADS):
        who = replace(customer(500 + number), region=RIVAL_KEY)
        lead = Lead(RIVAL_KEY, f"r{number}", who, campaign=RIVAL_KEY, region=RIVAL_KEY, team=RIVAL_KEY)
        capture = capture_of(reference, viewer, EVERYTHING, lead)
        assert isinstance(capture, Capture)
        commands: tuple[Command, ...] = (capture, Assign(viewer.user_id, None), Fire("contact", {"product": RIVAL_KEY}))
        case = await world.writer.submit(Work(tenant_id, commands, viewer.actor))
        assert isinstance(case, Recorded), case
    await a_kpi(world, tenant_id, RIVAL_KEY, RIVAL_KEY)
    ids = await ids_of(world, founded, reference, case, RIVAL_KEY, RIVAL_KEY, "rex", RIVAL_KEY, RIVAL_KEY)
    ids.nodes.update(await jobs_of(world, tenant_id, founded.users[person.email]))
    return ids


async def ids_of(
    world: World,
    founded: Founded,
    reference: Reference,
    case: Recorded,
    channel: str,
    campaign: str,
    user: str,
    team: str,
    reviewed: str,
) -> Ids:
    """Everything in a company that can be referred to."""
    record = case.instance
    async with world.owner.reader(founded.tenant_id) as connection:
        deal_key = await connection.fetchval(
            "SELECT key FROM deal WHERE tenant_id = $1 AND id = $2", founded.tenant_id, record.deal_id
        )
    user_id = next(user_id for email, user_id in founded.users.items() if email.startswith(f"{user}@"))
    found = reference.campaign(campaign)
    assert found is not None
    kpi = "ours" if channel == CHANNEL else RIVAL_KEY
    cycle = await a_review_cycle(
        world, founded, reference, reviewed, record, found.id, user_id, founded.teams[team], kpi
    )
    nodes = {
        **cycle,
        "ProcessInstance": record.id,
        "Deal": record.deal_id,
        "Customer": record.customer_id,
        "ProcessDefinition": record.definition_id,
        "ProcessVersion": f"{record.definition_id}.{record.version}",
        "Channel": record.channel_id,
        "Campaign": found.id,
        "User": user_id,
        "Team": founded.teams[team],
        "Tenant": founded.tenant_id,
        "MigrationPlan": await a_plan(world, record, user_id),
    }
    keys = {
        "deal": deal_key,
        "external": str(record.external_id),
        "channel": channel,
        "process": channel,
        "campaign": campaign,
        "team": team,
        "region": str(record.region),
        "product": str(record.state.data["product"]),
        "kpi": kpi,
        "tenant": str(founded.tenant_id),
        "cursor": str(record.id),
        "customer": reference.tenant.key if record.customer_id is None else f"+7999{99 if user == 'ann' else 508:07}",
    }
    return Ids({kind: str(to_global(kind, key)) for kind, key in nodes.items()}, keys)


async def a_review_cycle(
    world: World,
    founded: Founded,
    reference: Reference,
    reviewed: str,
    record: InstanceRecord,
    campaign_id: UUID,
    user_id: UUID,
    team_id: UUID,
    kpi: str,
) -> dict[str, UUID]:
    """A schedule of a process, a review of the case's own, and an action decided in it about cases like it; their ids by type."""
    process, at, day = reference.definition(reviewed), PUBLISHED_AT, PUBLISHED_AT.date()
    assert process is not None
    ids = {kind: new_id() for kind in ("ReviewSchedule", "Review", "CorrectiveAction")}
    schedule = ScheduleRecord(ids["ReviewSchedule"], process.id, "weekly", day, user_id, at, day, None, 1)
    until = at + timedelta(days=7)
    review = ReviewRecord(
        *(ids["Review"], record.definition_id, "weekly", at, until, user_id, until, until, until),
        versions={"numbers": [1]},
        results={},
    )
    action = ActionRecord(
        id=ids["CorrectiveAction"],
        definition_id=record.definition_id,
        review_id=review.id,
        title=reviewed,
        description=None,
        stage=None,
        checkpoint=None,
        team_id=team_id,
        channel_id=record.channel_id,
        campaign_id=campaign_id,
        case_owner_id=None,
        region=record.region,
        owner_id=user_id,
        kpi=kpi,
        expected_direction="up",
        expected_size=None,
        starts_on=day,
        ends_on=None,
        status="open",
        created_at=at,
        revision=1,
    )
    async with world.owner.transaction(founded.tenant_id) as connection:
        await save_schedule(connection, founded.tenant_id, schedule)
        await insert_review(connection, founded.tenant_id, review)
        await save_action(connection, founded.tenant_id, action)
    return ids


def nobody_of(own: Ids) -> Ids:
    """References of the right form to nothing at all."""
    keys = dict.fromkeys(own.keys, "nowhere") | {"deal": f"D-{datetime.now(UTC).year}-999999", "cursor": str(NOWHERE)}
    nodes = {
        kind: str(to_global(kind, f"{NOWHERE}.1" if kind == "ProcessVersion" else str(NOWHERE))) for kind in own.nodes
    }
    return Ids(nodes, keys | {"customer": "+79990000777"})
