"""Why a move is refused: every cause with a code, the place at fault and the values its text needs (`semantics.md` §2)."""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum

from bpm_crm.engine.definition import Title


class BlockerCode(StrEnum):
    """The closed list of causes. Codes never change; texts are in `wording`."""

    WRONG_STAGE = "WRONG_STAGE"
    ROLE_NOT_ALLOWED = "ROLE_NOT_ALLOWED"
    GUARD_FAILED = "GUARD_FAILED"
    GUARD_NEEDS_DATA = "GUARD_NEEDS_DATA"
    GUARD_ERROR = "GUARD_ERROR"
    FIELD_REQUIRED = "FIELD_REQUIRED"
    REASON_REQUIRED = "REASON_REQUIRED"
    REASON_NOT_APPLICABLE = "REASON_NOT_APPLICABLE"
    REASON_NOT_TAKEN = "REASON_NOT_TAKEN"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    APPROVAL_BY_SAME_PERSON = "APPROVAL_BY_SAME_PERSON"
    OCCURRED_TOO_EARLY = "OCCURRED_TOO_EARLY"
    ALREADY_IN_STAGE = "ALREADY_IN_STAGE"


SUPPLIED_BY_INPUT = frozenset({BlockerCode.FIELD_REQUIRED, BlockerCode.REASON_REQUIRED, BlockerCode.GUARD_NEEDS_DATA})
"""Causes that the caller's next input can remove: a form is enough."""


class InputCode(StrEnum):
    """The closed list of faults of an input: it names something that does not exist, or has the wrong type."""

    UNKNOWN_TRANSITION = "UNKNOWN_TRANSITION"
    UNKNOWN_STAGE = "UNKNOWN_STAGE"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    UNKNOWN_REASON = "UNKNOWN_REASON"
    UNKNOWN_ACTIVITY = "UNKNOWN_ACTIVITY"
    WRONG_TYPE = "WRONG_TYPE"
    UNKNOWN_OPTION = "UNKNOWN_OPTION"
    TOO_SMALL = "TOO_SMALL"
    TOO_LARGE = "TOO_LARGE"
    TOO_LONG = "TOO_LONG"
    IN_THE_FUTURE = "IN_THE_FUTURE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNKNOWN_CHANNEL = "UNKNOWN_CHANNEL"
    UNKNOWN_CAMPAIGN = "UNKNOWN_CAMPAIGN"
    UNKNOWN_TEAM = "UNKNOWN_TEAM"
    UNKNOWN_USER = "UNKNOWN_USER"
    UNKNOWN_PROCESS = "UNKNOWN_PROCESS"
    UNKNOWN_CHECKPOINT = "UNKNOWN_CHECKPOINT"
    UNKNOWN_EXCLUSION = "UNKNOWN_EXCLUSION"
    UNKNOWN_KPI = "UNKNOWN_KPI"
    UNKNOWN_REVIEW = "UNKNOWN_REVIEW"
    UNKNOWN_VERSION = "UNKNOWN_VERSION"
    UNKNOWN_CLOCK = "UNKNOWN_CLOCK"
    STAGE_ENDS = "STAGE_ENDS"
    CLOCK_TAKEN = "CLOCK_TAKEN"
    SAME_VERSION = "SAME_VERSION"
    KEY_TWICE = "KEY_TWICE"
    TOO_EARLY = "TOO_EARLY"
    TOO_LATE = "TOO_LATE"
    NOT_EVERY_MONTH = "NOT_EVERY_MONTH"
    ONE_OF = "ONE_OF"
    OTHER_PROCESS = "OTHER_PROCESS"
    WRONG_KEY = "WRONG_KEY"
    PROCESS_RETIRED = "PROCESS_RETIRED"


@dataclasses.dataclass(frozen=True, slots=True)
class Blocker:
    """One cause of a refusal. `message` and `unblock` are the definition's own texts, where it has any."""

    code: BlockerCode
    field: str | None = None
    guard: str | None = None
    message: Title | None = None
    unblock: Title | None = None
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class InputProblem:
    """One fault of an input: `path` leads to it, `known` lists what would have been accepted."""

    code: InputCode
    path: tuple[str, ...]
    value: str = ""
    known: tuple[str, ...] = ()
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """A step that was not taken: the transition as asked for, and all that stands in its way."""

    blockers: tuple[Blocker, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Malformed:
    """An input that makes no sense under this definition, with all its faults."""

    problems: tuple[InputProblem, ...]
