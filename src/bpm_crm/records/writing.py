"""The statement that writes a batch of decided steps: set-based, one for everything that the batch brings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.records import history, instances
from bpm_crm.records.database import Connection
from bpm_crm.records.locking import KEY, Key

Rows = Sequence[Mapping[str, Any]]

CHANNEL = "bpm_crm_steps"
"""The NOTIFY channel on which committed steps are announced."""

_CUSTOMERS = """
INSERT INTO customer (tenant_id, id, name, phone, email, region, created_at)
SELECT tenant_id, id, name, phone, email, region, created_at
FROM jsonb_populate_recordset(NULL::customer, $rows) WHERE tenant_id = $1
"""
_CONTACTS = """
INSERT INTO customer_contact (tenant_id, kind, value, customer_id)
SELECT tenant_id, kind, value, customer_id
FROM jsonb_populate_recordset(NULL::customer_contact, $rows) WHERE tenant_id = $1
ORDER BY kind, value
"""
_NEW_DEALS = """
INSERT INTO deal (
    tenant_id, id, key, title, customer_id, channel_id, campaign_id, region, owner_id, team_id, instance_id, amount, currency, outcome,
    started_at
)
SELECT
    tenant_id, id, key, title, customer_id, channel_id, campaign_id, region, owner_id, team_id, instance_id, amount, currency, outcome,
    started_at
FROM jsonb_populate_recordset(NULL::deal, $rows) WHERE tenant_id = $1
"""
_DEALS = """
UPDATE deal AS d
SET amount = s.amount, owner_id = s.owner_id, team_id = s.team_id, outcome = s.outcome
FROM jsonb_populate_recordset(NULL::deal, $rows) AS s
WHERE d.tenant_id = $1 AND s.tenant_id = $1 AND d.id = s.id AND d.instance_id = s.instance_id
"""
_KEYS = """
INSERT INTO idempotency_key (tenant_id, actor_id, key, fingerprint, instance_id, sequence, recorded_at)
SELECT tenant_id, actor_id, key, fingerprint, instance_id, sequence, recorded_at
FROM jsonb_populate_recordset(NULL::idempotency_key, $rows) WHERE tenant_id = $1
"""
_EFFECTS = """
INSERT INTO outbox (tenant_id, id, kind, payload, unique_key, run_at, attempts)
SELECT tenant_id, id, kind, payload, unique_key, run_at, 0
FROM jsonb_populate_recordset(NULL::outbox, $rows) WHERE tenant_id = $1
"""
_TURNS = """
INSERT INTO rollout_case (tenant_id, instance_id, rollout_id, revision, version)
SELECT tenant_id, instance_id, rollout_id, revision, version
FROM jsonb_populate_recordset(NULL::rollout_case, $rows) WHERE tenant_id = $1
"""
_PARTS = {
    "customers": _CUSTOMERS,
    "contacts": _CONTACTS,
    "new_deals": _NEW_DEALS,
    "cases": instances.INSERT,
    "moved": instances.UPDATE,
    "recorded": history.INSERT,
    "texts": history.INSERT_TEXT,
    "deals": _DEALS,
    "keys": _KEYS,
    "effects": _EFFECTS,
    "turns": _TURNS,
}
"""What a batch may write, in the order in which it is written; `$rows` stands for the parameter with the rows as JSON."""

_RETURNED = {"moved": "i.id", "recorded": "instance_id"}

_ENDS = {"effects": "ON CONFLICT (tenant_id, unique_key) DO NOTHING"}

_MAY_BE_FEWER = frozenset({"deals", "effects"})
"""A deal follows the case it names only; an effect that was asked for before is not asked for again."""

_CHANGED = """
INSERT INTO case_change (tenant_id, instance_id) SELECT DISTINCT $1::uuid, r.instance_id FROM recorded AS r
"""
"""Tells the compactor which cases the batch changed."""

_FRESH = f"""
clock AS MATERIALIZED (SELECT clock_timestamp() AS began),
fresh AS MATERIALIZED (
    SELECT wanted.id, wanted.written_by, wanted.head
    FROM unnest($3::uuid[], $4::xid[], $5::bytea[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[])
        AS wanted (id, written_by, head, team_id, lead_id, actor_id, key)
    LEFT JOIN LATERAL (SELECT t.lead_id FROM team AS t WHERE t.tenant_id = $1 AND t.id = wanted.team_id LIMIT 1) AS t ON true
    LEFT JOIN LATERAL ({KEY}) AS u ON true
    WHERE t.lead_id IS NOT DISTINCT FROM wanted.lead_id AND u.used_by IS NULL
      AND (SELECT k.began FROM clock AS k) - $10::timestamptz BETWEEN interval '-50 ms' AND interval '250 ms'
)"""
"""The cases whose teams are led by whom they were, whose keys are new; none if the instant of the steps is not that of the database."""

_IF_FRESH = " AND EXISTS (SELECT FROM fresh AS f WHERE f.id = i.id AND f.written_by = i.xmin AND f.head = i.head)"
_OF_MOVED = " AND {} IN (SELECT m.id FROM moved AS m)"
_CASE_OF = {
    "recorded": "instance_id",
    "texts": "instance_id",
    "deals": "s.instance_id",
    "keys": "instance_id",
    "effects": "(payload ->> 'instance_id')::uuid",
}
_FIRST_OF_KNOWN = 11

_RELEASE = "DELETE FROM lease WHERE tenant_id = $1 AND subject_id = ANY($2::uuid[])"


class WriteLost(Exception):
    """Fewer rows were written than decided: the state was changed by someone who did not lock it."""


async def write(connection: Connection, tenant_id: UUID, rows: Mapping[str, Rows], notice: str) -> int:
    """Write what a batch decided in one statement, and announce it; `rows` by part of `_PARTS`, empty ones are left out.

    Answers with the transaction, which is the `xmin` of the rows once it is committed.
    """
    parts = tuple(name for name in _PARTS if rows.get(name))
    written = await connection.fetchrow(_statement(parts), tenant_id, notice, *(rows[name] for name in parts))
    lost = [name for name in parts if written[name] != len(rows[name]) and name not in _MAY_BE_FEWER]
    if lost:
        counts = ", ".join(f"{written[name]} of {len(rows[name])} {name}" for name in lost)
        raise WriteLost(f"not all rows were written: {counts}")
    written_by: int = written["written_by"]
    return written_by


class Known(NamedTuple):
    """A case that is written without having been locked: who wrote it last (a server that was restored gives out numbers of transactions again,
    so also the hash of its history), its team and who leads that, and the key of the work."""

    id: UUID
    written_by: int
    head: bytes
    team_id: str | None
    lead_id: UUID | None
    key: Key | None


class Moved(NamedTuple):
    """The cases that were written, the transaction that did it, and the database's clock before and after."""

    cases: frozenset[UUID]
    written_by: int
    began: datetime
    ended: datetime


async def write_known(
    connection: Connection, tenant_id: UUID, known: Sequence[Known], rows: Mapping[str, Rows], notice: str, at: datetime
) -> Moved:
    """Write those cases that are still as they are known, with all that belongs to them, and leave the others alone.

    `connection` commits each statement by itself (`Database.by_statement`), so nothing is held and one round trip does it. `at` is the
    instant of the steps: it has passed when they are committed, and nothing is written when it is far from the database's clock.
    A row that is locked is waited for as long as the session allows, which is not long: the instant grows old meanwhile.
    """
    checks = zip(*((*case[:5], *(case.key or (None, None))) for case in known), strict=True)
    parts = tuple(name for name in _PARTS if rows.get(name))
    given = [rows[name] for name in parts]
    row = await connection.fetchrow(
        _statement_of_known(parts), tenant_id, notice, *(list(column) for column in checks), at, *given
    )
    return Moved(frozenset(row["cases"]), row["written_by"], row["began"], row["ended"])


async def release(connection: Connection, tenant_id: UUID, subjects: Sequence[UUID]) -> None:
    """Give up the leases of a worker."""
    await connection.execute(_RELEASE, tenant_id, subjects)


@cache
def _statement(parts: tuple[str, ...]) -> str:
    """One statement for all parts: every round trip costs a batch as much as some of its steps."""
    counts = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in parts)
    texts = {name: _PARTS[name] for name in parts}
    return f"WITH {_writes(texts, 3)}\nSELECT {counts}, {_TOLD.replace('$notice', '$2')}"


