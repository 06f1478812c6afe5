"""`bpm-crm company …`: found a company and keep it up to date, list companies, make keys for integrations."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.operations.access import Role
from bpm_crm.operations.companies import issue_key
from bpm_crm.operations.company_document import EXAMPLE, CompanyPlan, read_company
from bpm_crm.operations.founding import FoundationFixed, Founding, apply
from bpm_crm.records.channels import channels_by_key
from bpm_crm.records.companies import find_tenant, tenant_keys
from bpm_crm.records.database import Database

app = typer.Typer(no_args_is_help=True, help="Found companies, keep them up to date, make keys for integrations.")
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


async def company_of(owner: Database, key: str) -> UUID:
    """The id of the company of this key; `CommandRefused` where there is none."""
    async with owner.across_tenants() as connection:
        tenant_id = await find_tenant(connection, key)
    if tenant_id is None:
        raise CommandRefused(
            f"There is no company “{key}”. `bpm-crm company apply FILE` founds one, `bpm-crm demo` the one called demo."
        )
    return tenant_id


@app.command("example")
def example() -> None:
    """Print a document to begin with."""
    sys.stdout.write(EXAMPLE)


@app.command("apply")
@reported
def apply_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Document of the company.")],
    dry_run: Annotated[bool, typer.Option(help="Tell what would change; change nothing.")] = False,
    deactivate_others: Annotated[
        bool, typer.Option(help="Shut out users who are not in the document; without it they are named and left alone.")
    ] = False,
) -> None:
    """Found the company a document describes, or bring it up to date; say what changed. Applied again it changes nothing."""
    plan = read_company(file.read_text(encoding="utf-8"))
    with provisioned(Settings(), _tell) as provision:
        try:
            founding = asyncio.run(_apply(provision, plan, dry_run=dry_run, deactivate_others=deactivate_others))
        except FoundationFixed as error:
            raise CommandRefused(str(error)) from error
    _print(plan.company.key, founding, dry_run=dry_run)


@app.command("list")
@reported
def list_() -> None:
    """List the companies of this installation."""
    with provisioned(Settings(), _tell) as provision:
        for key in asyncio.run(_keys(provision)):
            out.print(key, markup=False)


@app.command("key")
@reported
def key(
    tenant: Annotated[str, typer.Argument(help="Key of the company.")],
    name: Annotated[str, typer.Argument(help="What the integration is called.")],
    channel: Annotated[
        list[str] | None, typer.Option(help="Channel it may bring leads by; may be repeated. Default: every channel.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How many days it is valid. Default: until revoked.")] = None,
) -> None:
    """Make a key for an integration and print it, this once: only its hash is kept."""
    at = datetime.now(UTC)
    expires_at = None if days is None else at + timedelta(days=days)
    with provisioned(Settings(), _tell) as provision:
        made = asyncio.run(_issue(provision, tenant, name, channel or [], at, expires_at))
    sys.stdout.write(made + "\n")


async def _apply(provision: Provision, plan: CompanyPlan, *, dry_run: bool, deactivate_others: bool) -> Founding:
    owner = await provision.owner_database(2)
    try:
        at = datetime.now(UTC)
        return await apply(owner, plan, at, dry_run=dry_run, deactivate_others=deactivate_others)
    finally:
        await owner.close()


async def _keys(provision: Provision) -> list[str]:
    owner = await provision.owner_database(2)
    try:
        async with owner.across_tenants() as connection:
            return list(await tenant_keys(connection))
    finally:
        await owner.close()


async def _issue(
    provision: Provision, tenant: str, name: str, channels: list[str], at: datetime, expires_at: datetime | None
) -> str:
    owner = await provision.owner_database(2)
    try:
        tenant_id = await company_of(owner, tenant)
        async with owner.transaction(tenant_id) as connection:
            known = await channels_by_key(connection, tenant_id)
            unknown = [item for item in channels if item not in known]
            if unknown:
                raise CommandRefused(f"There is no channel “{unknown[0]}”. Known: {', '.join(sorted(known))}.")
            ids = [known[item] for item in channels]
            role = Role.CHANNEL_INTEGRATION
            return await issue_key(
                connection, tenant_id, name=name, role=role, channels=ids, at=at, expires_at=expires_at
            )
    finally:
        await owner.close()


def _print(key: str, founding: Founding, *, dry_run: bool) -> None:
    for change in founding.changes:
        out.print(change, markup=False)
    for email in founding.others:
        out.print(f"? user {email} is not in the document and is left alone", markup=False)
    done = "would be" if dry_run else "is"
    state = f"{done} founded" if founding.is_new else f"{done} up to date"
    out.print(f"{key} {state}: {len(founding.changes)} changes.", markup=False)


def _tell(text: str) -> None:
    err.print(text, markup=False)
