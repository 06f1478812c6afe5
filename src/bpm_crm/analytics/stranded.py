"""Cases that no funnel step tells of: where those stood that had reached none (`docs/figures.md`)."""

from dataclasses import dataclass, field

from bpm_crm.analytics.frames import Frame, Question, Titles, titles_of
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.steps import steps_of
from bpm_crm.records.database import Connection

_REPORT = report("stranded")
_NUMBERS = report("stranded_numbers")


@dataclass(frozen=True, slots=True)
class Stranded:
    """Cases of one process that stood in a stage without having reached any step."""

    key: str
    process: str
    stage: str
    titles: Titles
    cases: int


@dataclass(frozen=True, slots=True)
class StrandedFigures:
    """Those cases by process and stage, and the way to them."""

    stages: tuple[Stranded, ...]
    members: Members = field(repr=False)


async def read_stranded(connection: Connection, frame: Frame, question: Question) -> StrandedFigures:
    """Where the cases begun in the period (without one: all) stood that had reached no step of the funnel, in one statement."""
    steps = steps_of(frame.versions)
    values = {
        **question.values(frame),
        "definitions": steps.definitions,
        "checkpoints": steps.checkpoints,
    }
    members = Members(_REPORT, question, values)
    found = members.statement(_NUMBERS)
    processes = {version.definition_id: version.process for version in steps.versions}
    stages = []
    for row in await connection.fetch(found.text, *found.values):
        process, stage = processes[row["definition_id"]], row["stage"]
        titles = titles_of((version.stages for version in steps.versions if version.process == process), stage)
        stages.append(Stranded(f"{row['definition_id']}/{stage}", process, stage, titles, row["cases"]))
    return StrandedFigures(tuple(sorted(stages, key=lambda item: (item.process, item.stage))), members)
