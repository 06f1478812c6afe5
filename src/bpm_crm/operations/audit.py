"""Whether everything is as it was written: history by its chain of hashes, free texts by their digests, cases by folding their history."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson

from bpm_crm.engine.process import Process
from bpm_crm.engine.step import Step
from bpm_crm.operations.folding import Fault, Fold, Folder
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.rebuild import AT_ONCE, FIRST, Progress
from bpm_crm.records.database import Database, Row
from bpm_crm.records.derived import load_page, stray_histories
from bpm_crm.records.entries import Circumstances, entry_of, text_digest
from bpm_crm.records.instances import InstanceRecord

_DECIDED = (
    "from_stage",
    "to_stage",
    "outcome",
    "visit",
    "entered_at",
    "business",
    "active",
    "checkpoints",
    "clocks",
    "data",
)
"""The columns of a history row that replaying its step gives again."""


async def verify(
    database: Database, processes: ProcessCache, tenant_id: UUID, *, progress: Progress
) -> AsyncIterator[Fault]:
    """The first fault of each case of a tenant; nothing when all is well. Erased free texts are no fault.

    In this order: a row that is missing or was altered; a row whose verdicts replaying does not give; an end that does not fit the
    case; a case that is stored otherwise than its history has it. Besides, every history without a case.
    """
    folder = Folder(tenant_id, processes, _wrong_with)
    after = FIRST
    while True:
        async with database.reader(tenant_id) as connection:
            rows = await load_page(connection, tenant_id, definition_id=None, after=after, most=AT_ONCE)
            folds = await folder.fold(connection, rows)
            until = rows[-1]["id"] if rows else None
            strays = await stray_histories(connection, tenant_id, after=after, until=until)
        for fault in map(_fault, folds):
            if fault is not None:
                yield fault
        for stray in strays:
            yield Fault(stray, 1, "there is history, but no case")
        if until is None:
            return
        after = until
        progress(len(rows))


def _fault(fold: Fold) -> Fault | None:
    found = fold.fault or fold.doubt
    if found is not None:
        return found
    columns = fold.differences()
    if not columns:
        return None
    text = f"the case is stored otherwise than its history has it: {', '.join(columns)}; `bpm-crm rebuild` repairs it"
    return Fault(fold.stored["id"], fold.length, text)


def _wrong_with(
    before: InstanceRecord | None, after: InstanceRecord, step: Step, entry: Row, process: Process
) -> str | None:
    """What is wrong with a row beside its hash: its free text, or verdicts that its step does not have."""
    if entry["salt"] is not None and text_digest(entry) != entry["text_digest"]:
        return "the free text was altered"
    circumstances = Circumstances(entry["occurred_at"], entry["recorded_at"], None, entry["actor_kind"])
    values = entry_of(after, step, circumstances, process.personal_fields).values
    columns = [name for name in _DECIDED if _comparable(name, values.get(name)) != _comparable(name, entry[name])]
    return f"replaying the row gives other values of {', '.join(columns)}" if columns else None


def _comparable(column: str, value: Any) -> Any:
    """A value without what replaying cannot give: the order of what happened at once, and who was whose lead then."""
    if value is None:
        return None
    if column == "data":
        return value or None
    if column == "checkpoints":
        return sorted(value)
    if column == "clocks":
        return sorted(orjson.dumps({**event, "user": None}, option=orjson.OPT_SORT_KEYS) for event in value)
    return value
