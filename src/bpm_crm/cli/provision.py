"""Makes the database ready for a command: a private server where no URL is given, roles, migrations, secrets."""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from bpm_crm.api.tokens import BuiltInIssuer, new_private_key
from bpm_crm.config import ISSUER_KEY, ROLE_PASSWORD, Settings, home_of
from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.records import bootstrap, migrations

DATABASE = "bpm_crm"

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


@contextmanager
def provisioned(settings: Settings, tell: Tell, *, migrate: bool = True) -> Iterator[Provision]:
    """Yield a database that is ready. A private server started here ends with the block; one that runs already is shared."""
    home = home_of(settings, os.environ)
    home.mkdir(parents=True, exist_ok=True)
    _ensure_issuer(home)
    if settings.database_url is None:
        with ensure_server(home, on_message=tell) as server:
            admin = server.dsn(server.superuser, "postgres")
            roles = (server.dsn(role, DATABASE) for role in ("bpm_crm_owner", "bpm_crm_app", "bpm_crm_worker"))
            yield _ready(settings, home, admin, DATABASE, bootstrap.Access(*roles), server, migrate)
    else:
        url = settings.database_url.get_secret_value()
        database = urlsplit(url).path.lstrip("/") or DATABASE
        access = bootstrap.role_urls(url, _role_password(home))
        yield _ready(settings, home, url, database, access, None, migrate)


def _ready(
    settings: Settings,
    home: Path,
    admin: str,
    database: str,
    access: bootstrap.Access,
    server: Server | None,
    migrate: bool,
) -> Provision:
    asyncio.run(_prepare(admin, database, access, server, home, migrate))
    filled = {
        "home": home,
        "app_database_url": settings.app_database_url or SecretStr(access.app),
        "worker_database_url": settings.worker_database_url or SecretStr(access.worker),
    }
    return Provision(settings.model_copy(update=filled), access, server)


async def _prepare(
    admin: str, database: str, access: bootstrap.Access, server: Server | None, home: Path, migrate: bool
) -> None:
    await bootstrap.prepare_server(admin, database)
    if server is None:
        await bootstrap.set_password(admin, _role_password(home))
    if migrate and await migrations.current(access.owner) != migrations.head():
        await migrations.upgrade(access.owner)


def _ensure_issuer(home: Path) -> None:
    """Give this installation a key for the built-in issuer, readable by its user alone."""
    path = home / ISSUER_KEY
    if not path.is_file():
        _write_secret(path, new_private_key())


def _role_password(home: Path) -> str:
    """The password of the roles on a server reached over the network; made at the first start."""
    path = home / ROLE_PASSWORD
    if not path.is_file():
        _write_secret(path, secrets.token_urlsafe(24).encode())
    return path.read_text(encoding="ascii").strip()


def _write_secret(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
