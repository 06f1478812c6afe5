"""The server's settings: moderate ones for a small private server, the caller's over them, the launcher's own over all."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from bpm_crm.embedded.binaries import Binaries
from bpm_crm.embedded.errors import SettingNotAllowed
from bpm_crm.embedded.home import Home

DEFAULT_PORT = 5432
"""Only the name of the socket's file: there is no TCP unless the caller sets listen_addresses, and even then nobody is let in by it."""

DEFAULTS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(DEFAULT_PORT),
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # One flush of the file system in place of one of each file: after a kill, 0.13 s instead of 0.2 to 3 s on a busy disk.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
    # Neither statements nor the details of errors are logged: both quote personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}

RESERVED = frozenset(
    {"data_directory", "hba_file", "ident_file", "unix_socket_directories", "cluster_name", "log_directory"}
)

_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?", re.IGNORECASE)


def merge_settings(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the defaults with the caller's settings over them. Raises SettingNotAllowed for a malformed or reserved one."""
    lowered = {name.lower(): value for name, value in overrides.items()}
    for name in lowered:
        if not _NAME.fullmatch(name):
            raise SettingNotAllowed(f"{name!r} is not the name of a PostgreSQL setting. Give names like work_mem.")
        if name in RESERVED:
            raise SettingNotAllowed(f"The setting {name} belongs to the launcher. Leave it out; the home decides it.")
    merged = {**DEFAULTS, **lowered}
    if not merged["port"].isdecimal() or not 1 <= int(merged["port"]) <= 65535:
        raise SettingNotAllowed(f"The setting port is {merged['port']!r}. Give a number from 1 to 65535.")
    return merged


def server_command(binaries: Binaries, home: Home, *, socket_directory: Path, settings: Mapping[str, str]) -> list[str]:
    """Return the server's command line, on which every setting outranks postgresql.conf and ALTER SYSTEM."""
    own = {
        "hba_file": str(home.host_rules),
        "ident_file": str(home.user_map),
        "unix_socket_directories": str(socket_directory),
        "cluster_name": home.cluster_name,
        "log_directory": str(home.log),
    }
    flags = [part for name, value in {**settings, **own}.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries.program("postgres")), "-D", str(home.data), *flags]
