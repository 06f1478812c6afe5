"""Servers in processes of their own, for as long as they are measured."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from benchmarks import load
from benchmarks.ground import Ground
from bpm_crm.cli.supervisor import api_command, child_environment
from bpm_crm.config import Settings


@asynccontextmanager
async def api(ground: Ground, port: int) -> AsyncIterator[int]:
    """The API; the port it listens on."""
    settings = Settings(home=ground.home, app_database_url=ground.access.app, port=port)
    async with _served(api_command(settings), child_environment(settings, os.environ), port):
        yield port


@asynccontextmanager
async def plain(ground: Ground, port: int) -> AsyncIterator[int]:
    """The plain endpoint pages are compared with; the port it listens on."""
    environment = {**os.environ, "BENCH_DSN": ground.access.app, "BENCH_TENANT": str(ground.tenant_id)}
    options = (f"--port={port}", "--log-level=warning", "--no-access-log")
    async with _served([sys.executable, "-m", "uvicorn", "benchmarks.plain:app", *options], environment, port):
        yield port


@asynccontextmanager
async def _served(command: Sequence[str], environment: Mapping[str, str], port: int) -> AsyncIterator[None]:
    process = await asyncio.to_thread(subprocess.Popen, command, env=environment)
    try:
        await _listening(port)
        yield
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _listening(port: int) -> None:
    for _ in range(300):
        try:
            (await load.Connection.open(port)).close()
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")
