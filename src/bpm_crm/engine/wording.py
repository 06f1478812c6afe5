"""The texts of refusals in English and Russian; codes never change, texts may."""

from collections.abc import Mapping

from bpm_crm.engine.blockers import Blocker, BlockerCode, InputCode, InputProblem
from bpm_crm.engine.definition import Title

LANGUAGES = ("en", "ru")

_BLOCKERS: Mapping[BlockerCode, tuple[Title, Title]] = {
    BlockerCode.WRONG_STAGE: (
        Title(
            "“{trigger}” does not lead out of stage “{stage}”; it does out of: {sources}.",
            "Переход «{trigger}» не выходит из стадии «{stage}»; он выходит из: {sources}.",
        ),
        Title("Open from here: {open}.", "Отсюда открыты: {open}."),
    ),
    BlockerCode.ROLE_NOT_ALLOWED: (
        Title("Your role may not do this.", "Ваша роль не позволяет это сделать."),
        Title("Ask someone with one of the roles: {roles}.", "Обратитесь к сотруднику с одной из ролей: {roles}."),
    ),
    BlockerCode.GUARD_FAILED: (
        Title("The condition of this move does not hold: {guard}", "Условие перехода не выполнено: {guard}"),
        Title("Change what the condition reads.", "Измените то, от чего зависит условие."),
    ),
    BlockerCode.GUARD_NEEDS_DATA: (
        Title("The condition of this move needs data: {fields}.", "Условию перехода нужны данные: {fields}."),
        Title("Send these fields in `data`: {fields}.", "Передайте эти поля в `data`: {fields}."),
    ),
    BlockerCode.GUARD_ERROR: (
        Title("An expression of this move cannot be computed: {error}", "Выражение перехода не вычисляется: {error}"),
        Title("Tell the owner of the process.", "Сообщите владельцу процесса."),
    ),
    BlockerCode.FIELD_REQUIRED: (
        Title("The field “{field}” is required for this move.", "Для этого перехода нужно поле «{field}»."),
        Title("Send “{field}” in `data`.", "Передайте «{field}» в `data`."),
    ),
    BlockerCode.REASON_REQUIRED: (
        Title("This move needs a reason.", "Для этого перехода нужна причина."),
        Title("Give one of: {known}.", "Укажите одну из: {known}."),
    ),
    BlockerCode.REASON_NOT_APPLICABLE: (
        Title(
            "The reason “{reason}” does not apply to “{transition}” out of stage “{stage}”.",
            "Причина «{reason}» не подходит к переходу «{transition}» из стадии «{stage}».",
        ),
        Title("Give one of: {known}.", "Укажите одну из: {known}."),
    ),
    BlockerCode.REASON_NOT_TAKEN: (
        Title("This move takes no reason.", "Этот переход не принимает причину."),
        Title("Leave `reason` out; a comment may be given.", "Уберите `reason`; можно оставить комментарий."),
    ),
    BlockerCode.APPROVAL_REQUIRED: (
        Title("This move must be approved first.", "Этот переход сначала нужно согласовать."),
        Title(
            "Someone with one of the roles {roles} records an activity of kind “approval” for “{transition}”.",
            "Сотрудник с одной из ролей {roles} записывает действие вида «approval» для «{transition}».",
        ),
    ),
    BlockerCode.APPROVAL_BY_SAME_PERSON: (
        Title(
            "You approved this move yourself; four eyes are needed.",
            "Вы сами согласовали переход; нужен второй человек.",
        ),
        Title("Let another person approve or make the move.", "Пусть согласует или выполнит переход другой сотрудник."),
    ),
    BlockerCode.OCCURRED_TOO_EARLY: (
        Title(
            "This cannot have happened before the case entered “{stage}”.",
            "Это не могло произойти до входа в стадию «{stage}».",
        ),
        Title("Correct `occurredAt`, or leave it out.", "Исправьте `occurredAt` или не указывайте его."),
    ),
    BlockerCode.ALREADY_IN_STAGE: (
        Title("The case is in stage “{stage}” already.", "Процесс уже в стадии «{stage}»."),
        Title("Name another stage.", "Укажите другую стадию."),
    ),
}

