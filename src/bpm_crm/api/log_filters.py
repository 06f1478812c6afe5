"""Which cases an event log is of, as the parameters of a download and the options of a command say it."""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.filters import IDFilter, IntFilter, StringFilter
from bpm_crm.api.ids import uuid_of
from bpm_crm.engine.definition import Title
from bpm_crm.records.reference import Reference

LOG_FILTERS = ("channel", "owner", "team", "campaign", "region", "version", "product")
"""The names; a value is a key, of an owner a global id. Several values of one name: any of them."""


def log_where(given: Mapping[str, Sequence[str]], reference: Reference) -> FactWhere | None:
    """The filter of figures that the values come to, by name; None for all cases. A fault for a value that is not there."""
    asked = {name: given[name] for name in LOG_FILTERS if given.get(name)}
    if not asked:
        return None
    _check(asked, reference)
    read: dict[str, Any] = {name: StringFilter(in_=list(values)) for name, values in asked.items()}
    if "owner" in asked:
        read["owner"] = IDFilter(in_=[strawberry.ID(value) for value in asked["owner"]])
    if "version" in asked:
        read["version"] = IntFilter(in_=[_number(value) for value in asked["version"]])
    return FactWhere(**read)


def _check(asked: Mapping[str, Sequence[str]], reference: Reference) -> None:
    keys = {
        "channel": [record.key for record in reference.channels.values()],
        "team": [record.key for record in reference.teams.values()],
        "campaign": [record.key for record in reference.campaigns.values()],
    }
    for name, known in keys.items():
        for value in asked.get(name, ()):
            if value not in known:
                there = ", ".join(sorted(known)) or "—"
                told = Title(
                    f"There is no {name} “{value[:40]}”; there are: {there}.",
                    f"Такого значения `{name}` нет: «{value[:40]}»; есть: {there}.",
                )
                raise Fault(Code.BAD_USER_INPUT, told)
    for value in asked.get("owner", ()):
        if uuid_of(value, "User") not in reference.users:
            raise Fault(
                Code.BAD_USER_INPUT,
                Title(
                    f"There is no user “{value[:40]}”; `owner` is a global id, as the API gives it.",
                    f"Сотрудника «{value[:40]}» нет; `owner` — глобальный id, как его отдаёт API.",
                ),
            )


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 9):
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"“{value[:40]}” is no version: versions are numbers from 1.",
                f"«{value[:40]}» — не версия: версии — числа от 1.",
            ),
        )
    return int(value)
