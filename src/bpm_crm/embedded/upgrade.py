"""The dump and restore recipe for data of another major version, as commands of a shell."""

import shlex
import sys
from pathlib import Path

from bpm_crm.embedded.accounts import Account
from bpm_crm.embedded.binaries import DEBIAN_ROOT, Binaries
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.settings import DEFAULT_PORT


def dump_and_restore(home: Home, account: Account, *, found: int, binaries: Binaries) -> str:
    """Return commands that dump the data with the old programs and restore them with the present ones; the old data are kept aside."""
    old = DEBIAN_ROOT / str(found) / "bin"
    kept, dump = home.root / f"data-{found}", home.root / f"dump-{found}.sql"
    note = "" if (old / "pg_dumpall").exists() else f" (install it first, or write its directory for {old})"
    return "\n".join(
        [
            f"# 1. dump with PostgreSQL {found}{note}",
            "sockets=$(mktemp -d)" + (f' && chown {shlex.quote(account.name)} "$sockets"' if account.identity else ""),
            _as(
                account,
                f"{old}/pg_ctl -D {_quoted(home.data)} -w -l {_quoted(home.data / 'dump.log')} -o {_options(home)} start",
            ),
            f'{old}/pg_dumpall -h "$sockets" -p {DEFAULT_PORT} -U postgres -f {_quoted(dump)}',
            _as(account, f"{old}/pg_ctl -D {_quoted(home.data)} -w stop"),
            'rmdir "$sockets"',
            "# 2. put the old data aside",
            f"mv {_quoted(home.data)} {_quoted(kept)}",
            f"# 3. restore with PostgreSQL {binaries.major} (the one error, that the role postgres exists already, is harmless)",
            f"{_quoted(Path(sys.executable))} -c {shlex.quote(_restore(home, binaries, dump))}",
        ]
    )


def _options(home: Home) -> str:
    own = {
        "listen_addresses": "",
        "port": str(DEFAULT_PORT),
        "hba_file": str(home.host_rules),
        "ident_file": str(home.user_map),
    }
    fixed = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in own.items())
    return f'"-c unix_socket_directories=$sockets "{shlex.quote(fixed)}'


def _restore(home: Home, binaries: Binaries, dump: Path) -> str:
    psql = [str(binaries.program("psql")), "-X", "-q", "-f", str(dump), "-d"]
    return (
        "import pathlib, subprocess; from bpm_crm.embedded.server import ensure_server; "
        f"server = ensure_server(pathlib.Path({str(home.root)!r})); "
        f"subprocess.run({psql!r} + [server.dsn('postgres', 'postgres')]); server.stop()"
    )


def _as(account: Account, command: str) -> str:
    return f"runuser -u {shlex.quote(account.name)} -- {command}" if account.identity else command


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
