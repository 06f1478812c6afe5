"""The server's log files."""

import os

from bpm_crm.embedded.accounts import current_account
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.log import last_lines, open_startup_log


def test_the_last_lines_come_from_the_file_written_last(place):
    home = Home(place)
    home.log.mkdir()
    for day, age in (("Mon", 100), ("Tue", 0)):
        path = home.log / f"postgresql-{day}.log"
        path.write_text("".join(f"{day} {line}\n" for line in range(1000)))
        os.utime(path, (10**9 - age, 10**9 - age))

    assert last_lines(home, 2) == ["Tue 998", "Tue 999"]


def test_without_any_log_there_are_no_lines(place):
    assert last_lines(Home(place), 2) == []


def test_a_start_removes_files_of_last_week_and_begins_its_own_anew(place):
    home = Home(place)
    home.log.mkdir()
    home.startup_log.write_text("of the last start")
    for day, days in (("Mon", 7), ("Tue", 1)):
        path = home.log / f"postgresql-{day}.log"
        path.write_text(day)
        os.utime(path, (path.stat().st_mtime - days * 86400,) * 2)

    open_startup_log(home, current_account()).close()

    assert {path.name: path.read_text() for path in home.log.iterdir()} == {
        "postgresql-Tue.log": "Tue",
        "startup.log": "",
    }


def test_a_running_server_writes_its_weekday_file(made_home, start):
    start(made_home)

    written = [path.name for path in (made_home / "log").iterdir() if path.stat().st_size]

    assert any(name.startswith("postgresql-") for name in written)
    assert "ready to accept connections" in last_lines(Home(made_home), 1)[0]
