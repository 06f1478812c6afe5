"""Reading a file by a process apart: its head, and its rows as they come."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import asdict, replace
from typing import Any

import orjson

from bpm_crm.excel.cells import Cell, Head, Row, SheetName, cell_of
from bpm_crm.excel.limits import LIMITS, TableLimits
from bpm_crm.excel.problems import TableCode, TableRefused

LONGEST_LINE = 1 << 28
HEAD_ROWS = 200


async def read_head(
    content: bytes, sheet: str | None = None, *, rows: int = HEAD_ROWS, limits: TableLimits = LIMITS
) -> Head:
    """What a file is, and the first rows of a sheet (None: the first that is shown and has any). `TableRefused`."""
    head: Head | None = None
    found: list[Row] = []
    async with aclosing(_said(content, sheet, rows, limits)) as lines:
        async for line in lines:
            if head is None:
                head = _head(line)
            else:
                found.extend(_row(item) for item in line)
    if head is None:
        raise TableRefused(TableCode.BROKEN_FILE, detail="nothing")
    return replace(head, rows=tuple(found))


async def read_rows(
    content: bytes, sheet: str, *, limits: TableLimits = LIMITS
) -> AsyncGenerator[tuple[int, Row], None]:
    """Every row of a sheet with its number from 1. `TableRefused`, at the latest with the last row."""
    number, is_head = 0, True
    async with aclosing(_said(content, sheet, None, limits)) as lines:
        async for line in lines:
            if is_head:
                is_head = False
                continue
            for item in line:
                number += 1
                yield number, _row(item)


async def _said(content: bytes, sheet: str | None, rows: int | None, limits: TableLimits) -> AsyncGenerator[Any, None]:
    """The lines of the process that reads, which ends with this generator."""
    if len(content) > limits.file_bytes:
        raise TableRefused(TableCode.FILE_TOO_LARGE, found=len(content), maximum=limits.file_bytes)
    request = orjson.dumps({"sheet": sheet, "rows": rows, "limits": asdict(limits)}).decode()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bpm_crm.excel.reader", request),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
        env={
            "PYTHONPATH": os.pathsep.join(sys.path)
        },  # and nothing else: no secret is known to who reads a hostile file
    )
    feeding = asyncio.create_task(_feed(process, content))
    try:
        if process.stdout is None:
            raise LookupError("the process has no output")
        while text := await process.stdout.readline():
            line = orjson.loads(text)
            if line is None:
                return
            if isinstance(line, dict) and "refused" in line:
                raise TableRefused(TableCode(line["refused"]), **line["params"])
            yield line
        raise TableRefused(TableCode.TOO_COSTLY)
    finally:
        feeding.cancel()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _feed(process: asyncio.subprocess.Process, content: bytes) -> None:
    """Hand the file over; a process that ended before it had it all says so itself."""
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(content)
        await process.stdin.drain()
        process.stdin.close()


def _head(line: Any) -> Head:
    return Head(
        kind=line["kind"],
        sheets=tuple(SheetName(name, hidden) for name, hidden in line["sheets"]),
        sheet=line["sheet"],
        height=line["shape"][0],
        width=line["shape"][1],
        encoding=line["text"][0],
        delimiter=line["text"][1],
        merged=tuple(line["merged"]),
    )


def _row(item: list[Any]) -> list[Cell]:
    return [cell_of(value) for value in item]
