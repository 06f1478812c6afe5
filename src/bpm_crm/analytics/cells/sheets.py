"""Sheets: which questions are kept answered, and of which cases."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Frame, Version
from bpm_crm.records.database import Connection

ROLLED_UP = (Dimension.CHANNEL, Dimension.OWNER, Dimension.TEAM)
"""The dimensions by which, one at a time and together with the process, there are cells."""

OF_STEPS = Grouping((Dimension.OWNER, Dimension.TEAM, Dimension.VERSION))
"""What of a segment depends on the step that is counted; all else is the same for all that a case adds."""

WHOLE = (
    Dimension.CHANNEL,
    Dimension.OWNER,
    Dimension.PROCESS,
    Dimension.TEAM,
    Dimension.CAMPAIGN,
    Dimension.REGION,
    Dimension.VERSION,
    "owner_now",
    "team_now",
    "version_now",
    "stage",
    "outcome",
    "reason",
)
"""What a whole segment tells: owner, team and version at the step that is counted, and the case as last known."""

PROCESS = WHOLE.index(Dimension.PROCESS)
"""Where a whole segment says which definition a case is of."""
STEP = tuple(WHOLE.index(dimension) for dimension in OF_STEPS.dimensions)
"""Where it tells what depends on the step."""

Layout = tuple[tuple[str, ...], tuple[UUID, ...]]
"""The checkpoints that are the steps, in their order, and the definitions whose cases count, sorted."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a report over given cases is asked with: a frame of the versions it is about, and the steps of its sheet."""

    connection: Connection
    tenant_id: UUID
    frame: Frame
    checkpoints: Sequence[str]
    processes: Processes
    cases: Sequence[UUID]


@dataclass(frozen=True)
class Kept:
    """A report whose answers are kept.

    `contributions` are statements up to a CTE `contributed` each, over the cases given as `:cases`: `(instance_id, at, segment, number, amount,
    money, slot, seconds, axis, valid_until)`. Each row adds `amount` or `money` to a number of that name, or a length of time to a slot, or both;
    with an `axis` (0: the calendar, else the business time of that version of the case's process) the length grows. A number of
    money is named by a JSON list. `at` is the instant by which periods choose. From `valid_until` on it would add something else.

    `layout` says what its sheet is for some versions; None: it is none of theirs. `values` is what its SQL is asked with. A report
    `is_of_one_process` or also of all together; it `shares_steps` where a sheet may have more of them than a question, in any order, as cases
    add nothing to steps that their versions do not have. `definition_of` says of which definition a slot is, where axes are those of
    business time.
    """

    name: str
    contributions: tuple[str, ...]
    layout: Callable[[Sequence[Version]], Layout | None]
    values: Callable[[Evaluation], Awaitable[Mapping[str, Any]]]
    is_of_one_process: bool = False
    shares_steps: bool = False
    definition_of: Callable[[Sequence[str], int], UUID] | None = None

    @cached_property
    def report(self) -> str:
        """How its sheets are stored: by its name and its SQL, so that a program with other SQL fills sheets of its own."""
        return f"{self.name}@{hashlib.sha256(chr(10).join(self.contributions).encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Sheet:
    """A kept question of one tenant, as stored; it also answers those about some of its definitions.

    Sheets with the same `evaluation` are fed by the same sums, which number the steps as the checkpoints begin: it stays when more of them come.
    """

    id: UUID
    report: str
    checkpoints: tuple[str, ...]
    definitions: tuple[UUID, ...]
    zone: str
    evaluation: str
    filled_to: UUID
    is_filled: bool


def evaluation_of(report: str, zone: str, checkpoints: Sequence[str]) -> str:
    """That of a new sheet."""
    text = "\n".join((report, zone, *checkpoints))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def sheet_of(row: Mapping[str, object]) -> Sheet:
    """A sheet as stored."""
    values = dict(row)
    for name in ("checkpoints", "definitions"):
        values[name] = tuple(values[name])  # type: ignore[arg-type]  # arrays of the database
    return Sheet(**values)  # type: ignore[arg-type]  # its columns are the fields
