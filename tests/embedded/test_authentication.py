"""Who is let in."""

import os

import asyncpg
import pytest

from bpm_crm.embedded.accounts import current_account
from bpm_crm.embedded.authentication import host_rules, user_map, write_atomically

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several OS users")

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


@pytest.fixture
def server(made_home, start):
    return start(made_home)


def test_names_are_quoted_and_each_is_written_once():
    assert user_map(["ann", "ann", 'odd "name"']).splitlines()[1:] == [
        'bpm_crm "ann" all',
        'bpm_crm "odd ""name""" all',
    ]


def test_the_rules_know_the_socket_and_peer_authentication_only():
    rules = [line.split() for line in host_rules().splitlines() if not line.startswith("#")]

    assert {(rule[0], rule[3]) for rule in rules} == {("local", "peer")}


def test_an_os_user_of_the_map_may_act_as_any_database_role(server, sql):
    sql(server, 'create role "Мария / sales" login')

    assert sql(server.dsn("Мария / sales", "postgres"), "select current_user") == "Мария / sales"


async def test_asyncpg_understands_the_address(server):
    connection = await asyncpg.connect(server.dsn("postgres", "postgres"))
    try:
        assert await connection.fetchval("select 6 * 7") == 42
    finally:
        await connection.close()


@as_root
def test_the_user_that_runs_the_server_is_let_in_too(server, sql, account):
    assert sql(server, "select 1", identity=account.identity) == "1"


@as_root
def test_another_os_user_cannot_reach_the_socket_and_is_refused_by_peer_even_if_it_can(server, sql):
    with pytest.raises(AssertionError, match="Permission denied"):
        sql(server, "select 1", identity=NOBODY)
    server.socket_directory.chmod(0o755)

    with pytest.raises(AssertionError, match="Peer authentication failed"):
        sql(server, "select 1", identity=NOBODY)


@as_root
def test_a_server_that_is_also_told_to_listen_on_tcp_lets_nobody_in_there(made_home, start, sql):
    server = start(made_home, settings={"listen_addresses": "127.0.0.1", "port": "54399"})

    assert sql(server, "select 1") == "1"
    with pytest.raises(AssertionError, match="no pg_hba"):
        sql("postgresql://postgres@127.0.0.1:54399/postgres", "select 1")


def test_base_backups_are_open_to_the_same_users(server, sql):
    told = sql(f"{server.dsn('postgres', 'postgres')}&replication=true", "IDENTIFY_SYSTEM")

    assert len(told.split("|")) == 4


def test_a_link_planted_in_place_of_a_file_is_replaced_not_followed(place):
    (place / "victim").write_text("untouched")
    (place / "rules").symlink_to(place / "victim")

    write_atomically(place / "rules", "new", current_account())

    assert [(place / name).read_text() for name in ("victim", "rules")] == ["untouched", "new"]
    assert sorted(path.name for path in place.iterdir()) == ["rules", "victim"]
