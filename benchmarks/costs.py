"""What the cells of figures cost: filling them, noting changed cases in the statement of a move, folding these later."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any
from unittest.mock import patch
from uuid import UUID

from benchmarks import writing as engine
from benchmarks.ground import Ground
from bpm_crm.garbage import calm
from bpm_crm.operations import moves
from bpm_crm.operations.compactor import compact
from bpm_crm.records import writing
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.writing import Known, Moved

WRITE_ROUNDS = 7
TOLD_SECONDS = 20


class Progress:
    """Tells how far something of a known size is, now and then."""

    def __init__(self, what: str, whole: int) -> None:
        self._what = what
        self._whole = whole
        self._begun = self._told = time.perf_counter()

    def __call__(self, done: int) -> None:
        """So much is done."""
        now = time.perf_counter()
        if now - self._told > TOLD_SECONDS:
            self._told = now
            print(f"  {self._what} {done / self._whole:.0%} after {now - self._begun:.0f} s", flush=True)


async def fill(here: Ground, worker: Database, cases: int) -> dict[str, float]:
    """Fill the cells: cases a second, and microseconds of each for this process and for the server."""
    calm()
    told = Progress("filled", cases)
    begun, busy, served, folds = time.perf_counter(), time.process_time(), here.server_seconds(), 0
    while folded := await compact(worker, here.tenant_id):
        folds += folded
        told(folds)
    seconds, busy, served = (
        time.perf_counter() - begun,
        time.process_time() - busy,
        here.server_seconds() - served,
    )
    found = {"per second": folds / seconds, "python us": busy / folds * 1e6, "server us": served / folds * 1e6}
    print(
        f"cells built in {seconds:.0f} s: {found['per second']:.0f} cases/s; of each {found['python us']:.0f} µs of Python "
        f"and {found['server us']:.0f} µs of the server",
        flush=True,
    )
    return found


async def write_cost(here: Ground) -> dict[str, float]:
    """Microseconds of the write statement for a transition, with and without noting the changed cases, and of a whole transition.

    The two kinds take turns batch by batch, so that whatever else the machine does meets both alike.
    """
    whole, write = writing._statement_of_known, writing.write_known  # noqa: SLF001  # what is measured is a part of it
    marked = f",\nchanged AS ({writing._CHANGED})"  # noqa: SLF001
    seconds, steps = [0.0, 0.0], [0, 0]
    turn = 0

    async def timed(connection: Connection, tenant_id: UUID, known: Sequence[Known], *given: Any) -> Moved:
        nonlocal turn
        turn = mine = 1 - turn
        begun = time.perf_counter()
        moved = await write(connection, tenant_id, known, *given)
        seconds[mine] += time.perf_counter() - begun
        steps[mine] += len(known)
        return moved

    with (
        patch.object(
            writing, "_statement_of_known", lambda parts: whole(parts) if turn else whole(parts).replace(marked, "")
        ),
        patch.object(moves, "write_known", timed),
    ):
        rates = [await engine.measure(here, 64, f"cost-{number}") for number in range(WRITE_ROUNDS)]
    without, with_marks = (1e6 * seconds[kind] / steps[kind] for kind in (0, 1))
    transition = 1e6 / median(rates)
    print(
        f"write statement {with_marks:.1f} µs a transition, without noting changes {without:.1f} µs: "
        f"{(with_marks - without) / transition:.1%} of the {transition:.0f} µs of a transition"
    )
    return {
        "statement us": with_marks,
        "without noting changes us": without,
        "transition us": transition,
        "cost": (with_marks - without) / transition,
    }


async def catch_up(here: Ground, worker: Database) -> dict[str, float]:
    """Cases folded per second, and bytes of the write-ahead log for each, of those that the moves before have changed."""
    async with worker.reader(here.tenant_id) as connection:
        before = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
    begun, folds = time.perf_counter(), 0
    while folded := await compact(worker, here.tenant_id):
        folds += folded
    seconds = time.perf_counter() - begun
    async with worker.reader(here.tenant_id) as connection:
        written = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)", before)
    found = {"per second": folds / seconds, "bytes of log": float(written) / folds}
    print(f"changed cases folded: {found['per second']:.0f}/s, {found['bytes of log']:.0f} bytes of log each")
    return found
