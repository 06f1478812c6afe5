"""The data directory."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from bpm_crm.embedded import cluster
from bpm_crm.embedded.cluster import locale_flags, read_major
from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.errors import ClusterNotCreated, OtherMajorVersion
from bpm_crm.embedded.home import Home

HOSTILE = {
    "LC_ALL": "C",
    "PATH": "/usr/bin:/bin",
    "PGHOST": "nowhere.invalid",
    "PGPORT": "1",
    "PGUSER": "mallory",
    "PGDATA": "/nonexistent",
    "PGOPTIONS": "-c nonsense=1",
    "PGCLIENTENCODING": "SQL_ASCII",
}
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def snapshot(directory: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in directory.rglob("*")}


def initdb_of(home: Path) -> list[psutil.Process]:
    mark = f"{home}/{cluster.UNFINISHED}"
    running = psutil.process_iter(["name", "cmdline"])
    return [each for each in running if each.info["name"] == "initdb" and mark in " ".join(each.info["cmdline"])]


def unfinished(home: Path) -> list[Path]:
    return list(home.glob(f"{cluster.UNFINISHED}*"))


def test_without_home_under_the_c_locale_and_with_hostile_pg_variables_cyrillic_works(home, launch, sql):
    owner = launch(home, environment=HOSTILE)
    dsn = str(owner.answer()["dsn"])

    told = sql(
        dsn,
        "create extension pg_trgm",
        "select lower('Ё') = 'ё', show_trgm('я') <> '{}', 'ИВАНОВ' ilike 'иванов'",
        "select datlocprovider, datlocale, datcollate from pg_database where datname = 'postgres'",
        "show server_encoding",
    )

    assert told.split("\n")[-3:] == ["t|t|t", "b|C.UTF-8|C", "UTF8"]


def test_the_control_a_database_of_the_bare_c_locale_fails_the_same_check(made_home, start, sql):
    server = start(made_home)
    sql(
        server,
        "create database bare template template0 locale_provider libc locale 'C'",
    )

    told = sql(
        server.dsn("postgres", "bare"), "create extension pg_trgm", "select lower('Ё') = 'ё', show_trgm('я') = '{}'"
    )

    assert told == "f|t"


def test_before_the_builtin_provider_the_locale_comes_from_the_os():
    assert locale_flags(17)[0] == "--locale-provider=builtin"
    assert locale_flags(16) == ["--locale-provider=libc", *locale_flags(17)[2:]]


@pytest.mark.skipif(not DEBIAN_15.exists(), reason="needs Debian's PostgreSQL 15")
def test_the_flags_for_older_versions_are_understood_by_one_and_give_cyrillic(place, account):
    account.own(place)
    run = {"check": True, "capture_output": True, "env": clean_environment(), "cwd": "/", **account.identity}
    subprocess.run([DEBIAN_15 / "initdb", "-D", place / "data", "-N", *locale_flags(15)], **run)

    told = subprocess.run(
        [DEBIAN_15 / "postgres", "--single", "-D", place / "data", "postgres"],
        input="select lower('Ё') as answer;\n".encode(),
        **run,
    ).stdout.decode()

    assert 'answer = "ё"' in told


@pytest.mark.parametrize("is_initdb_killed_too", [True, False])
def test_a_starter_killed_during_initdb_leaves_nothing_half_done(home, launch, start, wait_until, is_initdb_killed_too):
    owner = launch(home)
    wait_until(lambda: any((path / "base").exists() for path in unfinished(home)))
    owner.kill()
    for process in initdb_of(home) if is_initdb_killed_too else []:
        process.send_signal(signal.SIGKILL)
    assert not Home(home).data.exists()

    server = start(home)

    assert server.owned
    assert unfinished(home) == []


def test_a_failed_initdb_leaves_nothing_behind_and_says_why(home, start, monkeypatch):
    monkeypatch.setattr(cluster, "locale_flags", lambda _: ["--locale=xx_XX.nonsense"])

    with pytest.raises(ClusterNotCreated, match="invalid locale name"):
        start(home)

    assert not Home(home).data.exists()
    assert unfinished(home) == []


def test_an_empty_data_directory_is_filled_and_a_foreign_one_is_refused(place, account):
    home = Home(place)
    home.data.mkdir()
    assert read_major(home) is None
    (home.data / "photo.jpg").write_text("")

    with pytest.raises(ClusterNotCreated, match="Move it away"):
        read_major(home)


def test_a_damaged_version_file_is_refused(place):
    (place / "data").mkdir()
    (place / "data" / "PG_VERSION").write_text("")

    with pytest.raises(ClusterNotCreated, match="damaged"):
        read_major(Home(place))


def test_data_of_another_major_version_are_refused_with_the_recipe_and_nothing_is_changed(made_home, start):
    (made_home / "data" / "PG_VERSION").write_text("17\n")
    before = snapshot(made_home)

    with pytest.raises(OtherMajorVersion) as refusal:
        start(made_home)

    assert (refusal.value.found, refusal.value.expected) == (17, 18)
    assert "pg_dumpall" in str(refusal.value)
    assert snapshot(made_home) == before


def test_the_data_are_closed_to_everybody_but_the_servers_user(template, account):
    found = (template / "data").stat()

    assert (found.st_uid, found.st_mode & 0o777) == (account.uid, 0o700)
    assert os.access(template, os.X_OK)
