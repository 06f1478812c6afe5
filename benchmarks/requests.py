"""Transitions per second through HTTP and GraphQL: single ones, and batches of 20 in one request."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import orjson

from benchmarks import load
from benchmarks.ground import HAPPY_PATH, Ground
from benchmarks.writing import captured
from bpm_crm.api.ids import to_global
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database

CONNECTIONS = 64
BATCH = 20
CASES = 320
SINGLE = """
mutation ($input: FireTransitionInput!) { fireTransition(input: $input) {
  __typename
  ... on TransitionFired { instance { id sequence stage { key } } record { sequence } }
  ... on UserError { code message }
} }
"""
MANY = """
mutation ($input: FireTransitionsInput!) { fireTransitions(input: $input) {
  fired refused results {
    __typename
    ... on TransitionFired { instance { id sequence stage { key } } record { sequence } }
    ... on UserError { code message }
  }
} }
"""


async def measure(ground: Ground, port: int, *, batch: int, label: str) -> float:
    """Transitions per second over 64 connections, `batch` in each request."""
    database = await Database.connect(ground.access.app, size=4)
    writer = Writer(database, ProcessCache())
    writer.start()
    cases = await captured(ground, writer, CASES * (1 if batch == 1 else 4), label)
    await writer.stop()
    await database.close()
    await ground.analyse()
    connections = min(CONNECTIONS, len(cases) // batch)
    token = ground.token()
    scripts = [_script(cases[number::connections], batch, token) for number in range(connections)]
    expected = b'"TransitionFired"' if batch == 1 else b'"refused":0'
    seconds = await load.run(port, scripts, expected)
    return len(cases) * len(HAPPY_PATH) / seconds


def _script(cases: Sequence[UUID], batch: int, token: str) -> list[bytes]:
    """The requests of one connection: its cases, step by step along the happy path."""
    requests: list[bytes] = []
    for trigger, data in HAPPY_PATH:
        items = [_item(case, trigger, data) for case in cases]
        if batch == 1:
            requests.extend(load.prepared(_body(SINGLE, item), token) for item in items)
        else:
            chunks = (items[begin : begin + batch] for begin in range(0, len(items), batch))
            requests.extend(load.prepared(_body(MANY, {"items": chunk}), token) for chunk in chunks)
    return requests


def _item(case: UUID, trigger: str, data: object) -> dict[str, object]:
    return {
        "instance": {"id": to_global("ProcessInstance", case)},
        "transition": trigger,
        "data": data,
        "idempotencyKey": str(uuid4()),
    }


def _body(query: str, input_: object) -> bytes:
    return orjson.dumps({"query": query, "variables": {"input": input_}})
