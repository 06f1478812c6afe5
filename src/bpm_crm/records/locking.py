"""What a batch begins with, in one statement: its cases locked, its idempotency keys looked up, and the database's clock read."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.records.database import Connection, Row
from bpm_crm.records.instances import COLUMNS, InstanceRecord, from_row
from bpm_crm.records.known_cases import KnownCase, KnownCases

# LATERAL with LIMIT 1 pins the plan to lookups by primary key, in the order of what is wanted, whatever the statistics say.
KEY = """
    SELECT
        k.actor_id AS used_by, k.key AS used_key, k.fingerprint AS used_fingerprint, k.instance_id AS used_instance_id,
        k.sequence AS used_sequence
    FROM idempotency_key AS k
    WHERE k.tenant_id = $1 AND k.actor_id = wanted.actor_id AND k.key = wanted.key
    LIMIT 1
"""
"""What a key of `wanted` was used for, if it was."""

# Of a row that is still as this process wrote it, `i` has nothing: it need not be sent nor read again.
_LOCK = f"""
SELECT {COLUMNS}, l.id AS case_id, l.sequence AS sequence_now, l.is_known, t.lead_id, u.*, clock_timestamp() AS now, (
    SELECT s.sequence FROM process_instance AS s WHERE s.tenant_id = $1 AND s.id = wanted.case_id
) AS sequence_before
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::xid[], $6::bytea[]) AS wanted (case_id, actor_id, key, written_by, head)
LEFT JOIN LATERAL (
    SELECT p.*, wanted.written_by IS NOT NULL AND p.xmin = wanted.written_by AND p.head = wanted.head AS is_known
    FROM process_instance AS p WHERE p.tenant_id = $1 AND p.id = wanted.case_id LIMIT 1 FOR UPDATE
) AS l ON true
LEFT JOIN LATERAL (SELECT l.* WHERE NOT l.is_known) AS i ON true
LEFT JOIN channel AS c ON c.tenant_id = $1 AND c.tenant_id = i.tenant_id AND c.id = i.channel_id
LEFT JOIN team AS t ON t.tenant_id = $1 AND t.tenant_id = l.tenant_id AND t.id = l.team_id
LEFT JOIN LATERAL ({KEY}) AS u ON true
"""
_KEYS = f"""
SELECT u.*
FROM unnest($2::uuid[], $3::text[]) AS wanted (actor_id, key)
CROSS JOIN LATERAL ({KEY}) AS u
"""

Key = tuple[str, str]
"""An idempotency key: whose it is (a UUID as text, which is cheap to look up by), and its text."""

_NO_KEY = (None, None)


class Wanted(NamedTuple):
    """What a work needs locked and looked up: its case, if there is one yet, and its idempotency key, if it has one."""

    case_id: UUID | None
    key: Key | None


class Use(NamedTuple):
    """What an idempotency key was used for: the digest of what was asked, and the step that answered it."""

    fingerprint: bytes
    instance_id: UUID
    sequence: int


class Found(NamedTuple):
    """The cases by id, locked; the keys that have been used; and the database's time once all cases were locked."""

    cases: Mapping[UUID, InstanceRecord]
    used: Mapping[Key, Use]
    now: datetime


async def lock(connection: Connection, tenant_id: UUID, wanted: Iterable[Wanted], known: KnownCases) -> Found:
    """Lock cases in the order of their ids and load them, with the keys that had been used once all were locked."""
    items = sorted(wanted, key=_place)
    cases = [known.get(item.case_id) for item in items]
    written_by = [None if case is None else case.written_by for case in cases]
    heads = [None if case is None else case.record.head for case in cases]
    rows = await connection.fetch(_LOCK, tenant_id, *_columns(items), written_by, heads)
    used = _uses(rows)
    if any(row["sequence_now"] != row["sequence_before"] for row in rows):
        # The statement waited for somebody who moved a case, and saw no key that was written after it had begun.
        used = _uses(await connection.fetch(_KEYS, tenant_id, *_columns(items)[1:]))
    kept = {case.record.id: case for case in cases if case is not None}
    found = {row["case_id"]: _record(tenant_id, row, kept) for row in rows if row["case_id"] is not None}
    return Found(found, used, max(row["now"] for row in rows))


def _record(tenant_id: UUID, row: Row, kept: Mapping[UUID, KnownCase]) -> InstanceRecord:
    """The case of a locked row. Who leads its team is no part of the row, and always read."""
    if not row["is_known"]:
        return from_row(tenant_id, row)
    record = kept[row["case_id"]].record
    return record if record.lead_id == row["lead_id"] else record._replace(lead_id=row["lead_id"])


def _place(item: Wanted) -> int:
    return -1 if item.case_id is None else item.case_id.int


def _columns(items: Iterable[Wanted]) -> list[list[Any]]:
    """The ids of the cases, the owners of the keys, and their texts; None where there is none."""
    rows = ((case_id, *(key or _NO_KEY)) for case_id, key in items)
    return [list(column) for column in zip(*rows, strict=True)]


def _uses(rows: Iterable[Row]) -> dict[Key, Use]:
    return {
        (str(row["used_by"]), row["used_key"]): Use(
            row["used_fingerprint"], row["used_instance_id"], row["used_sequence"]
        )
        for row in rows
        if row["used_instance_id"] is not None
    }
