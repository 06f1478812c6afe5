"""`bpm-crm process diagram`: the picture of a process, bare, with figures, or with the way of a case over it."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from bpm_crm.analytics.case_paths import MOST_STEPS, case_path
from bpm_crm.analytics.frames import Question
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.instants import AsOf, KnownAt, aware
from bpm_crm.cli.process_work import at_company, document_text
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.drawing.marks import BARE, Marks
from bpm_crm.engine.drawing.mermaid import mermaid
from bpm_crm.engine.drawing.svg import svg
from bpm_crm.operations.pictures import Picture, figures_over
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.publishing import prove
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.listings import cases_of_deals, load_histories
from bpm_crm.records.reference import load_reference
from bpm_crm.records.selection import All


class Format(StrEnum):
    """As what a picture is written."""

    SVG = "svg"
    MERMAID = "mermaid"


class Overlay(StrEnum):
    """What is written over a picture."""

    NONE = "none"
    COUNTS = "counts"
    BOTTLENECKS = "bottlenecks"


class Language(StrEnum):
    """The languages of pictures."""

    ENGLISH = "en"
    RUSSIAN = "ru"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A picture that is asked of the company's database."""

    key: str
    overlay: Overlay
    deal: str | None
    version: int | None
    language: Language
    as_of: datetime | None
    known_at: datetime | None


Drawn = tuple[ProcessDefinition, int, Marks]


@reported
def diagram(
    key: Annotated[str, typer.Argument(help="Key of a process of the company, or the file of a process document.")],
    format: Annotated[Format, typer.Option(help="As what it is written.")] = Format.SVG,  # noqa: A002  # the option's name
    overlay: Annotated[Overlay, typer.Option(help="What is written over it.")] = Overlay.NONE,
    deal: Annotated[str | None, typer.Option(help="Key of a deal whose way is drawn instead, `D-2026-000017`.")] = None,
    version: Annotated[
        int | None, typer.Option(help="Version; the newest, or that of the deal, unless stated.")
    ] = None,
    language: Annotated[Language, typer.Option(help="In which language.")] = Language.ENGLISH,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
) -> None:
    """Print the picture of a process: bare, with the cases in each stage and median times, with its bottlenecks, or with the way of a case."""
    if overlay is not Overlay.NONE and deal is not None:
        raise CommandRefused("Give `--overlay` or `--deal`, not both.")
    if overlay is Overlay.NONE and (as_of or known_at) is not None:
        raise CommandRefused("`--as-of` and `--known-at` are about figures: give `--overlay` with them.")
    file = Path(key)
    if file.suffix in {".yaml", ".yml", ".json"}:
        if overlay is not Overlay.NONE or deal is not None:
            raise CommandRefused("A file has no cases. Name a process of the company to see figures or the way of one.")
        drawn: Drawn = (prove(document_text(file), datetime.now(UTC)).definition, version or 1, BARE)
    else:
        asked = _Asked(key, overlay, deal, version, language, aware(as_of), aware(known_at))
        drawn = at_company(tenant, lambda owner, tenant_id: _drawn(owner, tenant_id, asked))
    definition, number, marks = drawn
    draws_svg = format is Format.SVG
    sys.stdout.write(svg(definition, number, language, marks) if draws_svg else mermaid(definition, language, marks))


async def _drawn(owner: Database, tenant_id: UUID, asked: _Asked) -> Drawn:
    async with owner.reader(tenant_id) as connection:
        reference = await load_reference(connection, tenant_id)
        record = None if reference is None else reference.definition(asked.key)
        if reference is None or record is None:
            raise CommandRefused(
                f"The company has no process “{asked.key}”. `bpm-crm process list` names the shipped ones."
            )
        case = None if asked.deal is None else await _case(connection, tenant_id, record.id, asked.deal)
        number = asked.version or (record.latest_version if case is None else case.version)
        if not 1 <= number <= record.latest_version:
            raise CommandRefused(f"There is no version {number}; there are 1 to {record.latest_version}.")
        processes, zone = ProcessCache(), reference.tenant.zone
        definition = (await processes.get(connection, tenant_id, record.id, number)).definition
        if case is not None:
            rows = (await load_histories(connection, tenant_id, [case.id], first=MOST_STEPS, after=0))[case.id]
            return definition, number, case_path(definition, rows, zone=zone, language=asked.language)
        if asked.overlay is Overlay.NONE:
            return definition, number, BARE
        picture, ever = Picture(record, definition, asked.language, zone), Question(tenant_id)
        reach = All() if asked.overlay is Overlay.COUNTS else None
        instants = {"as_of": asked.as_of, "known_at": asked.known_at}
        marks, _ = await figures_over(connection, processes, picture, ever=ever, asked=ever, reach=reach, **instants)
        return definition, number, marks


async def _case(connection: Connection, tenant_id: UUID, definition_id: UUID, deal: str) -> InstanceRecord:
    ids = (await cases_of_deals(connection, tenant_id, [deal])).values()
    found = [case for case in (await load(connection, tenant_id, ids)).values() if case.definition_id == definition_id]
    if not found:
        raise CommandRefused(f"No case of this process runs a deal “{deal}”.")
    return found[0]
