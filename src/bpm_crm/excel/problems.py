"""What is wrong with a file, a mapping or a cell: a closed code, and its text in English and Russian with a cure."""

from dataclasses import dataclass
from typing import ClassVar

from bpm_crm.excel.problem_codes import TableCode
from bpm_crm.excel.problem_texts import TEXTS
from bpm_crm.operations.job_problems import JobProblem, JobRefused

__all__ = ["TableCode", "TableProblem", "TableRefused"]


@dataclass(frozen=True, slots=True)
class TableProblem(JobProblem):
    """A fault of a table."""

    texts: ClassVar = TEXTS


class TableRefused(JobRefused):
    """A file or a mapping that cannot be taken; nothing of it was."""

    def __init__(self, code: TableCode, **params: object) -> None:
        super().__init__(TableProblem(code, {name: str(value) for name, value in params.items()}))
