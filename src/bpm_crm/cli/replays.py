"""`bpm-crm process replay` and `what-if`: histories of a period run through another definition, at once, with tables of what differs."""

import asyncio
import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.process_work import document_text
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.cli.replay_tables import tables_of
from bpm_crm.config import Settings
from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.engine.wording import input_message
from bpm_crm.operations.commands import Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused
from bpm_crm.operations.replay_candidates import Asked, Candidate, ClockChange, candidate_of
from bpm_crm.operations.replay_tally import Key, Tally
from bpm_crm.operations.replays import Replayer
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference
from bpm_crm.records.replays import count_histories

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)

WIDE = 240
"""Columns where nobody looks at a terminal: nothing is folded."""

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Key of the process.")]
Since = Annotated[
    datetime,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Cases that began from then on, in the company's time zone."
    ),
]
Until = Annotated[
    datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Cases that began before then.")
]
Tenant = Annotated[str, typer.Option(help="Key of the company.")]
Version = Annotated[int | None, typer.Option(help="Number of a published version.")]
Cases = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False, help="Write the cases that differ to this CSV file, one line for each figure that counts them."
    ),
]
Changes = Annotated[list[str] | None, typer.Option(metavar="CLOCK=VALUE")]


@dataclass(frozen=True, slots=True)
class Found:
    """What a replay found: its figures, and the numbers of those that count each case."""

    candidate: Candidate
    reference: Reference
    tally: Tally
    cases: Mapping[UUID, Sequence[int]]


@reported
def replay(
    key: KeyArgument,
    since: Since,
    until: Until,
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="Document to replay through; default: the draft of the process.",
        ),
    ] = None,
    version: Version = None,
    tenant: Tenant = "demo",
    cases: Cases = None,
) -> None:
    """Run the real histories of a period through a document, the draft, or a version, and say what would have been otherwise.

    Nothing is written. For more than some ten thousand cases ask over GraphQL (`replayDraft`): there it is a job that goes on by itself.
    """
    if file is not None and version is not None:
        raise CommandRefused("Give --file or --version, not both.")
    text = None if file is None else document_text(file)
    _carry_out(tenant, Asked(key, since, until, text, version), cases)


@reported
def what_if(
    key: KeyArgument,
    since: Since,
    until: Until,
    target: Changes = None,
    calendar: Changes = None,
    warning: Changes = None,
    version: Version = None,
    tenant: Tenant = "demo",
    cases: Cases = None,
) -> None:
    """What breaches would have been gained and lost, and whose, with other clocks: `--target response=PT10M --calendar response=always`.

    Options may be repeated. Nothing is written.
    """
    changes: dict[str, ClockChange] = {}
    for clock, value in _pairs(target):
        changes[clock] = replace(changes.get(clock, ClockChange(clock)), target=value)
    for clock, value in _pairs(calendar):
        changes[clock] = replace(changes.get(clock, ClockChange(clock)), calendar=value)
    for clock, value in _pairs(warning):
        known = changes.get(clock, ClockChange(clock))
        changes[clock] = replace(known, warnings=(*(known.warnings or ()), value))
    if not changes:
        raise CommandRefused("Say what would be otherwise, for example --target response=PT10M.")
    _carry_out(tenant, Asked(key, since, until, version=version, changes=tuple(changes.values())), cases)


def _pairs(given: Sequence[str] | None) -> list[tuple[str, str]]:
    found = []
    for text in given or ():
        clock, equals, value = text.partition("=")
        if not clock or not equals or not value:
            raise CommandRefused(f"“{text}” is not CLOCK=VALUE, for example response=PT10M.")
        found.append((clock, value))
    return found


def _carry_out(tenant: str, asked: Asked, cases: Path | None) -> None:
    with provisioned(Settings(), _tell) as provision:
        found = asyncio.run(_replayed(provision, tenant, asked))
    wide = out if out.is_terminal else Console(width=WIDE, highlight=False)
    for table in tables_of(found.tally, found.reference):
        wide.print(table)
    if cases is not None:
        _write(cases, found)
        out.print(f"Cases that differ: {cases}")


async def _replayed(provision: Provision, tenant: str, asked: Asked) -> Found:
    now = datetime.now(UTC)
    async with _worker(provision, tenant) as (worker, reference):
        zone = ZoneInfo(reference.tenant.zone)
        asked = replace(asked, since=asked.since.replace(tzinfo=zone), until=asked.until.replace(tzinfo=zone))
        candidate = _taken(await candidate_of(worker, reference, asked, now))
        async with worker.reader(reference.tenant.id) as connection:
            total = await count_histories(connection, reference.tenant.id, candidate.span)
        tally = Tally()
        cases: dict[UUID, Sequence[int]] = {}
        with Progress(console=err, transient=True) as bar:
            task = bar.add_task(f"{total} cases", total=total)
            async for progress in Replayer(worker, reference, candidate.span, candidate.document, now).run(tally):
                bar.update(task, completed=tally.cases)
                cases.update(progress.found)
    return Found(candidate, reference, tally, cases)


def _taken(answer: Candidate | NotUnderstood | DocumentRefused | Missing) -> Candidate:
    match answer:
        case Candidate():
            return answer
        case NotUnderstood(problems):
            raise CommandRefused("\n".join(input_message(problem, "en") for problem in problems))
        case DocumentRefused(problems):
            raise DefinitionInvalid(problems)
        case Missing():
            raise CommandRefused("The process has no draft. Name a document with --file, or a version with --version.")


@asynccontextmanager
async def _worker(provision: Provision, tenant: str) -> AsyncIterator[tuple[Database, Reference]]:
    """The database as the worker, and the company."""
    owner = await provision.owner_database(1)
    try:
        tenant_id = await company_of(owner, tenant)
    finally:
        await owner.close()
    worker = await provision.worker_database(2)
    try:
        async with worker.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
        if reference is None:
            raise CommandRefused(f"There is no company “{tenant}”.")
        yield worker, reference
    finally:
        await worker.close()


def _write(path: Path, found: Found) -> None:
    keys: list[Key] = list(found.tally.figures)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("case", "figure"))
        for case, numbers in found.cases.items():
            writer.writerows((case, " ".join(part for part in keys[number] if part)) for number in numbers)


def _tell(text: str) -> None:
    err.print(text, markup=False)
