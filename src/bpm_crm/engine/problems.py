"""What can be wrong with a definition: a closed list of codes, the place in the document, and texts in both languages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bpm_crm.engine.definition import Title
from bpm_crm.engine.traces import Trace


class ProblemCode(StrEnum):
    """The closed list of faults of a process document."""

    SYNTAX = "SYNTAX"
    SHAPE = "SHAPE"
    UNKNOWN_PART = "UNKNOWN_PART"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    RESERVED_NAME = "RESERVED_NAME"
    NO_INITIAL = "NO_INITIAL"
    SEVERAL_INITIAL = "SEVERAL_INITIAL"
    UNREACHABLE_STAGE = "UNREACHABLE_STAGE"
    DEAD_END = "DEAD_END"
    SHADOWED_TRANSITION = "SHADOWED_TRANSITION"
    EXPRESSION_INVALID = "EXPRESSION_INVALID"
    LOSS_WITHOUT_REASON = "LOSS_WITHOUT_REASON"
    NO_REASON_APPLIES = "NO_REASON_APPLIES"
    CHECKPOINT_UNREACHABLE = "CHECKPOINT_UNREACHABLE"
    FUNNEL_ORDER_TWICE = "FUNNEL_ORDER_TWICE"
    CLOCK_NEVER_STARTS = "CLOCK_NEVER_STARTS"
    CLOCK_NEVER_STOPS = "CLOCK_NEVER_STOPS"
    CLOCK_WITHOUT_TARGET = "CLOCK_WITHOUT_TARGET"
    WARNING_AFTER_TARGET = "WARNING_AFTER_TARGET"
    PAUSE_UNCLEAR = "PAUSE_UNCLEAR"
    CHOICE_WITHOUT_OPTIONS = "CHOICE_WITHOUT_OPTIONS"
    RANGE_EMPTY = "RANGE_EMPTY"
    BINDING_PERSONAL = "BINDING_PERSONAL"
    BINDING_TYPE = "BINDING_TYPE"
    BINDING_TWICE = "BINDING_TWICE"
    CALENDAR_INVALID = "CALENDAR_INVALID"
    DURATION_INVALID = "DURATION_INVALID"
    TOO_MANY_PARTS = "TOO_MANY_PARTS"
    FIELD_UNFILLABLE = "FIELD_UNFILLABLE"
    STAGE_NEVER_ENTERED = "STAGE_NEVER_ENTERED"
    NO_WAY_OUT = "NO_WAY_OUT"
    TRANSITION_NEVER_FIRES = "TRANSITION_NEVER_FIRES"
    ALTERNATIVES_OVERLAP = "ALTERNATIVES_OVERLAP"
    ALTERNATIVES_INCOMPLETE = "ALTERNATIVES_INCOMPLETE"
    STAGE_WITHOUT_CLOCK = "STAGE_WITHOUT_CLOCK"
    FUNNEL_ORDER_REVERSED = "FUNNEL_ORDER_REVERSED"


TEXTS: Mapping[ProblemCode, Title] = {
    ProblemCode.SYNTAX: Title("The document cannot be read: {fault}", "Документ не читается: {fault}"),
    ProblemCode.SHAPE: Title("{fault}", "{fault}"),
    ProblemCode.UNKNOWN_PART: Title(
        "There is no shared part “{value}”. Known: {known}.", "Общей части «{value}» нет. Известны: {known}."
    ),
    ProblemCode.UNKNOWN_REFERENCE: Title(
        "There is no {what} “{value}”. Known: {known}.", "Нет такого значения ({what}): «{value}». Известны: {known}."
    ),
    ProblemCode.RESERVED_NAME: Title(
        "The name “{value}” is reserved; choose another.", "Имя «{value}» занято; выберите другое."
    ),
    ProblemCode.NO_INITIAL: Title(
        "No stage is of kind “initial”; make one of them so.", "Нет стадии вида «initial»; сделайте одну такой."
    ),
    ProblemCode.SEVERAL_INITIAL: Title(
        "More than one stage is initial ({value}); keep one.", "Начальных стадий больше одной ({value}); оставьте одну."
    ),
    ProblemCode.UNREACHABLE_STAGE: Title(
        "No transition ever leads to stage “{value}”; add one or remove the stage.",
        "Ни один переход не ведёт в стадию «{value}»; добавьте переход или уберите стадию.",
    ),
    ProblemCode.DEAD_END: Title(
        "From stage “{value}” no end can be reached; add a way to a won, lost or cancelled stage.",
        "Из стадии «{value}» нельзя прийти к концу; добавьте путь к стадии won, lost или cancelled.",
    ),
    ProblemCode.SHADOWED_TRANSITION: Title(
        "“{value}” can never be taken out of “{stage}”: “{other}” has the same trigger, comes first and has no guard.",
        "«{value}» никогда не сработает из «{stage}»: «{other}» с тем же триггером стоит раньше и не имеет условия.",
    ),
    ProblemCode.EXPRESSION_INVALID: Title(
        "The expression does not compile: {fault}", "Выражение не компилируется: {fault}"
    ),
    ProblemCode.LOSS_WITHOUT_REASON: Title(
        "“{value}” leads to a lost stage without a required reason; set `reason: required`.",
        "«{value}» ведёт в проигранную стадию без обязательной причины; задайте `reason: required`.",
    ),
    ProblemCode.NO_REASON_APPLIES: Title(
        "“{value}” requires a reason, but out of stage “{stage}” none applies; add one to `reasons`.",
        "«{value}» требует причину, но из стадии «{stage}» ни одна не подходит; добавьте её в `reasons`.",
    ),
    ProblemCode.CHECKPOINT_UNREACHABLE: Title(
        "Checkpoint “{value}” can never be reached; say by which stage, transition or activity.",
        "Контрольная точка «{value}» недостижима; укажите стадию, переход или действие.",
    ),
    ProblemCode.FUNNEL_ORDER_TWICE: Title(
        "Checkpoints “{value}” and “{other}” have the same funnel order; give each its own.",
        "Контрольные точки «{value}» и «{other}» имеют один номер в воронке; дайте каждой свой.",
    ),
    ProblemCode.CLOCK_NEVER_STARTS: Title(
        "Clock “{value}” can never start; give `start` what happens while a case is open.",
        "Часы «{value}» никогда не запустятся; укажите в `start` то, что происходит в открытом процессе.",
    ),
    ProblemCode.CLOCK_NEVER_STOPS: Title(
        "Clock “{value}” can never stop; give `stop` a stage, transition, checkpoint or activity that happens.",
        "Часы «{value}» никогда не остановятся; укажите в `stop` достижимую стадию, переход, контрольную точку или действие.",
    ),
    ProblemCode.CLOCK_WITHOUT_TARGET: Title(
        "Clock “{value}” has no target; give `target` a span such as PT4H.",
        "У часов «{value}» нет норматива; задайте `target`, например PT4H.",
    ),
    ProblemCode.WARNING_AFTER_TARGET: Title(
        "A warning of clock “{value}” does not come before its target; use less than 100% or a positive lead.",
        "Предупреждение часов «{value}» наступает не раньше норматива; задайте меньше 100% или положительное опережение.",
    ),
    ProblemCode.PAUSE_UNCLEAR: Title(
        "Pause “{value}” needs either `during` stages or both `from` and `until`.",
        "Паузе «{value}» нужны либо стадии `during`, либо и `from`, и `until`.",
    ),
    ProblemCode.CHOICE_WITHOUT_OPTIONS: Title(
        "Field “{value}” is a choice without options; list them in `options`.",
        "У поля-выбора «{value}» нет вариантов; перечислите их в `options`.",
    ),
    ProblemCode.RANGE_EMPTY: Title(
        "Field “{value}” accepts nothing: its `min` is above its `max`; exchange them.",
        "Поле «{value}» не примет ничего: `min` больше `max`; поменяйте их местами.",
    ),
    ProblemCode.BINDING_TWICE: Title(
        "Fields “{value}” and “{other}” are both bound as {column}; bind one.",
        "Поля «{value}» и «{other}» оба связаны как {column}; свяжите одно.",
    ),
    ProblemCode.BINDING_PERSONAL: Title(
        "Field “{value}” is personal data, which history and figures do not see: it cannot be bound as {column}; remove `personal` or `binds`.",
        "Поле «{value}» — персональные данные, история и показатели их не видят: связать как {column} нельзя; уберите `personal` или `binds`.",
    ),
    ProblemCode.BINDING_TYPE: Title(
        "Field “{value}” cannot be bound as {other}; it must be of type {expected}.",
        "Поле «{value}» нельзя связать как {other}; нужен тип {expected}.",
    ),
    ProblemCode.CALENDAR_INVALID: Title("The calendar is not usable: {fault}", "Календарь непригоден: {fault}"),
    ProblemCode.DURATION_INVALID: Title(
        "“{value}” is not a usable duration: {fault}", "«{value}» — негодная длительность: {fault}"
    ),
    ProblemCode.TOO_MANY_PARTS: Title(
        "There are {count} of “{value}”, more than the {limit} that a process may have; divide the process.",
        "Здесь {count} × «{value}», а в процессе может быть не больше {limit}; разделите процесс.",
    ),
    ProblemCode.FIELD_UNFILLABLE: Title(
        "“{value}” requires field “{field}”, which accepts no value at all; widen its `min`, `max`, `max_length` or `options`.",
        "«{value}» требует поле «{field}», которое не принимает ни одного значения; расширьте `min`, `max`, `max_length` или `options`.",
    ),
    ProblemCode.STAGE_NEVER_ENTERED: Title(
        "No case ever enters stage “{value}”: what leads there ({transitions}) never fires; mend the guards or remove the stage.",
        "Ни один процесс не попадёт в стадию «{value}»: ведущие в неё переходы ({transitions}) никогда не срабатывают; исправьте условия или уберите стадию.",
    ),
    ProblemCode.NO_WAY_OUT: Title(
        "A case can come to stage “{value}” and then reach no end: the guards on every way bar it; mend one or add a way out.",
        "Процесс может прийти в стадию «{value}» и уже не дойти до конца: условия закрывают все пути; исправьте одно из них или добавьте выход.",
    ),
    ProblemCode.TRANSITION_NEVER_FIRES: Title(
        "“{value}” can never fire: no data, actor or history opens it ({guard}); mend its guard or remove it.",
        "«{value}» никогда не сработает: ни данные, ни исполнитель, ни история его не откроют ({guard}); исправьте условие или уберите переход.",
    ),
    ProblemCode.ALTERNATIVES_OVERLAP: Title(
        "The alternatives of “{value}” are claimed to be exclusive, but in stage “{stage}” “{first}” and “{second}” can both hold; narrow one guard or drop the claim.",
        "Варианты «{value}» заявлены взаимоисключающими, но в стадии «{stage}» «{first}» и «{second}» могут выполняться вместе; сузьте условие или снимите заявление.",
    ),
    ProblemCode.ALTERNATIVES_INCOMPLETE: Title(
        "The alternatives of “{value}” are claimed to be exhaustive, but in stage “{stage}” none of {transitions} may hold; widen a guard, add an alternative or drop the claim.",
        "Варианты «{value}» заявлены исчерпывающими, но в стадии «{stage}» может не выполниться ни один из {transitions}; расширьте условие, добавьте вариант или снимите заявление.",
    ),
    ProblemCode.STAGE_WITHOUT_CLOCK: Title(
        "A case can enter stage “{value}” while no clock runs, and be forgotten there; start one on entering it, or say why none is needed in `waiver`.",
        "Процесс может войти в стадию «{value}», когда не идут никакие часы, и о нём забудут; запустите часы при входе или объясните в `waiver`, почему они не нужны.",
    ),
    ProblemCode.FUNNEL_ORDER_REVERSED: Title(
        "Step “{first}” stands before “{value}” in the funnel, but every way that reaches both reaches “{value}” first; exchange their `order`.",
        "Шаг «{first}» стоит в воронке раньше «{value}», но на всех путях, где есть оба, первым достигается «{value}»; поменяйте их `order`.",
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a definition; `path` leads to its place in the document, `line` is 1-based, 0 when unknown.

    `trace` leads a case to where the fault shows, where there is a way to show it.
    """

    code: ProblemCode
    path: tuple[str, ...]
    params: Mapping[str, str | Title] = field(default_factory=dict)
    line: int = 0
    trace: Trace = ()

    def text(self, language: str = "en") -> str:
        """What is wrong and what would cure it."""
        params = {
            name: value.in_language(language) if isinstance(value, Title) else value
            for name, value in self.params.items()
        }
        return TEXTS[self.code].in_language(language).format_map(params)


class DefinitionInvalid(Exception):
    """A definition that may not be published, with all its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{'.'.join(problem.path)}: {problem.text()}" for problem in self.problems))
