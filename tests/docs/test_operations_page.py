"""The page on operations says what the code does; its SQL and its shell commands are run."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from bpm_crm.api.health import PATHS
from bpm_crm.cli.supervisor import api_command, worker_command
from bpm_crm.config import Settings
from bpm_crm.embedded import errors
from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.records import migrations
from bpm_crm.records.bootstrap import prepare_server
from bpm_crm.records.database import Database
from bpm_crm.records.roles import APPEND_ONLY, ERASABLE, LOGINS, READ_ONLY, SWEEPER, rights
from bpm_crm.records.tables import SQLModel
from tests.conftest import FAST
from tests.docs.pages import ROOT, blocks, tables
from tests.homes import an_open_home

PAGE = ROOT / "docs/operations.md"
ROLES = (*LOGINS, SWEEPER)
TAKEN = "another program, or an API left behind, listens on the port"
COMMITTED = "the committed schema is older than the code"
REFUSED = "the server's own refusal, by its name"
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


def test_the_table_of_settings_is_that_of_the_code() -> None:
    def told(value: Any) -> str:
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value).replace("'", '"')

    known = [
        [f"BPM_CRM_{name.upper()}", told(field.get_default(call_default_factory=True)), field.description]
        for name, field in Settings.model_fields.items()
    ]
    assert tables(PAGE, "Settings")[1:] == known


def test_the_table_of_rights_is_that_of_the_code() -> None:
    told: dict[str, str] = {}
    for names, *granted in tables(PAGE, "Roles and rights of the database"):
        told |= dict.fromkeys(names.split(", "), granted[0])
    listed = {*READ_ONLY, *APPEND_ONLY, *ERASABLE}
    assert set(told) == {"role", *ROLES, "tables", "every other"} | listed
    for name in SQLModel.metadata.tables:
        assert told.get(name, told["every other"]) == ", ".join(rights(name)), name


def test_every_path_and_metric_is_named() -> None:
    named = {row[0] for row in tables(PAGE, "Health, metrics, logs")}
    ours = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("bpm_crm")}
    assert named - {"path", "metric"} == PATHS | ours


def told_faults() -> dict[str, list[str]]:
    """The texts of the troubleshooting tables, by the fault they are said to be."""
    found: dict[str, list[str]] = {}
    for heading in ("Troubles of the private server", "Troubles of your own server", "Other troubles"):
        for says, because, _ in tables(PAGE, heading)[1:]:
            found.setdefault(because.split(":")[0], []).append(says)
    return found


def reported_faults() -> set[str]:
    """The exceptions that commands report in one line, by the handlers of `cli/faults.py`."""
    tree = ast.parse((ROOT / "src/bpm_crm/cli/faults.py").read_text(encoding="utf-8"))
    handled = [handler.type for handler in ast.walk(tree) if isinstance(handler, ast.ExceptHandler)]
    return {node.id for kind in handled if kind is not None for node in ast.walk(kind) if isinstance(node, ast.Name)}


def test_every_fault_that_commands_report_has_a_cure() -> None:
    own = {kind.__name__ for kind in errors.EmbeddedFault.__subclasses__()}
    by_their_own_name = {"OSError", "asyncpg"}
    assert len(own) > 10
    assert (
        set(told_faults()) - {TAKEN, COMMITTED, REFUSED}
        == own | reported_faults() - {"EmbeddedFault"} - by_their_own_name
    )


def test_the_messages_quoted_are_those_of_the_code() -> None:
    files = [
        *ROOT.glob("src/bpm_crm/embedded/*.py"),
        *ROOT.glob("src/bpm_crm/cli/*.py"),
        *ROOT.glob("src/bpm_crm/records/*.py"),
    ]
    source = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))
    for fault, texts in told_faults().items():
        if fault in {"ValidationError", "DefinitionInvalid", "XesInvalid", REFUSED}:
            continue
        assert [text for text in texts if text not in source] == [], fault


def test_the_commands_for_one_process_are_those_that_the_supervisor_runs() -> None:
    (block,) = blocks(PAGE, "bash", under="Processes")
    api, worker = block.text.replace("\\\n", " ").strip().splitlines()
    started = api_command(Settings(host="0.0.0.0", port=8000))  # noqa: S104  # as the page has it
    words = [word for part in started[1:] for word in part.split("=", 1)]
    assert api.split()[1:] == [word for word in words if word not in {"--log-level", "warning"}]
    assert worker.split()[1:] == worker_command()[1:]
