"""Shared parts: a document that says `include: [sale]` gets that part below it, resolved once, before it is published."""

from collections.abc import Iterable, Mapping
from typing import Any

from bpm_crm.engine.definition import Title
from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.engine.texts import shown

MAX_INCLUDES = 16

_TAKEN_OUT = object()
"""Stands where a null takes a key out of every part below."""

_NOT_KEYS = Title(
    "A process document is made of keys with values; begin with `process: <key>`.",
    "Документ процесса состоит из ключей со значениями; начните с `process: <ключ>`.",
)
_NOT_NAMES = Title(
    f"`include` is a list of at most {MAX_INCLUDES} names of shared parts; write one such as [sale].",
    f"`include` — список не больше {MAX_INCLUDES} имён общих частей; напишите, например, [sale].",
)


def resolve_includes(document: Any, parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The document with its parts merged below it and `include` gone.

    What the document says itself comes first and wins, key by key; a key it sets to null is taken out of the part. A null that takes
    nothing out stays: most often it is a text with a comma that wants quotes, and the model complains of it. Parts may include parts.
    `DefinitionInvalid` for what is no document at all, an unknown part, or parts that include each other.
    """
    if not isinstance(document, Mapping):
        raise DefinitionInvalid([Problem(ProblemCode.SHAPE, (), {"fault": _NOT_KEYS})])
    return _resolved(document, parts, ())


def _resolved(
    document: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]], trail: tuple[str, ...]
) -> dict[str, Any]:
    names = document.get("include", [])
    if not isinstance(names, list) or len(names) > MAX_INCLUDES:
        raise _problem(ProblemCode.SHAPE, {"fault": _NOT_NAMES})
    merged = {key: value for key, value in document.items() if key != "include"}
    for name in names:
        part = parts.get(name) if isinstance(name, str) else None
        if part is None:
            raise _problem(ProblemCode.UNKNOWN_PART, {"value": shown(name), "known": ", ".join(sorted(parts)) or "—"})
        if name in trail:
            raise _problem(ProblemCode.SHAPE, {"fault": _circle((*trail, name))})
        merged = _merged(merged, _resolved(part, parts, (*trail, name)))
    return merged if trail else _without_taken(merged)


def _merged(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> dict[str, Any]:
    """`upper` over `lower`: mappings are merged key by key, everything else is replaced; the order of `upper` comes first."""
    found = dict(upper)
    for key, value in lower.items():
        if key not in found:
            found[key] = value
        elif found[key] is None:
            found[key] = _TAKEN_OUT
        elif isinstance(found[key], Mapping) and isinstance(value, Mapping):
            found[key] = _merged(found[key], value)
    return found


def _without_taken(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_taken(item) for key, item in value.items() if item is not _TAKEN_OUT}
    return value


def _circle(names: Iterable[str]) -> Title:
    trail = " → ".join(names)
    return Title(
        f"The parts {trail} include each other; take one `include` out.",
        f"Части {trail} включают друг друга; уберите один `include`.",
    )


def _problem(code: ProblemCode, params: Mapping[str, str | Title]) -> DefinitionInvalid:
    return DefinitionInvalid([Problem(code, ("include",), params)])
