"""`make bench-analytics`: dashboard figures over many cases, through GraphQL, against the same questions asked of history in plain SQL."""

import argparse
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
import orjson
import uvloop

from benchmarks import cloning, load, processes
from benchmarks import writing as engine
from benchmarks.ground import Ground, ground
from benchmarks.multiplying import multiply
from benchmarks.questions import KPI, KPI_LISTS, Asked, other_cuts, questions
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.garbage import calm
from bpm_crm.operations import moves
from bpm_crm.operations.compactor import compact
from bpm_crm.records import writing
from bpm_crm.records.cells import note_changes
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.writing import Known, Moved

PORT = 8753
ROUNDS, CUT_ROUNDS, WARM_UP, PLAIN_ROUNDS, WRITE_ROUNDS, KPI_ROUNDS = 60, 10, 10, 2, 7, 3
TOLD_SECONDS = 20
LONG_SECONDS, LONGEST_SECONDS = 10, 30
"""History that takes longer is asked but once; and no longer than that."""
WAITING = (50, 250, 1_000)
"""Changes that wait to be folded: the compactor lets some 250 gather."""
Figure = dict[str, float | None]
RESULTS = Path(__file__).parent / "results"


async def main() -> None:
    """Load, build the cells, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=1_000_000, help="how many cases; 10000000 needs some 120 GB of disk"
    )
    parser.add_argument(
        "--times", type=int, default=1, help="ask dashboards of cells of so many times as many cases, too"
    )
    arguments = parser.parse_args()
    cases, times = arguments.cases, arguments.times
    async with ground() as here:
        begun = time.perf_counter()
        rows = await cloning.load(here, cases, told=_Progress("loaded", cases))
        print(f"{cases} cases, {rows} rows of history, loaded in {time.perf_counter() - begun:.0f} s", flush=True)
        worker = await Database.connect(here.access.worker, size=4)
        filling = await _fill(here, worker, cases)
        async with worker.reader(here.tenant_id) as connection:
            for row in await connection.fetch(_SIZES):
                print(f"  {row['name']:18} {row['size'] / 2**20:8.0f} MB")
        async with processes.api(here, PORT) as port:
            figures = await _figures(here, worker, port)
            figures |= await _behind(here, worker, port)
            kpis = await _kpis(here, port)
        said = {
            "cases": cases,
            "rows of history": rows,
            "filling": filling,
            "figures": figures,
            "KPIs, ms": kpis,
            "writing": await _write_cost(here),
            "catching up": await _catch_up(here, worker),
        }
        if times > 1:
            print(
                f"{await multiply(worker, here.tenant_id, times)} cells made those of {times} times as many cases",
                flush=True,
            )
            async with processes.api(here, PORT) as port:
                said[f"dashboards of {times} times as many cases"] = {
                    name: await _asked(here, port, name, asked, ROUNDS) for name, asked in questions().items()
                }
        await worker.close()
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    (RESULTS / f"analytics-{at:%Y%m%d-%H%M%S}.json").write_text(json.dumps(said, indent=1) + "\n")


class _Progress:
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


async def _fill(here: Ground, worker: Database, cases: int) -> dict[str, float]:
    """Fill the cells: cases a second, and microseconds of each for this process and for the server."""
    calm()
    told = _Progress("filled", cases)
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


async def _behind(here: Ground, worker: Database, port: int) -> dict[str, Figure]:
    """A funnel while changes wait to be folded: each changed case is evaluated now."""
    name = "cohort funnel of a year, by owner"
    request = load.prepared(_body(questions()[name]), here.token("admin"))
    figures: dict[str, Figure] = {}
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
        figures[f"{name}, {waiting} changed"] = {"p50 ms": p50, "p95 ms": p95}
    return figures


async def _kpis(here: Ground, port: int) -> dict[str, dict[str, float | None]]:
    """Milliseconds of each KPI and of pages of its cases, over a month and a year, through HTTP and GraphQL; None where the API gives up."""
    return {key: await _kpi(here, port, key) for key in CATALOGUE}


async def _kpi(here: Ground, port: int, key: str) -> dict[str, float | None]:
    known, found = questions(), dict[str, float | None]()
    kinds: dict[str, tuple[str, list[str]]] = {
        "": (KPI, []),
        ", by owner": (KPI, [Dimension.OWNER.name]),
        ", lists": (KPI_LISTS, []),
    }
    for name, (kind, (query, grouping)) in product(("month", "year"), kinds.items()):
        since, until = (at.date().isoformat() for at in known[f"cohort funnel of a {name}, all"].period)
        period = {"fromDate": since} if CATALOGUE[key].is_snapshot else {"fromDate": since, "toDate": until}
        variables = {"key": key, "period": period, "groupBy": grouping}
        request = load.prepared(orjson.dumps({"query": query, "variables": variables}), here.token("admin"))
        client = await load.Connection.open(port)
        try:
            milliseconds = median([await _timed(client.ask, request) for _ in range(KPI_ROUNDS)])
        except ValueError:
            milliseconds = None
        client.close()
        found[name + kind] = milliseconds
    shown = (f"{name} {'not answered' if took is None else f'{took:.0f} ms'}" for name, took in found.items())
    print(f"{key:22} {'   '.join(shown)}", flush=True)
    return found


async def _write_cost(here: Ground) -> dict[str, float]:
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


async def _catch_up(here: Ground, worker: Database) -> dict[str, float]:
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


_SOME_CASES = "SELECT id FROM process_instance WHERE tenant_id = $1 ORDER BY started_at DESC LIMIT $2"
_SIZES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS size FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY size DESC LIMIT 8
"""


