"""`bpm-crm process rollout …`: a version takes a share of the new cases beside the one before."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import typer

from bpm_crm.analytics.rollouts import ArmFigures, ArmReport, compare_arms, total_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.instants import AsOf, KnownAt, aware
from bpm_crm.cli.process_life import Key, Tenant, Why
from bpm_crm.cli.process_work import acted, at_company, out
from bpm_crm.operations.rollout_checks import arms_of
from bpm_crm.operations.rollouts import (
    AskedRollout,
    GuardRail,
    RolloutSaved,
    change_rollout,
    finish_rollout,
    start_rollout,
    stop_rollout,
)
from bpm_crm.records.database import Database
from bpm_crm.records.definitions import find_definition
from bpm_crm.records.rollouts import ROLLOUTS, RolloutRecord, rollout_of
from bpm_crm.records.selection import Compare, Operator, Query, Slice, read_page

app = typer.Typer(no_args_is_help=True, help="Roll a version out: start, change the share, stop, finish, show.")
Share = Annotated[int, typer.Option(help="Per cent of the new cases of each channel: 1 to 99.")]


@app.command("start")
@reported
def start(
    key: Key,
    version: Annotated[int, typer.Option(help="Number of the version.")],
    share: Share,
    clock: Annotated[str | None, typer.Option(help="Clock of the guard-rail; without: none.")] = None,
    drop: Annotated[str, typer.Option(help="By how much its attainment may fall; 0.05 is five points.")] = "0.05",
    comment: Why = None,
    tenant: Tenant = "demo",
) -> None:
    """Send a share of the new cases of each channel to a version."""
    guard = None if clock is None else GuardRail(clock, Decimal(drop))
    asked = AskedRollout(key, version, share, guard)
    _tell(acted(tenant, key, lambda owner, request: start_rollout(owner, request, asked), RolloutSaved, comment))


@app.command("share")
@reported
def change(key: Key, share: Share, comment: Why = None, tenant: Tenant = "demo") -> None:
    """Change the share of a rollout."""
    _tell(acted(tenant, key, lambda owner, request: change_rollout(owner, request, key, share), RolloutSaved, comment))


@app.command("stop")
@reported
def stop(key: Key, comment: Why = None, tenant: Tenant = "demo") -> None:
    """Send all new cases to the version before."""
    _tell(acted(tenant, key, lambda owner, request: stop_rollout(owner, request, key), RolloutSaved, comment))


@app.command("finish")
@reported
def finish(key: Key, comment: Why = None, tenant: Tenant = "demo") -> None:
    """Send all new cases to the version that was rolled out."""
    _tell(acted(tenant, key, lambda owner, request: finish_rollout(owner, request, key), RolloutSaved, comment))


@app.command("show")
@reported
def show(key: Key, as_of: AsOf = None, known_at: KnownAt = None, tenant: Tenant = "demo") -> None:
    """Show the latest rollout of a process, and the two versions compared within channels."""

    async def work(owner: Database, tenant_id: UUID) -> tuple[RolloutRecord, ArmReport]:
        async with owner.reader(tenant_id) as connection:
            definition = await find_definition(connection, tenant_id, key)
            ids = [] if definition is None else [definition["id"]]
            query = Query(ROLLOUTS, Compare("r.definition_id", Operator.IN, ids, "uuid"))
            page = await read_page(connection, tenant_id, query, Slice(1))
            if not page.rows:
                raise CommandRefused(f"“{key}” was never rolled out; `bpm-crm process rollout start` begins.")
            rollout = rollout_of(page.rows[0])
            arms, instants = arms_of(tenant_id, key, rollout), {"as_of": aware(as_of), "known_at": aware(known_at)}
            return rollout, await compare_arms(connection, arms, **instants)

    rollout, report = at_company(tenant, work)
    _tell(RolloutSaved(key, rollout))
    for figures in report.figures:
        out.print(_line(figures, rollout))


def _tell(done: RolloutSaved) -> None:
    rollout = done.rollout
    share = f"{rollout.share} % of the new cases take version {rollout.version_b}, the others {rollout.version_a}"
    out.print(f"{done.process}: {share}; {rollout.status}.")


def _line(figures: ArmFigures, rollout: RolloutRecord) -> str:
    name = "conversion" if figures.clock is None else f"attainment of {figures.clock}"
    arms = "; ".join(
        f"version {version}: {met} of {cases}"
        for version, (cases, met) in (
            (rollout.version_a, total_of(figures.a)),
            (rollout.version_b, total_of(figures.b)),
        )
    )
    if figures.difference is None or figures.interval is None:
        return f"{name}: {arms}; {figures.verdict.value}"
    lower, upper = figures.interval
    return f"{name}: {arms}; difference {figures.difference:+.3f} [{lower:+.3f}, {upper:+.3f}]; {figures.verdict.value}"
