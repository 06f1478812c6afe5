"""The SQL and the shell commands of the page on operations, run as they stand."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.records import migrations
from bpm_crm.records.bootstrap import prepare_server
from bpm_crm.records.database import Database
from bpm_crm.records.roles import LOGINS, SWEEPER
from tests.conftest import FAST
from tests.docs.pages import ROOT, blocks
from tests.homes import an_open_home

PAGE = ROOT / "docs/operations.md"
ROLES = (*LOGINS, SWEEPER)
PREPARED = """
SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolinherit, rolreplication, rolconfig
FROM pg_roles WHERE rolname LIKE 'bpm\\_crm\\_%' ORDER BY rolname
"""
MEMBERS = """
SELECT roleid::regrole::text, member::regrole::text, inherit_option, set_option, admin_option FROM pg_auth_members
WHERE roleid::regrole::text LIKE 'bpm\\_crm\\_%' ORDER BY 1, 2
"""
DATABASE = """
SELECT datdba::regrole::text, pg_encoding_to_char(encoding), datlocprovider, datlocale, datcollate, datctype
FROM pg_database WHERE datname = 'bpm_crm'
"""


@pytest.fixture(scope="module")
def bare() -> Iterator[Server]:
    """A server that nobody has prepared: roles belong to a whole server, and the suite's has them."""
    with an_open_home() as home, ensure_server(home, settings=FAST) as server:
        yield server


@pytest.fixture
async def administrator(bare: Server) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the unprepared server, which is left unprepared again."""
    connection = await asyncpg.connect(bare.dsn(bare.superuser, "postgres"))
    yield connection
    await connection.execute("DROP DATABASE IF EXISTS bpm_crm WITH (FORCE)")
    for role in reversed(ROLES):
        await connection.execute(f"DROP ROLE IF EXISTS {role}")
    await connection.close()


def statements(under: str) -> list[str]:
    """The SQL statements of the page under a heading."""
    (block,) = blocks(PAGE, "sql", under=under)
    return [part.strip() for part in block.text.split(";") if part.strip()]


async def prepare_by_hand(administrator: asyncpg.Connection) -> None:
    for statement in statements("Your own PostgreSQL"):
        await administrator.execute(statement)


async def state(connection: asyncpg.Connection) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in await connection.fetch(query)] for query in (PREPARED, MEMBERS, DATABASE)]


async def test_the_administrators_sql_makes_what_the_product_makes_itself(
    bare: Server, administrator: asyncpg.Connection
) -> None:
    await prepare_by_hand(administrator)
    by_hand = await state(administrator)
    await administrator.execute("DROP DATABASE bpm_crm")
    for role in reversed(ROLES):
        await administrator.execute(f"DROP ROLE {role}")
    await prepare_server(bare.dsn(bare.superuser, "postgres"), "bpm_crm")
    assert by_hand == await state(administrator)
    assert [len(part) for part in by_hand] == [4, 1, 1]


async def test_after_the_administrators_sql_the_owner_migrates_and_the_others_connect(
    bare: Server, administrator: asyncpg.Connection
) -> None:
    await prepare_by_hand(administrator)
    owner, *others = (bare.dsn(role, "bpm_crm") for role in LOGINS)
    await migrations.upgrade(owner)
    for url in others:
        database = await Database.connect(url, size=1)
        await database.close()


async def test_the_sql_for_a_pooler_sets_what_the_product_would_set(
    bare: Server, administrator: asyncpg.Connection
) -> None:
    await prepare_by_hand(administrator)
    for statement in statements("PgBouncer"):
        await administrator.execute(statement)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone", "jit")
    for role in LOGINS[1:]:
        direct = await Database.connect(bare.dsn(role, "bpm_crm"), size=1)
        pooled = await Database.connect(bare.dsn(role, "bpm_crm"), size=1, through_pooler=True)
        found = []
        for database in (direct, pooled):
            async with database.across_tenants() as connection:
                found.append([await connection.fetchval(f"SHOW {name}") for name in names])
            await database.close()
        assert found[0] == found[1]


def shell(block: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a block of the page as it stands, from the root of the repository."""
    text = block.replace(".venv/bin/python", sys.executable)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture
async def filled() -> AsyncIterator[tuple[Path, Server]]:
    """A home with a private server that holds a migrated database and a row of ours."""
    with an_open_home() as home, ensure_server(home, settings=FAST) as server:
        await prepare_server(server.dsn(server.superuser, "postgres"), "bpm_crm")
        await migrations.upgrade(server.dsn(LOGINS[0], "bpm_crm"))
        (home / "issuer.pem").write_text("the key", encoding="ascii")
        await run_on(server, "CREATE TABLE kept AS SELECT 17 AS number")
        yield home, server


async def run_on(server: Server, statement: str) -> Any:
    connection = await asyncpg.connect(server.dsn(server.superuser, "bpm_crm"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_commands_of_the_page_back_up_and_restore(filled: tuple[Path, Server], tmp_path: Path) -> None:
    home, server = filled
    backup, restore = blocks(PAGE, "bash", under="Backup and restore")
    places = {"BPM_CRM_HOME": str(home), "BACKUP": str(tmp_path / "backup")}
    (tmp_path / "backup").mkdir()
    done = shell(backup.text, **places)
    assert done.returncode == 0, done.stderr
    await run_on(server, "UPDATE kept SET number = 0")
    server.stop()
    (home / "issuer.pem").unlink()
    done = shell(restore.text, **places)
    assert done.returncode == 0, done.stderr
    assert (home / "issuer.pem").read_text(encoding="ascii") == "the key"
    with ensure_server(home, settings=FAST) as restored:
        assert await run_on(restored, "SELECT number FROM kept") == 17


async def test_the_commands_of_the_page_move_a_private_database_to_another_server(
    filled: tuple[Path, Server], bare: Server, administrator: asyncpg.Connection, tmp_path: Path
) -> None:
    home, _ = filled
    await prepare_by_hand(administrator)
    (move,) = blocks(PAGE, "bash", under="Moving from the private server to your own")
    url = bare.dsn(bare.superuser, "bpm_crm")
    done = shell(move.text, BPM_CRM_HOME=str(home), BACKUP=str(tmp_path), ADMINISTRATOR_URL=url)
    assert done.returncode == 0, done.stderr
    assert await run_on(bare, "SELECT number FROM kept") == 17
    assert await run_on(bare, "SELECT version_num FROM alembic_version") == migrations.head()
    assert [
        change for change in await migrations.drift(bare.dsn(LOGINS[0], "bpm_crm")) if "kept" not in str(change)
    ] == []
