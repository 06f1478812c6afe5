"""The SQL of the reports: read once from its files, and put together with fragments of our own and values by name.

In a file `{part}` stands for a shared part (`reports/parts/part.sql`, which may have parts of its own) or for a fragment given when the statement is made, and `:name`
for a value. `$1` is the tenant, everywhere.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

REPORTS = Path(__file__).parent / "reports"

_BRACED = re.compile(r"\{([a-z_]+)\}")
_NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases count: an SQL condition and its values from `$2` on.

    The condition is over `process_instance AS i`, the case as it is now; `k`, its dimensions as last known; and `m`, the step that
    brought it where it stood. Of `i` only what never changes makes a figure that can be asked again. `asked` has the instants,
    `product_fields` the data field of the product by version.
    """

    sql: str = "true"
    values: Sequence[Any] = ()

    @property
    def is_open(self) -> bool:
        """Whether every case counts."""
        return self.sql == "true"

    @property
    def names_product(self) -> bool:
        """Whether it looks at the product of a case."""
        return "product_fields" in self.sql


EVERY_CASE = CaseFilter()


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL text with its values, `$1` first."""

    text: str
    values: Sequence[Any]


def report(name: str, **parts: str) -> str:
    """The text of a report with its shared parts put in; `parts` names the file of a part that has another name in the report."""
    return with_parts((REPORTS / f"{name}.sql").read_text(encoding="utf-8"), **parts)


def with_parts(text: str, **parts: str) -> str:
    """An SQL text with its shared parts put in, as `report` does."""
    return _BRACED.sub(lambda match: _part(match[0], parts.get(match[1], match[1])), text)


def statement(
    text: str, tenant_id: UUID, values: Mapping[str, Any], *, cases: CaseFilter = EVERY_CASE, **fragments: str
) -> Statement:
    """A statement ready to run: fragments put in, named values numbered after those of the filter.

    `KeyError` for a fragment or value that the text names and nobody gave.
    """
    bound: list[Any] = [tenant_id, *cases.values]
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        name = match[1]
        if name not in numbers:
            bound.append(values[name])
            numbers[name] = len(bound)
        return f"${numbers[name]}"

    whole = _NAMED.sub(numbered, text)
    given = {**fragments, "filter": cases.sql}
    return Statement(_BRACED.sub(lambda match: given[match[1]], whole), bound)


def _part(braced: str, name: str) -> str:
    """The text of a shared part with the parts inside it; what is no part stays in its braces, for a fragment."""
    path = REPORTS / "parts" / f"{name}.sql"
    return with_parts(path.read_text(encoding="utf-8").rstrip()) if path.is_file() else braced
