"""The owner's side of the server's process: a thread that starts it, is its parent for the kernel, and waits for its end."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bpm_crm.embedded import launch
from bpm_crm.embedded.accounts import Account
from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.lock import Lock

TIE = "signal" if sys.platform == "linux" else "pipe"
"""How the server learns that its owner died: by the kernel's signal on Linux, elsewhere by a watching parent and a pipe.

The pipe's weakness, kill -9 of the watching parent itself, leaves the server running; the next start then finds it and attaches to it.
"""


SECONDS_FOR_THE_LAST = 5.0
"""How long the end of the server's remaining processes is awaited once the server itself has ended.

Its log writer goes a moment after it. The limit is for a program that a session started in the background and that never ends.
"""


@dataclass(frozen=True)
class Spawned:
    """A server's process, and the reading end of a pipe whose other end every process of the server holds until its own end."""

    process: subprocess.Popen[bytes]
    ends: int


class Guardian:
    """A server's process together with the thread that started it.

    The kernel's signal is sent when the *thread* that started the process ends. Started from a short-lived thread (a pool's, or
    asyncio.to_thread) the server would die with that thread; this one lives until the server has ended or the whole process dies.
    """

    def __init__(self, spawn: Callable[[], Spawned]) -> None:
        """Start the process; raises what `spawn` raises."""
        started: Future[Spawned] = Future()
        self._thread = threading.Thread(target=_guard, args=(spawn, started), name="postgres-guardian", daemon=True)
        self._thread.start()
        self._process = started.result().process

    @property
    def has_ended(self) -> bool:
        """Whether the server's process is gone and reaped, and its remaining processes have been awaited."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Ask for a fast shutdown and wait for the end, however long the last checkpoint takes. Does nothing after the end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        else:
            self._process.send_signal(signal.SIGINT)
        self._thread.join()


def spawn_server(command: list[str], *, account: Account, lock: Lock, log: IO[bytes], tie: str) -> Spawned:
    """Start the server's command as `account`, in a session of its own (so that Ctrl-C reaches only the owner), sharing the lock."""
    drop = [str(account.uid), str(account.gid), ",".join(map(str, account.groups))]
    ends, held = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and our own script, no shell
            [sys.executable, "-I", "-S", str(Path(launch.__file__)), tie, str(os.getpid()), *drop, *command],
            stdin=subprocess.PIPE if tie == "pipe" else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=clean_environment(),
            pass_fds=(lock.handle, held),
            start_new_session=True,
        )
    except BaseException:
        os.close(ends)
        raise
    finally:
        os.close(held)
    return Spawned(process, ends)


def _guard(spawn: Callable[[], Spawned], started: Future[Spawned]) -> None:
    # The process inherits this, so that an interrupt waits until the launcher has Python's own handler out of the way.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        spawned = spawn()
    except (OSError, subprocess.SubprocessError) as reason:
        started.set_exception(reason)
        return
    started.set_result(spawned)
    spawned.process.wait()
    end = select.poll()  # unlike select.select it takes a handle of any number
    end.register(spawned.ends)
    end.poll(SECONDS_FOR_THE_LAST * 1000)
    os.close(spawned.ends)
