"""Starting a server on a home of which no process is left."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bpm_crm.embedded.accounts import Account, current_account
from bpm_crm.embedded.authentication import write_authentication
from bpm_crm.embedded.binaries import find_binaries
from bpm_crm.embedded.cluster import SUPERUSER, ensure_cluster
from bpm_crm.embedded.errors import ServerNotStarted
from bpm_crm.embedded.guardian import TIE, Guardian, spawn_server
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.lock import Lock
from bpm_crm.embedded.log import last_lines, open_startup_log
from bpm_crm.embedded.private_copy import reachable_binaries
from bpm_crm.embedded.probe import State, ask
from bpm_crm.embedded.processes import Postmaster, read_postmaster
from bpm_crm.embedded.running import refusal
from bpm_crm.embedded.settings import server_command
from bpm_crm.embedded.socket_directory import choose_socket_directory
from bpm_crm.embedded.waiting import Tell, Waiting


def start(
    home: Home, account: Account, *, lock: Lock, settings: Mapping[str, str], tell: Tell
) -> tuple[Guardian, Postmaster]:
    """Start a server and return it once it accepts sessions; the caller holds the lock, which the server then shares.

    Raises BinariesNotFound, BinariesNotReachable, OtherMajorVersion, ClusterNotCreated, SocketPathTooLong, ServerNotStarted.
    """
    binaries = reachable_binaries(find_binaries(), home, account, tell=tell)
    ensure_cluster(home, binaries, account, lock=lock, tell=tell)
    write_authentication(home, account, current_account())
    socket_directory = choose_socket_directory(home, account, int(settings["port"]))
    _remove_stale_files(home, socket_directory)
    command = server_command(binaries, home, socket_directory=socket_directory, settings=settings)
    with ExitStack() as undo, open_startup_log(home, account) as log:
        guardian = Guardian(lambda: spawn_server(command, account=account, lock=lock, log=log, tie=TIE))
        undo.callback(guardian.stop)
        running = _await_ready(home, guardian, Waiting(tell))
        undo.pop_all()
    return guardian, running


def _remove_stale_files(home: Home, socket_directory: Path) -> None:
    # PostgreSQL would refuse to start if a number in these files has meanwhile become another process's of the same OS user.
    for stale in (home.data / "postmaster.pid", *socket_directory.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)


def _await_ready(home: Home, guardian: Guardian, waiting: Waiting) -> Postmaster:
    """Return the server once it accepts sessions, however long recovery takes."""
    while True:
        running = read_postmaster(home)
        if running is not None and running.is_ready:
            answer = ask(running.socket_path, role=SUPERUSER)
            if answer.state is State.READY:
                return running
            if answer.state is State.REFUSED:
                raise refusal(home, answer.words)
        if guardian.has_ended:
            said = "\n".join(last_lines(home, 20))
            raise ServerNotStarted(f"PostgreSQL ended while it was starting in {home.root}. {home.log} says:\n{said}")
        waiting.pause(lambda: " ".join(["PostgreSQL is starting or recovering.", *last_lines(home, 1)]))
