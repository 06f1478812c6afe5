"""How long `bpm-crm run` takes until it answers: at the first start, which loads the demo, and at the second."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("bpm-crm")
LAST_WORD = "Health"
"""What the last line of the welcome begins with; the API has answered before it is printed."""


def measure() -> tuple[float, float]:
    """Seconds of the first and of the second start of a new installation."""
    home = Path(tempfile.mkdtemp(prefix="bpm-crm-start-"))
    home.chmod(0o755)
    try:
        return _start(home), _start(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _start(home: Path) -> float:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BPM_CRM_")}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "run", "--port", "0"],
        env={**kept, "BPM_CRM_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if process.stdout is None:
        raise ValueError("the output is a pipe")
    with process.stdout as lines:
        welcomed = any(line.startswith(LAST_WORD) for line in lines)
        seconds = time.perf_counter() - begun
        process.send_signal(signal.SIGINT)
    process.wait()
    if not welcomed:
        raise ValueError("the product did not start")
    return seconds
