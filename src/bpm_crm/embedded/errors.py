"""What can keep the private server from running; every text names the place and the cure."""

from pathlib import Path


class EmbeddedFault(Exception):
    """Base of all errors of this package: a private PostgreSQL could not be found, prepared, started or reached."""


class BinariesNotFound(EmbeddedFault):
    """No usable PostgreSQL binaries on this machine."""


class BinariesNotReachable(EmbeddedFault):
    """The binaries lie where the OS user of the server cannot execute them, and are not ours to copy."""


class PlatformNotSupported(EmbeddedFault):
    """The launcher needs unix sockets, peer authentication and inherited file locks, which this OS lacks."""


class AccountNotUsable(EmbeddedFault):
    """The OS user that should run the server does not exist, is root, or may not be taken on by this process."""


class HomeUnknown(EmbeddedFault):
    """No directory can be derived from the environment."""


class HomeNotReachable(EmbeddedFault):
    """A directory above or at the home refuses passage to the OS user of the server."""

    def __init__(self, home: Path, blocked: Path, account: str) -> None:
        super().__init__(
            f"The OS user {account!r}, which runs PostgreSQL, cannot enter {blocked}, so {home} cannot be its home. "
            "Choose another home (set BPM_CRM_HOME, for example to /var/lib/bpm-crm) or let that user pass: "
            f"chmod o+x {blocked}. Nothing was changed."
        )
        self.home = home
        self.blocked = blocked
        self.account = account


class HomeNotWritable(EmbeddedFault):
    """The home cannot be made, or its lock cannot be opened, by this OS user."""


class HomeOwnedByAnother(EmbeddedFault):
    """The data directory belongs to an OS user other than the one that would run the server."""


class SocketPathTooLong(EmbeddedFault):
    """No directory was found whose socket path fits into the address of a unix socket."""


class ClusterNotCreated(EmbeddedFault):
    """initdb failed, or something that is not a data directory stands in its place."""


class OtherMajorVersion(EmbeddedFault):
    """The data directory was written by another major version; the text carries the dump and restore recipe."""

    def __init__(self, *, data: Path, found: int, expected: int, recipe: str) -> None:
        super().__init__(
            f"{data} was written by PostgreSQL {found}, but the binaries found here are PostgreSQL {expected}, which cannot read it. "
            f"Nothing was changed. To move the data over, run as the present user:\n\n{recipe}"
        )
        self.data = data
        self.found = found
        self.expected = expected
        self.recipe = recipe


class SettingNotAllowed(EmbeddedFault):
    """A caller's setting is malformed or is one that the launcher needs for itself."""


class ServerNotStarted(EmbeddedFault):
    """The server ended before it answered; the text carries the end of its log."""


class ServerRefusesUser(EmbeddedFault):
    """A live server on this home does not let the present OS user in."""
