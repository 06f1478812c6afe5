"""Rebuilds what is derived from history: cases and their deals are folded anew, compared with what is stored, and replaced where they differ.

Looking takes no locks. What differs is locked as writers lock it, folded once more, and replaced in the same transaction, so that a
step written meanwhile is neither lost nor overwritten.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from bpm_crm.operations.folding import Fault, Fold, Folder
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records.cells import note_changes
from bpm_crm.records.database import Database
from bpm_crm.records.derived import Values, load_page, lock_cases, replace_cases, replace_deals

AT_ONCE = 500
ROWS_UNDER_LOCK = 5_000
"""History rows folded while cases are locked: about half a second, far below what a writer waits for a lock."""

FIRST = UUID(int=0)

Progress = Callable[[int], None]
"""Told how many more cases were looked at."""


@dataclass(frozen=True, slots=True)
class Different:
    """A case that was stored otherwise than its history has it, and in which columns; those of its deal as `deal.…`."""

    instance_id: UUID
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A case whose history is not as it was written, or seems to lack its end: nothing is derived from such a history."""

    fault: Fault


Finding = Different | LeftAlone


class Rebuilder:
    """Rebuilds the cases of a tenant. A `dry_run` finds and changes nothing.

    With `trust_history` a case is also cut down to a history that ends before what the case knows; without it, such a case is left alone.
    """

    def __init__(
        self,
        database: Database,
        processes: ProcessCache,
        tenant_id: UUID,
        *,
        dry_run: bool = False,
        trust_history: bool = False,
    ) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._folder = Folder(tenant_id, processes)
        self._dry_run = dry_run
        self._trust_history = trust_history

    async def run(self, *, definition_id: UUID | None = None, progress: Progress) -> AsyncIterator[Finding]:
        """What was found (and, but for a dry run, replaced), case by case; of one process or (None) of all."""
        after = FIRST
        while True:
            async with self._database.reader(self._tenant_id) as connection:
                rows = await load_page(
                    connection, self._tenant_id, definition_id=definition_id, after=after, most=AT_ONCE
                )
                folds = await self._folder.fold(connection, rows)
            if not rows:
                return
            findings = {fold.stored["id"]: self._finding(fold) for fold in folds}
            if not self._dry_run:
                different = [fold for fold in folds if isinstance(findings[fold.stored["id"]], Different)]
                for ids in _portions(different):
                    findings |= await self._replace(ids)
            for finding in findings.values():
                if finding is not None:
                    yield finding
            after = rows[-1]["id"]
            progress(len(rows))

    def _finding(self, fold: Fold) -> Finding | None:
        if fold.fault is not None:
            return LeftAlone(fold.fault)
        doubt = None if self._trust_history else fold.doubt
        if doubt is not None:
            return LeftAlone(doubt)
        columns = fold.differences()
        return Different(fold.stored["id"], columns) if columns else None

    async def _replace(self, ids: Sequence[UUID]) -> dict[UUID, Finding | None]:
        """Fold cases again under lock and replace what differs; what was found there."""
        async with self._database.transaction(self._tenant_id) as connection:
            rows = await lock_cases(connection, self._tenant_id, ids)
            folds = await self._folder.fold(connection, rows)
            findings = {fold.stored["id"]: self._finding(fold) for fold in folds}
            different = [fold for fold in folds if isinstance(findings[fold.stored["id"]], Different)]
            cases = [self._row(fold.stored["id"], fold.case) for fold in different]
            deals = [self._row(fold.stored["deal_id"], fold.deal) for fold in different if fold.deal is not None]
            if cases:
                await replace_cases(connection, self._tenant_id, cases)
                await note_changes(connection, self._tenant_id, [fold.stored["id"] for fold in different])
            if deals:
                await replace_deals(connection, self._tenant_id, deals)
        return findings

    def _row(self, key: UUID, values: Values) -> Values:
        return {"tenant_id": str(self._tenant_id), "id": str(key), **values}


def _portions(folds: Sequence[Fold]) -> Iterator[list[UUID]]:
    """The ids of cases in portions that are folded quickly enough to keep them locked meanwhile."""
    portion: list[UUID] = []
    rows = 0
    for fold in folds:
        if portion and rows + fold.length > ROWS_UNDER_LOCK:
            yield portion
            portion, rows = [], 0
        portion.append(fold.stored["id"])
        rows += fold.length
    if portion:
        yield portion
