"""Folds the histories of cases, checking on the way that they are as they were written."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import orjson

from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import replay
from bpm_crm.engine.step import Step
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records.database import Connection, Row
from bpm_crm.records.definitions import load_version
from bpm_crm.records.derived import (
    CASE,
    DEAL,
    Values,
    amount_text,
    entries_of,
    recorded_step,
    stored_case,
    stored_deal,
)
from bpm_crm.records.entries import FIRST_HASH, chain_hash
from bpm_crm.records.instances import InstanceRecord, to_row


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong with a case: at which row of its history, and what."""

    instance_id: UUID
    sequence: int
    text: str


Check = Callable[[InstanceRecord | None, InstanceRecord, Step, Row, Process], str | None]
"""Looks at a case before and after a row of its history, the step that replaying it gave, and the row; says what is wrong."""


def content_with_anything(
    _before: InstanceRecord | None, _after: InstanceRecord, _step: Step, _entry: Row, _process: Process
) -> str | None:
    """The check that checks nothing."""
    return None


class Fold:
    """A case as stored and what its history, taken in row by row, says it is; `fault` is the first thing that is wrong with it."""

    def __init__(self, tenant_id: UUID, stored: Row, check: Check) -> None:
        self.stored = stored
        self.fault: Fault | None = None
        self.length = 0
        self._tenant_id = tenant_id
        self._check = check
        self._record: InstanceRecord | None = None
        self._process: Process | None = None

    def take(self, entry: Row, process: Process | None) -> None:
        """Take in the next row, of this version (None: it is not what was published); after a fault nothing more is looked at."""
        if self.fault is None:
            text = self._taken(entry, process)
            if text is None:
                self.length += 1
            else:
                self.fault = Fault(self.stored["id"], self.length + 1, text)

    def end(self) -> None:
        """The history is at its end."""
        if self.fault is None and not self.length:
            self.fault = Fault(self.stored["id"], 1, "the row is missing")

    @property
    def doubt(self) -> Fault | None:
        """That the case knows of a longer history, or of another last row: rows may have been cut off, or the case is damaged."""
        if self.stored["sequence"] > self.length:
            return Fault(
                self.stored["id"],
                self.length + 1,
                f"the case knows {self.stored['sequence']} rows, this one is missing",
            )
        if (
            self.stored["sequence"] == self.length
            and self._record is not None
            and self.stored["head"] != self._record.head
        ):
            return Fault(self.stored["id"], self.length, "the case keeps another hash of its last row")
        return None

    @cached_property
    def case(self) -> Values:
        """The derived columns of the case as its history has them."""
        if self._record is None or self._process is None:
            raise LookupError("the history was not folded")
        values = to_row(self._record, self._process.personal_fields)
        return {name: values[name] for name in CASE}

    @cached_property
    def deal(self) -> Values | None:
        """The derived columns of its deal as its history has them; None where it runs over no deal of its own."""
        if self.stored["deal_id"] is None or self._record is None or self._process is None:
            return None
        amount = self._process.amount_of({**self.stored["personal"], **self._record.state.data})
        values = {**self.case, "amount": amount_text(amount)}
        return {name: values[name] for name in DEAL}

    def differences(self) -> tuple[str, ...]:
        """The derived columns that are stored otherwise; those of the deal as `deal.…`."""
        case, deal = self.case, self.deal
        kept = stored_case(self.stored)
        found = [name for name in CASE if kept[name] != case[name]]
        if deal is not None:
            kept = stored_deal(self.stored)
            found.extend(f"deal.{name}" for name in DEAL if kept[name] != deal[name])
        return tuple(found)

    def _taken(self, entry: Row, process: Process | None) -> str | None:
        before = self._record
        if entry["sequence"] != self.length + 1:
            return "the row is missing"
        if chain_hash(FIRST_HASH if before is None else before.head, entry) != entry["hash"]:
            return "the row or the one before it was altered"
        if process is None:
            return f"version {entry['version']} of its process is missing or was altered after it was published"
        try:
            step = replay(process, None if before is None else before.state, recorded_step(entry), self._process)
        except ValueError as error:
            return f"the row cannot be replayed: {error}"
        self._record, self._process = _after(self._tenant_id, step, entry, process), process
        return self._check(before, self._record, step, entry, process)


class Folder:
    """Folds cases of one tenant; `check` looks at every row besides."""

    def __init__(self, tenant_id: UUID, processes: ProcessCache, check: Check = content_with_anything) -> None:
        self._tenant_id = tenant_id
        self._processes = processes
        self._check = check
        self._versions: dict[tuple[UUID, int], Process | None] = {}

    async def fold(self, connection: Connection, rows: Sequence[Row]) -> list[Fold]:
        """Fold cases as `derived.load_page` gives them; in memory are the cases, and never more than some rows of history."""
        folds = {row["id"]: Fold(self._tenant_id, row, self._check) for row in rows}
        async for entry in entries_of(connection, self._tenant_id, list(folds)):
            version = (entry["definition_id"], entry["version"])
            if version not in self._versions:
                self._versions[version] = await self._load(connection, *version)
            folds[entry["instance_id"]].take(entry, self._versions[version])
        for fold in folds.values():
            fold.end()
        return list(folds.values())

    async def _load(self, connection: Connection, definition_id: UUID, version: int) -> Process | None:
        """A version, if its document is the one that was published."""
        row = await load_version(connection, self._tenant_id, definition_id, version)
        if row is None or _checksum(row) != row["checksum"]:
            return None
        return await self._processes.get(connection, self._tenant_id, definition_id, version)


def _checksum(version: Row) -> str:
    return hashlib.sha256(orjson.dumps(version["document"])).hexdigest()


def _after(tenant_id: UUID, step: Step, entry: Row, process: Process) -> InstanceRecord:
    """The case after a row; what does not follow from history is left out."""
    state = step.state
    return InstanceRecord(
        tenant_id=tenant_id,
        id=entry["instance_id"],
        definition_id=entry["definition_id"],
        version=entry["version"],
        deal_id=None,
        customer_id=None,
        channel_id=entry["channel_id"],
        campaign_id=entry["campaign_id"],
        region=entry["region"],
        external_id=None,
        fingerprint=None,
        state=state,
        outcome=process.definition.stages[state.stage].kind.value if state.ended_at is not None else None,
        recorded_at=entry["recorded_at"],
        head=entry["hash"],
    )
