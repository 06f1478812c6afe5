"""What is wrong with a row, by its cell, as it is stored and shown in both languages."""

from collections.abc import Mapping, Sequence
from typing import Any

from bpm_crm.engine.blockers import Blocker, InputProblem
from bpm_crm.engine.wording import LANGUAGES, blocker_message, blocker_unblock, input_message
from bpm_crm.excel.addresses import cell
from bpm_crm.excel.mappings import Mapped
from bpm_crm.excel.problems import TableProblem

RowProblem = Mapping[str, Any]
"""`row`, `cell` (None: no particular one), `code`, and `message` and `cure` by language."""

_TARGETS: Mapping[tuple[str, ...], str] = {
    ("customer", "name"): "name",
    ("customer", "phone"): "phone",
    ("customer", "email"): "email",
    ("customer", "region"): "region",
}


def of_cell(row: int, column: int | None, problem: TableProblem) -> RowProblem:
    """A fault of a cell."""
    return {"row": row, "cell": None if column is None else cell(row, column), **problem.as_json()}


def of_input(
    row: int, mapping: Sequence[Mapped], problem: InputProblem, *, others: Mapping[str, str] | None = None
) -> RowProblem:
    """A fault the engine finds in what a row says; `others` are targets by the name the engine has for them."""
    path = problem.path
    target = _TARGETS.get(path, ".".join(path))
    target = (others or {}).get(target, target)
    column = next((item.column for item in mapping if item.target == target), None)
    return {
        "row": row,
        "cell": None if column is None else cell(row, column),
        "code": problem.code.value,
        "message": {language: input_message(problem, language) for language in LANGUAGES},
        "cure": dict.fromkeys(LANGUAGES, ""),
    }


def of_blocker(row: int, mapping: Sequence[Mapped], blocker: Blocker) -> RowProblem:
    """Something that stands in the way of the move a row tells of."""
    column = next((item.column for item in mapping if item.target == f"data.{blocker.field}"), None)
    return {
        "row": row,
        "cell": None if column is None else cell(row, column),
        "code": blocker.code.value,
        "message": {language: blocker_message(blocker, language) for language in LANGUAGES},
        "cure": {language: blocker_unblock(blocker, language) for language in LANGUAGES},
    }
