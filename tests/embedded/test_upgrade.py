"""The dump and restore recipe, followed to the letter."""

import subprocess
from pathlib import Path

import pytest

from bpm_crm.embedded.accounts import current_account
from bpm_crm.embedded.authentication import host_rules
from bpm_crm.embedded.cluster import locale_flags
from bpm_crm.embedded.environment import clean_environment
from bpm_crm.embedded.errors import OtherMajorVersion
from bpm_crm.embedded.server import ensure_server

OLD = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def old_home(home, account):
    """A home of PostgreSQL 15 with one table, as an older launcher would have left it."""
    home.mkdir(mode=0o755)
    (home / "data").mkdir(mode=0o700)
    account.own(home / "data")
    run = {"check": True, "capture_output": True, "env": clean_environment(), "cwd": "/", **account.identity}
    subprocess.run([OLD / "initdb", "-D", home / "data", "-U", "postgres", "-N", *locale_flags(15)], **run)
    subprocess.run(
        [OLD / "postgres", "--single", "-D", home / "data", "postgres"],
        input="create table kept as select 'Ёлка'::text as name;\n".encode(),
        **run,
    )
    # pg_ident knows `all` from version 16 on; before, each role was named.
    users = {current_account().name, account.name}
    for name, text in (
        ("pg_hba.conf", host_rules()),
        ("pg_ident.conf", "".join(f"bpm_crm {user} postgres\n" for user in users)),
    ):
        (home / name).write_text(text)
        account.own(home / name)
    return home


@pytest.mark.slow
@pytest.mark.skipif(not OLD.exists(), reason="needs Debian's PostgreSQL 15")
def test_who_follows_the_recipe_gets_the_data_into_the_present_version(old_home, start, sql):
    with pytest.raises(OtherMajorVersion) as refusal:
        ensure_server(old_home)

    script = "set -e\n" + refusal.value.recipe
    subprocess.run(["/bin/sh", "-c", script], check=True, cwd="/", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    assert sql(start(old_home), "select name, lower(name) from kept") == "Ёлка|ёлка"
    assert (old_home / "data-15" / "PG_VERSION").read_text() == "15\n"