async def _figures(here: Ground, worker: Database, port: int) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name, asked in {**questions(), **other_cuts()}.items():
        rounds = ROUNDS if name in questions() else CUT_ROUNDS
        figures[name] = await _asked(here, port, name, asked, rounds)
        cells = [await _without_api(here, worker, asked, is_current=True) for _ in range(rounds)]
        history = await _history(here, worker, asked)
        read_in = median(cells)
        least = LONGEST_SECONDS * 1000 if history is None else history
        told = f"{'more than ' if history is None else ''}{least:.0f} ms, {least / read_in:.0f} times as long"
        print(f"{'':44} of it cells {read_in:6.1f} ms   history {told}", flush=True)
        ratio = None if history is None else history / read_in
        figures[name] |= {"cells ms": read_in, "history ms": history, "ratio": ratio}
    return figures


async def _asked(here: Ground, port: int, name: str, asked: Asked, rounds: int) -> Figure:
    """A question through HTTP, so many times."""
    client = await load.Connection.open(port)
    request = load.prepared(_body(asked), here.token("admin"))
    ours = [await _timed(client.ask, request) for _ in range(rounds + WARM_UP)][WARM_UP:]
    client.close()
    p50, p95 = median(ours), quantiles(ours, n=20)[18]
    print(f"{name:44} p50 {p50:7.1f} ms  p95 {p95:7.1f} ms", flush=True)
    return {"p50 ms": p50, "p95 ms": p95}


def _body(asked: Asked) -> bytes:
    return orjson.dumps({"query": asked.query, "variables": asked.variables})


async def _timed(ask: Callable[[bytes], Awaitable[bytes]], request: bytes) -> float:
    begun = time.perf_counter()
    answer = await ask(request)
    if b'"errors"' in answer:
        raise ValueError(answer[:600].decode())
    return (time.perf_counter() - begun) * 1000


async def _history(here: Ground, worker: Database, asked: Asked) -> float | None:
    """Milliseconds of the same question asked of history; None where it takes longer than anybody waits."""
    try:
        first = await _without_api(here, worker, asked, is_current=False)
        if first > LONG_SECONDS * 1000:
            return first
        return median(
            [first, *[await _without_api(here, worker, asked, is_current=False) for _ in range(PLAIN_ROUNDS)]]
        )
    except (asyncpg.QueryCanceledError, TimeoutError):
        return None


async def _without_api(here: Ground, worker: Database, asked: Asked, *, is_current: bool) -> float:
    """The same question without HTTP and GraphQL, of cells or (not `is_current`) of history."""
    question = Question(here.tenant_id, asked.cases, *asked.period, asked.grouping)
    async with worker.reader(here.tenant_id) as connection:
        await connection.execute(f"SET LOCAL statement_timeout = '{LONGEST_SECONDS}s'")
        frame = replace(await read_frame(connection, here.tenant_id, process=asked.process), is_current=is_current)
        begun = time.perf_counter()
        await asked.read(connection, frame, question)
        return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    uvloop.run(main())
