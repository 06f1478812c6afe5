"""A private PostgreSQL: found running or started, tied to the life of the process that started it."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from bpm_crm.embedded.accounts import Account, choose_account, first_closed
from bpm_crm.embedded.cluster import SUPERUSER
from bpm_crm.embedded.errors import HomeNotReachable, PlatformNotSupported
from bpm_crm.embedded.guardian import Guardian
from bpm_crm.embedded.home import Home, make_home
from bpm_crm.embedded.lock import take_lock
from bpm_crm.embedded.processes import Postmaster
from bpm_crm.embedded.running import await_holder, await_strangers, find_running
from bpm_crm.embedded.settings import merge_settings
from bpm_crm.embedded.starting import start
from bpm_crm.embedded.waiting import Tell, Waiting


@dataclass(frozen=True)
class Server:
    """A live server; if `owned`, it was started by this object and ends with `stop()` or with this process."""

    socket_directory: Path
    port: int
    pid: int
    superuser: str = SUPERUSER
    _guardian: Guardian | None = field(default=None, repr=False, compare=False)

    @property
    def owned(self) -> bool:
        """Whether this object started the server, and may stop it."""
        return self._guardian is not None

    def dsn(self, role: str, database: str) -> str:
        """Return the address of a database as asyncpg and libpq understand it: postgresql://role@/database?host=…&port=…"""
        user, name, host = (quote(part, safe="") for part in (role, database, str(self.socket_directory)))
        return f"postgresql://{user}@/{name}?host={host}&port={self.port}"

    def stop(self) -> None:
        """Shut an owned server down, open sessions included, and wait for its end; leaves another process's server alone."""
        if self._guardian is not None:
            self._guardian.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def ensure_server(
    home: Path,
    *,
    settings: Mapping[str, str] | None = None,
    on_message: Callable[[str], None] | None = None,
    run_as: str | None = None,
) -> Server:
    """Return the live server of a home: the one that runs there already, else one started now, from initdb if need be.

    `settings` override the server's settings if it is started here. `on_message` hears what takes time: making the database,
    crash recovery, leftover processes; none of these has a time limit. `run_as` names the OS user of the server when this
    process is root. The call blocks; from a coroutine use asyncio.to_thread.

    Raises a subclass of errors.EmbeddedFault, whose text names the place and the cure.
    """
    if sys.platform == "win32":
        raise PlatformNotSupported("No private PostgreSQL on Windows. Name a server in BPM_CRM_DATABASE_URL.")
    merged = merge_settings(settings or {})
    tell = on_message or _say_nothing
    root = home.expanduser().resolve()
    account = choose_account(run_as, Home(root).data)
    return _find_or_start(_open_home(root, account), account, merged, tell)


def _find_or_start(home: Home, account: Account, settings: Mapping[str, str], tell: Tell) -> Server:
    waiting = Waiting(tell)
    while True:
        lock = take_lock(home, account)
        if lock is None:
            running = find_running(home)
            if running is not None:
                return _server(running)
            await_holder(home, waiting)
            continue
        with lock:
            running = await_strangers(home, waiting)
            if running is not None:
                return _server(running)
            guardian, started = start(home, account, lock=lock, settings=settings, tell=tell)
            return _server(started, guardian)


def _open_home(root: Path, account: Account) -> Home:
    """Make the home, once it is known that the server's user can enter every directory above it and itself."""
    if account.identity:
        standing = [directory for directory in (*reversed(root.parents), root) if directory.exists()]
        closed = first_closed(account, standing)
        if closed is not None:
            raise HomeNotReachable(root, closed, account.name)
    return make_home(root)


def _server(postmaster: Postmaster, guardian: Guardian | None = None) -> Server:
    return Server(postmaster.socket_directory, postmaster.port, postmaster.pid, _guardian=guardian)


def _say_nothing(_: str) -> None:
    pass
