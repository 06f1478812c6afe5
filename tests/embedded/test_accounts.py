"""Which OS user runs the server."""

import os
import stat

import pytest

from bpm_crm.embedded.accounts import choose_account, current_account, first_closed
from bpm_crm.embedded.errors import AccountNotUsable, HomeNotReachable, HomeOwnedByAnother
from bpm_crm.embedded.server import ensure_server

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another OS user")
as_ordinary = pytest.mark.skipif(os.geteuid() == 0, reason="for an ordinary OS user")

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def modes_above(path):
    return [(directory, stat.S_IMODE(directory.stat().st_mode)) for directory in path.parents]


@as_root
def test_root_hands_the_server_to_an_unprivileged_user(place):
    assert choose_account(None, place / "data").name in ("postgres", "nobody")


@as_root
def test_root_may_name_the_user(place):
    assert choose_account("nobody", place / "data").name == "nobody"


@as_root
def test_root_takes_the_owner_of_existing_data(place):
    (place / "data").mkdir()
    os.chown(place / "data", 65534, -1)

    assert choose_account(None, place / "data").name == "nobody"


@as_root
@pytest.mark.parametrize("name", ["no such user", "root"])
def test_a_user_that_cannot_run_postgresql_is_refused(place, name):
    with pytest.raises(AccountNotUsable, match="run_as"):
        choose_account(name, place / "data")


@as_root
def test_data_of_another_user_are_refused_and_stay_that_users(place):
    (place / "data").mkdir()
    os.chown(place / "data", 65534, -1)

    with pytest.raises(HomeOwnedByAnother, match="BPM_CRM_HOME"):
        choose_account("postgres", place / "data")

    assert (place / "data").stat().st_uid == 65534


@as_ordinary
def test_an_ordinary_user_runs_the_server_itself(place):
    assert choose_account(None, place / "data") == current_account()


@as_ordinary
def test_an_ordinary_user_cannot_hand_the_server_to_another(place):
    with pytest.raises(AccountNotUsable, match="Only root"):
        choose_account("somebody", place / "data")


@as_root
def test_the_kernel_is_asked_as_the_servers_user_which_directory_is_closed(place, account):
    (place / "closed" / "inner").mkdir(parents=True)
    (place / "closed").chmod(0o700)

    assert first_closed(account, [place, place / "closed", place / "closed" / "inner"]) == place / "closed"
    assert first_closed(account, [place]) is None
    assert first_closed(current_account(), [place / "closed" / "inner"]) is None


@as_root
def test_a_home_below_a_closed_directory_is_refused_with_the_cure_and_nothing_is_written(place):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    modes = modes_above(closed / "home")

    with pytest.raises(HomeNotReachable, match="BPM_CRM_HOME") as refusal:
        ensure_server(closed / "home")

    assert refusal.value.blocked == closed
    assert (list(closed.iterdir()), modes_above(closed / "home")) == ([], modes)


@as_root
def test_starting_as_root_leaves_the_modes_of_all_directories_above_unchanged(place, start):
    home = place / "a" / "b" / "home"
    (place / "a" / "b").mkdir(parents=True)
    (place / "a").chmod(0o711)
    (place / "a" / "b").chmod(0o701)
    modes = modes_above(home)

    start(home)

    assert modes_above(home) == modes


@as_root
def test_the_server_and_its_data_belong_to_the_user_named_in_run_as(home, start, sql, processes_of):
    server = start(home, run_as="nobody")

    assert {process.username() for process in processes_of(home)} == {"nobody"}
    assert sql(server, "select 1") == "1"


@as_root
def test_an_os_user_without_name_is_told_what_postgresql_needs(place, launch):
    place.chmod(0o777)

    answer = launch(place / "home", identity={"user": 54321, "group": 54321, "extra_groups": []}).answer()

    assert answer["fault"] == "AccountNotUsable"
    assert "/etc/passwd" in str(answer["words"])


@as_root
def test_an_ordinary_user_starts_shares_and_keeps_a_server(place, launch, sql):
    os.chown(place, 65534, 65534)
    first = launch(place / "home", identity=NOBODY)
    answer = first.answer()
    second = launch(place / "home", identity=NOBODY)
    shared = second.answer()
    sql(str(answer["dsn"]), "create table kept (id int)", "insert into kept values (7)", identity=NOBODY)
    first.kill()
    third = launch(place / "home", identity=NOBODY)
    again = third.answer()

    assert (answer["owned"], shared["owned"], again["owned"]) == (True, False, True)
    assert shared["pid"] == answer["pid"] != again["pid"]
    assert sql(str(again["dsn"]), "select id from kept", identity=NOBODY) == "7"
    second.release()


@as_root
def test_not_even_root_gets_into_a_live_server_of_another_user(place, launch):
    os.chown(place, 65534, 65534)
    launch(place / "home", identity=NOBODY).answer()

    answer = launch(place / "home").answer()

    assert answer["fault"] == "ServerRefusesUser"
    assert "BPM_CRM_HOME" in str(answer["words"])


@as_root
def test_an_ordinary_user_is_kept_out_of_the_home_of_another(made_home, launch):
    before = sorted(made_home.rglob("*"))

    answer = launch(made_home, identity=NOBODY).answer()

    assert answer["fault"] == "HomeOwnedByAnother"
    assert sorted(made_home.rglob("*")) == before
