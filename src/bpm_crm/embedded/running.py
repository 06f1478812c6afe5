"""Finding the live server of a home, and waiting for processes that are neither a live server nor gone."""

import psutil

from bpm_crm.embedded.accounts import current_account
from bpm_crm.embedded.cluster import SUPERUSER
from bpm_crm.embedded.errors import ServerRefusesUser
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.probe import State, ask
from bpm_crm.embedded.processes import Postmaster, hurry, is_postmaster, orphans, read_postmaster
from bpm_crm.embedded.waiting import Waiting

GRACE_SECONDS = 0.5
"""How long a killed server's children may go on by themselves before they are asked to quit."""


def find_running(home: Home) -> Postmaster | None:
    """Return the server that postmaster.pid claims, if it listens on its socket and answers. Raises ServerRefusesUser."""
    claimed = read_postmaster(home)
    if claimed is None or not claimed.is_ready:
        return None
    answer = ask(claimed.socket_path, role=SUPERUSER)
    # The kernel says who listens: 0 is a process of another container, None a system that does not tell.
    is_listener = answer.listener in (claimed.pid, 0) or (answer.listener is None and is_postmaster(claimed.pid, home))
    if not is_listener:
        return None
    if answer.state is State.REFUSED:
        raise refusal(home, answer.words)
    return claimed if answer.state is State.READY else None


def await_holder(home: Home, waiting: Waiting) -> None:
    """Wait a little for whoever holds the lock: a starter, a server that starts or stops, or a killed server's children."""
    claimed = read_postmaster(home)
    # Only a server that was killed leaves its postmaster.pid behind, so only then is there reason to look for its children.
    left = [] if claimed is None or is_postmaster(claimed.pid, home) else _hurry_orphans(home, waiting)
    waiting.pause(
        lambda: (
            _waiting_for(left)
            if left
            else f"Waiting for the process that starts or stops PostgreSQL in {home.root}; it holds {home.lock}"
        )
    )


def await_strangers(home: Home, waiting: Waiting) -> Postmaster | None:
    """Return a server that runs without our lock, started by hand, or None once no process of such a server is left."""
    while (claimed := read_postmaster(home)) is not None:
        running = find_running(home)
        if running is not None:
            return running
        if is_postmaster(claimed.pid, home):
            waiting.pause(lambda: f"Waiting for a PostgreSQL that was started by hand in {home.data}")
            continue
        left = _hurry_orphans(home, waiting)
        if not left:
            break
        waiting.pause(lambda: _waiting_for(left))  # noqa: B023 - called before the next round, if at all
    return None


def refusal(home: Home, words: str) -> ServerRefusesUser:
    """Return the error for a live server that does not let the present OS user in."""
    return ServerRefusesUser(
        f"The PostgreSQL of {home.root} is run by another OS user and does not let {current_account().name!r} in "
        f"({words}). Run as the user that started it, or choose another home: set BPM_CRM_HOME."
    )


def _hurry_orphans(home: Home, waiting: Waiting) -> list[psutil.Process]:
    left = orphans(home)
    if waiting.seconds > GRACE_SECONDS:
        hurry(left)
    return left


def _waiting_for(left: list[psutil.Process]) -> str:
    return f"Waiting for {len(left)} processes that a killed PostgreSQL left behind"
