"""A server of the user's own in place of the private one: prepared by us, or by its administrator."""

import os
import subprocess
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from bpm_crm.embedded.server import Server
from bpm_crm.records.roles import LOGINS
from tests.acceptance.product import PROGRAM, Product


def is_private_server_in(home: Path) -> bool:
    return any(home.rglob("PG_VERSION"))


def command(home: Path, urls: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BPM_CRM_")}
    environment = {**kept, **urls, "BPM_CRM_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=120)


async def owner_of(postgres: Server, database: str) -> str | None:
    admin = await asyncpg.connect(postgres.dsn(postgres.superuser, "postgres"))
    try:
        found: str | None = await admin.fetchval(
            "SELECT datdba::regrole::text FROM pg_database WHERE datname = $1", database
        )
        return found
    finally:
        await admin.close()


async def test_a_given_server_is_prepared_and_nothing_private_starts(postgres: Server, tmp_path: Path) -> None:
    name = f"own_{uuid4().hex[:8]}"
    done = command(tmp_path, {"BPM_CRM_DATABASE_URL": postgres.dsn(postgres.superuser, name)}, "migrate")
    assert done.returncode == 0, done.stderr
    assert not is_private_server_in(tmp_path)
    assert await owner_of(postgres, name) == "bpm_crm_owner"


def test_the_product_runs_on_a_given_server(postgres: Server, tmp_path: Path) -> None:
    name = f"own_{uuid4().hex[:8]}"
    product = Product(tmp_path / "home", settings={"BPM_CRM_DATABASE_URL": postgres.dsn(postgres.superuser, name)})
    product.start("--no-demo")
    try:
        assert httpx.get(f"{product.url}/readyz").status_code == 200
        assert not is_private_server_in(product.home)
    finally:
        product.stop()


async def test_a_prepared_server_needs_no_rights_beyond_the_owners(postgres: Server, tmp_path: Path) -> None:
    name = f"own_{uuid4().hex[:8]}"
    prepared = command(tmp_path, {"BPM_CRM_DATABASE_URL": postgres.dsn(postgres.superuser, name)}, "migrate")
    assert prepared.returncode == 0, prepared.stderr
    owner, app, worker = (postgres.dsn(role, name) for role in LOGINS)
    urls = {
        "BPM_CRM_DATABASE_URL": owner,
        "BPM_CRM_APP_DATABASE_URL": app,
        "BPM_CRM_WORKER_DATABASE_URL": worker,
    }
    again = command(tmp_path / "other", urls, "migrate")
    assert again.returncode == 0, again.stderr


async def test_a_role_without_rights_is_told_what_to_do(postgres: Server, tmp_path: Path) -> None:
    admin = await asyncpg.connect(postgres.dsn(postgres.superuser, "postgres"))
    role = f"nobody_{uuid4().hex[:8]}"
    try:
        await admin.execute(f"CREATE ROLE {role} LOGIN")
        done = command(tmp_path, {"BPM_CRM_DATABASE_URL": postgres.dsn(role, "bpm_crm_none")}, "migrate")
        await admin.execute(f"DROP ROLE {role}")
    finally:
        await admin.close()
    assert done.returncode == 1
    assert "docs/operations.md" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_does_not_answer_is_named_without_a_traceback(tmp_path: Path) -> None:
    done = command(tmp_path, {"BPM_CRM_DATABASE_URL": "postgresql://someone:secret@127.0.0.1:1/x"}, "migrate")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
