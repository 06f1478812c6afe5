"""Why a case is not migrated, or a migration not undone: every cause with a code and the values its text needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bpm_crm.engine.definition import Title


class MigrationCode(StrEnum):
    """The closed list of causes. Codes never change; texts may."""

    CASE_CLOSED = "CASE_CLOSED"
    STAGE_UNMAPPED = "STAGE_UNMAPPED"
    DATA_MISSING = "DATA_MISSING"
    DATA_INVALID = "DATA_INVALID"
    PERSONAL_DATA_EXPOSED = "PERSONAL_DATA_EXPOSED"
    CLOCK_UNMAPPED = "CLOCK_UNMAPPED"
    CLOCK_WITHOUT_TARGET = "CLOCK_WITHOUT_TARGET"
    OTHER_VERSION = "OTHER_VERSION"
    OUT_OF_REACH = "OUT_OF_REACH"
    MOVED_ON = "MOVED_ON"
    CLOCKS_WENT_ON = "CLOCKS_WENT_ON"


@dataclass(frozen=True, slots=True)
class MigrationObstacle:
    """One cause."""

    code: MigrationCode
    params: Mapping[str, str] = field(default_factory=dict)


_TEXTS: Mapping[MigrationCode, tuple[Title, Title]] = {
    MigrationCode.CASE_CLOSED: (
        Title("The case has ended, in stage “{stage}”.", "Процесс завершён, в стадии «{stage}»."),
        Title(
            "Ended cases stay with the version they ended under; nothing is to be done.",
            "Завершённые процессы остаются на своей версии; делать ничего не нужно.",
        ),
    ),
    MigrationCode.STAGE_UNMAPPED: (
        Title(
            "The plan does not say where cases in stage “{stage}” go on.",
            "План не говорит, где продолжаются процессы из стадии «{stage}».",
        ),
        Title("Map the stage in the plan.", "Сопоставьте эту стадию в плане."),
    ),
    MigrationCode.DATA_MISSING: (
        Title(
            "Every way into stage “{stage}” asks for the field “{field}”, which is empty here.",
            "Все пути в стадию «{stage}» требуют поле «{field}», а здесь оно пусто.",
        ),
        Title(
            "Fill the field first, or waive it in the plan.",
            "Сначала заполните поле или освободите от него в плане.",
        ),
    ),
    MigrationCode.DATA_INVALID: (
        Title(
            "The value of “{field}” is not one the new version takes (type {type}).",
            "Значение поля «{field}» не подходит новой версии (тип {type}).",
        ),
        Title(
            "Correct the value first, or let the new version take it.",
            "Сначала исправьте значение или разрешите его в новой версии.",
        ),
    ),
    MigrationCode.PERSONAL_DATA_EXPOSED: (
        Title(
            "“{field}” holds personal data here and is no personal field of the new version.",
            "Поле «{field}» содержит персональные данные, а в новой версии оно не личное.",
        ),
        Title(
            "Keep the field in the new version, marked as personal.",
            "Оставьте поле в новой версии с пометкой «личное».",
        ),
    ),
    MigrationCode.CLOCK_UNMAPPED: (
        Title(
            "The clock “{clock}” is open and has no counterpart in the new version.",
            "Часы «{clock}» идут, а в новой версии им ничего не соответствует.",
        ),
        Title(
            "Map the clock in the plan, or waive it: then it is cancelled.",
            "Сопоставьте часы в плане или освободите от них: тогда они будут отменены.",
        ),
    ),
    MigrationCode.CLOCK_WITHOUT_TARGET: (
        Title(
            "The clock “{clock}” of the new version has no target for stage “{stage}”.",
            "У часов «{clock}» новой версии нет норматива для стадии «{stage}».",
        ),
        Title(
            "Give the policy a default target, or map the clock to another one.",
            "Задайте норматив по умолчанию или сопоставьте часы с другими.",
        ),
    ),
    MigrationCode.OTHER_VERSION: (
        Title("The case runs under version {version} now.", "Процесс идёт уже по версии {version}."),
        Title("Nothing is to be done with it here.", "Здесь с ним делать ничего не нужно."),
    ),
    MigrationCode.OUT_OF_REACH: (
        Title("There is no such case within your reach any more.", "Такого доступного вам процесса больше нет."),
        Title("Ask an administrator.", "Обратитесь к администратору."),
    ),
    MigrationCode.MOVED_ON: (
        Title(
            "People or integrations have worked on the case since; it stays as it is.",
            "С процессом уже работали после переноса; он остаётся как есть.",
        ),
        Title(
            "Migrate it by a plan in the other direction, if need be.",
            "При необходимости перенесите его планом в обратную сторону.",
        ),
    ),
    MigrationCode.CLOCKS_WENT_ON: (
        Title(
            "Clocks of the new version have warned, breached or escalated since; what they told people cannot be taken back.",
            "Часы новой версии уже предупредили, были нарушены или эскалированы; это нельзя взять назад.",
        ),
        Title(
            "Migrate it by a plan in the other direction, if need be.",
            "При необходимости перенесите его планом в обратную сторону.",
        ),
    ),
}


def obstacle_message(obstacle: MigrationObstacle, language: str) -> str:
    """What stands in the way, in `language`."""
    return _TEXTS[obstacle.code][0].in_language(language).format_map(obstacle.params)


def obstacle_cure(obstacle: MigrationObstacle, language: str) -> str:
    """What would help, in `language`."""
    return _TEXTS[obstacle.code][1].in_language(language).format_map(obstacle.params)
