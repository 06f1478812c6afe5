"""Dashboard figures through HTTP and GraphQL, against the same questions asked of the cells alone and of history in plain SQL."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from statistics import median, quantiles

import asyncpg
import orjson

from benchmarks import load
from benchmarks.ground import Ground
from benchmarks.questions import Asked, other_cuts, questions
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.operations.compactor import compact
from bpm_crm.records.cells import note_changes
from bpm_crm.records.database import Database

ROUNDS, CUT_ROUNDS, WARM_UP, PLAIN_ROUNDS = 60, 10, 10, 2
LONG_SECONDS, LONGEST_SECONDS = 10, 30
"""History that takes longer is asked but once; and no longer than that."""
WAITING = (50, 250, 1_000)
"""Changes that wait to be folded: the compactor lets some 250 gather."""
Figure = dict[str, float | None]


async def dashboards(here: Ground, worker: Database, port: int) -> dict[str, Figure]:
    """Every dashboard figure and other cut: through the API, of cells alone, and of history."""
    figures: dict[str, Figure] = {}
    for name, asked in {**questions(), **other_cuts()}.items():
        rounds = ROUNDS if name in questions() else CUT_ROUNDS
        figures[name] = await ask(here, port, name, asked, rounds)
        cells = [await _without_api(here, worker, asked, is_current=True) for _ in range(rounds)]
        history = await _history(here, worker, asked)
        read_in = median(cells)
        least = LONGEST_SECONDS * 1000 if history is None else history
        told = f"{'more than ' if history is None else ''}{least:.0f} ms, {least / read_in:.0f} times as long"
        print(f"{'':44} of it cells {read_in:6.1f} ms   history {told}", flush=True)
        ratio = None if history is None else history / read_in
        figures[name] |= {"cells ms": read_in, "history ms": history, "ratio": ratio}
    return figures


async def while_waiting(here: Ground, worker: Database, port: int) -> dict[str, Figure]:
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
        ours = [await timed(client.ask, request) for _ in range(ROUNDS)]
        client.close()
        while await compact(worker, here.tenant_id):
            pass
        p50, p95 = median(ours), quantiles(ours, n=20)[18]
        print(f"{name}, {waiting} cases changed: p50 {p50:7.1f} ms  p95 {p95:7.1f} ms")
        figures[f"{name}, {waiting} changed"] = {"p50 ms": p50, "p95 ms": p95}
    return figures


async def ask(here: Ground, port: int, name: str, asked: Asked, rounds: int) -> Figure:
    """A question through HTTP, so many times."""
    client = await load.Connection.open(port)
    request = load.prepared(_body(asked), here.token("admin"))
    ours = [await timed(client.ask, request) for _ in range(rounds + WARM_UP)][WARM_UP:]
    client.close()
    p50, p95 = median(ours), quantiles(ours, n=20)[18]
    print(f"{name:44} p50 {p50:7.1f} ms  p95 {p95:7.1f} ms", flush=True)
    return {"p50 ms": p50, "p95 ms": p95}


def _body(asked: Asked) -> bytes:
    return orjson.dumps({"query": asked.query, "variables": asked.variables})


async def timed(ask: Callable[[bytes], Awaitable[bytes]], request: bytes) -> float:
    """Milliseconds of an answer. Raises ValueError for a refusal."""
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


_SOME_CASES = "SELECT id FROM process_instance WHERE tenant_id = $1 ORDER BY started_at DESC LIMIT $2"
