"""The data directory: made whole or not at all, and never touched by another major version."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bpm_crm.embedded.accounts import Account
from bpm_crm.embedded.binaries import Binaries
from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.errors import ClusterNotCreated, OtherMajorVersion
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.lock import Lock
from bpm_crm.embedded.upgrade import dump_and_restore
from bpm_crm.embedded.waiting import Tell

SUPERUSER = "postgres"
BUILTIN_PROVIDER_SINCE = 17
UNFINISHED = "data.new-"

CHARACTER_TYPES = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
"""The LC_CTYPE of the data, by which pg_trgm tells letters from other characters; not every macOS has C.UTF-8."""


def ensure_cluster(home: Home, binaries: Binaries, account: Account, *, lock: Lock, tell: Tell) -> None:
    """Make the data directory if there is none; the caller holds the lock. Raises OtherMajorVersion, ClusterNotCreated."""
    found = read_major(home)
    if found is None:
        tell(f"Creating the database in {home.data}")
        _create(home, binaries, account, lock)
    elif found != binaries.major:
        recipe = dump_and_restore(home, account, found=found, binaries=binaries)
        raise OtherMajorVersion(data=home.data, found=found, expected=binaries.major, recipe=recipe)


def read_major(home: Home) -> int | None:
    """Return the major version of the data directory, or None if there is none. Raises ClusterNotCreated for something else there."""
    try:
        return int((home.data / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        if home.data.exists() and any(home.data.iterdir()):
            raise ClusterNotCreated(
                f"{home.data} holds files but is no PostgreSQL data directory. Move it away."
            ) from None
        return None
    except ValueError as reason:
        raise ClusterNotCreated(
            f"{home.data / 'PG_VERSION'} is damaged: {reason}. Restore the directory from a backup."
        ) from reason


def locale_flags(major: int) -> list[str]:
    """Return initdb's flags for a locale that knows letters of every language, sorts by code point and never changes with the OS."""
    provider = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if major >= BUILTIN_PROVIDER_SINCE
        else ["--locale-provider=libc"]
    )
    return [*provider, f"--lc-ctype={CHARACTER_TYPES}", "--lc-collate=C", "-E", "UTF8"]


def _create(home: Home, binaries: Binaries, account: Account, lock: Lock) -> None:
    for unfinished in home.root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(unfinished)
    directory = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=home.root))
    try:
        account.own(directory)
        _run_initdb(directory, binaries, account, lock)
        directory.rename(home.data)
    except BaseException:
        shutil.rmtree(directory)
        raise
    _sync(home.root)


def _run_initdb(directory: Path, binaries: Binaries, account: Account, lock: Lock) -> None:
    flags = ["-U", SUPERUSER, "--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-instructions"]
    try:
        # initdb shares the lock: if the starter is killed, the next one waits until initdb is gone before it cleans up.
        subprocess.run(  # noqa: S603 - a program of our own choosing, no shell
            [str(binaries.program("initdb")), "-D", str(directory), *flags, *locale_flags(binaries.major)],
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=clean_environment(),
            pass_fds=(lock.handle,),
            start_new_session=True,
            **account.identity,
        )
    except subprocess.CalledProcessError as reason:
        raise ClusterNotCreated(
            f"initdb failed in {directory.parent}: {reason.stderr.strip()}. Cure what it names, then start again; nothing was left behind."
        ) from reason


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
