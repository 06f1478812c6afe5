"""Which cases an event log is of, by the parameters of its download."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from bpm_crm.analytics.log_cases import LogCasesUnknown, log_condition
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.ids import uuid_of
from bpm_crm.engine.definition import Title
from bpm_crm.records.reference import Reference
from bpm_crm.records.selection import Condition


def log_cases(given: Mapping[str, Sequence[str]], reference: Reference) -> Condition:
    """The cases that the parameters name, an owner by the global id; a fault for a value that is not there."""
    owners = [_user(value, reference) for value in given.get("owner", ())]
    try:
        return log_condition({**given, "owner": owners}, reference)
    except LogCasesUnknown as error:
        raise Fault(Code.BAD_USER_INPUT, error.text) from error


def _user(value: str, reference: Reference) -> UUID:
    found = uuid_of(value, "User")
    if found is None or found not in reference.users:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"There is no user “{value[:40]}”; `owner` is a global id, as the API gives it.",
                f"Сотрудника «{value[:40]}» нет; `owner` — глобальный id, как его отдаёт API.",
            ),
        )
    return found
