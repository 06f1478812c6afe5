"""A private directory for the server's socket whose path fits into the address of a unix socket."""

import os
import re
import stat
import sys
import tempfile
from pathlib import Path

from bpm_crm.embedded.accounts import Account, first_closed
from bpm_crm.embedded.authentication import write_atomically
from bpm_crm.embedded.errors import SocketPathTooLong
from bpm_crm.embedded.home import Home

LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
"""Bytes of sun_path without its closing zero: unix(7) on Linux, sys/un.h on macOS and the BSDs."""

_SEPARATORS = re.compile(r'[,"\n]')
"""Clients and the server take lists of directories, separated by commas and quoted."""


def choose_socket_directory(home: Home, account: Account, port: int) -> Path:
    """Return the home's own socket directory, or a remembered one under the temporary directory if that path is too long.

    The directory exists then, belongs to the account and is closed to everybody else. Raises SocketPathTooLong.
    """
    if fits(home.run, port):
        home.run.mkdir(mode=0o700, exist_ok=True)
        account.own(home.run)
        return home.run
    remembered = _remembered(home, account)
    if remembered is not None and fits(remembered, port):
        return remembered
    made = _make_short(home, account, port)
    write_atomically(home.socket_directory_note, str(made), account)
    return made


def fits(directory: Path, port: int) -> bool:
    """Say whether clients and server can name the socket of a port in this directory."""
    path = str(directory / f".s.PGSQL.{port}")
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and not _SEPARATORS.search(path)


def _remembered(home: Home, account: Account) -> Path | None:
    """Return the directory used before, if it is still what was made: a real directory of this user, closed to everybody else."""
    try:
        directory = Path(home.socket_directory_note.read_text(encoding="utf-8"))
        found = directory.lstat()
    except FileNotFoundError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and stat.S_IMODE(found.st_mode) == 0o700
    return directory if is_ours else None


def _make_short(home: Home, account: Account, port: int) -> Path:
    roots = [Path(root).resolve() for root in (tempfile.gettempdir(), "/tmp", "/var/tmp")]  # noqa: S108 - mkdtemp makes it private
    for root in roots:
        if (
            fits(root / "bpm-crm-12345678", port)
            and root.is_dir()
            and first_closed(account, [*root.parents, root]) is None
        ):
            directory = Path(tempfile.mkdtemp(prefix="bpm-crm-", dir=root))
            account.own(directory)
            return directory
    raise SocketPathTooLong(
        f"The socket of {home.root} needs a path of at most {LONGEST_SOCKET_PATH} bytes without commas or quotes, and no temporary directory "
        f"gives one ({', '.join(map(str, roots))}). Choose a shorter home: set BPM_CRM_HOME."
    )
