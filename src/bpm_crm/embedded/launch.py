"""The first program of a server's process, run as a script: drops privileges, ties the server's life to its owner's, becomes the server.

A script of its own rather than a function run between fork and exec, which is unsafe in a process with threads. It runs isolated
(`python -I -S`) and imports only the standard library, before privileges are dropped: the server's user may not be able to read Python.

Arguments: the tie (`signal` or `pipe`), the number of the owner's process, user, group and supplementary groups (comma-separated,
may be empty) to take on when root, then the server's command.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

PR_SET_PDEATHSIG = 1
"""Linux, prctl(2): the signal a process gets when its parent dies; forgotten when a process changes its user."""

SECONDS_BETWEEN_LOOKS = 0.2


def main(arguments: Sequence[str]) -> int:
    """Run the server's command tied to the owner; return its exit status, where this process does not become the server itself."""
    tie, owner, user, group, groups, *command = arguments
    if os.geteuid() == 0:
        os.setgroups([int(number) for number in groups.split(",") if number])
        os.setgid(int(group))
        os.setuid(int(user))
    if tie == "signal":
        _die_with(int(owner))
        _become(command)
    return _watch(command)


def _die_with(owner: int) -> None:
    """Have the kernel send this process a fast shutdown (SIGINT) when the owner dies; exit if it has died already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != owner:
        sys.exit("the owner of the server died while it was being started")


def _become(command: list[str]) -> NoReturn:
    # The owner blocked interrupts for us: Python might have lost one, and the server would live on while its end is waited for.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # Python ignores these two, and an ignored signal stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - becoming the server is the purpose


def _watch(command: list[str]) -> int:
    """Where there is no such signal: stay as the server's parent, and shut it down when the owner's end of standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner speaks through the pipe only
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)  # noqa: S603 - the launcher's own command, no shell
    while server.poll() is None:
        readable, _, _ = select.select([sys.stdin], [], [], SECONDS_BETWEEN_LOOKS)
        if readable:
            server.send_signal(signal.SIGINT)
            return server.wait()
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
