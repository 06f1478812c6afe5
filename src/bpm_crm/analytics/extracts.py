"""Rows behind figures, for tables people take away: the members of reports one by one, their cases, and their histories."""

from collections.abc import Sequence
from uuid import UUID

from bpm_crm.analytics.frames import Frame, Question, bound_fields
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report, statement
from bpm_crm.records.database import Connection, Row

_CASES = report("extract_cases")
_STEPS = report("extract_steps")

FUNNEL = "SELECT m.instance_id, m.number, m.step, m.through, m.segment, m.seconds FROM members AS m LIMIT :most"
CHECKPOINTS = "SELECT m.instance_id, m.number, m.step, m.segment FROM members AS m WHERE m.number IN ('reached', 'unreached') LIMIT :most"
CLOCKS = "SELECT j.instance_id, j.step, j.verdict, j.is_open, j.worked, j.segment FROM judged AS j LIMIT :most"
LOSSES = "SELECT m.instance_id, m.stage, m.reason, m.segment, m.amount, m.currency FROM members AS m LIMIT :most"


async def read_facts(connection: Connection, members: Members, select: str, most: int) -> list[Row]:
    """What a report counts, one row for each case and number; at most `most`."""
    found = members.statement(select, most=most)
    rows: list[Row] = await connection.fetch(found.text, *found.values)
    return rows


async def read_cases(connection: Connection, frame: Frame, question: Question, instances: Sequence[UUID]) -> list[Row]:
    """Some cases as they stood, with the amounts known then; those of the question's filter only."""
    values = {**question.values(frame), **bound_fields("amount", frame.versions)}
    values |= {"definitions": frame.definitions, "instances": instances}
    found = statement(_CASES, question.tenant_id, values, cases=question.cases)
    rows: list[Row] = await connection.fetch(found.text, *found.values)
    return rows


async def read_steps(
    connection: Connection, frame: Frame, question: Question, instances: Sequence[UUID], most: int
) -> list[Row]:
    """The histories of some cases; at most `most` rows."""
    values = {"as_of": frame.as_of, "known_at": frame.known_at, "instances": instances, "most": most}
    found = statement(_STEPS, question.tenant_id, values)
    rows: list[Row] = await connection.fetch(found.text, *found.values)
    return rows
