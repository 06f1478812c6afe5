"""The demo's part of the command line: loading with a progress bar, tokens, the welcome."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused
from bpm_crm.cli.provision import Provision, write_secret
from bpm_crm.config import Settings, home_of
from bpm_crm.operations.access import Role
from bpm_crm.operations.demo import loading
from bpm_crm.operations.demo.company import SHOWN
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference

Keys = list[tuple[str, str]]
"""(role or integration, token or key), in the order of printing."""

LIFETIME = timedelta(days=30)
INTEGRATION_KEY = "demo-integration-key"


async def ensure(provision: Provision, *, load: bool, console: Console) -> Keys:
    """Found and load the demo where that was not done to its end; tokens for one person of each role."""
    at = datetime.now(UTC)
    owner = await provision.owner_database(2)
    try:
        tenant_id = await loading.ensure_company(owner, at)
        if load and not await loading.is_loaded(owner, tenant_id):
            await _load(provision, tenant_id, at, console)
            await owner.analyse()
        async with owner.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
        if reference is None:
            raise CommandRefused("The demo company is gone; start again.")
        return [*_tokens(provision, reference, at), await _integration(provision, owner, reference, at)]
    finally:
        await owner.close()


async def token_for(provision: Provision, tenant: str, email: str, at: datetime, lifetime: timedelta) -> str:
    """A token of the built-in issuer; `CommandRefused` for an unknown company or user."""
    owner = await provision.owner_database(2)
    try:
        tenant_id = await company_of(owner, tenant)
        async with owner.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
    finally:
        await owner.close()
    users = {} if reference is None else {user.email: user.id for user in reference.users.values()}
    if email not in users:
        raise CommandRefused(f"“{tenant}” has no user {email}. Known: {', '.join(sorted(users))}.")
    return provision.issuer.issue(tenant_id=tenant_id, user_id=users[email], at=at, lifetime=lifetime)


def print_tokens(console: Console, keys: Keys) -> None:
    """Print a token for each role."""
    for role, token in keys:
        console.print(f"  [bold]{role:<20}[/bold] {token}", highlight=False)


def print_welcome(console: Console, settings: Settings, keys: Keys) -> None:
    """Say where everything is and how to sign in."""
    base = f"http://{settings.host}:{settings.port}"
    console.print("\n[bold green]bpm_crm is running.[/bold green]  Ctrl-C stops everything.\n")
    if keys:
        console.print("Tokens of the demo, valid for 30 days (send `Authorization: Bearer …`):\n")
        print_tokens(console, keys)
    if settings.graphiql:
        fragment = f"#token={keys[0][1]}" if keys else ""
        console.print(f"\nGraphiQL   {base}/graphql{fragment}", highlight=False)
    console.print(f"GraphQL    {base}/graphql", highlight=False)
    console.print(f"Health     {base}/readyz\n", highlight=False)


def _tokens(provision: Provision, reference: Reference, at: datetime) -> Keys:
    found: Keys = []
    for name in SHOWN:
        user = next(user for user in reference.users.values() if user.email.split("@")[0] == name)
        role = ", ".join(sorted(user.roles))
        token = provision.issuer.issue(tenant_id=reference.tenant.id, user_id=user.id, at=at, lifetime=LIFETIME)
        found.append((role, token))
    return found


async def _integration(provision: Provision, owner: Database, reference: Reference, at: datetime) -> tuple[str, str]:
    """The key of the demo's channel integration, kept in a file of this installation: the company keeps its hash only."""
    path = home_of(provision.settings, os.environ) / INTEGRATION_KEY
    known = path.read_text(encoding="ascii").strip() if path.is_file() else None
    key = await loading.integration_key(owner, reference, known, at)
    if key != known:
        path.unlink(missing_ok=True)
        write_secret(path, key.encode())
    return Role.CHANNEL_INTEGRATION.value, key


async def _load(provision: Provision, tenant_id: UUID, at: datetime, console: Console) -> None:
    worker = await provision.worker_database(4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    columns = (TextColumn("Loading a year of demo data"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("demo", total=None)
            await loading.load_year(
                worker,
                writer,
                tenant_id,
                at,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    finally:
        await writer.stop()
        await worker.close()
