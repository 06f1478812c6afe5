"""Kills at random moments under load: nothing acknowledged is lost."""

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress

import asyncpg
import pytest

from bpm_crm.embedded.server import Server

KILLS = 100
WRITERS = 4


async def write(writer: int, server: list[Server], acknowledged: set[tuple[int, int]]) -> None:
    """Insert numbers one transaction at a time, over and over through whatever server there is; remember those acknowledged."""
    number = 0
    while True:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(server[0].dsn("postgres", "postgres"), timeout=5)
            try:
                while True:
                    number += 1
                    await connection.execute("insert into kept values ($1, $2)", writer, number)
                    acknowledged.add((writer, number))
            finally:
                connection.terminate()
        await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_hundred_kills_under_load_lose_nothing_acknowledged(made_home, start, sql):
    randomness = random.Random(20261122)
    server = [start(made_home)]
    sql(server[0], "create table kept (writer int, number int, primary key (writer, number))")
    acknowledged: set[tuple[int, int]] = set()
    writers = [asyncio.create_task(write(writer, server, acknowledged)) for writer in range(WRITERS)]
    for _ in range(KILLS):
        await asyncio.sleep(randomness.uniform(0, 0.3))
        os.kill(server[0].pid, signal.SIGKILL)
        server[0] = await asyncio.to_thread(start, made_home)
        assert server[0].owned
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)

    rows = {tuple(map(int, row.split("|"))) for row in sql(server[0], "select * from kept").splitlines()}

    sys.stdout.write(f"{KILLS} kills, {len(acknowledged)} acknowledged\n")
    assert len(acknowledged) > KILLS
    assert acknowledged - rows == set()
