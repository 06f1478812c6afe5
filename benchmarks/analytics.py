"""`make bench-analytics`: dashboard figures over many cases, through GraphQL, against the same questions asked of history in plain SQL."""

import argparse
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import uvloop

from benchmarks import cloning, load, processes
from benchmarks import writing as engine
from benchmarks.ground import Ground, ground
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.losses import read_losses
from bpm_crm.operations import batches
from bpm_crm.operations.compactor import compact
from bpm_crm.records import writing
from bpm_crm.records.cells import note_changes
from bpm_crm.records.database import Connection, Database

PORT = 8753
ROUNDS, WARM_UP, PLAIN_ROUNDS, WRITE_ROUNDS = 60, 10, 3, 7
WAITING = (50, 250, 1_000)
"""Changes that wait to be folded: the compactor lets some 250 gather."""
RESULTS = Path(__file__).parent / "results"
FUNNEL = """
query ($input: FunnelInput!) { funnel(input: $input) { segments { dimension { key title } entered greatestLossByCount
  steps { checkpoint reached lost open missed stepConversion overallConversion loss lossRate medianSecondsFromPrevious p90SecondsFromPrevious } } } }
"""
LOSSES = """
query ($input: LossInput!) { lossReasons(input: $input) { dimension { key title } stage reason count stageCount share amount { amount currency } } }
"""


async def main() -> None:
    """Load, build the cells, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=1_000_000, help="how many cases; 10000000 needs some 60 GB of disk"
    )
    cases = parser.parse_args().cases
    async with ground() as here:
        begun = time.perf_counter()
        rows = await cloning.load(here, cases)
        print(f"{cases} cases, {rows} rows of history, loaded in {time.perf_counter() - begun:.0f} s")
        worker = await Database.connect(here.access.worker, size=4)
        begun, busy, folds = time.perf_counter(), time.process_time(), 0
        while folded := await compact(worker, here.tenant_id):
            folds += folded
        seconds, busy = time.perf_counter() - begun, time.process_time() - busy
        print(
            f"cells built in {seconds:.0f} s: {folds / seconds:.0f} cases/s; {busy / folds * 1e6:.0f} µs of Python each"
        )
        async with worker.reader(here.tenant_id) as connection:
            for row in await connection.fetch(_SIZES):
                print(f"  {row['name']:18} {row['size'] / 2**20:8.0f} MB")
        async with processes.api(here, PORT) as port:
            figures = await _figures(here, worker, port)
            figures |= await _behind(here, worker, port)
        figures["write cost"] = await _write_cost(here)
        figures["catching up"] = await _catch_up(here, worker)
        await worker.close()
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    (RESULTS / f"analytics-{at:%Y%m%d-%H%M%S}.json").write_text(
        json.dumps({"cases": cases, **figures}, indent=1) + "\n"
    )


async def _behind(here: Ground, worker: Database, port: int) -> dict[str, list[float]]:
    """A funnel while changes wait to be folded: each changed case is evaluated now."""
    name = "cohort funnel of a year, by owner"
    query, given, period, _, _ = questions()[name]
    request = load.prepared(
        orjson.dumps({"query": query, "variables": {"input": {**given, "period": _shown(period)}}}), here.token("admin")
    )
    figures = {}
    async with worker.reader(here.tenant_id) as connection:
        rows = await connection.fetch(_SOME_CASES, here.tenant_id, max(WAITING))
    for waiting in WAITING:
        async with worker.transaction(here.tenant_id) as connection:
            await note_changes(connection, here.tenant_id, [row["id"] for row in rows[:waiting]])
        client = await load.Connection.open(port)
        ours = [await _timed(client.ask, request) for _ in range(ROUNDS)]
        client.close()
        while await compact(worker, here.tenant_id):
            pass
        p50, p95 = median(ours), quantiles(ours, n=20)[18]
        print(f"{name}, {waiting} cases changed: p50 {p50:7.1f} ms  p95 {p95:7.1f} ms")
        figures[f"{name}, {waiting} changed"] = [p50, p95]
    return figures


async def _write_cost(here: Ground) -> list[float]:
    """Microseconds of the write statement for a transition, with and without noting the changed cases, and of a whole transition.

    The two kinds take turns batch by batch, so that whatever else the machine does meets both alike.
    """
    whole, write = writing._statement, writing.write  # noqa: SLF001  # what is measured is a part of this statement
    marked = f",\nchanged AS ({writing._CHANGED})"  # noqa: SLF001
    seconds, steps = [0.0, 0.0], [0, 0]
    turn = 0

    async def timed(connection: Connection, tenant_id: UUID, rows: Any, notice: str) -> None:
        nonlocal turn
        turn = mine = 1 - turn
        begun = time.perf_counter()
        await write(connection, tenant_id, rows, notice)
        seconds[mine] += time.perf_counter() - begun
        steps[mine] += len(rows["moved"])

    with (
        patch.object(writing, "_statement", lambda parts: whole(parts) if turn else whole(parts).replace(marked, "")),
        patch.object(batches, "write", timed),
    ):
        rates = [await engine.measure(here, 64, f"cost-{number}") for number in range(WRITE_ROUNDS)]
    without, with_marks = (1e6 * seconds[kind] / steps[kind] for kind in (0, 1))
    transition = 1e6 / median(rates)
    print(
        f"write statement {with_marks:.1f} µs a transition, without noting changes {without:.1f} µs: "
        f"{(with_marks - without) / transition:.1%} of the {transition:.0f} µs of a transition"
    )
    return [with_marks, without, transition]


async def _catch_up(here: Ground, worker: Database) -> list[float]:
    """Cases folded per second, and bytes of the write-ahead log for each, of those that the moves before have changed."""
    async with worker.reader(here.tenant_id) as connection:
        before = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
    begun, folds = time.perf_counter(), 0
    while folded := await compact(worker, here.tenant_id):
        folds += folded
    seconds = time.perf_counter() - begun
    async with worker.reader(here.tenant_id) as connection:
        written = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)", before)
    found = [folds / seconds, float(written) / folds]
    print(f"changed cases folded: {found[0]:.0f}/s, {found[1]:.0f} bytes of log each")
    return found


_SOME_CASES = "SELECT id FROM process_instance WHERE tenant_id = $1 ORDER BY started_at DESC LIMIT $2"
_SIZES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS size FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY size DESC LIMIT 6
"""


