"""A page of 100 cases with stage, owner, deal and clocks, against a plain Starlette endpoint that returns the same JSON from one statement."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from benchmarks import load
from benchmarks.ground import Ground

ROUNDS, WARM_UP = 120, 20
QUERY = """
query ($first: Int!) { processInstances(first: $first) { nodes {
  id sequence status startedAt
  stage { key kind }
  owner { id name }
  deal { key amount { amount currency } }
  clocks { key state dueAt }
} } }
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one kind of request."""

    p50: float
    p95: float


async def measure(ground: Ground, port: int, plain_port: int, first: int) -> tuple[Latency, Latency]:
    """Latencies of the query and of the plain endpoint, asked in turn by one client."""
    body = orjson.dumps({"query": QUERY, "variables": {"first": first}})
    request = load.prepared(body, ground.token())
    bare = f"GET /page?first={first} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    connections = await load.Connection.open(port), await load.Connection.open(plain_port)
    pairs = [
        (await _timed(connections[0], request), await _timed(connections[1], bare)) for _ in range(ROUNDS + WARM_UP)
    ]
    ours, theirs = zip(*pairs[WARM_UP:], strict=True)
    return _latency(ours), _latency(theirs)


async def _timed(connection: load.Connection, request: bytes) -> float:
    begun = time.perf_counter()
    answer = await connection.ask(request)
    if b'"errors"' in answer:
        raise ValueError(answer[:600].decode())
    return time.perf_counter() - begun


def _latency(seconds: Sequence[float]) -> Latency:
    ranked = statistics.quantiles(seconds, n=100)
    return Latency(ranked[49] * 1000, ranked[94] * 1000)
