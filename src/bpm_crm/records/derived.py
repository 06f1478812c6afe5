"""What is derived from history, as it is stored: cases and their deals, to be compared with what folding gives, and replaced.

Not derived, and never touched: who a case is about (deal, customer, external id and fingerprint of the lead) and its personal data,
which stays out of history so that it can be erased.
"""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from bpm_crm.engine.instants import instant_of
from bpm_crm.engine.replay import NotReplayable, RecordedStep, StepKind
from bpm_crm.engine.step import Activity
from bpm_crm.records import history
from bpm_crm.records.database import Connection, Row
from bpm_crm.records.instances import hex_bytes
from bpm_crm.records.states import unpack_before, unpack_mapping

Values = dict[str, Any]
"""Columns by name, as JSON values."""

CASE = (
    "definition_id",
    "version",
    "channel_id",
    "campaign_id",
    "region",
    "owner_id",
    "team_id",
    "stage",
    "outcome",
    "reason",
    "exclusion",
    "sequence",
    "started_at",
    "entered_at",
    "ended_at",
    "recorded_at",
    "next_due_at",
    "overdue_since",
    "data",
    "progress",
    "clocks",
    "head",
)
"""The columns of a case that are derived."""

DEAL = ("channel_id", "campaign_id", "region", "owner_id", "team_id", "amount", "outcome", "started_at")
"""The columns of a deal that are derived from the case that runs it."""

_FETCHED_AT_ONCE = 500
_COLUMNS = ", ".join(
    (
        "i.id",
        "i.personal",
        "d.id AS deal_id",
        *(f"i.{name}" for name in CASE),
        *(f"d.{name} AS deal_{name}" for name in DEAL),
    )
)
_SELECT = f"""
SELECT {_COLUMNS}
FROM process_instance AS i
LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.tenant_id = i.tenant_id AND d.id = i.deal_id AND d.instance_id = i.id
"""
_OF_PROCESS = "($2::uuid IS NULL OR i.definition_id = $2)"
_COUNT = f"SELECT count(*) FROM process_instance AS i WHERE i.tenant_id = $1 AND {_OF_PROCESS}"
_PAGE = f"{_SELECT} WHERE i.tenant_id = $1 AND {_OF_PROCESS} AND i.id > $3 ORDER BY i.id LIMIT $4"
_LOAD = f"{_SELECT} WHERE i.tenant_id = $1 AND i.id = ANY($2::uuid[]) ORDER BY i.id"
_LOCK = """
SELECT i.id FROM process_instance AS i WHERE i.tenant_id = $1 AND i.id = ANY($2::uuid[]) ORDER BY i.id FOR UPDATE
"""
_ENTRIES = f"""
SELECT {history.SELECTION}, x.comment, x.personal, x.salt
FROM {history.SOURCE}
WHERE h.tenant_id = $1 AND h.instance_id = ANY($2::uuid[])
ORDER BY h.instance_id, h.sequence
"""
_STRAYS = """
SELECT DISTINCT h.instance_id
FROM history AS h
WHERE h.tenant_id = $1 AND h.instance_id > $2 AND ($3::uuid IS NULL OR h.instance_id <= $3)
  AND NOT EXISTS (SELECT FROM process_instance AS i WHERE i.tenant_id = $1 AND i.id = h.instance_id)
ORDER BY h.instance_id
"""
_REPLACE = """
UPDATE {table} AS t SET ({columns}) = ({values})
FROM jsonb_populate_recordset(NULL::{table}, $2) AS s
WHERE t.tenant_id = $1 AND s.tenant_id = $1 AND t.id = s.id
"""


def _replace(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(f"s.{name}" for name in columns)
    return _REPLACE.format(table=table, columns=", ".join(columns), values=values)


_REPLACE_CASES = _replace("process_instance", CASE)
_REPLACE_DEALS = _replace("deal", DEAL)


async def count_cases(connection: Connection, tenant_id: UUID, definition_id: UUID | None) -> int:
    """How many cases a tenant has, of one process or (None) of all."""
    found: int = await connection.fetchval(_COUNT, tenant_id, definition_id)
    return found


async def load_page(
    connection: Connection, tenant_id: UUID, *, definition_id: UUID | None, after: UUID, most: int
) -> Sequence[Row]:
    """The next cases by id with what is derived in them and in their deals; `definition_id` narrows to one process."""
    rows: Sequence[Row] = await connection.fetch(_PAGE, tenant_id, definition_id, after, most)
    return rows


async def lock_cases(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    """Lock cases in the order of their ids, as writers do, and load them as nobody can change them any more."""
    await connection.execute(_LOCK, tenant_id, ids)
    rows: Sequence[Row] = await connection.fetch(_LOAD, tenant_id, ids)
    return rows


async def entries_of(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> AsyncIterator[Row]:
    """The history rows of cases with their free texts, by case and sequence, never more than a few hundred in memory."""
    async for row in connection.cursor(_ENTRIES, tenant_id, ids, prefetch=_FETCHED_AT_ONCE):
        yield row


async def stray_histories(connection: Connection, tenant_id: UUID, *, after: UUID, until: UUID | None) -> list[UUID]:
    """The ids in (after, until] that have history but no case; None: without end."""
    return [row["instance_id"] for row in await connection.fetch(_STRAYS, tenant_id, after, until)]


async def replace_cases(connection: Connection, tenant_id: UUID, cases: Sequence[Values]) -> None:
    """Give cases, which the caller has locked, these values of the derived columns."""
    await connection.execute(_REPLACE_CASES, tenant_id, cases)


async def replace_deals(connection: Connection, tenant_id: UUID, deals: Sequence[Values]) -> None:
    """Give deals, whose cases the caller has locked, these values of the derived columns."""
    await connection.execute(_REPLACE_DEALS, tenant_id, deals)


def stored_case(row: Row) -> Values:
    """The derived columns of a case as stored."""
    return {name: _plain(row[name]) for name in CASE}


def stored_deal(row: Row) -> Values:
    """The derived columns of the deal of a case as stored."""
    return {name: _plain(row[f"deal_{name}"]) for name in DEAL}


def amount_text(amount: str | Decimal | None) -> str | None:
    """An amount in the one form in which equal amounts are equal texts."""
    return None if amount is None else format(Decimal(amount).normalize(), "f")


def recorded_step(row: Row) -> RecordedStep:
    """The step that a history row keeps; `NotReplayable` for a row that no step leaves."""
    try:
        kind = StepKind(row["kind"])
        activity = None if row["activity"] is None else Activity(**row["activity"])
    except (ValueError, TypeError) as error:
        raise NotReplayable(f"no step leaves such a row: {error}") from error
    packed = row["migration"]
    return RecordedStep(
        kind=kind,
        at=instant_of(row["occurred_at"]),
        owner=_text(row["owner_id"]),
        team=_text(row["team_id"]),
        exclusion=row["exclusion"],
        stage=row["to_stage"],
        transition=row["transition"],
        reason=row["reason"],
        data=row["data"] or {},
        activity=activity,
        actor=_text(row["actor_id"]),
        mapping=None if packed is None else unpack_mapping(packed),
        before=None if packed is None else unpack_before(packed),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return hex_bytes(value)
    if isinstance(value, Decimal):
        return amount_text(value)
    return str(value) if isinstance(value, UUID) else value


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
