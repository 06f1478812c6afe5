"""What a column can be mapped to, and by which headers people in two languages call it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bpm_crm.engine.definition import ProcessDefinition, Title
from bpm_crm.excel.addresses import column_of, letters
from bpm_crm.excel.problems import TableCode, TableRefused

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


@dataclass(frozen=True, slots=True)
class Mapped:
    """A column (counted from 0) and what it is mapped to."""

    column: int
    target: str


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


def proposed(headers: Sequence[str | None], targets: Iterable[Target]) -> tuple[Mapped, ...]:
    """The mapping that headers suggest: each column to one target and each target once, exact names before beginnings."""
    plain = [plain_header(text) if text else "" for text in headers]
    found: dict[str, int] = {}
    for is_exact in (True, False):
        for target in targets:
            if target.key in found:
                continue
            names = (
                plain_header(target.key),
                plain_header(target.title.en),
                plain_header(target.title.ru),
                *target.headers,
            )
            taken = set(found.values())
            matches = (
                column
                for column, header in enumerate(plain)
                if header and column not in taken and _is_called(header, names, is_exact=is_exact)
            )
            column = next(matches, None)
            if column is not None:
                found[target.key] = column
    return tuple(sorted((Mapped(column, key) for key, column in found.items()), key=lambda item: item.column))


def _is_called(header: str, names: Sequence[str], *, is_exact: bool) -> bool:
    if is_exact:
        return header in names
    return any(len(name) > 3 and header.startswith(f"{name} ") for name in names)


def checked_mapping(pairs: Iterable[tuple[str, str]], targets: Sequence[Target], width: int) -> tuple[Mapped, ...]:
    """A mapping of column letters to targets; `TableRefused` for one that cannot be."""
    known = [target.key for target in targets]
    found: dict[str, int] = {}
    for name, target in pairs:
        column = column_of(name)
        if column is None or column >= width:
            last = letters(max(width - 1, 0))
            raise TableRefused(TableCode.UNKNOWN_COLUMN, column=name[:20], first="A", last=last)
        if target not in known:
            raise TableRefused(TableCode.UNKNOWN_TARGET, target=target[:60], known=", ".join(known))
        if column in found.values():
            raise TableRefused(TableCode.COLUMN_TWICE, column=letters(column))
        if target in found:
            first = letters(found[target])
            raise TableRefused(TableCode.TARGET_TWICE, first=first, second=letters(column), target=target)
        found[target] = column
    return required(tuple(Mapped(column, target) for target, column in found.items()), targets)


def required(mapping: tuple[Mapped, ...], targets: Sequence[Target]) -> tuple[Mapped, ...]:
    """The same mapping; `TableRefused` for one without a target that is needed, or without any."""
    if not mapping:
        raise TableRefused(TableCode.NOTHING_MAPPED)
    mapped = {item.target for item in mapping}
    for target in targets:
        if target.is_required and target.key not in mapped:
            raise TableRefused(TableCode.TARGET_MISSING, target=target.key)
    return mapping
