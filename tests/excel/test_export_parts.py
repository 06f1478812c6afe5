"""The parts of an export by themselves: months, conditions kept as JSON, the limit on rows."""

import itertools
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.excel import export_facts
from bpm_crm.excel.export_figures import months_of
from bpm_crm.excel.export_input import FACT_COLUMNS, ExportInput
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.condition_json import from_json, to_json
from bpm_crm.records.selection import All, AnyOf, Compare, Exists, Not, Operator
from tests.excel.desk import Desk, xlsx

ANY_ID = UUID("01a201e4-874e-762c-af30-dbc33b9e6570")


def test_months_are_those_of_the_companys_zone() -> None:
    zone = ZoneInfo("Europe/Moscow")
    last_of_june, new_year = datetime(2026, 6, 30, 21, 30, tzinfo=UTC), datetime(2026, 12, 31, 21, tzinfo=UTC)
    found = months_of([new_year, last_of_june], zone)
    assert [since.strftime("%Y-%m") for since, _ in found] == [f"2026-{n:02}" for n in range(7, 13)] + ["2027-01"]
    assert found[0][0] <= last_of_june < found[0][1]
    assert all(until == after for (_, until), (after, _) in itertools.pairwise(found))
    assert months_of([], zone) == []


def test_a_condition_comes_back_as_it_was_kept() -> None:
    condition = All(
        (
            Compare("k.owner_id", Operator.IN, [ANY_ID], "uuid"),
            AnyOf((Compare("i.started_at", Operator.LT, datetime(2026, 1, 1, tzinfo=UTC), "timestamptz"), All())),
            Not(Compare("k.region", Operator.IS_NULL, True, "text")),
            Compare("k.version", Operator.GTE, 2, "int"),
        )
    )
    assert from_json(to_json(condition), FACT_COLUMNS) == condition


@pytest.mark.parametrize(
    "kept",
    [
        {"column": "1=1 OR i.id", "operator": "eq", "value": "x", "type": "uuid"},
        {"column": "i.id", "operator": "eq", "value": "x", "type": "uuid); DROP TABLE job; --"},
        {"sql": "true"},
        ["all"],
        None,
    ],
)
def test_sql_that_was_put_among_conditions_is_not_run(kept: object) -> None:
    with pytest.raises(ValueError, match="not written by this code"):
        from_json(kept, FACT_COLUMNS)


def test_a_condition_over_other_tables_is_not_kept() -> None:
    with pytest.raises(TypeError):
        to_json(Exists("deal AS d WHERE true", All()))


async def test_a_workbook_too_long_for_anybody_is_refused_and_says_what_to_do(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.imported(xlsx([["ID", "Name"], *([str(n), "x"] for n in range(5))]))
    monkeypatch.setattr(export_facts, "MOST_ROWS", 3)
    values = ExportInput(process="callback-request", condition=All()).as_json()
    job = await desk.done(await desk.asked(JobKind.WORKBOOK, values))
    assert job.file_id is None
    assert job.failure is not None
    assert job.failure["code"] == "TOO_MANY_RECORDS"
    assert "shorter period" in job.failure["cure"]["en"]
