"""`bpm-crm export-log`: the event log of a process as a file."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Question, lacks_product, read_frame
from bpm_crm.analytics.log_cases import LOG_FILTERS, LogCasesUnknown, log_condition
from bpm_crm.analytics.log_pages import LogRequest
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.instants import INSTANTS, aware
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.exchange.ocel_export import write_ocel
from bpm_crm.exchange.xes_export import write_xes
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference
from bpm_crm.records.selection import Parameters, where

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


class LogFormat(StrEnum):
    """The formats of exported logs."""

    XES = "xes"
    OCEL = "ocel"


class Language(StrEnum):
    """The languages of titles."""

    EN = "en"
    RU = "ru"


WRITERS = {LogFormat.XES: write_xes, LogFormat.OCEL: write_ocel}
ENDINGS = {LogFormat.XES: "xes", LogFormat.OCEL: "ocel.json"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported."""

    tenant: str
    process: str
    classifier: EventClassifier
    since: datetime | None
    until: datetime | None
    filters: Mapping[str, Sequence[str]]
    language: Language
    people: bool
    customers: bool


@reported
def export_log(
    process: Annotated[str, typer.Argument(help="Key of the process.")],
    output: Annotated[
        Path | None, typer.Option(help="File to write; default: the process's key with the ending of the format.")
    ] = None,
    format: Annotated[  # noqa: A002  # what everybody calls it
        LogFormat, typer.Option(help="XES (IEEE 1849), or OCEL 2.0 in JSON.")
    ] = LogFormat.XES,
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    classifier: Annotated[EventClassifier, typer.Option(help="What counts as an event.")] = EventClassifier.STAGE,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=INSTANTS, help="Cases begun at or after this; days of UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=INSTANTS, help="Cases begun before this; days of UTC.")
    ] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Cases of this channel, by key; repeatable.")] = None,
    owner: Annotated[list[str] | None, typer.Option(help="Cases of this owner, by e-mail; repeatable.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Cases of this team, by key; repeatable.")] = None,
    campaign: Annotated[list[str] | None, typer.Option(help="Cases of this campaign, by key; repeatable.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Cases of this region; repeatable.")] = None,
    version: Annotated[list[str] | None, typer.Option(help="Cases under this version; repeatable.")] = None,
    product: Annotated[list[str] | None, typer.Option(help="Cases about this product; repeatable.")] = None,
    language: Annotated[Language, typer.Option(help="Language of the names of activities.")] = Language.EN,
    with_people: Annotated[bool, typer.Option("--with-people", help="Name users and other performers.")] = False,
    with_customers: Annotated[bool, typer.Option("--with-customers", help="Name customers.")] = False,
) -> None:
    """Export the event log of a process as known now, without personal data unless it is asked for."""
    given = dict(zip(LOG_FILTERS, (channel, owner, team, campaign, region, version, product), strict=True))
    filters = {name: values for name, values in given.items() if values}
    wish = Wish(tenant, process, classifier, since, until, filters, language, with_people, with_customers)
    target = output or Path(f"{process}.{ENDINGS[format]}")
    with provisioned(Settings(), lambda text: err.print(text, highlight=False), migrate=False) as provision:
        size = asyncio.run(_export(provision, wish, format, target))
    out.print(f"{target}: {size} bytes.", highlight=False)


async def _export(provision: Provision, wish: Wish, format_: LogFormat, target: Path) -> int:
    database = await provision.owner_database(2)
    try:
        tenant_id = await company_of(database, wish.tenant)
        async with database.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
        if reference is None:
            raise LookupError("the company was there a moment ago")
        request = await _request(database, reference, wish)
        return await _write(WRITERS[format_](database, request, reference), target)
    finally:
        await database.close()


async def _request(database: Database, reference: Reference, wish: Wish) -> LogRequest:
    tenant_id = reference.tenant.id
    async with database.reader(tenant_id) as connection:
        frame = await read_frame(connection, tenant_id, process=wish.process)
    if not frame.versions:
        known = ", ".join(sorted(item.key for item in reference.definitions.values()))
        raise CommandRefused(f"There is no process “{wish.process}”; there are: {known}.")
    cases = _cases(wish, reference)
    lacking = lacks_product(cases, frame.versions)
    if lacking is not None:
        raise CommandRefused(lacking.en)
    question = Question(tenant_id, cases, aware(wish.since) or FIRST_INSTANT, aware(wish.until) or LAST_INSTANT)
    return LogRequest(
        frame, question, wish.classifier, wish.language.value, people=wish.people, customers=wish.customers
    )


def _cases(wish: Wish, reference: Reference) -> CaseFilter:
    """The cases that the options name, an owner by the e-mail address."""
    users = {user.email: user.id for user in reference.users.values()}
    for email in wish.filters.get("owner", ()):
        if email not in users:
            raise CommandRefused(f"There is no user “{email}”; there are: {', '.join(sorted(users))}.")
    owners = [users[email] for email in wish.filters.get("owner", ())]
    try:
        chosen = log_condition({**wish.filters, "owner": owners}, reference)
    except LogCasesUnknown as error:
        raise CommandRefused(error.text.en) from error
    parameters = Parameters([reference.tenant.id])
    return CaseFilter(where(chosen, parameters), parameters.values[1:])


async def _write(log: AsyncGenerator[bytes, None], target: Path) -> int:
    """Write the file whole or not at all; its size in bytes."""
    part = target.with_name(f"{target.name}.part")
    size = 0
    try:
        with part.open("wb") as file:
            async with aclosing(log) as pieces:
                async for piece in pieces:
                    size += file.write(piece)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size
