"""Homes, servers and other processes for the launcher's tests, all of which are real."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bpm_crm.embedded.accounts import Account, Identity, choose_account
from bpm_crm.embedded.binaries import find_binaries
from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.server import Server, ensure_server

ROOT = Path(__file__).parents[2]
OWNER = Path(__file__).with_name("owner.py")
MODULES = os.pathsep.join([str(ROOT / "src"), *(path for path in sys.path if path.endswith("site-packages"))])

Sql = Callable[..., str]
Start = Callable[..., Server]


@dataclass
class Owner:
    """Another process that asked for the server of a home."""

    process: subprocess.Popen[str]

    def answer(self) -> dict[str, object]:
        """What the process says it got; waits for it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process ended without an answer"
        return dict(json.loads(line))

    def release(self) -> None:
        """Let the process stop what it owns and end."""
        with self.process:
            self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process with no chance to clean up."""
        with self.process:
            self.process.send_signal(signal.SIGKILL)


Launch = Callable[..., Owner]


def interpreter_for(identity: Identity) -> str:
    """A Python of at least 3.11 that the given OS user can run; skips the test if there is none."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                check=True,
                capture_output=True,
                **identity,
            )
            return candidate
    pytest.skip("no Python that an unprivileged OS user can run")


def kill_below(directory: Path) -> None:
    """Kill what a failed test has left running in a directory."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if Path(process.cwd()).is_relative_to(directory):
                process.kill()


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Wait for a condition; fail after some seconds."""

    def wait_until(is_true: Callable[[], object], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.002)

    return wait_until


@pytest.fixture(scope="session")
def memory() -> Path | None:
    """A file system in memory with room for some homes, or None: what a killed process has written it keeps as a disk would."""
    directory = Path("/dev/shm")  # noqa: S108 - private directories are made in it
    if not directory.is_dir():
        return None
    found = os.statvfs(directory)
    has_room = found.f_bavail * found.f_frsize > 2**30
    return directory if has_room and not found.f_flag & os.ST_NOEXEC else None


@pytest.fixture
def place(memory: Path | None) -> Iterator[Path]:
    """A new directory that every OS user can enter, unlike those of pytest's own."""
    with tempfile.TemporaryDirectory(prefix="crm-", dir=memory) as name:
        directory = Path(name).resolve()
        directory.chmod(0o755)
        yield directory
        kill_below(directory)
        for note in directory.rglob("socket-directory"):
            shutil.rmtree(note.read_text())


@pytest.fixture
def home(place: Path) -> Path:
    """A home in which nothing has happened yet; it does not exist."""
    return place / "home"


@pytest.fixture(scope="session")
def template(memory: Path | None) -> Iterator[Path]:
    """A home in which a server has run and was shut down."""
    with tempfile.TemporaryDirectory(prefix="crm-", dir=memory) as name:
        directory = Path(name)
        directory.chmod(0o755)
        ensure_server(directory / "home").stop()
        yield directory / "home"


@pytest.fixture
def made_home(template: Path, home: Path) -> Path:
    """A home of its own with a database that is ready to start."""
    shutil.copytree(template, home, copy_function=shutil.copyfile, ignore=lambda *_: ["data", "log", "run"])
    subprocess.run(["cp", "-a", template / "data", home / "data"], check=True)
    return home


@pytest.fixture
def account(place: Path) -> Account:
    """The OS user of the server in these tests."""
    return choose_account(None, place / "data")


@pytest.fixture
def start() -> Iterator[Start]:
    """ensure_server, with every server it started stopped at the end."""
    started: list[Server] = []

    def start(home: Path, **options: object) -> Server:
        server = ensure_server(home, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Have another process ask for the server of a home: as this user or another, with an environment of one's own."""
    owners: list[Owner] = []

    def launch(
        home: Path,
        *arguments: str,
        prefix: Sequence[str] = (),
        identity: Identity | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Owner:
        process = subprocess.Popen(
            [*prefix, interpreter_for(identity or {}), str(OWNER), str(home), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PYTHONPATH": MODULES, **(environment if environment is not None else clean_environment())},
            **(identity or {}),
        )
        owners.append(Owner(process))
        return owners[-1]

    yield launch
    for owner in owners:
        owner.release()


@pytest.fixture(scope="session")
def sql() -> Sql:
    """Run statements with psql, on an address or as the superuser of a server; returns what it prints, unaligned."""
    psql = find_binaries().program("psql")

    def sql(target: Server | str, *statements: str, identity: Identity | None = None) -> str:
        dsn = target if isinstance(target, str) else target.dsn("postgres", "postgres")
        flags = [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run(
            [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn, *flags],
            capture_output=True,
            text=True,
            cwd="/",
            env=clean_environment() | {"PGCLIENTENCODING": "UTF8"},
            **(identity or {}),
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    return sql


@pytest.fixture(scope="session")
def processes_of() -> Callable[[Path], list[psutil.Process]]:
    """Every live process that names the data directory of a home, or its cluster, in its arguments or title."""

    def processes_of(home: Path) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):  # zombies included
                words = " ".join(process.cmdline())
                if str(Home(home).data) in words or Home(home).cluster_name in words:
                    found.append(process)
        return found

    return processes_of


@pytest.fixture
def cut_off(sql: Sql) -> Iterator[Callable[[Server, str], None]]:
    """Run a statement in the background that never comes to its own end, and find its session killed at the end of the test."""
    threads: list[threading.Thread] = []

    def run(server: Server, statement: str) -> None:
        with pytest.raises(AssertionError, match=r"terminat|closed"):
            sql(server, statement)

    def cut_off(server: Server, statement: str) -> None:
        threads.append(threading.Thread(target=run, args=(server, statement), daemon=True))
        threads[-1].start()

    yield cut_off
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
