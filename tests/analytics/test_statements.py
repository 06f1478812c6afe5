"""The statements of the reports: parts, fragments, numbered values, and the tenant in every table they name."""

import re
from uuid import UUID

import pytest

from bpm_crm.analytics.kpi_catalogue import KPIS
from bpm_crm.analytics.statements import REPORTS, CaseFilter, report, statement, with_parts

TENANT = UUID(int=1)
TABLES = (
    "history",
    "process_instance",
    "process_definition",
    "process_version",
    "deal",
    "channel",
    "tenant",
    "own_kpi",
    "customer",
    r"\{object\}",  # deals or customers
)


def test_values_are_numbered_after_those_of_the_filter_and_a_name_keeps_its_number() -> None:
    found = statement(
        "SELECT :b::int, :a, :b WHERE $1 = x AND ({filter})",
        TENANT,
        {"a": "A", "b": "B", "c": "C"},
        cases=CaseFilter("i.owner_id = $2", ["O"]),
    )
    assert found.text == "SELECT $3::int, $4, $3 WHERE $1 = x AND (i.owner_id = $2)"
    assert found.values == [TENANT, "O", "B", "A"]


def test_what_is_bound_never_comes_from_the_filter_or_a_fragment() -> None:
    found = statement("SELECT {segment} WHERE {filter}", TENANT, {}, cases=CaseFilter("x = ':as_of'"), segment="{no}")
    assert found.text == "SELECT {no} WHERE x = ':as_of'"


@pytest.mark.parametrize("text", ["SELECT :nobody", "SELECT {nobody}"])
def test_a_name_that_nobody_gave_is_an_error(text: str) -> None:
    with pytest.raises(KeyError):
        statement(text, TENANT, {})


def test_a_part_may_go_by_another_name() -> None:
    assert "array_position" in report("funnel_cohort", arrivals="arrivals_all")
    assert "array_position" not in report("funnel_cohort", arrivals="arrivals_any")


def test_a_part_may_have_parts_of_its_own() -> None:
    whole = with_parts("{touching_cases},\n{cases}")
    assert "{touched}" not in whole
    assert "{last_known}" not in whole
    assert "h.checkpoints && :entrances::text[]" in whole
    assert "{filter}" in whole, "a fragment stays for the statement"


@pytest.mark.parametrize("path", sorted([*REPORTS.rglob("*.sql"), *KPIS.glob("*.sql")]), ids=lambda path: path.stem)
def test_every_table_is_named_with_its_tenant(path: object) -> None:
    text = re.sub(r"--.*", "", REPORTS.joinpath(str(path)).read_text(encoding="utf-8"))
    named = re.findall(rf"\b(?:FROM|JOIN)\s+({'|'.join(TABLES)})\s+AS\s+(\w+)", text)
    assert len(re.findall(rf"\b(?:FROM|JOIN)\s+(?:{'|'.join(TABLES)})(?!\w)", text)) == len(named)
    walls = re.findall(r"\b(\w+)\.tenant_id = \$1", text)
    assert sorted(alias for _, alias in named) == sorted(walls)
