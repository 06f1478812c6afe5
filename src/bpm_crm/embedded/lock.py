"""The lock of a home, which lives as long as any process of its server.

The lock is taken by whoever prepares the server, and its file stays open in every process that descends from the start: the
server, its backends, initdb. So the kernel itself says when the last of them is gone; zombies and reused process numbers do not matter,
nor does whether the processes are visible from here (two containers that share a home).
"""

import os
import sys
from types import TracebackType
from typing import Self

from bpm_crm.embedded.accounts import Account
from bpm_crm.embedded.errors import HomeNotWritable
from bpm_crm.embedded.home import Home

if sys.platform != "win32":
    import fcntl


class Lock:
    """A held lock; children that are given `handle` hold it too. Leaving the context closes this process's share only."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closed, never unlocked: unlocking would also take the lock away from the server that inherited it.
        os.close(self.handle)


def take_lock(home: Home, account: Account) -> Lock | None:
    """Return the lock of a home, or None while anybody else holds it. Raises HomeNotWritable."""
    try:
        handle = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as reason:
        raise HomeNotWritable(
            f"{home.lock} cannot be opened: {reason}. Run as the user who made it, or set BPM_CRM_HOME."
        ) from reason
    try:
        account.own(handle)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        os.close(handle)
        raise
    return Lock(handle)
