"""The product as its users have it: `bpm-crm run` in processes of its own, spoken to over HTTP and WebSocket only."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

PROGRAM = Path(sys.executable).with_name("bpm-crm")
START_SECONDS = 180


@dataclass
class Product:
    """One installation: its home directory, its port, the tokens it printed."""

    home: Path
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    welcome: str = ""
    started_in: float = 0.0
    _process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *options: str) -> None:
        """Start it as a user does and read what it prints until it says how to sign in."""
        self.home.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "run", "--port", str(self.port), *options],
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.welcome = self._read_until("Health")
        self.started_in = time.monotonic() - begun
        self.tokens = dict(re.findall(r"^  (\w+) +(\S{40,})$", self.welcome, re.MULTILINE))
        address = re.search(r"GraphQL +http://127\.0\.0\.1:(\d+)/graphql", self.welcome)
        assert address is not None, self.welcome
        self.port = int(address[1])

    def _read_until(self, word: str) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        lines: list[str] = []
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            line = self._process.stdout.readline()
            if not line:
                break
            lines.append(line)
            if line.startswith(word):
                return "".join(lines)
        raise AssertionError(f"the product did not start: {''.join(lines)}\n{self.log()}")

    def stop(self) -> None:
        """Ctrl-C."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            self._ended()

    def kill(self) -> None:
        """The power fails: every process of it ends at once, the database's too."""
        victims = {self.pid, *(int(word) for word in self._server_pids())}
        for pid in tuple(victims):
            victims |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._ended()

    def _ended(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.wait(60)
        self._process.stdout.close()

    def _server_pids(self) -> list[str]:
        return [found.read_text().split()[0] for found in self.home.rglob("postmaster.pid")]

    def log(self) -> str:
        """The end of what it said on standard error."""
        return self._log.read_text()[-4000:]

    @property
    def _log(self) -> Path:
        return self.home.parent / f"{self.home.name}.log"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BPM_CRM_")}
        return {**kept, **self.settings, "BPM_CRM_HOME": str(self.home), "COLUMNS": "200"}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the same installation."""
        return subprocess.run(
            [PROGRAM, *arguments], env=self.environment(), capture_output=True, text=True, timeout=300
        )

    def ask(self, query: str, by: str = "admin", language: str = "en", **variables: Any) -> dict[str, Any]:
        """The whole answer to a GraphQL request, as one of the roles."""
        headers = {"authorization": f"Bearer {self.tokens[by]}", "accept-language": language}
        body = {"query": query, "variables": variables}
        found: dict[str, Any] = httpx.post(f"{self.url}/graphql", json=body, headers=headers, timeout=30).json()
        return found

    def data(self, query: str, by: str = "admin", **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = self.ask(query, by, **variables)
        assert "errors" not in answer, json.dumps(answer["errors"])
        found: dict[str, Any] = answer["data"]
        return found


def keys_of(items: Sequence[Mapping[str, Any]], name: str = "key") -> list[Any]:
    """One field of each item."""
    return [item[name] for item in items]
