"""Business time of visits that are still open: calendars as arrays that SQL can search, and pauses found by replaying the cases."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.statements import report, statement
from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.instants import DAY, FIRST_YEAR, instant_of
from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import replay
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.visits import paused_by
from bpm_crm.records.database import Connection
from bpm_crm.records.derived import entries_of, recorded_step

_FIRST_START = report("first_start")
_FIRST_START_OF = report("first_start_of")

_SHARED = 91 * DAY
_EARLIEST = instant_of(datetime(FIRST_YEAR + 1, 1, 1, tzinfo=UTC))

Processes = Mapping[tuple[UUID, int], Process]
"""The versions of a frame made ready to run, by definition and number."""


async def calendar_values(
    connection: Connection,
    frame: Frame,
    question: Question,
    processes: Processes,
    cases: Sequence[UUID] | None = None,
) -> dict[str, Any]:
    """The named values of the working time of each version, from the first visit that may be open until `as_of`.

    `cases` are those that it is about; None: any.
    """
    since = await _first_instant(connection, frame, question, cases)
    arrays: dict[BusinessCalendar, tuple[str, str]] = {}
    for process in processes.values():
        if process.calendar not in arrays:
            arrays[process.calendar] = _arrays(process.calendar, since, instant_of(frame.as_of))
    keys = list(processes)
    return {
        "calendar_definitions": [definition_id for definition_id, _ in keys],
        "calendar_versions": [number for _, number in keys],
        "calendar_starts": [arrays[processes[key].calendar][0] for key in keys],
        "calendar_totals": [arrays[processes[key].calendar][1] for key in keys],
    }


async def paused_times(
    connection: Connection, frame: Frame, question: Question, processes: Processes, instances: list[UUID]
) -> dict[UUID, tuple[int, bool]]:
    """For how much business time, in microseconds, each of these cases had been paused in the stage in which it stood at `as_of`.

    And whether it was paused then.

    The cases are replayed from what was known then: which pauses hold is not in their history.
    """
    states: dict[UUID, tuple[InstanceState, Process]] = {}
    async for entry in entries_of(connection, question.tenant_id, instances):
        if entry["occurred_at"] > frame.as_of or entry["recorded_at"] > frame.known_at:
            continue
        process = processes[entry["definition_id"], entry["version"]]
        known = states.get(entry["instance_id"])
        state, source = (None, None) if known is None else known
        step = replay(process, state, recorded_step(entry), source)
        states[entry["instance_id"]] = step.state, process
    at = instant_of(frame.as_of)
    return {
        instance: (paused_by(process.calendar, state.hold, state.entered_at, at), bool(state.hold.reasons))
        for instance, (state, process) in states.items()
    }


async def _first_instant(connection: Connection, frame: Frame, question: Question, cases: Sequence[UUID] | None) -> int:
    """No visit that is counted began earlier."""
    values = {"definitions": frame.definitions, "cases": cases}
    found = statement(_FIRST_START if cases is None else _FIRST_START_OF, question.tenant_id, values)
    first: datetime | None = await connection.fetchval(found.text, *found.values)
    return instant_of(frame.as_of if first is None else min(max(first, question.since), frame.as_of))


def _arrays(calendar: BusinessCalendar, since: int, until: int) -> tuple[str, str]:
    """The openings between two instants or a little further, so that many share them; see `_spans`."""
    return _spans(calendar, since if since < _EARLIEST else since // _SHARED * _SHARED, (until // DAY + 1) * DAY)


@lru_cache(maxsize=64)
def _spans(calendar: BusinessCalendar, since: int, until: int) -> tuple[str, str]:
    """The openings between two instants, and the working time until each of them, between two marks, as arrays in SQL."""
    starts, totals, total = [since - 1], [0], 0
    for opens, closes in calendar.open_spans(since, until):
        starts.append(opens)
        totals.append(total)
        total += closes - opens
    return _array([*starts, until]), _array([*totals, total])


def _array(values: list[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
