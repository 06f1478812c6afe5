"""The tie between the server's life and its owner's."""

import os
import signal
import threading
import time

import psutil
import pytest

from bpm_crm.embedded import guardian, starting
from bpm_crm.embedded.accounts import current_account
from bpm_crm.embedded.guardian import Guardian, Spawned, spawn_server
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.lock import take_lock

TIES = ["signal", "pipe"] if os.uname().sysname == "Linux" else ["pipe"]


@pytest.mark.parametrize("tie", TIES)
def test_the_server_dies_with_its_killed_owner_and_nothing_committed_is_lost(
    made_home, launch, start, sql, wait_until, processes_of, tie
):
    owner = launch(made_home, tie)
    dsn = str(owner.answer()["dsn"])
    sql(dsn, "create table kept (id int)", "insert into kept values (7)")

    owner.kill()
    wait_until(lambda: not processes_of(made_home))
    server = start(made_home)

    assert sql(server, "select id from kept") == "7"


@pytest.mark.parametrize("tie", TIES)
def test_the_next_start_waits_for_the_server_of_a_killed_owner_to_end(made_home, launch, start, sql, tie):
    owner = launch(made_home, tie)
    sql(str(owner.answer()["dsn"]), "create table kept (id int)")

    owner.kill()
    server = start(made_home)

    assert server.owned
    assert sql(server, "select count(*) from kept") == "0"


@pytest.mark.parametrize("tie", TIES)
def test_stopping_ends_every_process_with_open_sessions_and_can_be_repeated(
    made_home, start, sql, cut_off, monkeypatch, wait_until, processes_of, tie
):
    monkeypatch.setattr(starting, "TIE", tie)
    server = start(made_home)
    cut_off(server, "select pg_sleep(600)")
    wait_until(lambda: sql(server, "select 1 from pg_stat_activity where query = 'select pg_sleep(600)'"))

    server.stop()
    server.stop()

    assert processes_of(made_home) == []
    assert not (made_home / "data" / "postmaster.pid").exists()


def test_stopping_awaits_the_last_process_the_writer_of_the_log(made_home, start, processes_of):
    server = start(made_home)
    writer = next(process for process in processes_of(made_home) if "logger" in " ".join(process.cmdline()))
    writer.suspend()
    threading.Timer(0.5, writer.resume).start()

    server.stop()

    assert processes_of(made_home) == []


def test_stopping_does_not_wait_for_ever_for_a_program_that_a_session_left_running(
    made_home, start, sql, monkeypatch, processes_of
):
    monkeypatch.setattr(guardian, "SECONDS_FOR_THE_LAST", 0.3)
    server = start(made_home)
    sql(server, "copy (select 1) to program 'cat >/dev/null; sleep 3 >/dev/null 2>&1 &'")

    server.stop()

    assert processes_of(made_home) == []


def test_a_server_started_from_a_thread_outlives_the_thread(made_home, start, sql):
    servers = []
    thread = threading.Thread(target=lambda: servers.append(start(made_home)))
    thread.start()
    thread.join()

    assert sql(servers[0], "select pg_sleep(0.3), 1") == "|1"
    assert psutil.pid_exists(servers[0].pid)


def test_ctrl_c_in_the_owners_terminal_does_not_reach_the_server(made_home, start):
    server = start(made_home)

    assert os.getpgid(server.pid) != os.getpgid(0)
    assert os.getsid(server.pid) != os.getsid(0)


def test_the_server_does_not_see_the_owners_environment(made_home, start, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("HOME", "/somewhere")

    seen = psutil.Process(start(made_home).pid).environ()

    assert "PATH" in seen
    assert not {"PGPASSWORD", "HOME"} & set(seen)


def test_a_program_that_cannot_be_started_is_the_callers_error():
    def spawn():
        raise FileNotFoundError("no such interpreter")

    with pytest.raises(FileNotFoundError, match="no such interpreter"):
        Guardian(spawn)


def test_no_interrupt_is_lost_however_early_it_comes(place):
    lock = take_lock(Home(place), current_account())
    assert lock is not None
    command = ["/bin/sleep", "600"]

    def spawn() -> Spawned:
        with (place / "log").open("wb") as log:
            return spawn_server(command, account=current_account(), lock=lock, log=log, tie="signal")

    with lock:
        for number in range(40):
            guarded = Guardian(spawn)
            time.sleep(number / 1000)
            stopping = threading.Thread(target=guarded.stop, daemon=True)
            stopping.start()
            stopping.join(30)
            assert guarded.has_ended, f"interrupted after {number} ms"


def test_an_interrupted_start_leaves_no_server_behind(made_home, start, processes_of, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(starting, "_await_ready", interrupt)

    with pytest.raises(KeyboardInterrupt):
        start(made_home)

    assert processes_of(made_home) == []


def test_a_server_killed_behind_our_back_is_reaped_and_stopping_it_leaves_its_successor_alone(
    made_home, start, sql, wait_until
):
    killed = start(made_home)

    os.kill(killed.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(killed.pid))
    successor = start(made_home)
    killed.stop()

    assert sql(successor, "select 1") == "1"


def test_where_the_tie_is_a_pipe_and_its_watcher_is_killed_the_server_goes_on_and_is_found_again(
    made_home, start, monkeypatch, wait_until, processes_of
):
    monkeypatch.setattr(starting, "TIE", "pipe")
    abandoned = start(made_home)
    process = psutil.Process(abandoned.pid)
    process.parent().kill()

    found = start(made_home)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: not processes_of(made_home))

    assert (found.pid, found.owned) == (abandoned.pid, False)
