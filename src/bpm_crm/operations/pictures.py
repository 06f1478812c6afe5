"""What is written over the picture of a process: who is where now and how long stages take, or which stages are slow."""

from dataclasses import dataclass
from datetime import datetime

from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.overlays import bottlenecks, counts, ended_by, ended_in, shown_instant
from bpm_crm.analytics.stage_times import read_stage_times
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.drawing.marks import Marks
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records.database import Connection
from bpm_crm.records.reference import DefinitionRecord
from bpm_crm.records.selection import Condition


@dataclass(frozen=True, slots=True)
class Picture:
    """A version of a process that is drawn, in a language, with times in a time zone."""

    record: DefinitionRecord
    definition: ProcessDefinition
    language: str
    zone: str


async def figures_over(
    connection: Connection,
    processes: ProcessCache,
    picture: Picture,
    *,
    ever: Question,
    asked: Question,
    reach: Condition | None,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> tuple[Marks, datetime]:
    """The figures of a whole process as marks, and the instant they are of (`frames.read_frame`).

    With a `reach`: the cases in each stage (of `ever`), those within the reach that ended, and the median stays (of `asked`).
    Without: how slow each stage is (of `asked`).
    """
    record, definition, tenant_id = picture.record, picture.definition, asked.tenant_id
    frame = await read_frame(connection, tenant_id, process=record.key, as_of=as_of, known_at=known_at)
    keys = [(item.definition_id, item.number) for item in frame.versions]
    known = {key: await processes.get(connection, tenant_id, *key) for key in keys}
    read = await read_stage_times(connection, frame, asked, known)
    times = {item.stage: item for item in read.times}
    instant = shown_instant(frame.as_of, picture.zone)
    if reach is None:
        return bottlenecks(definition, times, instant, picture.language), frame.as_of
    standing = times
    if asked != ever:
        standing = {item.stage: item for item in (await read_stage_times(connection, frame, ever, known)).times}
    if frame.is_current:
        ended = await ended_in(connection, tenant_id, record.id, definition, reach)
    else:
        ended = await ended_by(connection, frame, ever)
    marks = counts(definition, standing, times, ended, instant, picture.language, is_current=frame.is_current)
    return marks, frame.as_of
