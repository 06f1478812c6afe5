"""What a translation between our documents and BPMN says about itself: what was kept aside, noted, left out or refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bpm_crm.engine.definition import Title


class Weight(StrEnum):
    """What a finding means for the result."""

    KEPT = "kept"
    NOTED = "noted"
    LOST = "lost"
    REFUSED = "refused"


class FindingCode(StrEnum):
    """The closed list of findings."""

    KEPT_ASIDE = "KEPT_ASIDE"
    BUSINESS_TIME = "BUSINESS_TIME"
    CLOCK_CONDITIONS = "CLOCK_CONDITIONS"
    CLOCK_WITHOUT_TIMER = "CLOCK_WITHOUT_TIMER"
    LEAVES_END = "LEAVES_END"
    ASSUMED = "ASSUMED"
    CHANGED_OUTSIDE = "CHANGED_OUTSIDE"
    MAPPED = "MAPPED"
    GUARD_LOST = "GUARD_LOST"
    NOT_EXPRESSED = "NOT_EXPRESSED"
    TIMER_LOST = "TIMER_LOST"
    UNREACHED = "UNREACHED"
    PARALLEL = "PARALLEL"
    NOT_A_STATE_MACHINE = "NOT_A_STATE_MACHINE"
    WITHOUT_START = "WITHOUT_START"
    WITHOUT_END = "WITHOUT_END"
    BROKEN_REFERENCE = "BROKEN_REFERENCE"
    TOO_MANY_WAYS = "TOO_MANY_WAYS"
    NO_WORK = "NO_WORK"


TEXTS: Mapping[FindingCode, Title] = {
    FindingCode.KEPT_ASIDE: Title(
        "BPMN has no {what}; kept in extension elements: {names}.",
        "В BPMN нет такого ({what}); сохранено в элементах расширения: {names}.",
    ),
    FindingCode.BUSINESS_TIME: Title(
        "Clock “{name}” counts business time; its timers in BPMN name the target but would count elapsed time.",
        "Часы «{name}» считают рабочее время; таймеры BPMN называют норматив, но считали бы календарное время.",
    ),
    FindingCode.CLOCK_CONDITIONS: Title(
        "Clock “{name}” starts, stops or pauses otherwise than a stay in one stage does; its timers stand where it starts.",
        "Часы «{name}» запускаются, останавливаются или стоят не так, как пребывание в одной стадии; таймеры показаны там, где часы запускаются.",
    ),
    FindingCode.CLOCK_WITHOUT_TIMER: Title(
        "Clock “{name}” starts by activities, which no stage stands for; it has no timer.",
        "Часы «{name}» запускаются действиями, которым не отвечает ни одна стадия; таймера у них нет.",
    ),
    FindingCode.LEAVES_END: Title(
        "“{name}” leads out of the end “{stage}”; nothing leaves an end event of BPMN, so no flow is drawn.",
        "«{name}» ведёт из конца «{stage}»; из конечного события BPMN ничего не выходит, поэтому поток не нарисован.",
    ),
    FindingCode.ASSUMED: Title(
        "BPMN does not say {what}; assumed: {names}.", "В BPMN не сказано: {what}; принято: {names}."
    ),
    FindingCode.CHANGED_OUTSIDE: Title(
        "{what} “{name}” was changed in another tool; {cure}.", "{what} «{name}» изменено в другой программе; {cure}."
    ),
    FindingCode.MAPPED: Title("{kind} “{name}” became {what}.", "{kind} «{name}» — теперь {what}."),
    FindingCode.GUARD_LOST: Title(
        "The condition “{value}” of flow “{name}” is not CEL and was left out; write a guard, or leave the choice to people.",
        "Условие «{value}» потока «{name}» не на CEL и не перенесено; напишите условие или оставьте выбор людям.",
    ),
    FindingCode.NOT_EXPRESSED: Title(
        "{kind} “{name}” has no counterpart in a process document and was left out.",
        "Для {kind} «{name}» в документе процесса соответствия нет; опущено.",
    ),
    FindingCode.TIMER_LOST: Title(
        "Timer “{name}” says “{value}”, which is no target of a clock; write a clock such as `target: PT4H`.",
        "Таймер «{name}» задан как «{value}» — это не норматив часов; напишите часы, например `target: PT4H`.",
    ),
    FindingCode.UNREACHED: Title(
        "No flow leads to {kind} “{name}” from the start; it was left out.",
        "К {kind} «{name}» от начала не ведёт ни один поток; опущено.",
    ),
    FindingCode.PARALLEL: Title(
        "{kind} “{name}” lets work go on in several places at once; a case is in one stage at a time. Put the branches one after another or into processes of their own.",
        "{kind} «{name}» ведёт работу в нескольких местах сразу, а дело всегда в одной стадии. Поставьте ветви друг за другом или вынесите в отдельные процессы.",
    ),
    FindingCode.NOT_A_STATE_MACHINE: Title(
        "{kind} “{name}” cannot be said by stages and transitions; model it by tasks, events and exclusive gateways.",
        "{kind} «{name}» нельзя выразить стадиями и переходами; используйте задачи, события и исключающие шлюзы.",
    ),
    FindingCode.WITHOUT_START: Title(
        "Nothing in process “{name}” is where a case would begin; add a start event.",
        "В процессе «{name}» негде начаться делу; добавьте начальное событие.",
    ),
    FindingCode.WITHOUT_END: Title(
        "No end can be reached in process “{name}”; add an end event.",
        "В процессе «{name}» нельзя прийти к концу; добавьте конечное событие.",
    ),
    FindingCode.BROKEN_REFERENCE: Title(
        "{kind} “{name}” refers to “{value}”, which is not there; mend the file in the tool that wrote it.",
        "{kind} «{name}» ссылается на «{value}», чего в файле нет; исправьте файл в программе, которая его создала.",
    ),
    FindingCode.TOO_MANY_WAYS: Title(
        "The gateways after {kind} “{name}” make more than {value} ways; divide the process.",
        "Шлюзы после {kind} «{name}» дают больше {value} путей; разделите процесс.",
    ),
    FindingCode.NO_WORK: Title(
        "Process “{name}” holds no task, event or sub-process that could be a stage.",
        "В процессе «{name}» нет задач, событий или подпроцессов, которые могли бы стать стадиями.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing said about a translation; `element` is the id in the BPMN file, `kind` its element name, `line` 1-based (0: none)."""

    code: FindingCode
    weight: Weight
    params: Mapping[str, str | Title] = field(default_factory=dict)
    element: str = ""
    kind: str = ""
    line: int = 0

    def text(self, language: str = "en") -> str:
        """What it says, with the cure where there is one."""
        params = {
            name: value.in_language(language) if isinstance(value, Title) else value
            for name, value in self.params.items()
        }
        return TEXTS[self.code].in_language(language).format_map({"kind": self.kind, **params})


def said(findings: Iterable[Finding], language: str = "en") -> list[str]:
    """The findings as lines of text, each with its place."""
    return [
        (f"line {finding.line}: " if finding.line else "")
        + finding.text(language)
        + (f" [{finding.element}]" if finding.element else "")
        for finding in findings
    ]
