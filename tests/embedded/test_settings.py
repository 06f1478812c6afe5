"""The server's settings."""

import pytest

from bpm_crm.embedded.errors import ServerNotStarted, SettingNotAllowed
from bpm_crm.embedded.server import ensure_server
from bpm_crm.embedded.settings import DEFAULTS, merge_settings


def test_the_callers_settings_stand_over_the_defaults_whatever_their_case():
    merged = merge_settings({"Work_Mem": "32MB", "pg_trgm.similarity_threshold": "0.4"})

    assert merged == {**DEFAULTS, "work_mem": "32MB", "pg_trgm.similarity_threshold": "0.4"}


@pytest.mark.parametrize("name", ["hba_file", "HBA_FILE", "unix_socket_directories", "data_directory", "cluster_name"])
def test_what_the_launcher_needs_for_itself_is_refused_and_nothing_is_written(home, name):
    with pytest.raises(SettingNotAllowed, match="belongs to the launcher"):
        ensure_server(home, settings={name: "x"})

    assert not home.exists()


@pytest.mark.parametrize("name", ["", "work mem", "work_mem=1", "-c"])
def test_what_is_no_name_of_a_setting_is_refused(name):
    with pytest.raises(SettingNotAllowed, match="not the name"):
        merge_settings({name: "1"})


@pytest.mark.parametrize("port", ["0", "65536", "x", ""])
def test_a_port_out_of_range_is_refused(port):
    with pytest.raises(SettingNotAllowed, match="from 1 to 65535"):
        merge_settings({"port": port})


def test_a_running_server_has_the_callers_settings_and_outranks_alter_system(made_home, start, sql):
    server = start(made_home, settings={"work_mem": "33MB", "port": "6001"})
    sql(server, "alter system set work_mem = '5MB'", "select pg_reload_conf()")

    shown = sql(server, *(f"show {name}" for name in ("work_mem", "port", "timezone", "data_checksums", "fsync")))

    assert shown.split() == ["33MB", "6001", "UTC", "on", "on"]
    assert server.port == 6001


def test_there_is_no_tcp_by_default(made_home, start, sql):
    assert sql(start(made_home), "show listen_addresses") == ""


def test_neither_statements_nor_their_values_reach_the_log(made_home, start, sql):
    server = start(made_home)
    with pytest.raises(AssertionError, match="already exists"):
        sql(server, "create table t (e text unique)", *["insert into t values ('ann@example.org')"] * 2)
    server.stop()

    logged = "".join(path.read_text() for path in (made_home / "log").glob("*.log"))

    assert "duplicate key" in logged
    assert "ann@example.org" not in logged


def test_a_value_the_server_refuses_ends_in_its_own_words_and_the_next_start_works(made_home, start, processes_of):
    with pytest.raises(ServerNotStarted, match='invalid value for parameter "shared_buffers"'):
        start(made_home, settings={"shared_buffers": "banana"})

    assert processes_of(made_home) == []
    assert start(made_home).owned
