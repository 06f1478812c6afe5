"""What does not fit the notation of a document: the faults of the typed model as problems, with the place and the cure in both languages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bpm_crm.engine.definition import Title
from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.texts import shown

_WRONG_KIND: Final = Title("“{value}” does not fit here; {cure}.", "«{value}» здесь не подходит; {cure}.")
_MISSING: Final = Title("“{key}” is missing; add it.", "Нет «{key}»; добавьте.")
_UNKNOWN: Final = Title(
    "There is no key “{key}” here; correct its spelling or remove it.",
    "Ключа «{key}» здесь нет; исправьте написание или уберите его.",
)
_CUT_TEXT: Final = Title(
    "There is no key “{key}” here; if it belongs to the text before it, put that text in quotes because of its comma.",
    "Ключа «{key}» здесь нет; если это часть текста перед ним, возьмите тот текст в кавычки из-за запятой.",
)
_EXPECTED: Final[Mapping[str, Title]] = {
    "bool": Title("write true or false", "напишите true или false"),
    "date": Title("write a date such as 2026-12-31", "напишите дату вида 2026-12-31"),
    "decimal": Title("write a number such as 15.5", "напишите число вида 15.5"),
    "dict": Title("write keys with values", "напишите ключи со значениями"),
    "effect": Title("write one of: {expected}", "напишите одно из: {expected}"),
    "enum": Title("write one of: {expected}", "напишите одно из: {expected}"),
    "finite": Title("write a number such as 15.5", "напишите число вида 15.5"),
    "greater": Title("write a number not below {ge}", "напишите число не меньше {ge}"),
    "int": Title("write a whole number", "напишите целое число"),
    "less": Title("write a number not above {le}", "напишите число не больше {le}"),
    "list": Title("write a list", "напишите список"),
    "literal": Title("write one of: {expected}", "напишите одно из: {expected}"),
    "model": Title("write keys with values", "напишите ключи со значениями"),
    "string": Title("write a text", "напишите текст"),
    "too": Title("write a list of the right length", "напишите список нужной длины"),
    "tuple": Title("write a list of two", "напишите список из двух"),
}
_TEXT_LENGTH: Final = Title("write a text of the right length", "напишите текст нужной длины")
_PATTERN: Final = Title("it must match {pattern}", "нужно соответствие {pattern}")


def shape_problems(error: ValidationError, data: Any) -> list[Problem]:
    """One problem for each place of `data` that does not fit, those that say most first.

    Where several forms are allowed, the model complains of each that was not meant; a place is not reported when one below it is.
    """
    found: dict[tuple[str, ...], Problem] = {}
    for fault in sorted(error.errors(include_url=False), key=_is_other_form):
        path = _place(fault["loc"], data, is_missing=fault["type"] == "missing")
        found.setdefault(path, Problem(ProblemCode.SHAPE, path, {"fault": _text(fault, path)}))
    return [problem for path, problem in found.items() if not _has_below(path, found)]


def _is_other_form(fault: ErrorDetails) -> bool:
    """Whether the model says no more than that this is not the form it tried."""
    return fault["type"].endswith("_type") or fault["type"] == "literal_error"


def _place(steps: Sequence[int | str], data: Any, *, is_missing: bool) -> tuple[str, ...]:
    """The steps that lead through the data, without the names of the forms tried; the key that is missing comes last."""
    path: list[str] = []
    for step in steps:
        within = range(len(data)) if isinstance(data, list) else data if isinstance(data, Mapping) else ()
        if step in within:
            data = data[step]
            path.append(str(step))
    if is_missing:
        path.append(str(steps[-1]))
    return tuple(path)


def _has_below(path: tuple[str, ...], found: Iterable[tuple[str, ...]]) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in found)


def _text(fault: ErrorDetails, path: tuple[str, ...]) -> Title:
    kind = fault["type"]
    if kind == "missing":
        return _both(_MISSING, key=path[-1])
    if kind == "extra_forbidden":
        return _both(_CUT_TEXT if fault["input"] is None else _UNKNOWN, key=path[-1])
    if kind == "string_pattern_mismatch":
        cure = _PATTERN
    elif kind.startswith("string_too"):
        cure = _TEXT_LENGTH
    else:
        cure = _EXPECTED.get(kind.partition("_")[0], Title(fault["msg"], fault["msg"]))
    cure = _both(cure, **{name: str(value).replace(" or ", ", ") for name, value in fault.get("ctx", {}).items()})
    value = "null" if fault["input"] is None else shown(fault["input"])
    return Title(_WRONG_KIND.en.format(value=value, cure=cure.en), _WRONG_KIND.ru.format(value=value, cure=cure.ru))


def _both(title: Title, **params: Any) -> Title:
    return Title(title.en.format_map(params), title.ru.format_map(params))
