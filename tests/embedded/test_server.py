"""Starting, sharing and outliving: the launcher as its callers see it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from bpm_crm.embedded import starting
from bpm_crm.embedded.errors import ServerNotStarted
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.processes import is_postmaster, orphans, read_postmaster
from bpm_crm.embedded.server import Server, ensure_server

STALE_PID_FILE = "{pid}\n{data}\n1700000000\n5432\n{run}\n\n  5432001         0\nready   \n"


@pytest.fixture
def stranger(account):
    """A process of the server's OS user that has nothing to do with PostgreSQL."""
    process = subprocess.Popen(["sleep", "600"], **account.identity)
    yield process
    process.kill()
    process.wait()


def leave_stale_files(home: Path, pid: int) -> None:
    """What a killed server leaves behind, with a process number that is somebody else's by now."""
    run = home / "run"
    run.mkdir()
    text = STALE_PID_FILE.format(pid=pid, data=home / "data", run=run)
    (home / "data" / "postmaster.pid").write_text(text)
    (run / ".s.PGSQL.5432.lock").write_text(text)
    for path in (home / "data" / "postmaster.pid", run, run / ".s.PGSQL.5432.lock"):
        os.chown(path, (home / "data").stat().st_uid, -1)


def test_the_first_start_makes_a_database_and_the_second_is_fast(home, start, sql):
    told: list[str] = []
    began = time.monotonic()
    first = start(home, on_message=told.append)
    made = time.monotonic()
    sql(first, "create table kept as select 7 as id")
    first.stop()
    again = time.monotonic()

    second = start(home, on_message=told.append)

    sys.stdout.write(f"first start {made - began:.2f} s, second {time.monotonic() - again:.2f} s\n")
    assert time.monotonic() - again < made - began
    assert (first.owned, second.owned, second.superuser) == (True, True, "postgres")
    assert sql(second, "select id from kept") == "7"
    assert told == [f"Creating the database in {home / 'data'}"]


def test_leaving_the_context_stops_the_server(made_home, processes_of):
    with ensure_server(made_home) as server:
        assert psutil.Process(server.pid) in processes_of(made_home)

    assert processes_of(made_home) == []


def test_another_process_gets_the_same_server_and_cannot_stop_it(made_home, start, launch, sql):
    server = start(made_home)

    other = launch(made_home)
    answer = other.answer()
    other.release()

    assert (answer["pid"], answer["owned"]) == (server.pid, False)
    assert answer["dsn"] == server.dsn("postgres", "postgres")
    assert sql(server, "select 1") == "1"


def test_a_second_call_in_the_same_process_does_not_own_the_server(made_home, start):
    server = start(made_home)

    second = start(made_home, settings={"work_mem": "1MB"})
    second.stop()

    assert (second, second.owned) == (server, False)
    assert is_postmaster(server.pid, Home(made_home))


def test_two_starters_at_once_get_one_server(home, launch):
    starters = [launch(home) for _ in range(3)]

    answers = [starter.answer() for starter in starters]

    assert len({answer["pid"] for answer in answers}) == 1
    assert sorted(answer["owned"] for answer in answers) == [False, False, True]


def test_a_server_started_by_hand_is_attached_to(made_home, start, monkeypatch, processes_of, sql):
    with monkeypatch.context() as patch:
        patch.setattr(starting, "spawn_server", _without_lock(starting.spawn_server))
        by_hand = start(made_home)

    server = start(made_home)

    assert (server, server.owned) == (by_hand, False)
    assert sql(server, "select 1") == "1"


def test_a_server_of_another_process_namespace_is_attached_to_though_its_number_means_nothing_here(
    made_home, start, launch
):
    inside = ("unshare", "--pid", "--fork", "--mount-proc")
    if os.geteuid() != 0 or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("only root can make a process namespace, and not everywhere")
    server = start(made_home)

    answer = launch(made_home, prefix=inside).answer()

    assert (answer["pid"], answer["owned"]) == (server.pid, False)


def test_twenty_kills_lose_nothing_committed_and_never_give_a_dead_server(made_home, start, sql):
    server = start(made_home)
    sql(server, "create table kept (id int primary key)")
    seconds = []
    for number in range(20):
        sql(server, f"insert into kept values ({number})")
        os.kill(server.pid, signal.SIGKILL)
        began = time.monotonic()
        killed, server = server, start(made_home)
        seconds.append(time.monotonic() - began)
        assert server.owned
        assert server.pid != killed.pid
        assert sql(server, "select count(*), max(id) from kept") == f"{number + 1}|{number}"
    sys.stdout.write(f"back after {sum(seconds) / len(seconds):.2f} s on average, {max(seconds):.2f} s at most\n")
    assert max(seconds) < 5


