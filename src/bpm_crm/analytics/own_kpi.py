"""A KPI that a company defines itself: from checkpoints, clocks and data fields, in the language of guards (`docs/kpis.md`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from bpm_crm.analytics.kpi_kinds import Better, KpiKind
from bpm_crm.engine.definition import ProcessDefinition, Title
from bpm_crm.engine.guard import CelCompiler, Expression, ExpressionInvalid, VariableType
from bpm_crm.engine.process import variables

_WITHOUT_CASES: Final = ("actor.id", "actor.roles")


class OwnKind(StrEnum):
    """What a company's own KPI is."""

    COUNT = "count"
    SUM = "sum"
    SHARE = "share"
    DURATION = "duration"


KIND_OF: Final[Mapping[OwnKind, KpiKind]] = {
    OwnKind.COUNT: KpiKind.COUNT,
    OwnKind.SUM: KpiKind.SUM,
    OwnKind.SHARE: KpiKind.SHARE,
    OwnKind.DURATION: KpiKind.DURATION,
}


@dataclass(frozen=True, slots=True)
class OwnKpi:
    """A definition: `filter` says which cases of the process count, `condition` (of a share) which of them are its part, `value` (of a
    sum) what each adds. `begins` and `ends` are checkpoints: a case falls into the period when it first touches `begins` (None: when it
    starts); a duration runs from there to its first touch of `ends`.
    """

    key: str
    process: str
    kind: OwnKind
    title_en: str
    title_ru: str
    meaning_en: str
    meaning_ru: str
    better: Better
    is_money: bool = False
    filter: str | None = None
    condition: str | None = None
    value: str | None = None
    begins: str | None = None
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class OwnProblem:
    """A fault of a definition: at which of its parts, and what is wrong with the cure."""

    part: str
    fault: Title


@dataclass(frozen=True, slots=True)
class Compiled:
    """The expressions of a definition; None where there is none."""

    filter: Expression | None
    condition: Expression | None
    value: Expression | None


_RESULTS: Final[Mapping[str, VariableType]] = {
    "filter": VariableType.BOOLEAN,
    "condition": VariableType.BOOLEAN,
    "value": VariableType.DECIMAL,
}
_PARTS: Final[Mapping[OwnKind, tuple[str, ...]]] = {
    OwnKind.COUNT: (),
    OwnKind.SUM: ("value",),
    OwnKind.SHARE: ("condition",),
    OwnKind.DURATION: ("ends",),
}


def own_variables(definition: ProcessDefinition) -> dict[str, VariableType]:
    """What expressions may read: all that guards may, but for the actor and personal data; clocks, the outcome and the reason besides.

    `clocks.key` is the state of the last cycle of a clock, an empty text before its first.
    """
    known = variables(definition)
    hidden = {*_WITHOUT_CASES, *(f"data.{key}" for key in definition.personal_fields)}
    found = {name: kind for name, kind in known.items() if name not in hidden}
    found |= {f"clocks.{key}": VariableType.TEXT for key in definition.policies}
    return found | {"instance.outcome": VariableType.TEXT, "instance.reason": VariableType.TEXT}


@lru_cache(maxsize=64)
def _compiler(names: tuple[tuple[str, VariableType], ...]) -> CelCompiler:
    return CelCompiler(dict(names))


def compiled(own: OwnKpi, definition: ProcessDefinition) -> Compiled:
    """The expressions of a definition, ready to be evaluated; `ExpressionInvalid` for one that does not compile."""
    compiler = _compiler(tuple(own_variables(definition).items()))
    sources = {part: getattr(own, part) for part in _RESULTS}
    return Compiled(
        **{
            part: None if source is None else compiler.compile(source, _RESULTS[part])
            for part, source in sources.items()
        }
    )


def own_problems(own: OwnKpi, definition: ProcessDefinition) -> Iterator[OwnProblem]:
    """Everything that is wrong with a definition, over the newest version of its process."""
    for part in ("value", "condition", "ends"):
        is_given, is_wanted = getattr(own, part) is not None, part in _PARTS[own.kind]
        if is_wanted and not is_given:
            told = Title(
                f"A KPI of kind {own.kind.name} needs `{part}`; give it.",
                f"Показателю вида {own.kind.name} нужно `{part}`; задайте его.",
            )
            yield OwnProblem(part, told)
        if is_given and not is_wanted:
            told = Title(
                f"A KPI of kind {own.kind.name} has no `{part}`; leave it out.",
                f"У показателя вида {own.kind.name} нет `{part}`; уберите его.",
            )
            yield OwnProblem(part, told)
    for part in ("begins", "ends"):
        checkpoint = getattr(own, part)
        if checkpoint is not None and checkpoint not in definition.checkpoints:
            known = ", ".join(sorted(definition.checkpoints)) or "—"
            told = Title(
                f"The process has no checkpoint “{checkpoint}”; it has: {known}.",
                f"В процессе нет контрольной точки «{checkpoint}»; есть: {known}.",
            )
            yield OwnProblem(part, told)
    if own.is_money and own.kind is not OwnKind.SUM:
        told = Title("Only a SUM can be money; leave it out.", "Деньгами может быть только SUM; уберите `isMoney`.")
        yield OwnProblem("isMoney", told)
    compiler = _compiler(tuple(own_variables(definition).items()))
    for part, result in _RESULTS.items():
        source = getattr(own, part)
        if source is not None:
            try:
                compiler.compile(source, result)
            except ExpressionInvalid as error:
                yield OwnProblem(part, Title(str(error), f"Выражение не компилируется: {error}"))


def document_of(own: OwnKpi) -> dict[str, Any]:
    """A definition as plain JSON."""
    return {name: getattr(own, name) for name in OwnKpi.__dataclass_fields__}


def own_kpi_of(document: Mapping[str, Any]) -> OwnKpi:
    """The definition that was stored as this JSON."""
    values = {**document, "kind": OwnKind(document["kind"]), "better": Better(document["better"])}
    return OwnKpi(**values)
