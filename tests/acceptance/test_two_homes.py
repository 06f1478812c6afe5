"""Two installations that prepare one server, which asks for passwords."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import astuple
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from bpm_crm.cli.provision import provisioned
from bpm_crm.config import ROLE_PASSWORD, Settings, app_url, worker_url
from bpm_crm.embedded.server import ensure_server
from bpm_crm.records.bootstrap import prepare_server, role_urls
from bpm_crm.records.roles import LOGINS
from tests.conftest import FAST
from tests.homes import an_open_home

DATABASE = "bpm_crm"


@pytest.fixture
async def strict() -> AsyncIterator[str]:
    """The administrator's URL of a new server that lets our roles in by their passwords only."""
    with an_open_home() as home, ensure_server(home, settings=FAST) as server:
        rules = home / "pg_hba.conf"
        rules.write_text(f"local all {','.join(LOGINS)} scram-sha-256\n{rules.read_text()}")
        os.kill(server.pid, signal.SIGHUP)
        url = server.dsn(server.superuser, DATABASE)
        for _ in range(500):  # until the server has read the rules
            if await signing_in(role_urls(url, "postgres", "no").owner) is asyncpg.InvalidPasswordError:
                break
            await asyncio.sleep(0.01)
        yield url


async def signing_in(url: str) -> type[Exception] | None:
    """The error by which a server refuses a URL, if it does."""
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.PostgresError as error:
        return type(error)
    await connection.close()
    return None


async def signs_in(url: str, password: str) -> bool:
    """Whether all three roles get in with a password."""
    found = {await signing_in(role) for role in astuple(role_urls(url, DATABASE, password))}
    assert found <= {None, asyncpg.InvalidPasswordError}
    return found == {None}


async def started(home: Path, url: str) -> str:
    """Prepare the server from a home, as every command does; what it said."""
    said: list[str] = []

    def start() -> None:
        with provisioned(Settings(home=home, database_url=SecretStr(url)), said.append, migrate=False):
            pass

    await asyncio.to_thread(start)
    return "\n".join(said)


async def test_a_home_that_is_shut_out_says_whose_password_it_replaces_and_a_copy_of_it_ends_the_quarrel(
    strict: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert not await started(first, strict)
    password = (first / ROLE_PASSWORD).read_text()
    assert await signs_in(strict, password)

    said = await started(second, strict)
    assert f"{', '.join(LOGINS)} could not sign in and got the password in {second / ROLE_PASSWORD}." in said
    assert "Other installations that share this server must get a copy of that file" in said
    assert not await signs_in(strict, password)

    (first / ROLE_PASSWORD).write_text((second / ROLE_PASSWORD).read_text())
    assert not await started(first, strict)
    assert not await started(second, strict)
    assert await signs_in(strict, (first / ROLE_PASSWORD).read_text())


async def test_only_a_role_that_is_new_or_shut_out_gets_the_password(strict: str) -> None:
    async def stored() -> dict[str, str]:
        rows = await admin.fetch("SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY ($1)", LOGINS)
        return dict(rows)

    assert await prepare_server(strict, DATABASE, "one") == []
    admin = await asyncpg.connect(strict)
    try:
        before = await stored()
        assert await prepare_server(strict, DATABASE, "one") == []
        assert await stored() == before, "a verifier is salted anew whenever a password is set"
        await admin.execute(f"ALTER ROLE {LOGINS[1]} PASSWORD 'two'")
        assert await prepare_server(strict, DATABASE, "one") == [LOGINS[1]]
        assert {role for role in LOGINS if before[role] != (await stored())[role]} == {LOGINS[1]}
        assert await signs_in(strict, "one")
    finally:
        await admin.close()


@pytest.mark.parametrize(
    "environment", [{"BPM_CRM_HOME": "{home}"}, {"XDG_DATA_HOME": "{home}"}], ids=["named", "by default"]
)
def test_the_password_is_found_in_the_home_whether_named_or_not(
    environment: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpm_crm.embedded.home._is_root", lambda: False)
    monkeypatch.delenv("BPM_CRM_HOME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    home = tmp_path if "BPM_CRM_HOME" in environment else tmp_path / "bpm-crm"
    home.mkdir(exist_ok=True)
    (home / ROLE_PASSWORD).write_text("secret\n")
    settings = Settings(database_url=SecretStr("postgresql://root@db.example/bpm_crm"))
    assert app_url(settings, os.environ) == "postgresql://bpm_crm_app:secret@db.example/bpm_crm"
    assert worker_url(settings, os.environ) == "postgresql://bpm_crm_worker:secret@db.example/bpm_crm"