def test_the_control_without_durability_the_same_kill_loses_rows(made_home, start, sql):
    careless = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    server = start(made_home, settings=careless)
    sql(server, "set synchronous_commit = on; create table kept (id int primary key)")

    sql(server, "insert into kept values (1)")
    os.kill(server.pid, signal.SIGKILL)

    assert sql(start(made_home), "select count(*) from kept") == "0"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_server_that_its_stopped_owner_cannot_reap_is_replaced(made_home, launch, start, sql, wait_until):
    owner = launch(made_home)
    pid = int(str(owner.answer()["pid"]))
    owner.process.send_signal(signal.SIGSTOP)
    threads = list(Path(f"/proc/{owner.process.pid}/task").glob("*/status"))
    wait_until(lambda: all("State:\tT" in thread.read_text() for thread in threads))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_postmaster(pid, Home(made_home))

    server = start(made_home)
    owner.release()

    assert server.owned
    assert sql(server, "select 1") == "1"


def test_stale_files_with_a_number_that_is_a_strangers_by_now_do_not_hinder(made_home, start, sql, stranger):
    leave_stale_files(made_home, stranger.pid)
    assert not is_postmaster(stranger.pid, Home(made_home))

    server = start(made_home)

    assert sql(server, "select 1") == "1"
    assert stranger.poll() is None


def test_the_control_postgresql_itself_is_fooled_by_such_files(made_home, start, stranger, monkeypatch):
    leave_stale_files(made_home, stranger.pid)
    monkeypatch.setattr(starting, "_remove_stale_files", lambda *_: None)

    with pytest.raises(ServerNotStarted, match=r"postmaster\.pid. already exists"):
        start(made_home)


def test_a_stale_file_that_names_another_homes_live_server_does_not_mislead(place, made_home, start, template, sql):
    other_home = place / "other"
    other_home.mkdir()
    subprocess.run(["cp", "-a", template / "data", other_home / "data"], check=True)
    other = start(other_home)
    (made_home / "data" / "postmaster.pid").write_text(
        STALE_PID_FILE.format(pid=os.getpid(), data=made_home / "data", run=other.socket_directory)
    )

    server = start(made_home)

    assert server.pid != other.pid
    assert sql(server, "show data_directory") == str(made_home / "data")


@pytest.mark.parametrize("content", ["", "garbage", "123\n", "x\ny\nz\n5432\n/run\n"])
def test_a_damaged_postmaster_pid_does_not_hinder(made_home, start, sql, content):
    (made_home / "data" / "postmaster.pid").write_text(content)

    assert sql(start(made_home), "select 1") == "1"


def test_a_leftover_backend_is_awaited_before_the_next_server_starts(made_home, start, sql, cut_off, wait_until):
    server = start(made_home)
    cut_off(server, "do 'begin loop perform 1; end loop; end'")
    wait_until(lambda: sql(server, "select pid from pg_stat_activity where query like 'do %'"))
    backend = psutil.Process(int(sql(server, "select pid from pg_stat_activity where query like 'do %'")))
    backend.send_signal(signal.SIGSTOP)
    os.kill(server.pid, signal.SIGKILL)
    told: list[str] = []
    servers: list[Server] = []
    starter = threading.Thread(target=lambda: servers.append(start(made_home, on_message=told.append)), daemon=True)

    starter.start()
    wait_until(lambda: told)
    left, stale, early = orphans(Home(made_home)), read_postmaster(Home(made_home)), list(servers)
    backend.send_signal(signal.SIGCONT)
    starter.join(20)

    assert (backend in left, stale and stale.pid, early) == (True, server.pid, [])
    assert "that a killed PostgreSQL left behind" in told[0]
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    assert sql(servers[0], "select 1") == "1"


@pytest.mark.parametrize("seconds", [2.5, pytest.param(15, marks=pytest.mark.slow)])
def test_recovery_is_awaited_however_long_and_told(made_home, start, sql, seconds):
    server = start(made_home)
    sql(server, "checkpoint", "create table kept as select g as id, repeat('x', 200) from generate_series(1, 200000) g")
    os.kill(server.pid, signal.SIGKILL)
    holder = threading.Thread(target=_hold_recovery, args=(made_home, seconds))
    holder.start()
    told: list[str] = []

    began = time.monotonic()
    server = start(made_home, on_message=told.append)
    waited = time.monotonic() - began
    holder.join()

    assert waited > seconds
    assert told[0].startswith("PostgreSQL is starting or recovering.")
    assert sql(server, "select count(*) from kept") == "200000"


def _hold_recovery(home: Path, seconds: float) -> None:
    """Stop the process that replays the log, as soon as it exists, for some seconds."""
    title = f"postgres: {Home(home).cluster_name}: startup"
    while True:
        for process in psutil.process_iter():
            try:
                if " ".join(process.cmdline()).startswith(title):
                    process.suspend()
                    time.sleep(seconds)
                    process.resume()
                    return
            except psutil.NoSuchProcess:
                continue


def _without_lock(spawn):
    """Start the server as somebody would by hand, with nothing inherited."""

    def spawn_without(command, *, account, lock, log, tie):
        with open(os.devnull, "rb") as unlocked:  # noqa: PTH123 - a handle that is no lock
            return spawn(command, account=account, lock=type(lock)(unlocked.fileno()), log=log, tie=tie)

    return spawn_without
