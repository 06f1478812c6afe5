"""`bpm-crm run`: database, API and worker in one process group; whatever dies is started again, and all end together."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from bpm_crm.cli.provision import Provision
from bpm_crm.cli.tie import start_tied
from bpm_crm.config import Settings
from bpm_crm.embedded.errors import EmbeddedFault
from bpm_crm.embedded.server import Server, ensure_server

LOOK_SECONDS = 1.0
"""How often the private server is looked for, and all else besides whenever the kernel tells of a child's end."""
STOP_SECONDS = 15.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY_SECONDS = 10.0
"""A part that ran for so long is started again at once, as after a first death."""
ANSWER_SECONDS = 30.0


class StartFailed(Exception):
    """The API did not answer in time; its own log says why."""


@dataclass(slots=True)
class Part:
    """A child process and when it may be started again."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = 0.0
    due_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Runs the parts until it is told to stop."""

    provision: Provision
    environment: Mapping[str, str]
    tell: Callable[[str], None]
    parts: list[Part] = field(default_factory=list)
    stopping: bool = False
    _news: "SimpleQueue[None]" = field(default_factory=SimpleQueue)
    _server: Server | None = None

    def start(self) -> None:
        """Start the API and the worker."""
        self.parts = [Part("api", api_command(self.provision.settings)), Part("worker", worker_command())]
        self._server = self.provision.server
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, self._hear)
        for part in self.parts:
            self._launch(part)

    def wait_until_it_answers(self) -> None:
        """Wait for the API's first answer; `StartFailed` when it dies or takes too long."""
        settings = self.provision.settings
        until = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < until and not self.stopping:
            if self.parts[0].process is not None and self.parts[0].process.poll() is not None:
                raise StartFailed(f"the API ended with status {self.parts[0].process.returncode}")
            try:
                with urlopen(f"http://{settings.host}:{settings.port}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                time.sleep(0.05)
        if not self.stopping:
            raise StartFailed(f"the API did not answer within {ANSWER_SECONDS:.0f} s")

    def watch(self) -> None:
        """Keep everything running until told to stop."""
        look_at = 0.0
        while not self.stopping:
            if self._server is not None and (time.monotonic() >= look_at or _has_ended(self._server)):
                # Not at each child's end: looking for the server has children of its own.
                self._keep_server(self._server)
                look_at = time.monotonic() + LOOK_SECONDS
            now = time.monotonic()
            for part in self.parts:
                self._keep(part, now)
            due = min((part.due_at for part in self.parts if part.process is None), default=now + LOOK_SECONDS)
            with suppress(Empty):
                self._news.get(timeout=max(0.0, min(due - now, LOOK_SECONDS)))

    def stop(self) -> None:
        """Ask every part to end, wait, then end those that did not; then the server, if it was started here."""
        for part in self.parts:
            if part.process is not None and part.process.poll() is None:
                part.process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for part in self.parts:
            if part.process is not None:
                try:
                    part.process.wait(max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    part.process.kill()
                    part.process.wait()
        if self._server is not None:
            self._server.stop()

    def _hear(self, number: int, _frame: object) -> None:
        """Take a signal: told to stop, or a child has ended. The queue may be put to from a signal's handler; an event may not."""
        self.stopping = self.stopping or number != signal.SIGCHLD
        self._news.put(None)

    def _keep_server(self, known: Server) -> None:
        """Start the private server again after its end."""
        try:
            found = ensure_server(self._home(), on_message=self.tell)
        except EmbeddedFault:
            if self.stopping:  # Ctrl-C reaches the programs by which the server is looked for, too
                return
            raise
        if found.pid != known.pid:
            self._server = found

    def _keep(self, part: Part, now: float) -> None:
        """Start a part again after its end: at once the first time, then with growing pauses until it has run steadily."""
        if part.process is not None:
            if part.process.poll() is None:
                return
            self.tell(f"the {part.name} ended with status {part.process.returncode}; starting it again")
            pause = 0.0 if now - part.started_at > STEADY_SECONDS else part.pause
            part.process, part.due_at = None, now + pause
            part.pause = min(max(pause * 2, SHORTEST_PAUSE), LONGEST_PAUSE)
        if now >= part.due_at:
            self._launch(part)

    def _launch(self, part: Part) -> None:
        part.process = start_tied(part.command, self.environment)
        part.started_at = time.monotonic()

    def _home(self) -> Path:
        home = self.provision.settings.home
        if home is None:
            raise LookupError("the home is filled in when the database is provisioned")
        return home


def _has_ended(server: Server) -> bool:
    """Whether the process of a server is gone; told from the number alone, so a look at the server itself must follow now and then."""
    try:
        return psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def api_command(settings: Settings) -> list[str]:
    """How the API is started."""
    return [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "bpm_crm.asgi:application",
        f"--host={settings.host}",
        f"--port={settings.port}",
        "--http=httptools",
        "--ws=websockets-sansio",
        f"--ws-max-size={settings.max_body_bytes}",
        "--no-access-log",
        "--log-level=warning",
        "--timeout-graceful-shutdown=5",
    ]


def worker_command() -> list[str]:
    """How the worker is started."""
    return [sys.executable, "-m", "bpm_crm.worker"]


def child_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of API and worker: what they need of the database, and not the URL of the owner."""
    found = {key: value for key, value in environment.items() if key != "BPM_CRM_DATABASE_URL"}
    if settings.home is not None:
        found["BPM_CRM_HOME"] = str(settings.home)
    for name in ("app_database_url", "worker_database_url"):
        value = getattr(settings, name)
        if value is not None:
            found[f"BPM_CRM_{name.upper()}"] = value.get_secret_value()
    return found
