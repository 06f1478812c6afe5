"""What the statement of stage times is asked with: calendars, the clocks that set targets, and pauses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bpm_crm.analytics.calendars import Processes, calendar_values, paused_times
from bpm_crm.analytics.frames import Frame, Question, columns
from bpm_crm.analytics.stage_clocks import stage_clocks
from bpm_crm.engine.process import Process
from bpm_crm.records.database import Connection


async def stage_values(
    connection: Connection,
    frame: Frame,
    question: Question,
    processes: Processes,
    cases: Sequence[UUID] | None = None,
) -> dict[str, Any]:
    """The named values, as if no condition paused any case. `cases` are those that it is about; None: any."""
    return {
        **question.values(frame),
        "definitions": frame.definitions,
        **_held_values({}),
        **await calendar_values(connection, frame, question, processes, cases),
        **_clock_values(processes),
        **_pause_values(processes),
    }


async def held_values(
    connection: Connection, frame: Frame, question: Question, processes: Processes, instances: list[UUID]
) -> dict[str, Any]:
    """How long these cases, which conditions may pause, were paused in the stage in which they stood."""
    return _held_values(await paused_times(connection, frame, question, processes, instances))


def paused_by_conditions(processes: Processes) -> list[tuple[UUID, int]]:
    """The versions in which more than the stage decides on pauses."""
    return [key for key, process in processes.items() if _has_conditional_pauses(process)]


def _held_values(paused: dict[UUID, tuple[int, bool]]) -> dict[str, Any]:
    return {
        "held_instances": list(paused),
        "held_paused": [length for length, _ in paused.values()],
        "held_now": [is_paused for _, is_paused in paused.values()],
    }


def _has_conditional_pauses(process: Process) -> bool:
    return len(process.stage_bound_pauses) < len(process.definition.pauses)


def _clock_values(processes: Processes) -> dict[str, Any]:
    bound = [
        (*key, policy, stage)
        for key, process in processes.items()
        for stage, policy in stage_clocks(process.definition).items()
    ]
    return columns("bound", ("definitions", "versions", "policies", "stages"), bound)


def _pause_values(processes: Processes) -> dict[str, Any]:
    """The stages that pause every case in them, of versions in which nothing else pauses."""
    paused = [
        (*key, stage)
        for key, process in processes.items()
        if not _has_conditional_pauses(process)
        for stage, reasons in process.holding.items()
        if reasons
    ]
    return columns("paused", ("definitions", "versions", "stages"), paused)