async def _figures(here: Ground, worker: Database, port: int) -> dict[str, list[float]]:
    figures = {}
    for name, (query, given, period, grouping, read) in questions().items():
        body = orjson.dumps({"query": query, "variables": {"input": {**given, "period": _shown(period)}}})
        request = load.prepared(body, here.token("admin"))
        client = await load.Connection.open(port)
        ours = [await _timed(client.ask, request) for _ in range(ROUNDS + WARM_UP)][WARM_UP:]
        client.close()
        asked = (here, worker, given.get("process"), period, grouping, read)
        plain = [await _without_api(*asked, is_current=False) for _ in range(PLAIN_ROUNDS)]
        cells = [await _without_api(*asked, is_current=True) for _ in range(ROUNDS)]
        p50, p95, read_in, history = median(ours), quantiles(ours, n=20)[18], median(cells), median(plain)
        print(
            f"{name:48} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms   of it cells {read_in:5.1f} ms   history {history:8.0f} ms"
            f"  {history / read_in:6.0f}x"
        )
        figures[name] = [p50, p95, read_in, history]
    return figures


Period = tuple[datetime, datetime]
Read = Callable[..., Awaitable[Any]]


def questions() -> dict[str, tuple[str, dict[str, Any], Period, Grouping, Read]]:
    """What dashboards ask: query, input without its period, period, segments, and how history is asked."""
    zone = ZoneInfo("Europe/Moscow")
    this = datetime.now(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = (_months_before(this, 1), this)
    quarter, year = (_months_before(this, 3), this), (_months_before(this, 12), this)
    odd = (year[0] + timedelta(days=9), this - timedelta(days=12))
    found: dict[str, tuple[str, dict[str, Any], Period, Grouping, Read]] = {}
    for name, period in (("month", month), ("quarter", quarter), ("year", year), ("year on odd days", odd)):
        for dimension in (None, Dimension.CHANNEL, Dimension.OWNER):
            grouping = Grouping(() if dimension is None else (dimension,))
            given = {} if dimension is None else {"groupBy": [dimension.name]}
            by = "all" if dimension is None else f"by {dimension.value}"
            found[f"cohort funnel of a {name}, {by}"] = (FUNNEL, given, period, grouping, read_funnel)
            if name == "year":
                found[f"loss reasons of a {name}, {by}"] = (LOSSES, given, period, grouping, read_losses)
    return found


async def _timed(ask: Callable[[bytes], Awaitable[bytes]], request: bytes) -> float:
    begun = time.perf_counter()
    answer = await ask(request)
    if b'"errors"' in answer:
        raise ValueError(answer[:600].decode())
    return (time.perf_counter() - begun) * 1000


async def _without_api(
    here: Ground,
    worker: Database,
    process: str | None,
    period: Period,
    grouping: Grouping,
    read: Read,
    *,
    is_current: bool,
) -> float:
    """The same question without HTTP and GraphQL, of cells or (not `is_current`) of history."""
    question = Question(here.tenant_id, since=period[0], until=period[1], grouping=grouping)
    async with worker.reader(here.tenant_id) as connection:
        await _unlimited(connection)
        frame = replace(await read_frame(connection, here.tenant_id, process=process), is_current=is_current)
        begun = time.perf_counter()
        await read(connection, frame, question)
        return (time.perf_counter() - begun) * 1000


async def _unlimited(connection: Connection) -> None:
    await connection.execute("SET LOCAL statement_timeout = 0")


def _months_before(at: datetime, months: int) -> datetime:
    number = at.year * 12 + at.month - 1 - months
    return at.replace(year=number // 12, month=number % 12 + 1)


def _shown(period: Period) -> dict[str, str]:
    return {"fromDate": period[0].date().isoformat(), "toDate": period[1].date().isoformat()}


if __name__ == "__main__":
    uvloop.run(main())
