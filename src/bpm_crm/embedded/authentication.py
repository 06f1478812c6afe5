"""Who may connect: by the kernel's word on the peer of the socket, mapped to any database role."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bpm_crm.embedded.accounts import Account
from bpm_crm.embedded.home import Home

MAP = "bpm_crm"
_NOTE = "# Written by bpm_crm at every start of the server; changes made here are lost.\n"


def host_rules() -> str:
    """Return the text of pg_hba.conf: the socket only, replication included (for base backups), and nothing else."""
    return f"{_NOTE}local all all peer map={MAP}\nlocal replication all peer map={MAP}\n"


def user_map(names: Iterable[str]) -> str:
    """Return the text of pg_ident.conf by which each named OS user may act as every database role."""
    quoted = ('"' + name.replace('"', '""') + '"' for name in dict.fromkeys(names))
    return _NOTE + "".join(f"{MAP} {name} all\n" for name in quoted)


def write_authentication(home: Home, account: Account, current: Account) -> None:
    """Write both files into the home, for the user that runs the server and the one that asks for it."""
    write_atomically(home.host_rules, host_rules(), account)
    write_atomically(home.user_map, user_map([current.name, account.name]), account)


def write_atomically(path: Path, text: str, owner: Account) -> None:
    """Put a file of a given owner, mode 0600, in place of whatever bears its name, all or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            owner.own(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
