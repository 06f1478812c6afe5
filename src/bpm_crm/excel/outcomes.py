"""What becomes of the rows of a table."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from bpm_crm.excel.row_problems import RowProblem
from bpm_crm.operations.commands import Outcome, Recorded
from bpm_crm.operations.job_runs import Run
from bpm_crm.records.jobs import RowRecord
from bpm_crm.records.traces import begun_under

ACCEPTED, DUPLICATE, REFUSED, BLANK = "accepted", "duplicate", "refused", "blank"
EXCLUDED, MOVED_ON, LEFT = "excluded", "moved_on", "left"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row: a case begun by it, one known before, what is wrong with it, or nothing in it."""

    outcome: str
    instance_id: UUID | None = None
    sequence: int | None = None
    problems: Sequence[RowProblem] = ()

    BLANK: ClassVar["RowOutcome"]
    DUPLICATE: ClassVar["RowOutcome"]

    @classmethod
    def refused(cls, problems: Sequence[RowProblem]) -> "RowOutcome":
        """Everything that is wrong with a row."""
        return cls(REFUSED, problems=problems)

    @classmethod
    def recorded(cls, outcome: Recorded, own: Collection[UUID], *, is_dry_run: bool) -> "RowOutcome":
        """A case that this job began, now or (among its `own`) before it was interrupted; one that was there already is a duplicate."""
        if is_dry_run:
            return cls(DUPLICATE if outcome.repeated else ACCEPTED)
        record = outcome.instance
        if outcome.repeated and record.id not in own:
            return cls(DUPLICATE, record.id)
        return cls(ACCEPTED, record.id, record.state.sequence)


RowOutcome.BLANK = RowOutcome(BLANK)
RowOutcome.DUPLICATE = RowOutcome(DUPLICATE)


@dataclass(slots=True)
class Outcomes:
    """What became of a chunk of rows."""

    found: dict[int, RowOutcome] = field(default_factory=dict)

    def add(self, number: int, outcome: RowOutcome) -> None:
        """Note what became of a row."""
        self.found[number] = outcome

    def rows(self) -> list[RowRecord]:
        """As it is stored."""
        return [
            RowRecord(number, item.outcome, item.instance_id, item.sequence, list(item.problems) or None)
            for number, item in sorted(self.found.items())
        ]


async def own_cases(run: Run, outcomes: Sequence[Outcome]) -> frozenset[UUID]:
    """Of the cases that were there already, those that this job began before it was interrupted."""
    known = [item.instance.id for item in outcomes if isinstance(item, Recorded) and item.repeated]
    if not known:
        return frozenset()
    async with run.database.reader(run.tenant_id) as connection:
        requests = await begun_under(connection, run.tenant_id, known)
    return frozenset(case for case, request in requests.items() if request == request_of(run.job.id))


def request_of(job_id: UUID) -> str:
    """Under which request the steps of a job are recorded: by it the job knows its own again after an interruption."""
    return f"job {job_id}"
