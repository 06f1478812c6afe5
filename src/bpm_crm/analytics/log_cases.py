"""Which cases an event log is of, as the parameters of a download and the options of a command name them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from bpm_crm.analytics.dimensions import PRODUCT
from bpm_crm.engine.definition import Title
from bpm_crm.records.reference import Reference
from bpm_crm.records.selection import All, Compare, Condition, Operator

LOG_FILTERS: Final = ("channel", "owner", "team", "campaign", "region", "version", "product")
"""The names; a value is a key, of an owner the id. Several values of one name: any of them."""

_KEYED: Final = {"channel": "k.channel_id", "team": "k.team_id", "campaign": "k.campaign_id"}
_PLAIN: Final = {"owner": ("k.owner_id", "uuid"), "region": ("k.region", "text"), "product": (PRODUCT, "text")}


class LogCasesUnknown(LookupError):
    """What is named is not there, or cannot be; `text` says so."""

    def __init__(self, text: Title) -> None:
        super().__init__(text.en)
        self.text = text


def log_condition(given: Mapping[str, Sequence[Any]], reference: Reference) -> Condition:
    """The condition over the cases of figures that the values come to, by name; `LogCasesUnknown` for one that is not there."""
    return All(tuple(_compared(name, given[name], reference) for name in LOG_FILTERS if given.get(name)))


def _compared(name: str, values: Sequence[Any], reference: Reference) -> Condition:
    if name in _KEYED:
        known = _ids(name, reference)
        return Compare(_KEYED[name], Operator.IN, [_known(name, value, known) for value in values], "uuid")
    if name == "version":
        return Compare("k.version", Operator.IN, [_number(value) for value in values], "int")
    expression, kind = _PLAIN[name]
    # No row holds a NUL, and PostgreSQL takes none.
    return Compare(expression, Operator.IN, [value for value in values if "\x00" not in str(value)], kind)


def _ids(name: str, reference: Reference) -> Mapping[str, UUID]:
    """The ids of what has keys, by key."""
    match name:
        case "channel":
            return {record.key: record.id for record in reference.channels.values()}
        case "team":
            return {record.key: record.id for record in reference.teams.values()}
        case _:
            return {record.key: record.id for record in reference.campaigns.values()}


def _known(name: str, value: str, known: Mapping[str, UUID]) -> UUID:
    if value not in known:
        there = ", ".join(sorted(known)) or "—"
        raise LogCasesUnknown(
            Title(
                f"There is no {name} “{value[:40]}”; there are: {there}.",
                f"Такого значения `{name}` нет: «{value[:40]}»; есть: {there}.",
            )
        )
    return known[value]


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 9):
        raise LogCasesUnknown(
            Title(
                f"“{value[:40]}” is no version: versions are numbers from 1.",
                f"«{value[:40]}» — не версия: версии — числа от 1.",
            )
        )
    return int(value)
