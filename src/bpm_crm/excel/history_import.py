"""Imports history: the rows of each case are replayed through the engine in the order of time, all of them or none."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from bpm_crm.engine.definition import ProcessDefinition, Transition
from bpm_crm.engine.state import Actor
from bpm_crm.excel.cells import Row
from bpm_crm.excel.error_sheet import keep_error_sheet
from bpm_crm.excel.history_rows import HistoryReader, HistoryRow
from bpm_crm.excel.job_files import content_of
from bpm_crm.excel.outcomes import Outcomes, RowOutcome, own_cases, request_of
from bpm_crm.excel.people import Directory
from bpm_crm.excel.problems import TableCode, TableProblem, TableRefused
from bpm_crm.excel.reading import read_rows
from bpm_crm.excel.row_problems import RowProblem, of_blocker, of_cell, of_input
from bpm_crm.excel.settings import Settings, settings_of
from bpm_crm.operations.commands import (
    AlreadyCaptured,
    Capture,
    Command,
    CustomerDetails,
    Fire,
    NotAllowed,
    NotUnderstood,
    Outcome,
    Recorded,
    Work,
)
from bpm_crm.operations.job_runs import Run
from bpm_crm.operations.leads import Lead, capture_of
from bpm_crm.operations.requests import digest_of

AT_ONCE = 64


@dataclass(slots=True)
class CaseRows:
    """The rows of one case, and what is wrong with any of them."""

    first: int
    rows: list[HistoryRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Replay:
    """A case to be replayed: its commands, and the row that each of them is from."""

    case: CaseRows
    commands: tuple[Command, ...]
    performers: tuple[Actor, ...]
    numbers: tuple[int, ...]


async def import_history(run: Run) -> UUID | None:
    """Import the history of a table; the id of the sheet of refused rows, where there are any."""
    settings = settings_of(run.job.input)
    content = await content_of(run)
    channel = run.reference.channel(settings.channel)
    known = (
        None if channel is None or channel.definition_id is None else run.reference.definitions[channel.definition_id]
    )
    if known is None:
        channels = ", ".join(item.key for item in run.reference.channels.values() if item.definition_id is not None)
        raise TableRefused(TableCode.UNKNOWN_TARGET, target=settings.channel, known=channels)
    async with run.database.reader(run.tenant_id) as connection:
        process = await run.bench.writer.processes.get(connection, run.tenant_id, known.id, known.taken_version)
    importer = HistoryImporter(run, settings, process.definition)
    cases = await _cases(importer.reader, settings, content)
    await run.begin(len(cases))
    for start in range(run.position, len(cases), AT_ONCE):
        await importer.take(cases[start : start + AT_ONCE])
    return await keep_error_sheet(run, settings, content)


async def _cases(reader: HistoryReader, settings: Settings, content: bytes) -> list[CaseRows]:
    """The rows of each case, cases in the order of their first rows."""
    found: dict[str, CaseRows] = {}
    async with aclosing(read_rows(content, settings.sheet)) as rows:
        async for number, row in rows:
            if number > settings.header_row:
                _collect(found, reader, number, row)
    return list(found.values())


def _collect(found: dict[str, CaseRows], reader: HistoryReader, number: int, row: Row) -> None:
    case, read = reader.read(number, row)
    if read is None:
        return
    kept = found.setdefault(case or f"\0{number}", CaseRows(number))
    if isinstance(read, HistoryRow):
        kept.rows.append(read)
    else:
        kept.problems.extend(read)


class HistoryImporter:
    """Replays cases, chunk by chunk."""

    def __init__(self, run: Run, settings: Settings, definition: ProcessDefinition) -> None:
        self._run = run
        self._settings = settings
        self._definition = definition
        self.reader = HistoryReader(settings, definition, Directory(run.reference))
        self._moves = _moves(definition)

    async def take(self, chunk: Sequence[CaseRows]) -> None:
        """Replay some cases, each in one transaction."""
        outcomes = Outcomes()
        replays: list[_Replay] = []
        for case in chunk:
            planned = self._planned(case)
            if isinstance(planned, _Replay):
                replays.append(planned)
            else:
                outcomes.add(case.first, RowOutcome.refused(planned))
        run = self._run
        works = [
            Work(
                run.tenant_id,
                item.commands,
                run.viewer.actor,
                scope=run.scope,
                request_id=request_of(run.job.id),
                dry_run=self._settings.is_dry_run,
                performers=item.performers,
            )
            for item in replays
        ]
        answers = await run.bench.writer.submit_all(works)
        own = await own_cases(run, answers)
        for item, outcome in zip(replays, answers, strict=True):
            outcomes.add(item.case.first, self._judged(item, outcome, own))
        await run.advance(run.position + len(chunk), outcomes.rows())

    def _planned(self, case: CaseRows) -> _Replay | list[RowProblem]:
        """The commands of a case, stages turned into the moves that lead there; or everything that is wrong with its rows."""
        if case.problems:
            return case.problems
        rows = sorted(case.rows, key=lambda row: row.at)
        capture = self._capture(rows)
        if isinstance(capture, list):
            return capture
        stage = self._definition.initial
        commands: list[Command] = [capture]
        performers, numbers = [rows[0].performer], [rows[0].number]
        for place, row in enumerate(rows):
            if place == 0 and row.event == stage:
                continue
            move = self._move(row, stage)
            if isinstance(move, TableProblem):
                column = next(item.column for item in self._settings.mapping if item.target == "event")
                return [of_cell(row.number, column, move)]
            data = {} if place == 0 else dict(row.data)
            commands.append(Fire(move.trigger, data, row.reason, row.comment, row.at))
            performers.append(row.performer)
            numbers.append(row.number)
            stage = move.target
        return _Replay(case, tuple(commands), tuple(performers), tuple(numbers))

    def _capture(self, rows: Sequence[HistoryRow]) -> Capture | list[RowProblem]:
        first = rows[0]
        said: Mapping[str, Any] = {key: value for row in reversed(rows) for key, value in row.case.items()}
        customer = CustomerDetails(*(said.get(name) for name in ("name", "phone", "email", "region")))
        lead = Lead(
            channel=self._settings.channel,
            external_id=first.case_id,
            customer=customer if customer.name or customer.contacts else None,
            data=dict(first.data),
            region=said.get("region"),
            team=said.get("team"),
            comment=first.comment if first.event == self._definition.initial else None,
            occurred_at=first.at,
        )
        capture = capture_of(self._run.reference, self._run.viewer, self._run.scope, lead)
        if isinstance(capture, NotUnderstood):
            return [of_input(first.number, self._settings.mapping, item, others=_OTHERS) for item in capture.problems]
        told = [[row.event, row.at, row.performer.id, row.reason, row.comment, row.data] for row in rows]
        owner = None if first.performer.id is None else UUID(first.performer.id)
        return replace(capture, fingerprint=digest_of([first.case_id, told]), owner_id=owner, rollout_id=None)

    def _move(self, row: HistoryRow, stage: str) -> Transition | TableProblem:
        """The transition a row tells of, out of the stage the case is in by the rows before."""
        open_ = [item for item in self._definition.transitions.values() if stage in item.sources]
        found = [item for item in open_ if row.event in {item.trigger, item.key}] or [
            item for item in open_ if item.target == row.event
        ]
        if found:
            return found[0]
        if row.event in self._moves:
            return self._moves[row.event]  # the engine says what stands in its way
        listed = ", ".join(dict.fromkeys(item.target for item in open_)) or "—"
        return TableProblem(TableCode.NO_MOVE_THERE, {"stage": stage, "target": row.event, "open": listed})

    def _judged(self, item: _Replay, outcome: Outcome, own: frozenset[UUID]) -> RowOutcome:
        mapping = self._settings.mapping
        match outcome:
            case Recorded():
                return RowOutcome.recorded(outcome, own, is_dry_run=self._settings.is_dry_run)
            case AlreadyCaptured():
                column = next(place.column for place in mapping if place.target == "case")
                problem = TableProblem(TableCode.OTHER_CONTENT, {"value": item.case.rows[0].case_id[:60]})
                return RowOutcome.refused([of_cell(item.case.first, column, problem)])
            case NotAllowed(blockers, _, number):
                return RowOutcome.refused([of_blocker(item.numbers[number], mapping, blocker) for blocker in blockers])
            case NotUnderstood(problems, number):
                row = item.numbers[number]
                return RowOutcome.refused([of_input(row, mapping, problem, others=_OTHERS) for problem in problems])
            case _:
                raise TypeError(f"a replay came to {type(outcome).__name__}")


_OTHERS = {"externalId": "case", "occurredAt": "at", "transition": "event"}


def _moves(definition: ProcessDefinition) -> Mapping[str, Transition]:
    """The transitions by key and trigger."""
    by_trigger = {item.trigger: item for item in reversed(list(definition.transitions.values()))}
    return by_trigger | dict(definition.transitions)
