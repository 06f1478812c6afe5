"""The directory in which a private server lives: where it is and what lies in it."""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from bpm_crm.embedded.errors import HomeNotWritable, HomeUnknown

HOME_OF_ROOT = Path("/var/lib/bpm-crm")


@dataclass(frozen=True)
class Home:
    """The fixed places in a home; `root` is absolute and free of symbolic links."""

    root: Path

    @property
    def data(self) -> Path:
        """The data directory; complete whenever it exists."""
        return self.root / "data"

    @property
    def lock(self) -> Path:
        """The file whose lock is held by whoever prepares the server and by each process of the server."""
        return self.root / "lock"

    @property
    def run(self) -> Path:
        """The socket directory, where its path is short enough."""
        return self.root / "run"

    @property
    def socket_directory_note(self) -> Path:
        """The file that remembers the socket directory, where `run` is too long a path."""
        return self.root / "socket-directory"

    @property
    def log(self) -> Path:
        """The directory of the server's log files, one per weekday."""
        return self.root / "log"

    @property
    def startup_log(self) -> Path:
        """What the server said before its log files were open; begun anew at each start."""
        return self.log / "startup.log"

    @property
    def host_rules(self) -> Path:
        """The pg_hba file in force."""
        return self.root / "pg_hba.conf"

    @property
    def user_map(self) -> Path:
        """The pg_ident file in force."""
        return self.root / "pg_ident.conf"

    @property
    def cluster_name(self) -> str:
        """A name of this home which the server shows in the titles of its processes, readable by every OS user."""
        return f"bpm-crm-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]}"


def default_home(environment: Mapping[str, str]) -> Path:
    """Return BPM_CRM_HOME if set, /var/lib/bpm-crm for root, else the user's data directory.

    Raises HomeUnknown where the user has no home directory to derive one from.
    """
    chosen = environment.get("BPM_CRM_HOME")
    if chosen:
        return Path(chosen).absolute()
    if _is_root():
        return HOME_OF_ROOT
    derived = Path(platformdirs.user_data_dir("bpm-crm", appauthor=False))
    if not derived.is_absolute():
        raise HomeUnknown("This OS user has no home directory. Set BPM_CRM_HOME to a directory that it may write.")
    return derived


def make_home(root: Path) -> Home:
    """Make the home and the directories missing above it, and return it; what exists keeps its owner and mode.

    Made by root they can be entered by all, since the server runs as another user; else by this user only.
    Raises HomeNotWritable.
    """
    try:
        for directory in reversed(missing_directories(root)):
            with contextlib.suppress(FileExistsError):  # made meanwhile by another starter, who also sets its mode
                directory.mkdir()
                directory.chmod(0o755 if _is_root() else 0o700)
    except OSError as reason:
        raise HomeNotWritable(f"{root} cannot be made: {reason}. Choose another home: set BPM_CRM_HOME.") from reason
    return Home(root)


def missing_directories(root: Path) -> list[Path]:
    """Return `root` and the directories above it that do not exist, innermost first. Raises OSError."""
    return [directory for directory in (root, *root.parents) if not directory.exists()]


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
