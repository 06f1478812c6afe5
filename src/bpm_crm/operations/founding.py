"""A company is founded, or brought up to date, as a document describes it; what that changes is told, tried or done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bpm_crm.operations.companies import found_company
from bpm_crm.operations.company_document import CompanyPlan
from bpm_crm.operations.publishing import INSTALLED, publish
from bpm_crm.processes.library import shipped_text
from bpm_crm.records.companies import deactivate_users, find_tenant
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.reference import Reference, TeamRecord, UserRecord, load_reference


class FoundationFixed(Exception):
    """The document changes what a company's deals and figures were made with."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What was done, or would be: lines for people, and the addresses of those who are not in the document."""

    is_new: bool
    changes: tuple[str, ...]
    others: tuple[str, ...]


async def apply(
    owner: Database, plan: CompanyPlan, at: datetime, *, dry_run: bool = False, deactivate_others: bool = False
) -> Founding:
    """Make a company what the document says, in one transaction; on a dry run nothing is kept.

    Who is in the company and not in the document is left alone, unless `deactivate_others`. Processes that it has already are left at
    their versions. `FoundationFixed` when zone or currency differ from those it was founded with.
    """
    async with owner.across_tenants() as connection:
        known = await find_tenant(connection, plan.company.key)
    tenant_id = known or new_id()
    async with owner.transaction(tenant_id, dry_run=dry_run) as connection:
        return await _apply(connection, tenant_id, plan, at, deactivate_others=deactivate_others)


async def _apply(
    connection: Connection, tenant_id: UUID, plan: CompanyPlan, at: datetime, *, deactivate_others: bool
) -> Founding:
    before = await load_reference(connection, tenant_id)
    if before is not None:
        _check_fixed(before, plan)
    founded = await found_company(connection, tenant_id, plan.company, at)
    await _publish(connection, tenant_id, plan.processes, before, at)
    others = [user for user in _users(before).values() if user.is_active and user.email not in founded.users]
    if deactivate_others:
        await deactivate_users(connection, tenant_id, [user.id for user in others])
    after = await load_reference(connection, tenant_id)
    changes = tuple(_changes(before, after))
    return Founding(before is None, changes, () if deactivate_others else tuple(user.email for user in others))


async def _publish(
    connection: Connection, tenant_id: UUID, processes: Sequence[str], before: Reference | None, at: datetime
) -> None:
    """Publish shipped processes that the company lacks, with those that their steps start."""
    waiting, seen = list(processes), set(processes)
    while waiting:
        key = waiting.pop(0)
        if before is not None and before.definition(key) is not None:
            continue
        text = shipped_text(key)
        published = await publish(connection, tenant_id, text, changelog=INSTALLED, at=at, by=None)
        started = sorted(published.process.definition.started_processes - seen)
        waiting += started
        seen |= set(started)


def _check_fixed(before: Reference, plan: CompanyPlan) -> None:
    for name in ("zone", "currency"):
        now, asked = getattr(before.tenant, name), getattr(plan.company, name)
        if now != asked:
            raise FoundationFixed(
                f"{plan.company.key} was founded with {name} {now}; its deals and figures were made with it. "
                f"Write {now} again, or found another company."
            )


def _users(reference: Reference | None) -> Mapping[str, UserRecord]:
    return {} if reference is None else {user.email: user for user in reference.users.values()}


def _changes(before: Reference | None, after: Reference | None) -> Iterator[str]:
    """What differs, one line for each thing: `+` for new, `~` for changed."""
    known, now = _described(before), _described(after)
    for thing, description in now.items():
        if thing not in known:
            yield f"+ {thing}: {description}"
        elif known[thing] != description:
            yield f"~ {thing}: {description} (was: {known[thing]})"


def _described(reference: Reference | None) -> dict[str, str]:
    """Everything of a company that a document may change, as people read it."""
    if reference is None:
        return {}
    emails = {user.id: user.email for user in reference.users.values()}
    found = {"company": reference.tenant.title}
    found |= {f"user {user.email}": _person(reference, user) for user in reference.users.values()}
    found |= {f"team {team.key}": _team(team, emails) for team in reference.teams.values()}
    found |= {f"process {item.key}": f"version {item.latest_version}" for item in reference.definitions.values()}
    found |= {f"channel {item.key}": f"{item.title_en} / {item.title_ru}" for item in reference.channels.values()}
    found |= {f"campaign {item.key}": item.title for item in reference.campaigns.values()}
    return found


def _person(reference: Reference, user: UserRecord) -> str:
    teams = sorted(reference.teams[team].key for team in user.team_ids)
    parts = [user.name, ", ".join(sorted(user.roles)), *(f"team {team}" for team in teams)]
    parts += [f"signs in as {user.subject}"] if user.subject else []
    return "; ".join(parts if user.is_active else [*parts, "deactivated"])


def _team(team: TeamRecord, emails: Mapping[UUID, str]) -> str:
    return team.name if team.lead_id is None else f"{team.name}, led by {emails[team.lead_id]}"
