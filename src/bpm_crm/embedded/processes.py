"""Which processes of a server exist: never by number alone, since a number may be a zombie's or a stranger's."""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bpm_crm.embedded.home import Home

READY = ("ready", "standby")
_TITLE = "postgres: "


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid claims: the number of the server's process, its socket, and whether it accepts sessions."""

    pid: int
    port: int
    socket_directory: Path
    is_ready: bool

    @property
    def socket_path(self) -> Path:
        """The socket the server listens on."""
        return self.socket_directory / f".s.PGSQL.{self.port}"


def read_postmaster(home: Home) -> Postmaster | None:
    """Return what postmaster.pid claims, or None if there is none or it is not complete yet.

    Its lines: process, data directory, start, port, socket directory, TCP address, shared memory, state.
    """
    try:
        lines = (home.data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        pid, port, directory = int(lines[0]), int(lines[3]), lines[4]
    except (FileNotFoundError, IndexError, ValueError):
        return None
    return (
        Postmaster(pid, port, Path(directory), is_ready=len(lines) > 7 and lines[7].strip() in READY)
        if directory
        else None
    )


def is_postmaster(pid: int, home: Home) -> bool:
    """Say whether a process number is that of a live postgres of this home: no zombie, no stranger."""
    try:
        return _belongs(psutil.Process(pid), home)
    except psutil.NoSuchProcess:
        return False


def orphans(home: Home) -> list[psutil.Process]:
    """Return the processes that a killed server has left behind: a child's title, and no live postgres of this home as parent."""
    return [process for process in _titled_processes(home) if not _has_server(process, home)]


def hurry(processes: list[psutil.Process]) -> None:
    """Ask leftover processes to quit at once, as a server does with its children after a crash."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # gone meanwhile, which is what was wanted
            process.send_signal(signal.SIGQUIT)


def _titled_processes(home: Home) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):  # gone between listing and looking
            if " ".join(_arguments(process)).startswith(_TITLE) and _belongs(process, home):
                yield process


def _has_server(process: psutil.Process, home: Home) -> bool:
    try:
        parent = process.parent()
        return parent is not None and _belongs(parent, home)
    except psutil.NoSuchProcess:
        return False


def _belongs(process: psutil.Process, home: Home) -> bool:
    """Say whether a process is a live postgres of this home, by its title, its arguments or its working directory."""
    arguments = _arguments(process)
    title = " ".join(arguments)
    is_postgres = title.startswith(_TITLE) or (arguments and Path(arguments[0]).name == "postgres")
    if process.status() == psutil.STATUS_ZOMBIE or not is_postgres:
        return False
    if title.startswith(f"{_TITLE}{home.cluster_name}: ") or str(home.data) in arguments:
        return True
    try:
        return Path(process.cwd()) == home.data
    except psutil.AccessDenied:  # root in a container may lack the right to look; the title and the arguments said no
        return False


def _arguments(process: psutil.Process) -> list[str]:
    """Return the arguments of a process; those of a server's child are the words of its title."""
    try:
        return list(process.cmdline())
    except psutil.AccessDenied:  # another user's process, on systems which hide arguments: not one of ours
        return []
