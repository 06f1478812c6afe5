"""One part, API or worker, run alone: in place of this process or, where this one has a server to keep, below it."""

import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from bpm_crm.cli.tie import start_tied


def become(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Go on as a part, in this process: its signals and its status are then the part's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, dict(environment))  # noqa: S606  # our own program


def run_below(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a part below this process, which has a server to keep, and hand on its status.

    SIGTERM and SIGINT end the part in order; 0 is the status then. A part that a signal killed otherwise has 128 and its number.
    """
    child = start_tied(command, environment)
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        # SIGTERM for both: of Ctrl-C the part has heard already, and uvicorn takes a second SIGINT for impatience.
        asked.append(number)
        child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    status = child.wait()
    if asked and -status in (0, signal.SIGTERM, signal.SIGINT):
        return 0
    return status if status >= 0 else 128 - status
