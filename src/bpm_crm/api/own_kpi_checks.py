"""What is wrong with a KPI of a company's own before it is asked or published."""

import re
from collections.abc import Iterator

from bpm_crm.analytics.frames import read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.own_facts import newest_definition
from bpm_crm.analytics.own_kpi import OwnKpi, OwnProblem, own_problems
from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import InputProblem, InvalidInput
from bpm_crm.engine.definition import Title
from bpm_crm.records.database import Connection

MOST_TEXT = 2_000
MOST_KEY = 200
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TOO_LONG = Title(f"A text has at most {MOST_TEXT} characters.", f"В тексте не больше {MOST_TEXT} знаков.")


def is_key(text: str) -> bool:
    """Whether a text can be the key of a KPI."""
    return _KEY.fullmatch(text) is not None


async def own_refusal(
    connection: Connection, context: RequestContext, own: OwnKpi, path: tuple[str, ...]
) -> InvalidInput | None:
    """What is wrong with a definition; None when it is sound."""
    problems = list(_own_flaws(own))
    tenant_id = context.known.tenant.id
    if not problems:
        frame = await read_frame(connection, tenant_id, process=own.process)
        definition = await newest_definition(connection, frame, tenant_id, own.process)
        if definition is None:
            known = ", ".join(sorted(record.key for record in context.known.definitions.values()))
            told = Title(
                f"There is no process “{own.process}”; there are: {known}.",
                f"Процесса «{own.process}» нет; есть: {known}.",
            )
            problems.append(OwnProblem("process", told))
        else:
            problems.extend(own_problems(own, definition))
    return own_invalid(problems, path, context.language) if problems else None


def _own_flaws(own: OwnKpi) -> Iterator[OwnProblem]:
    """What is wrong with the texts of a definition, before anything is looked up."""
    if not is_key(own.key):
        told = Title(
            "A key is made of small letters, digits and `_`, begins with a letter, and has at most 63.",
            "Ключ состоит из строчных латинских букв, цифр и `_`, начинается с буквы и не длиннее 63 знаков.",
        )
        yield OwnProblem("key", told)
    if own.key in CATALOGUE:
        told = Title(
            f"“{own.key}” is a shipped KPI; choose another key.",
            f"«{own.key}» — поставляемый показатель; выберите другой ключ.",
        )
        yield OwnProblem("key", told)
    texts = {
        "process": own.process,
        "title": f"{own.title_en}{own.title_ru}",
        "meaning": f"{own.meaning_en}{own.meaning_ru}",
        "filter": own.filter,
        "condition": own.condition,
        "value": own.value,
        "begins": own.begins,
        "ends": own.ends,
    }
    for part, value in texts.items():
        if value is not None and len(value) > MOST_TEXT:
            yield OwnProblem(part, _TOO_LONG)
    if not all(value.strip() for value in (own.title_en, own.title_ru)):
        told = Title(
            "The title is empty in one of the languages; write it in both.",
            "Название на одном из языков пусто; напишите его на обоих.",
        )
        yield OwnProblem("title", told)


def flaws_of(changelog: str, idempotency_key: str | None) -> Iterator[OwnProblem]:
    """What is wrong with what comes beside a definition."""
    if len(changelog) > MOST_TEXT:
        yield OwnProblem("changelog", _TOO_LONG)
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MOST_KEY:
        told = Title(
            f"An idempotency key has 1 to {MOST_KEY} characters.",
            f"В ключе идемпотентности от 1 до {MOST_KEY} знаков.",
        )
        yield OwnProblem("idempotencyKey", told)


def own_invalid(problems: list[OwnProblem], path: tuple[str, ...], language: str) -> InvalidInput:
    """The refusal of an input with these problems."""
    shown = [
        InputProblem(
            code="INVALID_KPI", message=problem.fault.in_language(language), path=[*path, problem.part], known=[]
        )
        for problem in problems
    ]
    return InvalidInput(code=shown[0].code, message=shown[0].message, path=shown[0].path, problems=shown)
