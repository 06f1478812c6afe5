"""How the product ends and starts again: told to, killed, and with no more of a database than it needs."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from bpm_crm.records.bootstrap import Access
from tests.acceptance.product import PROGRAM, Product
from tests.homes import an_open_home

SECONDS = 30.0


@pytest.fixture(scope="module")
def started() -> Iterator[Product]:
    """An installation with a private server of its own."""
    with an_open_home() as folder:
        product = Product(folder / "home")
        product.start("--no-demo")
        try:
            yield product
        finally:
            product.stop()


def until(is_so: Callable[[], bool]) -> float:
    """Wait for something; how many seconds it took."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < SECONDS
        time.sleep(0.01)
    return time.monotonic() - begun


def answers(url: str, **wanted: bool) -> bool:
    try:
        found = httpx.get(f"{url}/readyz", timeout=5).json()
    except httpx.HTTPError:
        return False
    return bool(found["ready"]) and all(found.get(name) == value for name, value in wanted.items())


def part(product: Product, word: str) -> psutil.Process:
    """The API or the worker of a running product, by a word of its command."""
    (found,) = [child for child in psutil.Process(product.pid).children() if word in " ".join(child.cmdline())]
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def alone(home: Path, settings: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`bpm-crm serve` or `bpm-crm worker`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BPM_CRM_")}
    environment = {**kept, **settings, "BPM_CRM_HOME": str(home)}
    process = subprocess.Popen(
        [PROGRAM, *arguments], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # nothing is left, as it should be
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_after_kill_9_of_run_nothing_is_left_and_a_new_start_has_the_same_port(started: Product) -> None:
    left = psutil.Process(started.pid).children(recursive=True)
    port = started.port
    os.kill(started.pid, signal.SIGKILL)
    started._ended()
    started.start("--no-demo")
    assert started.port == port
    assert answers(started.url)
    assert psutil.wait_procs(left, SECONDS)[1] == []


@pytest.mark.parametrize(("word", "wanted"), [("uvicorn", {}), ("bpm_crm.worker", {"worker": True})])
def test_a_killed_part_is_started_again(started: Product, word: str, wanted: dict[str, bool]) -> None:
    until(lambda: answers(started.url, worker=True))
    victim = part(started, word)
    victim.kill()
    until(lambda: not psutil.pid_exists(victim.pid))
    until(lambda: any(word in " ".join(child.cmdline()) for child in psutil.Process(started.pid).children()))
    until(lambda: answers(started.url, **wanted))


def server_of(product: Product) -> int:
    """The number of the private server's process."""
    return int((product.home / "data" / "postmaster.pid").read_text().split()[0])


def test_a_killed_server_is_started_again_at_once(started: Product) -> None:
    until(lambda: answers(started.url, worker=True))
    killed = server_of(started)
    os.kill(killed, signal.SIGKILL)
    back = until(lambda: answers(started.url) and server_of(started) != killed)
    assert back < 5


def test_the_supervisor_sleeps_while_nothing_happens(started: Product) -> None:
    until(lambda: answers(started.url, worker=True))
    process = psutil.Process(started.pid)
    before = process.cpu_times()
    time.sleep(2)
    after = process.cpu_times()
    spent = sum(after[:4]) - sum(before[:4])
    assert spent < 0.5, "looking for the server has children, whose ends must not be taken for news"


def test_sigterm_to_the_parent_alone_ends_what_it_started(started: Product) -> None:
    again = psutil.Process(server_of(started))
    started.stop()
    assert not again.is_running(), "a server that was started again ends with the product as well"
    port = free_port()
    with alone(started.home, {}, "serve", "--port", str(port)) as serve:
        until(lambda: answers(f"http://127.0.0.1:{port}"))
        below = psutil.Process(serve.pid).children(recursive=True)
        assert [child for child in below if "uvicorn" in " ".join(child.cmdline())]
        assert [child for child in below if child.name() == "postgres"]
        serve.send_signal(signal.SIGTERM)
        assert serve.wait(SECONDS) == 0
        assert psutil.wait_procs(below, SECONDS)[1] == []


def test_with_its_own_url_a_part_starts_no_server_and_is_the_process_that_was_started(
    access: Access, tmp_path: Path
) -> None:
    port, home = free_port(), tmp_path / "home"
    with (
        alone(home, {"BPM_CRM_APP_DATABASE_URL": access.app}, "serve", "--port", str(port)) as serve,
        alone(home, {"BPM_CRM_WORKER_DATABASE_URL": access.worker}, "worker") as worker,
    ):
        until(lambda: answers(f"http://127.0.0.1:{port}", worker=True))
        for process, word in ((serve, "uvicorn"), (worker, "bpm_crm.worker")):
            assert word in " ".join(psutil.Process(process.pid).cmdline())
            assert psutil.Process(process.pid).children() == []
            process.send_signal(signal.SIGTERM)
        assert (serve.wait(SECONDS), worker.wait(SECONDS)) == (-signal.SIGTERM, 0)
    assert not home.exists()
