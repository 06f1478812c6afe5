"""Which sheets the published processes call for."""

from collections.abc import Sequence
from uuid import UUID

from bpm_crm.analytics.cells.sheets import Sheet
from bpm_crm.analytics.frames import Version
from bpm_crm.analytics.kept import KEPT

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


def question_of(sheet: Sheet) -> Wanted:
    """The question that a sheet answers."""
    return sheet.report, sheet.checkpoints, sheet.definitions, sheet.zone
