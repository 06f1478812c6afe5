"""What a column can be mapped to, and by which headers people in two languages call it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bpm_crm.engine.definition import ProcessDefinition, Title

DATA = "data."


class ImportKind(StrEnum):
    """What the rows of a table are."""

    LEADS = "leads"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Target:
    """Something a column can be mapped to; `headers` are what people call it, in lower case."""

    key: str
    title: Title
    headers: tuple[str, ...] = ()
    is_required: bool = False


_LEADS = (
    Target(
        "externalId",
        Title("Id in the source", "Номер в источнике"),
        (
            "id",
            "external id",
            "externalid",
            "lead id",
            "number",
            "no",
            "№",
            "номер",
            "номер заявки",
            "№ заявки",
            "№ лида",
            "ид",
            "код",
            "внешний id",
            "id лида",
            "id заявки",
        ),
    ),
    Target(
        "name",
        Title("Customer's name", "Имя клиента"),
        (
            "name",
            "customer",
            "client",
            "full name",
            "contact",
            "contact name",
            "имя",
            "фио",
            "клиент",
            "контакт",
            "заказчик",
            "покупатель",
            "контактное лицо",
            "имя клиента",
        ),
    ),
    Target(
        "phone",
        Title("Phone", "Телефон"),
        (
            "phone",
            "phone number",
            "telephone",
            "tel",
            "mobile",
            "cell",
            "телефон",
            "тел",
            "номер телефона",
            "мобильный",
            "моб",
            "моб телефон",
            "контактный телефон",
        ),
    ),
    Target(
        "email",
        Title("E-mail", "Электронная почта"),
        (
            "email",
            "e mail",
            "mail",
            "e mail address",
            "email address",
            "почта",
            "эл почта",
            "электронная почта",
            "емейл",
            "имейл",
        ),
    ),
    Target(
        "region", Title("Region", "Регион"), ("region", "city", "town", "state", "регион", "город", "область", "адрес")
    ),
    Target(
        "title",
        Title("Title of the deal", "Название сделки"),
        ("title", "deal", "subject", "deal name", "название", "сделка", "тема", "название сделки"),
    ),
    Target(
        "campaign",
        Title("Campaign", "Кампания"),
        ("campaign", "utm campaign", "кампания", "рекламная кампания", "акция"),
    ),
    Target("team", Title("Team", "Команда"), ("team", "department", "команда", "отдел", "группа")),
    Target(
        "owner",
        Title("Owner", "Ответственный"),
        (
            "owner",
            "manager",
            "responsible",
            "assigned to",
            "salesperson",
            "seller",
            "ответственный",
            "менеджер",
            "продавец",
            "исполнитель",
        ),
    ),
    Target(
        "comment",
        Title("Comment", "Комментарий"),
        (
            "comment",
            "comments",
            "note",
            "notes",
            "message",
            "комментарий",
            "комментарии",
            "примечание",
            "сообщение",
            "заметка",
        ),
    ),
    Target(
        "occurredAt",
        Title("When it arrived", "Когда поступило"),
        (
            "date",
            "created",
            "created at",
            "time",
            "datetime",
            "received",
            "date and time",
            "timestamp",
            "дата",
            "дата создания",
            "создан",
            "время",
            "дата и время",
            "дата заявки",
            "дата обращения",
            "поступил",
        ),
    ),
    Target("isTest", Title("Is a test", "Тестовое"), ("test", "is test", "тест", "тестовый", "тестовая")),
)
_HISTORY = (
    Target(
        "case",
        Title("Case", "Процесс"),
        (
            "case",
            "case id",
            "caseid",
            "id",
            "external id",
            "deal",
            "номер",
            "№",
            "сделка",
            "id сделки",
            "номер сделки",
            "№ сделки",
            "№ заявки",
            "процесс",
            "заявка",
            "номер заявки",
        ),
        is_required=True,
    ),
    Target(
        "event",
        Title("Stage or transition", "Стадия или переход"),
        (
            "event",
            "activity",
            "stage",
            "status",
            "transition",
            "step",
            "action",
            "событие",
            "стадия",
            "этап",
            "статус",
            "переход",
            "действие",
        ),
        is_required=True,
    ),
    Target(
        "at",
        Title("When it happened", "Когда произошло"),
        (
            "date",
            "time",
            "timestamp",
            "datetime",
            "date and time",
            "at",
            "when",
            "дата",
            "время",
            "дата и время",
            "когда",
            "момент",
        ),
        is_required=True,
    ),
    Target(
        "person",
        Title("Who did it", "Кто выполнил"),
        (
            "person",
            "user",
            "who",
            "manager",
            "owner",
            "resource",
            "employee",
            "кто",
            "сотрудник",
            "менеджер",
            "исполнитель",
            "ответственный",
            "пользователь",
        ),
    ),
    Target(
        "reason", Title("Reason", "Причина"), ("reason", "loss reason", "причина", "причина отказа", "причина потери")
    ),
    Target(
        "comment", Title("Comment", "Комментарий"), ("comment", "note", "notes", "комментарий", "примечание", "заметка")
    ),
    Target("name", Title("Customer's name", "Имя клиента"), ("name", "customer", "client", "имя", "фио", "клиент")),
    Target("phone", Title("Phone", "Телефон"), ("phone", "telephone", "mobile", "телефон", "тел", "мобильный")),
    Target("email", Title("E-mail", "Электронная почта"), ("email", "e mail", "mail", "почта", "электронная почта")),
    Target("region", Title("Region", "Регион"), ("region", "city", "регион", "город")),
    Target("team", Title("Team", "Команда"), ("team", "department", "команда", "отдел")),
)
FIXED: Mapping[ImportKind, Sequence[Target]] = {ImportKind.LEADS: _LEADS, ImportKind.HISTORY: _HISTORY}


def targets_of(kind: ImportKind, definition: ProcessDefinition) -> tuple[Target, ...]:
    """Everything that columns can be mapped to: the fixed ones, and the data fields of the process."""
    fields = (
        Target(DATA + key, item.title, (plain_header(key), plain_header(item.title.en), plain_header(item.title.ru)))
        for key, item in definition.fields.items()
    )
    return (*FIXED[kind], *fields)


def plain_header(text: str) -> str:
    """A header as it is compared: lower case, ё as е, words only."""
    return " ".join(re.findall(r"[\w№]+", text.casefold().replace("ё", "е").replace("_", " ")))
