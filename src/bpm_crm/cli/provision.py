"""Makes the database ready for a command: a private server where no URL is given, roles, migrations, secrets."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from bpm_crm.api.issuer import BuiltInIssuer, new_private_key
from bpm_crm.config import DATABASE, ISSUER_KEY, ROLE_PASSWORD, Settings, app_url, database_of, home_of, worker_url
from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.records import bootstrap
from bpm_crm.records.database import Database
from bpm_crm.records.revision import HEAD, current
from bpm_crm.records.roles import LOGINS


class MigrationFailed(Exception):
    """A migration did not succeed; nothing of it was kept."""


Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Provision:
    """What a command runs on: settings with every URL filled in, the URLs by role, the private server if there is one."""

    settings: Settings
    access: bootstrap.Access
    server: Server | None

    @property
    def issuer(self) -> BuiltInIssuer:
        """The built-in issuer of this installation."""
        key = home_of(self.settings, os.environ) / ISSUER_KEY
        return BuiltInIssuer(key.read_bytes(), issuer=self.settings.issuer, audience=self.settings.audience)

    async def owner_database(self, size: int) -> Database:
        """A pool of connections as the owner, past any pooler."""
        return await Database.connect(self.access.owner, size=size)

    async def worker_database(self, size: int) -> Database:
        """A pool of connections as the worker, the way workers connect."""
        url = worker_url(self.settings, os.environ)
        return await Database.connect(url, size=size, through_pooler=self.settings.through_pooler)


@contextmanager
def provisioned(settings: Settings, tell: Tell, *, migrate: bool = True) -> Iterator[Provision]:
    """Yield a database that is ready. A private server started here ends with the block; one that runs already is shared."""
    home = home_of(settings, os.environ)
    home.mkdir(parents=True, exist_ok=True)
    _ensure_issuer(home)
    if settings.database_url is None:
        with ensure_server(home, on_message=tell) as server:
            access = bootstrap.Access(*(server.dsn(role, DATABASE) for role in LOGINS))
            asyncio.run(bootstrap.prepare_server(server.dsn(server.superuser, "postgres"), DATABASE))
            yield _ready(settings, home, access, server, migrate)
    else:
        access = _prepared(settings, settings.database_url.get_secret_value(), home, tell)
        yield _ready(settings, home, access, None, migrate)


def _prepared(settings: Settings, url: str, home: Path, tell: Tell) -> bootstrap.Access:
    """Prepare the server of a URL, unless an administrator did; how each role reaches it."""
    if bootstrap.is_prepared(url):
        return bootstrap.Access(url, app_url(settings, os.environ), worker_url(settings, os.environ))
    database = database_of(url)
    password = _role_password(home)
    replaced = asyncio.run(bootstrap.prepare_server(url, database, password))
    if replaced:
        tell(
            f"{', '.join(replaced)} could not sign in and got the password in {home / ROLE_PASSWORD}. Other installations that "
            f"share this server must get a copy of that file, or the three URLs of the roles."
        )
    return bootstrap.role_urls(url, database, password)


def _ready(settings: Settings, home: Path, access: bootstrap.Access, server: Server | None, migrate: bool) -> Provision:
    if migrate and asyncio.run(_revision(access)) != HEAD:
        _migrate(access)
    filled = {
        "home": home,
        "app_database_url": settings.app_database_url or SecretStr(access.app),
        "worker_database_url": settings.worker_database_url or SecretStr(access.worker),
    }
    return Provision(settings.model_copy(update=filled), access, server)


async def _revision(access: bootstrap.Access) -> str | None:
    connection = await asyncpg.connect(access.owner)
    try:
        return await current(connection)
    finally:
        await connection.close()


def _migrate(access: bootstrap.Access) -> None:
    """Run the migrations in a process of their own, so that only it loads Alembic; the URL goes over its input, out of sight."""
    command = [sys.executable, "-m", "bpm_crm.records.migrations"]
    done = subprocess.run(command, input=access.owner, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    if done.returncode:
        raise MigrationFailed(f"the schema could not be brought up to date: {done.stderr.strip().splitlines()[-1]}")


def _ensure_issuer(home: Path) -> None:
    """Give this installation a key for the built-in issuer, readable by its user alone."""
    path = home / ISSUER_KEY
    if not path.is_file():
        write_secret(path, new_private_key())


def _role_password(home: Path) -> str:
    """The password of the roles on a server reached over the network; made at the first start."""
    path = home / ROLE_PASSWORD
    if not path.is_file():
        write_secret(path, secrets.token_urlsafe(24).encode())
    return path.read_text(encoding="ascii").strip()


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only its user can read; `FileExistsError` rather than replace one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
