"""The OS user that runs the server: the present one, or an unprivileged one when the present one is root."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.errors import AccountNotUsable, HomeNotWritable, HomeOwnedByAnother

if sys.platform != "win32":
    import pwd

ACCOUNTS_FOR_ROOT = ("postgres", "nobody")
"""PostgreSQL refuses to run as root; the first of these that exists runs it then."""

_FIRST_CLOSED = 'for path do test -x "$path" || { printf %s "$path"; exit; }; done'


class Identity(TypedDict, total=False):
    """The arguments by which subprocess takes on another OS user; empty where there is nothing to change."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """An OS user with its numbers."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @property
    def identity(self) -> Identity:
        """What subprocess needs to run a child as this user."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": list(self.groups)}

    def own(self, path: Path | int) -> None:
        """Make this user the owner of a path (itself, if it is a symbolic link) or of an open file."""
        if self.uid == os.geteuid():
            return
        if isinstance(path, int):
            os.fchown(path, self.uid, self.gid)
        else:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def current_account() -> Account:
    """Return the OS user of this process. Raises AccountNotUsable if it has no name, which peer authentication needs."""
    return _account_of(os.geteuid())


def choose_account(run_as: str | None, data: Path) -> Account:
    """Return the OS user that runs the server on a data directory.

    For an ordinary user it is that user. For root it is `run_as`, else the owner of existing data, else `postgres`, else `nobody`.
    Raises AccountNotUsable, HomeOwnedByAnother if the data belong to somebody else, HomeNotWritable if they cannot be looked at.
    """
    current = current_account()
    try:
        owner = data.stat().st_uid if data.exists() else None
    except OSError as reason:
        raise HomeNotWritable(
            f"{data} is closed to the OS user {current.name!r}: {reason}. Set BPM_CRM_HOME to another home."
        ) from reason
    if current.uid == 0:
        chosen = _account_for_root(run_as, owner)
    elif run_as in (None, current.name):
        chosen = current
    else:
        raise AccountNotUsable(
            f"Only root can run the server as {run_as!r}; this process runs as {current.name!r}. Leave run_as out."
        )
    if owner not in (None, chosen.uid):
        raise HomeOwnedByAnother(
            f"{data} belongs to the OS user number {owner}, not to {chosen.name!r}. "
            "Run as its owner or as root, or choose another home: set BPM_CRM_HOME."
        )
    return chosen


def first_closed(account: Account, paths: Iterable[Path]) -> Path | None:
    """Return the first path that a user may not enter (a directory) or execute (a file), or None; asked of the kernel as that user."""
    try:
        told = subprocess.run(  # noqa: S603 - constant script, the paths are its arguments
            ["/bin/sh", "-c", _FIRST_CLOSED, "sh", *map(str, paths)],
            check=True,
            capture_output=True,
            cwd="/",
            env=clean_environment(),
            **account.identity,
        ).stdout
    except (OSError, subprocess.SubprocessError) as reason:
        raise AccountNotUsable(
            f"This process cannot run programs as {account.name!r}: {reason}. Name another user in run_as."
        ) from reason
    return Path(os.fsdecode(told)) if told else None


def _account_for_root(run_as: str | None, owner: int | None) -> Account:
    if run_as is not None:
        chosen = _account_named(run_as)
    elif owner is not None:
        chosen = _account_of(owner)
    else:
        known = {entry.pw_name for entry in pwd.getpwall()}
        chosen = _account_named(next((name for name in ACCOUNTS_FOR_ROOT if name in known), ACCOUNTS_FOR_ROOT[-1]))
    if chosen.uid == 0:
        raise AccountNotUsable(
            "PostgreSQL does not run as root. Name an unprivileged OS user in run_as; data must not belong to root."
        )
    return chosen


def _account_named(name: str) -> Account:
    try:
        return _account(pwd.getpwnam(name))
    except KeyError as reason:
        raise AccountNotUsable(
            f"There is no OS user {name!r} to run PostgreSQL. Name one that exists in run_as."
        ) from reason


def _account_of(uid: int) -> Account:
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError as reason:
        raise AccountNotUsable(
            f"The OS user number {uid} has no name, which PostgreSQL needs. Add it to /etc/passwd, or name a server in BPM_CRM_DATABASE_URL."
        ) from reason


def _account(entry: "pwd.struct_passwd") -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))
