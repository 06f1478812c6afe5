"""Where the socket lies."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from bpm_crm.embedded.errors import SocketPathTooLong
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.socket_directory import LONGEST_SOCKET_PATH, choose_socket_directory, fits


@pytest.fixture
def long_home(place):
    """A home whose own socket directory has too long a path."""
    home = place / ("x" * 60) / ("й" * 30)
    home.mkdir(parents=True)
    return Home(home)


def test_the_limit_is_counted_in_bytes_and_includes_the_name_of_the_socket():
    room = LONGEST_SOCKET_PATH - len("/.s.PGSQL.5432")

    assert fits(Path("/" + "x" * (room - 1)), 5432)
    assert not fits(Path("/" + "x" * room), 5432)
    assert not fits(Path("/" + "x" * (room - 1)), 54321)
    assert not fits(Path("/" + "й" * (room // 2 + 1)), 5432)


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a\nb"])
def test_what_clients_would_take_for_a_list_does_not_fit(name):
    assert not fits(Path("/srv") / name, 5432)


def test_a_server_in_a_long_home_has_a_short_private_socket_directory_and_keeps_it(long_home, start, sql):
    server = start(long_home.root)
    found = server.socket_directory.stat()
    server.stop()

    again = start(long_home.root)

    assert stat.S_IMODE(found.st_mode) == 0o700
    assert again.socket_directory == server.socket_directory != long_home.run
    assert sql(again, "select 1") == "1"
    assert start(long_home.root).pid == again.pid


@pytest.mark.parametrize("name", ["a,b", "a b", "Ж"])
def test_a_server_in_a_home_with_an_odd_name_can_be_reached(place, template, start, sql, name):
    shutil.copytree(template, place / name, copy_function=_copy_with_owner)
    _own_like(template, place / name)

    assert sql(start(place / name), "select 1") == "1"


def test_a_remembered_directory_that_others_can_write_is_not_used_again(long_home, account):
    first = choose_socket_directory(long_home, account, 5432)
    first.chmod(0o777)

    second = choose_socket_directory(long_home, account, 5432)

    assert second != first
    first.rmdir()


def test_a_remembered_directory_that_became_a_link_is_not_used_again(long_home, account, place):
    first = choose_socket_directory(long_home, account, 5432)
    first.rmdir()
    (place / "planted").mkdir(mode=0o700)
    account.own(place / "planted")
    first.symlink_to(place / "planted")

    second = choose_socket_directory(long_home, account, 5432)

    assert second != first
    first.unlink()


def test_where_no_short_directory_is_found_the_error_names_the_cure(long_home, account, monkeypatch):
    monkeypatch.setattr("bpm_crm.embedded.socket_directory.LONGEST_SOCKET_PATH", 20)

    with pytest.raises(SocketPathTooLong, match="BPM_CRM_HOME"):
        choose_socket_directory(long_home, account, 5432)

    assert list(long_home.root.iterdir()) == []


def _copy_with_owner(source: str, target: str) -> None:
    shutil.copy2(source, target)
    found = Path(source).stat()
    os.chown(target, found.st_uid, found.st_gid)


def _own_like(template: Path, copy: Path) -> None:
    for path in template.rglob("*"):
        found = path.stat()
        os.chown(copy / path.relative_to(template), found.st_uid, found.st_gid)
