"""The server's log files: what to show of them when something goes wrong, and which are too old to keep."""

from pathlib import Path
from typing import IO

from bpm_crm.embedded.accounts import Account
from bpm_crm.embedded.home import Home

DAYS_KEPT = 6
"""One file per weekday: a file older than this is the same weekday's of last week, to which the server would append."""

_TAIL_BYTES = 4096


def open_startup_log(home: Home, account: Account) -> IO[bytes]:
    """Begin the startup log anew and remove weekday files of last week; both the launcher and the server may write there."""
    home.log.mkdir(mode=0o700, exist_ok=True)
    account.own(home.log)
    home.startup_log.unlink(missing_ok=True)
    file = home.startup_log.open("xb")
    account.own(file.fileno())
    begun = home.startup_log.stat().st_mtime
    for weekday in home.log.glob("postgresql-*.log"):
        if weekday.stat().st_mtime < begun - DAYS_KEPT * 86400:
            weekday.unlink()
    return file


def last_lines(home: Home, count: int) -> list[str]:
    """Return the last lines the server wrote, from the file written last; none if there is no log yet."""
    files = [path for path in home.log.glob("*.log") if path.stat().st_size]
    if not files:
        return []
    with max(files, key=_written).open("rb") as file:
        file.seek(max(0, _written_bytes(file) - _TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-count:]


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns


def _written_bytes(file: IO[bytes]) -> int:
    return file.seek(0, 2)
