"""What has become of cases since: whether people worked on them, and which cases their steps began."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from bpm_crm.records.database import Connection

_WORKED_ON = """
SELECT DISTINCT w.id
FROM unnest($2::uuid[], $3::int[]) AS w (id, sequence)
JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = w.id AND h.sequence > w.sequence AND h.actor_kind <> 'system'
"""
_SEQUELS = """
SELECT i.id, s.id AS source
FROM process_instance AS i
JOIN process_instance AS s ON s.tenant_id = $1 AND s.tenant_id = i.tenant_id AND s.id::text = i.external_id AND s.deal_id = i.deal_id
WHERE i.tenant_id = $1 AND s.id = ANY($3::uuid[]) AND i.external_id = ANY($2::text[])
  AND i.channel_id = ANY(ARRAY(SELECT c.id FROM channel AS c WHERE c.tenant_id = $1))
"""

_BEGUN_UNDER = """
SELECT h.instance_id, h.request_id
FROM history AS h WHERE h.tenant_id = $1 AND h.instance_id = ANY($2::uuid[]) AND h.sequence = 1
"""


async def begun_under(connection: Connection, tenant_id: UUID, cases: Sequence[UUID]) -> Mapping[UUID, str | None]:
    """The request under which each of these cases began."""
    rows = await connection.fetch(_BEGUN_UNDER, tenant_id, cases)
    return {row["instance_id"]: row["request_id"] for row in rows}


async def worked_on(connection: Connection, tenant_id: UUID, known: Mapping[UUID, int]) -> frozenset[UUID]:
    """The cases that anyone but the system has touched after the step of these numbers."""
    rows = await connection.fetch(_WORKED_ON, tenant_id, list(known), list(known.values()))
    return frozenset(row["id"] for row in rows)


async def sequels_of(connection: Connection, tenant_id: UUID, sources: Sequence[UUID]) -> Mapping[UUID, Sequence[UUID]]:
    """The cases that steps of these began over the same deals."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await connection.fetch(_SEQUELS, tenant_id, [str(source) for source in sources], sources):
        found[row["source"]].append(row["id"])
    return found
