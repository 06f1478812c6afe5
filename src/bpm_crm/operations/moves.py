"""Moves of cases that this process wrote last: decided without a look at the database, and written where that was right.

Most moves are such ones. What they were decided by is checked by the statement that writes them, so they take one round trip and hold
no lock meanwhile (`docs/decisions/0025-moves-in-one-statement.md`). All other work is left to `batches`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from bpm_crm.operations.commands import Outcome, Work
from bpm_crm.operations.decisions import Decision, decide
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.written import notice_of, step_rows
from bpm_crm.records.database import Database
from bpm_crm.records.instances import InstanceRecord
from bpm_crm.records.known_cases import KnownCases
from bpm_crm.records.writing import Known, Rows, write_known


class Move(NamedTuple):
    """Steps of a known case, as they were decided: the case after them, and what has to be so still when they are written."""

    decision: Decision
    after: InstanceRecord
    known: Known


class Moves(NamedTuple):
    """Moves decided at one instant, and what they write."""

    at: datetime
    moves: Sequence[Move]
    rows: Mapping[str, Rows]
    notice: str

    @property
    def works(self) -> list[Work]:
        """The works they carry out."""
        return [move.decision.work for move in self.moves]


def decide_known(processes: ProcessCache, known: KnownCases, works: Sequence[Work]) -> Moves | None:
    """The moves of those works whose case is known; None without any.

    Not of works that would be refused, since nothing is written that could tell whether that is right; nor of those that give up a
    lease.
    """
    at = known.clock.now()
    if at is None:
        return None
    moves = [move for work in works if (move := _decided(processes, known, work, at)) is not None]
    if not moves:
        return None
    moves.sort(key=_place)
    decisions = [move.decision for move in moves]
    return Moves(at, moves, step_rows(decisions, at), notice_of(decisions[0].work.tenant_id, decisions))


async def write_moves(database: Database, known: KnownCases, decided: Moves) -> dict[UUID, Outcome]:
    """Write moves where the cases still are as they were known: the answers to these by case.

    Raises what the database raises; then nothing is written, unless it is `CommitInterrupted`.
    """
    moves = decided.moves
    tenant_id = moves[0].decision.work.tenant_id
    wanted = [move.known for move in moves]
    async with database.by_statement(tenant_id) as connection:
        sent = monotonic()
        moved = await write_known(connection, tenant_id, wanted, decided.rows, decided.notice, decided.at)
    known.clock.heard(sent, moved.began, moved.ended)
    done = [move for move in moves if move.after.id in moved.cases]
    known.keep((move.after for move in done), moved.written_by)
    return {move.after.id: move.decision.outcome for move in done}


def _decided(processes: ProcessCache, known: KnownCases, work: Work, at: datetime) -> Move | None:
    case = known.get(work.instance_id)
    if case is None or work.leased or work.dry_run:
        return None
    record = case.record
    process = processes.known(work.tenant_id, record.definition_id, record.version)
    if process is None:
        return None
    decision = decide(work, record, process, at)
    after = decision.after
    if after is None:
        return None
    return Move(
        decision, after, Known(record.id, case.written_by, record.head, record.state.team, record.lead_id, work.key)
    )


def _place(move: Move) -> int:
    return move.after.id.int
