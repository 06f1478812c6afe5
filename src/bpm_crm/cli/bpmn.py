"""`bpm-crm process export-bpmn` and `import-bpmn`: processes to and from BPMN 2.0."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.process_work import document_text
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.exchange.bpmn.export import export_bpmn
from bpm_crm.exchange.bpmn.findings import said
from bpm_crm.exchange.bpmn.importing import Imported, import_bpmn
from bpm_crm.operations.access import ROLES
from bpm_crm.operations.publishing import prove
from bpm_crm.processes.definitions import parse_document
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.records.definitions import find_document

err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


@reported
def export_command(
    key: Annotated[str, typer.Argument(help="Key of a process of the company, or the file of a process document.")],
    version: Annotated[int | None, typer.Option(help="Version; the newest unless stated.")] = None,
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
) -> None:
    """Print a process as BPMN 2.0 for bpmn.io and Camunda Modeler; on standard error, what BPMN cannot express by itself."""
    file = Path(key)
    if file.suffix in {".yaml", ".yml", ".json"}:
        document = prove(document_text(file), datetime.now(UTC)).document
    else:
        with provisioned(Settings(), err.print) as provision:
            document = asyncio.run(_document(provision, tenant, key, version))
    exported = export_bpmn(document)
    sys.stdout.write(exported.text)
    for line in said(exported.findings):
        err.print(line)


@reported
def import_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="BPMN 2.0 file.")],
    process: Annotated[str | None, typer.Option(help="Id of one process of the file; all unless stated.")] = None,
) -> None:
    """Print the processes of a BPMN file as drafts in YAML; on standard error, what was left out or refused. Status 1 when no draft came of it."""
    found = import_bpmn(file.read_bytes(), roles=ROLES)
    drafts = [draft for draft in found.drafts if process in {None, draft.id}]
    if not drafts:
        known = ", ".join(draft.id for draft in found.drafts)
        raise CommandRefused(f"There is no process “{process}” in {file}. There are: {known}.")
    documents = [draft.document for draft in drafts if draft.document is not None]
    sys.stdout.write("---\n".join(documents))
    _tell(Imported(tuple(drafts), found.findings))
    if not documents:
        raise CommandRefused("No process of the file can be said by stages and transitions.")


def _tell(found: Imported) -> None:
    for line in said(found.findings):
        err.print(line)
    for draft in found.drafts:
        err.print(f"{draft.name}: {'refused' if draft.document is None else 'a draft'}")
        for line in said(draft.findings):
            err.print(f"  {line}")


async def _document(provision: Provision, tenant: str, key: str, version: int | None) -> ProcessDocument:
    owner = await provision.owner_database(1)
    try:
        tenant_id = await company_of(owner, tenant)
        async with owner.transaction(tenant_id) as connection:
            found = await find_document(connection, tenant_id, key, version)
    finally:
        await owner.close()
    if found is None:
        wanted = f"process “{key}”" if version is None else f"version {version} of a process “{key}”"
        raise CommandRefused(f"The company “{tenant}” has no {wanted}.")
    return parse_document(found)
