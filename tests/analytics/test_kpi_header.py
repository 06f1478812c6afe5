"""Headers of KPI files: a broken one is told with its file, line and cure."""

from pathlib import Path

import pytest

from bpm_crm.analytics.dimensions import OF_TIME, Dimension
from bpm_crm.analytics.kpi_catalogue import KPIS, read_catalogue, read_kpi
from bpm_crm.analytics.kpi_header import HeaderBroken

GOOD = (KPIS / "new_cases.sql").read_text(encoding="utf-8")


def test_a_header_says_what_the_kpi_is() -> None:
    kpi = read_kpi(KPIS / "attainment.sql")
    assert (kpi.key, kpi.kind, kpi.unit, kpi.better, kpi.period) == ("attainment", "share", "share", "higher", "due")
    assert kpi.dimensions[-1] is Dimension.CLOCK
    assert set(OF_TIME) < set(kpi.dimensions)
    assert kpi.meaning["en"].endswith("A case counts once for each cycle.")
    assert "\n" not in kpi.meaning["ru"]


BROKEN = [
    ("-- kind: count", "-- kind: tally", r"new_cases.sql:6: “tally” is no kind; write one of count, share"),
    ("-- better: neither\n", "", r"new_cases.sql:1: the header has no “better”; add a line `-- better: …`"),
    ("-- title.ru: Новые обращения\n", "", r"the header has no “title.ru”"),
    ("-- unit: count", "-- unit: count\n-- unit: share", r"new_cases.sql:8: “unit” is given twice"),
    ("-- unit: count", "-- unit: count\n-- colour: red", r"new_cases.sql:8: “colour” means nothing in a header"),
    ("-- unit: count", "-- unit: count\n--red", r"new_cases.sql:8: write `-- key: value`"),
    ("case, time", "case, moon", r"“moon” is no dimensions; write one of case, time, channel"),
    ("-- key: new_cases", "-- key: cases", r"the key is “cases”; name the file cases.sql"),
    (GOOD[GOOD.index("WITH") :], "", r"there is no SQL after the header"),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_a_broken_header_is_told_with_file_line_and_cure(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    (tmp_path / "new_cases.sql").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(HeaderBroken, match=message):
        read_catalogue(tmp_path)
