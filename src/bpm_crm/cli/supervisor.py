"""`bpm-crm run`: database, API and worker in one process group; whatever dies is started again, and all end together."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bpm_crm.cli.provision import Provision
from bpm_crm.config import Settings
from bpm_crm.embedded.server import ensure_server

POLL_SECONDS = 0.25
SERVER_POLL_SECONDS = 1.0
STOP_SECONDS = 15.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
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
    pause: float = SHORTEST_PAUSE
    due_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Runs the parts until it is told to stop."""

    provision: Provision
    environment: Mapping[str, str]
    tell: Callable[[str], None]
    parts: list[Part] = field(default_factory=list)
    stopping: bool = False

    def start(self) -> None:
        """Start the API and the worker."""
        self.parts = [Part("api", api_command(self.provision.settings)), Part("worker", worker_command())]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))
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
        looked_at = 0.0
        while not self.stopping:
            now = time.monotonic()
            if self.provision.server is not None and now - looked_at >= SERVER_POLL_SECONDS:
                ensure_server(self._home(), on_message=self.tell)
                looked_at = now
            for part in self.parts:
                self._keep(part, now)
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask every part to end, wait, then end those that did not."""
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

    def _keep(self, part: Part, now: float) -> None:
        """Start a part again after its end: at once the first time, later with growing pauses."""
        if part.process is not None:
            if part.process.poll() is None:
                return
            self.tell(f"the {part.name} ended with status {part.process.returncode}; starting it again")
            part.pause = SHORTEST_PAUSE if now - part.started_at > LONGEST_PAUSE else min(part.pause * 2, LONGEST_PAUSE)
            part.process, part.due_at = None, now + part.pause
        if now >= part.due_at:
            self._launch(part)

    def _launch(self, part: Part) -> None:
        part.process = subprocess.Popen(part.command, env=dict(self.environment))  # noqa: S603  # our own program
        part.started_at = time.monotonic()

    def _home(self) -> Path:
        home = self.provision.settings.home
        if home is None:
            raise LookupError("the home is filled in when the database is provisioned")
        return home


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
    found["BPM_CRM_HOME"] = str(settings.home)
    for name in ("app_database_url", "worker_database_url"):
        value = getattr(settings, name)
        if value is not None:
            found[f"BPM_CRM_{name.upper()}"] = value.get_secret_value()
    return found