@cache
def _statement_of_known(parts: tuple[str, ...]) -> str:
    """The same for cases that are not locked: every part writes what belongs to a case that was moved."""
    texts = {
        name: _PARTS[name] + (_OF_MOVED.format(_CASE_OF[name]) if name in _CASE_OF else _IF_FRESH) for name in parts
    }
    told = _TOLD.replace("$notice", _NOTICE_OF_MOVED)
    sleep = "pg_sleep_until(CASE WHEN EXISTS (SELECT FROM moved) THEN $10 END)"
    done = f"ARRAY(SELECT m.id FROM moved AS m) AS cases, k.began, {sleep}, clock_timestamp() AS ended"
    return f"WITH {_FRESH},\n{_writes(texts, _FIRST_OF_KNOWN)}\nSELECT {done}, {told} FROM clock AS k"


_TOLD = f"pg_current_xact_id()::xid AS written_by, pg_notify('{CHANNEL}', $notice)"
_NOTICE_OF_MOVED = """CASE
    WHEN $2::text::jsonb -> 'steps' = 'null' OR (SELECT count(*) FROM moved) = cardinality($3) THEN $2::text
    ELSE jsonb_set($2::text::jsonb, '{steps}', to_jsonb(ARRAY(
        SELECT s FROM jsonb_path_query($2::text::jsonb, '$.steps[*]') AS s WHERE (s ->> 0)::uuid IN (SELECT m.id FROM moved AS m)
    )))::text
END"""
"""The notice (`operations.written.notice_of`) without the steps of cases that were left alone."""


def _writes(texts: Mapping[str, str], first: int) -> str:
    """The parts as common table expressions, their rows as parameters from `first` on."""
    writes = ",\n".join(
        f"{name} AS ({text.replace('$rows', f'${number}')} {_ENDS.get(name, '')} RETURNING {_RETURNED.get(name, '1')})"
        for number, (name, text) in enumerate(texts.items(), first)
    )
    return f"{writes},\nchanged AS ({_CHANGED})" if "recorded" in texts else writes
