"""Which sheets the published processes call for, and which of those that there are can go on as these.

A version that was just published has no case that is held in cells but as one of the version before: it came, or was migrated, since, and so is among
the changes; so are all cases of a new process. A sheet whose steps are told apart by version therefore only gets the new ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from bpm_crm.analytics.cells.sheets import Sheet, evaluation_of, sheet_of
from bpm_crm.analytics.frames import Version
from bpm_crm.analytics.kept import KEPT
from bpm_crm.records import cells
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id

FIRST_ID = UUID(int=0)

Wanted = tuple[str, tuple[str, ...], tuple[UUID, ...], str]


def wanted_sheets(versions: Sequence[Version], zone: str) -> list[Wanted]:
    """The questions to be kept: every kept report over all processes, where it can be, and over each of those whose steps are others."""
    processes = dict.fromkeys(version.process for version in versions)
    each = [tuple(item for item in versions if item.process == process) for process in processes]
    wanted: list[Wanted] = []
    for kept in KEPT.values():
        together = [] if kept.is_of_one_process else [tuple(versions)]
        layouts = {layout: None for some in (*together, *each) if (layout := kept.layout(some)) is not None}
        whole = kept.layout(versions) if kept.shares_steps else None
        found = [(layout if whole is None else (whole[0], layout[1])) for layout in layouts]
        for checkpoints, definitions in found:
            if not any(steps == checkpoints and set(definitions) < set(wider) for steps, wider in found):
                wanted.append((kept.report, checkpoints, definitions, zone))
    return wanted


async def have_sheets(connection: Connection, tenant_id: UUID, versions: Sequence[Version]) -> list[Sheet]:
    """The sheets for the published versions: as they are, with more steps and processes, or new; those that are none of these are dropped."""
    wanted = wanted_sheets(versions, await cells.zone_of(connection, tenant_id))
    kept: list[Sheet] = []
    dropped: list[UUID] = []
    for row in await cells.load_sheets(connection, tenant_id):
        sheet = sheet_of(row)
        question = next((item for item in wanted if _can_be(sheet, item)), None)
        grown = None if question is None else await _grown(connection, tenant_id, sheet, question)
        if question is None or grown is None:
            dropped.append(sheet.id)
        else:
            wanted.remove(question)
            kept.append(grown)
    if dropped:
        await cells.drop_sheets(connection, tenant_id, dropped)
    return [*kept, *[await _new(connection, tenant_id, question) for question in wanted]]


def _can_be(sheet: Sheet, question: Wanted) -> bool:
    """Whether what a sheet holds is part of the answer to a question."""
    report, checkpoints, definitions, zone = question
    if (sheet.report, sheet.zone) != (report, zone) or not set(sheet.definitions) <= set(definitions):
        return False
    return sheet.checkpoints == checkpoints or (
        KEPT[report].shares_steps and set(sheet.checkpoints) <= set(checkpoints)
    )


async def _grown(connection: Connection, tenant_id: UUID, sheet: Sheet, question: Wanted) -> Sheet | None:
    """The sheet with all steps and processes of a question; None where cases of these were folded before: nothing would add them to it."""
    _, checkpoints, definitions, _ = question
    more = tuple(step for step in checkpoints if step not in sheet.checkpoints)
    if not more and sheet.definitions == definitions:
        return sheet
    others = [definition for definition in definitions if definition not in sheet.definitions]
    if others and await cells.are_folded(connection, tenant_id, others):
        return None
    grown = replace(sheet, checkpoints=sheet.checkpoints + more, definitions=definitions)
    await cells.save_grown(connection, tenant_id, grown)
    return grown


async def _new(connection: Connection, tenant_id: UUID, question: Wanted) -> Sheet:
    report, checkpoints, definitions, zone = question
    evaluation = evaluation_of(report, zone, checkpoints)
    sheet = Sheet(new_id(), report, checkpoints, definitions, zone, evaluation, FIRST_ID, is_filled=False)
    await cells.insert_sheet(connection, tenant_id, sheet)
    return sheet
