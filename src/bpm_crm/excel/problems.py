"""What is wrong with a file, a mapping or a cell: a closed code, and its text in English and Russian with a cure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bpm_crm.excel.problem_codes import TableCode
from bpm_crm.excel.problem_texts import TEXTS

__all__ = ["TableCode", "TableProblem", "TableRefused"]


@dataclass(frozen=True, slots=True)
class TableProblem:
    """A fault, with what its text needs."""

    code: TableCode
    params: Mapping[str, str] = field(default_factory=dict)

    def message(self, language: str) -> str:
        """What is wrong."""
        return TEXTS[self.code][0].in_language(language).format_map(self.params)

    def cure(self, language: str) -> str:
        """What would help."""
        return TEXTS[self.code][1].in_language(language).format_map(self.params)


class TableRefused(Exception):
    """A file or a mapping that cannot be taken; nothing of it was."""

    def __init__(self, code: TableCode, **params: object) -> None:
        self.problem = TableProblem(code, {name: str(value) for name, value in params.items()})
        super().__init__(f"{self.problem.message('en')} {self.problem.cure('en')}")
