"""Ties a child to its parent: run as a script it runs a module of Python, and ends with the process that holds its standard input.

However a parent dies, the kernel closes its end of the pipe; a thread of the child waits for that. A script, not a module of the
package: importing the package first would cost the child what the command line takes to load.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

ORDERLY_SECONDS = 10.0
"""How long a child may take to end in order once its parent is gone."""


def start_tied(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start `[python, "-m", module, …]` so that it ends when this process does, in whatever way; keep the result until then."""
    _, _, *module = command
    tied = [sys.executable, "-P", __file__, *module]
    return subprocess.Popen(tied, env=dict(environment), stdin=subprocess.PIPE)  # noqa: S603  # our own program


def _await_parent() -> None:
    """Wait for the end of the pipe, then ask this process to end, and end it if it does not."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORDERLY_SECONDS)
    os._exit(1)


def main() -> None:
    """Run the module named by the first argument with the others, tied."""
    threading.Thread(target=_await_parent, name="tie", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
