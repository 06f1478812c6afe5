"""Imports leads: each row becomes a case through the one write path, once, however often the table comes."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID

from bpm_crm.excel.cells import Row
from bpm_crm.excel.error_sheet import keep_error_sheet
from bpm_crm.excel.job_files import content_of
from bpm_crm.excel.lead_rows import LeadReader
from bpm_crm.excel.outcomes import Outcomes, RowOutcome, own_cases, request_of
from bpm_crm.excel.people import Directory
from bpm_crm.excel.problems import TableCode, TableProblem, TableRefused
from bpm_crm.excel.reading import read_head, read_rows
from bpm_crm.excel.row_problems import RowProblem, of_cell, of_input
from bpm_crm.excel.settings import Settings, settings_of
from bpm_crm.operations.commands import AlreadyCaptured, Capture, NotUnderstood, Outcome, Recorded, Work
from bpm_crm.operations.job_runs import Run
from bpm_crm.operations.leads import Lead, capture_of, fingerprint_of

AT_ONCE = 128
UNDONE = "undone"
MOST_LIVES = 50


@dataclass(frozen=True, slots=True)
class _Taken:
    """A row that is to be captured."""

    number: int
    lead: Lead
    capture: Capture


async def import_leads(run: Run) -> UUID | None:
    """Import the leads of a table; the id of the sheet of refused rows, where there are any."""
    settings = settings_of(run.job.input)
    content = await content_of(run)
    head = await read_head(content, settings.sheet, rows=0)
    await run.begin(max(head.height - settings.header_row, 0))
    importer = await _importer(run, settings)
    chunk: list[tuple[int, Row]] = []
    async with aclosing(read_rows(content, settings.sheet)) as rows:
        async for number, row in rows:
            if number <= settings.header_row:
                continue
            chunk.append((number, row))
            if len(chunk) == AT_ONCE:
                await importer.take(chunk)
                chunk = []
    if chunk:
        await importer.take(chunk)
    return await keep_error_sheet(run, settings, content)


async def _importer(run: Run, settings: Settings) -> "LeadImporter":
    channel = run.reference.channel(settings.channel)
    definition = (
        None if channel is None or channel.definition_id is None else run.reference.definitions[channel.definition_id]
    )
    if definition is None:
        known = ", ".join(item.key for item in run.reference.channels.values() if item.definition_id is not None)
        raise TableRefused(TableCode.UNKNOWN_TARGET, target=settings.channel, known=known)
    async with run.database.reader(run.tenant_id) as connection:
        process = await run.bench.writer.processes.get(
            connection, run.tenant_id, definition.id, definition.taken_version
        )
    return LeadImporter(run, settings, LeadReader(settings, process.definition, Directory(run.reference)))


class LeadImporter:
    """Takes rows of one table, chunk by chunk."""

    def __init__(self, run: Run, settings: Settings, reader: LeadReader) -> None:
        self._run = run
        self._settings = settings
        self._reader = reader
        self._seen: dict[str, tuple[int, bytes]] = {}

    async def take(self, chunk: Sequence[tuple[int, Row]]) -> None:
        """Capture what a chunk has; of one taken before a restart only the ids are looked at."""
        outcomes = Outcomes()
        taken: list[_Taken] = []
        for number, row in chunk:
            read = self._read(number, row)
            if isinstance(read, _Taken):
                taken.append(read)
            else:
                outcomes.add(number, read)
        position = chunk[-1][0] - self._settings.header_row
        if position <= self._run.position:
            return
        captured, own = await self._captured(taken)
        for item, outcome in zip(taken, captured, strict=True):
            outcomes.add(item.number, self._judged(item, outcome, own))
        await self._run.advance(position, outcomes.rows())

    def _read(self, number: int, row: Row) -> _Taken | RowOutcome:
        lead = self._reader.read(number, row)
        if lead is None:
            return RowOutcome.BLANK
        if isinstance(lead, list):
            return RowOutcome.refused(lead)
        capture = capture_of(self._run.reference, self._run.viewer, self._run.scope, lead)
        if isinstance(capture, NotUnderstood):
            return RowOutcome.refused([of_input(number, self._settings.mapping, item) for item in capture.problems])
        return self._first(number, lead) or _Taken(number, lead, capture)

    def _first(self, number: int, lead: Lead) -> RowOutcome | None:
        """What a row is that repeats an earlier one of the table; None for the first of its id."""
        key, digest = lead.external_id or "", fingerprint_of(lead)
        first = self._seen.setdefault(key, (number, digest))
        if first[0] == number:
            return None
        if first[1] == digest:
            return RowOutcome.DUPLICATE
        problem = TableProblem(TableCode.OTHER_CONTENT_IN_FILE, {"value": key[:60], "first": str(first[0])})
        return RowOutcome.refused([self._id_problem(number, problem)])

    async def _captured(self, taken: Sequence[_Taken]) -> tuple[list[Outcome], frozenset[UUID]]:
        """The outcomes of captures, and the job's own cases among them.

        What an undone import left behind frees its id: the next free one is taken.
        """
        outcomes: list[Outcome] = list(await self._submitted(taken))
        own = await own_cases(self._run, outcomes)
        for life in range(2, MOST_LIVES):
            freed = [number for number, outcome in enumerate(outcomes) if _is_undone(outcome, own)]
            if not freed:
                break
            again = [_reborn(taken[number], life) for number in freed]
            for number, outcome in zip(freed, await self._submitted(again), strict=True):
                outcomes[number] = outcome
            own = await own_cases(self._run, outcomes)
        return outcomes, own

    async def _submitted(self, taken: Sequence[_Taken]) -> Sequence[Outcome]:
        run = self._run
        works = [
            Work(
                run.tenant_id,
                (item.capture,),
                run.viewer.actor,
                scope=run.scope,
                request_id=request_of(run.job.id),
                dry_run=self._settings.is_dry_run,
            )
            for item in taken
        ]
        return await run.bench.writer.submit_all(works)

    def _judged(self, item: _Taken, outcome: Outcome, own: frozenset[UUID]) -> RowOutcome:
        if isinstance(outcome, Recorded):
            return RowOutcome.recorded(outcome, own, is_dry_run=self._settings.is_dry_run)
        if isinstance(outcome, AlreadyCaptured):
            problem = TableProblem(TableCode.OTHER_CONTENT, {"value": (item.lead.external_id or "")[:60]})
            return RowOutcome.refused([self._id_problem(item.number, problem)])
        if isinstance(outcome, NotUnderstood):
            return RowOutcome.refused(
                [of_input(item.number, self._settings.mapping, problem) for problem in outcome.problems]
            )
        raise TypeError(f"a capture came to {type(outcome).__name__}")

    def _id_problem(self, number: int, problem: TableProblem) -> RowProblem:
        columns = (item.column for item in self._settings.mapping if item.target == "externalId")
        return of_cell(number, next(columns, None), problem)


def _is_undone(outcome: Outcome, own: frozenset[UUID]) -> bool:
    """Whether a lead was found to be a case that an undone import left behind."""
    if isinstance(outcome, AlreadyCaptured):
        return outcome.instance.state.exclusion == UNDONE
    if not isinstance(outcome, Recorded) or not outcome.repeated:
        return False
    return outcome.instance.state.exclusion == UNDONE and outcome.instance.id not in own


def _reborn(item: _Taken, life: int) -> _Taken:
    return replace(item, capture=replace(item.capture, external_id=f"{item.capture.external_id}~{life}"))
