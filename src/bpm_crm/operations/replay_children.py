"""Judging by processes apart: chunks of histories handed round, answers taken in the order in which the chunks were given."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

import orjson

from bpm_crm.operations.replay_court import Court
from bpm_crm.operations.replay_tally import Tally, unpacked
from bpm_crm.records.database import Row

MOST_CHILDREN = 2
LONGEST_LINE = 1 << 28

Found = Sequence[tuple[str, Sequence[int]]]
"""Cases that differ, each with the numbers of the figures of the tally beside that count it."""


class JudgeLost(RuntimeError):
    """A process that judged has ended before its work was done."""


class Child:
    """One process that judges; it answers chunks one after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise JudgeLost("the process has no input or output")
        self._input, self._output = process.stdin, process.stdout

    async def tell(self, line: bytes) -> None:
        """Hand over a line."""
        with suppress(BrokenPipeError, ConnectionResetError):  # its silence tells
            self._input.write(line + b"\n")
            await self._input.drain()

    async def ask(self, rows: Sequence[Row]) -> tuple[Tally, Found]:
        """Have histories judged. `JudgeLost` when the process ended instead."""
        histories = [[str(row["id"]), str(row["channel_id"]), orjson.Fragment(row["steps"])] for row in rows]
        await self.tell(orjson.dumps(histories))
        line = await self._output.readline()
        if not line:
            raise JudgeLost("a process that judged histories ended")
        answer = orjson.loads(line)
        return unpacked(answer["tally"]), answer["found"]


@asynccontextmanager
async def children(court: Court, count: int | None = None) -> AsyncIterator[list[Child]]:
    """Processes that know the court: as many as there are cores, up to two. They end with the block."""
    wanted = count or max(1, min(MOST_CHILDREN, os.cpu_count() or 1))
    line = orjson.dumps(asdict(court), option=orjson.OPT_NON_STR_KEYS, default=sorted)
    async with AsyncExitStack() as stack:
        found = [Child(await stack.enter_async_context(_process())) for _ in range(wanted)]
        for child in found:
            await child.tell(line)
        yield found


async def judged(
    crew: Sequence[Child], chunks: AsyncIterator[Sequence[Row]]
) -> AsyncGenerator[tuple[Sequence[Row], Tally, Found]]:
    """Each chunk with what became of it, in order; while one is judged, the next are read."""
    waiting: deque[tuple[Sequence[Row], asyncio.Task[tuple[Tally, Found]]]] = deque()
    place = 0
    try:
        async for chunk in chunks:
            if len(waiting) >= len(crew):
                rows, task = waiting.popleft()
                yield rows, *(await task)
            waiting.append((chunk, asyncio.create_task(crew[place].ask(chunk))))
            place = (place + 1) % len(crew)
        while waiting:
            rows, task = waiting.popleft()
            yield rows, *(await task)
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


@asynccontextmanager
async def _process() -> AsyncIterator[Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bpm_crm.operations.replay_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},  # it needs no secret
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
