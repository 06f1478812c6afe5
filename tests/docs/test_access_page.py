"""The page on access says what the one role table says."""

import re

import pytest

from bpm_crm.api.tokens import LEEWAY, LONGEST_TOKEN
from bpm_crm.config import Settings
from bpm_crm.operations.access import ROLE_TABLE, Permission, Reach, Role
from bpm_crm.operations.companies import KEY_PREFIX
from tests.docs.pages import ROOT, prose, tables

PAGE = ROOT / "docs/access.md"


def told() -> dict[tuple[str, str], str]:
    """The reach of each role and permission, as the page has it; the empty text where there is none."""
    (_, *roles), *rows = tables(PAGE, "Permissions")
    return {(role, permission): reach for permission, *cells in rows for role, reach in zip(roles, cells, strict=True)}


def known() -> dict[tuple[str, str], str]:
    """The same, as the code has it."""
    return {
        (role.value, permission.value): ROLE_TABLE[role].get(permission, "")
        for role in Role
        for permission in Permission
    }


def test_the_table_of_permissions_is_that_of_the_code() -> None:
    assert told() == known()


def test_a_cell_that_differs_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    wider = {**ROLE_TABLE[Role.ANALYST], Permission.FIRE_TRANSITION: Reach.OWN}
    monkeypatch.setitem(ROLE_TABLE, Role.ANALYST, wider)  # type: ignore[arg-type]
    assert told() != known()


def test_every_role_and_every_reach_is_explained() -> None:
    assert [role for role, _ in tables(PAGE, "Roles")[1:]] == [role.value for role in Role]
    assert [reach for reach, *_ in tables(PAGE, "Reach")[1:]] == [reach.value for reach in Reach]


def test_the_facts_about_tokens_are_those_of_the_code() -> None:
    text = prose(PAGE)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert f"{LONGEST_TOKEN:,} characters" in text
    assert f"{LEEWAY.seconds} seconds of clock skew" in text
    assert f"({' and '.join(settings.oidc_algorithms)} unless" in text
    assert f"(`{settings.oidc_tenant_claim}` unless" in text
    assert re.search(rf"`{KEY_PREFIX}_<", text)