_INPUTS: Mapping[InputCode, Title] = {
    InputCode.UNKNOWN_TRANSITION: Title(
        "There is no transition “{value}”. Known: {known}.", "Перехода «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_STAGE: Title(
        "There is no stage “{value}”. Known: {known}.", "Стадии «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_FIELD: Title(
        "There is no field “{value}”. Known: {known}.", "Поля «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_REASON: Title(
        "There is no reason “{value}”. Known: {known}.", "Причины «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_ACTIVITY: Title(
        "There is no kind of activity “{value}”. Known: {known}.", "Вида действия «{value}» нет. Известны: {known}."
    ),
    InputCode.WRONG_TYPE: Title(
        "“{value}” is not a value of type {expected}.", "«{value}» не является значением типа {expected}."
    ),
    InputCode.UNKNOWN_OPTION: Title(
        "“{value}” is not an option. Options: {known}.", "«{value}» нет среди вариантов: {known}."
    ),
    InputCode.TOO_SMALL: Title(
        "{value} is below the smallest value, {limit}.", "{value} меньше наименьшего значения, {limit}."
    ),
    InputCode.TOO_LARGE: Title(
        "{value} is above the largest value, {limit}.", "{value} больше наибольшего значения, {limit}."
    ),
    InputCode.TOO_LONG: Title("The text is longer than {limit} characters.", "Текст длиннее {limit} символов."),
    InputCode.OUT_OF_RANGE: Title(
        "{value} is outside the years {first} to {last}.", "{value} вне лет с {first} по {last}."
    ),
    InputCode.UNKNOWN_CHANNEL: Title(
        "There is no channel “{value}” that takes leads from you. Known: {known}.",
        "Нет канала «{value}», который принимает от вас обращения. Известны: {known}.",
    ),
    InputCode.UNKNOWN_CAMPAIGN: Title(
        "There is no campaign “{value}”. Known: {known}.", "Кампании «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_TEAM: Title(
        "There is no team “{value}”. Known: {known}.", "Команды «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_USER: Title("There is no such active user.", "Такого действующего пользователя нет."),
    InputCode.UNKNOWN_PROCESS: Title(
        "There is no process “{value}”. Known: {known}.", "Процесса «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_CHECKPOINT: Title(
        "There is no checkpoint “{value}”. Known: {known}.", "Контрольной точки «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_EXCLUSION: Title(
        "“{value}” is no reason to leave a case out. Known: {known}.",
        "«{value}» — не причина исключения. Известны: {known}.",
    ),
    InputCode.UNKNOWN_KPI: Title(
        "There is no KPI “{value}”. Known: {known}.", "Показателя «{value}» нет. Известны: {known}."
    ),
    InputCode.UNKNOWN_CLOCK: Title(
        "There is no clock “{value}”. Known: {known}.", "Часов «{value}» нет. Известны: {known}."
    ),
    InputCode.STAGE_ENDS: Title(
        "“{value}” is a final stage: running cases cannot be mapped to it. Map them to a stage in which they go on.",
        "«{value}» — конечная стадия: идущие процессы нельзя на неё отобразить. Выберите стадию, где они продолжатся.",
    ),
    InputCode.CLOCK_TAKEN: Title(
        "Two clocks would go on as “{value}”, or that was another clock before. Give each its own.",
        "Двое часов продолжились бы как «{value}», или раньше так назывались другие. Задайте каждым свои.",
    ),
    InputCode.KEY_TWICE: Title("“{value}” is mapped twice.", "«{value}» сопоставлено дважды."),
    InputCode.UNKNOWN_REVIEW: Title("There is no such review of this process.", "Такого обзора этого процесса нет."),
    InputCode.TOO_EARLY: Title(
        "{value} is too early; the first possible is {limit}.", "{value} слишком рано; самое раннее — {limit}."
    ),
    InputCode.TOO_LATE: Title(
        "{value} is too late; the last possible is {limit}.", "{value} слишком поздно; самое позднее — {limit}."
    ),
    InputCode.NOT_EVERY_MONTH: Title(
        "Not every month has a day {value}; let the period begin on one from 1 to {limit}.",
        "День {value} есть не в каждом месяце; начните период в день с 1 по {limit}.",
    ),
    InputCode.UNKNOWN_VERSION: Title(
        "There is no version {value} of this process. Known: {known}.",
        "Версии {value} у этого процесса нет. Известны: {known}.",
    ),
    InputCode.SAME_VERSION: Title(
        "It is version {value} already; name another one.", "Это и так версия {value}; назовите другую."
    ),
    InputCode.OTHER_PROCESS: Title(
        "The document is of the process “{value}”; name that process, or write `process: {expected}` in it.",
        "Документ описывает процесс «{value}»; укажите этот процесс или напишите в документе `process: {expected}`.",
    ),
    InputCode.WRONG_KEY: Title(
        "“{value}” is no key of a process; use small letters, digits and hyphens, a letter first, at most 63.",
        "«{value}» не годится как ключ процесса; нужны строчные латинские буквы, цифры и дефисы, первой — буква, не больше 63.",
    ),
    InputCode.PROCESS_RETIRED: Title(
        "The process “{value}” is retired and takes no new cases. Bring it back with `reinstateProcess`, or use another channel: {known}.",
        "Процесс «{value}» снят с работы и не принимает новых обращений. Верните его через `reinstateProcess` или возьмите другой канал: {known}.",
    ),
    InputCode.ONE_OF: Title("Give only one of: {known}.", "Укажите только одно из: {known}."),
    InputCode.IN_THE_FUTURE: Title(
        "{value} is in the future; leave it out, or send when it happened.",
        "{value} ещё не наступило; уберите это поле или укажите, когда это произошло.",
    ),
}


def blocker_message(blocker: Blocker, language: str) -> str:
    """What stands in the way, in `language`: the definition's own text where it has one."""
    if blocker.message is not None:
        return blocker.message.in_language(language)
    return _filled(_BLOCKERS[blocker.code][0].in_language(language), blocker)


def blocker_unblock(blocker: Blocker, language: str) -> str:
    """What would remove the blocker, in `language`."""
    if blocker.unblock is not None:
        return blocker.unblock.in_language(language)
    return _filled(_BLOCKERS[blocker.code][1].in_language(language), blocker)


def input_message(problem: InputProblem, language: str) -> str:
    """What is wrong with an input, in `language`, with what would have been accepted."""
    known = ", ".join(problem.known) or "—"
    return (
        _INPUTS[problem.code]
        .in_language(language)
        .format_map({**problem.params, "value": problem.value, "known": known})
    )


def _filled(text: str, blocker: Blocker) -> str:
    return text.format_map({"field": blocker.field or "", "guard": blocker.guard or "", **blocker.params})
