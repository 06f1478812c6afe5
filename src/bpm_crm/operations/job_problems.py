"""Why a job could not be done, or a part of it: a closed code, and its text in English and Russian with a cure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from bpm_crm.engine.definition import Title
from bpm_crm.engine.wording import LANGUAGES

Texts = tuple[Title, Title]
"""What is wrong, and what would help."""


class JobCode(StrEnum):
    """What can be wrong with any job. Codes never change; texts may."""

    STILL_RUNNING = "STILL_RUNNING"
    NOBODY = "NOBODY"
    CANCELLED = "CANCELLED"
    ENDED = "ENDED"
    INTERNAL = "INTERNAL"


_TEXTS: Mapping[StrEnum, Texts] = {
    JobCode.STILL_RUNNING: (
        Title("What is to be undone still runs.", "То, что нужно отменить, ещё выполняется."),
        Title("Wait until it is done.", "Дождитесь его окончания."),
    ),
    JobCode.NOBODY: (
        Title(
            "Who asked for this is no longer an active user, or may no longer do it.",
            "Автор задания больше не действующий пользователь или лишился права на это.",
        ),
        Title("Ask for it anew.", "Запросите заново."),
    ),
    JobCode.CANCELLED: (
        Title("It was cancelled.", "Задание отменено."),
        Title(
            "What it did before stays. An import or a migration can be undone; or ask for it anew.",
            "Сделанное до этого осталось. Импорт и миграцию можно откатить; либо запросите заново.",
        ),
    ),
    JobCode.ENDED: (
        Title("The job has ended; there is nothing left to cancel.", "Задание уже завершено, отменять нечего."),
        Title("An import or a migration can be undone.", "Импорт и миграцию можно откатить."),
    ),
    JobCode.INTERNAL: (
        Title("The work failed several times.", "Задание несколько раз завершилось сбоем."),
        Title("Tell your administrator the id of the job.", "Сообщите администратору номер задания."),
    ),
}


@dataclass(frozen=True, slots=True)
class JobProblem:
    """A fault, with what its text needs. Work with faults of its own has a subclass that knows their texts."""

    texts: ClassVar[Mapping[StrEnum, Texts]] = _TEXTS

    code: StrEnum
    params: Mapping[str, str] = field(default_factory=dict)

    def message(self, language: str) -> str:
        """What is wrong."""
        return self.texts[self.code][0].in_language(language).format_map(self.params)

    def cure(self, language: str) -> str:
        """What would help."""
        return self.texts[self.code][1].in_language(language).format_map(self.params)

    def as_json(self) -> dict[str, Any]:
        """The fault as it is stored, in both languages."""
        return {
            "code": self.code.value,
            "message": {language: self.message(language) for language in LANGUAGES},
            "cure": {language: self.cure(language) for language in LANGUAGES},
        }


class JobRefused(Exception):
    """A job that cannot be done, or done any further. What it did before stays."""

    def __init__(self, problem: JobProblem) -> None:
        self.problem = problem
        super().__init__(f"{problem.message('en')} {problem.cure('en')}")
