"""Whether the history is as it was written: the chain of hashes of every case, its free texts, and its head."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from bpm_crm.records.database import Connection, Database, Row
from bpm_crm.records.history import FIRST_HASH, chain_hash, load_chain, text_digest

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Altered:
    """The first row of a case that is not as it was written, and what is wrong with it."""

    instance_id: UUID
    sequence: int
    fault: str


async def altered_rows(database: Database, tenant_id: UUID) -> AsyncIterator[Altered]:
    """The first altered row of each case of a tenant; nothing when the history is whole. Erased free texts are no alteration."""
    async with database.reader(tenant_id) as connection:
        async for rows in _by_case(connection, tenant_id):
            fault = _first_fault(rows)
            if fault is not None:
                yield fault


async def _by_case(connection: Connection, tenant_id: UUID) -> AsyncIterator[list[Row]]:
    """The history of each case, whole; pages of rows are cut where a case ends."""
    after = (UUID(int=0), 0)
    case: list[Row] = []
    while rows := await load_chain(connection, tenant_id, after=after, most=AT_ONCE):
        for row in rows:
            if case and row["instance_id"] != case[0]["instance_id"]:
                yield case
                case = []
            case.append(row)
        after = (rows[-1]["instance_id"], rows[-1]["sequence"])
    if case:
        yield case


def _first_fault(rows: list[Row]) -> Altered | None:
    previous = FIRST_HASH
    for expected, row in enumerate(rows, 1):
        if row["sequence"] != expected:
            return Altered(row["instance_id"], expected, "the row is missing")
        if chain_hash(previous, row) != row["hash"]:
            return Altered(row["instance_id"], expected, "the row or the one before it was altered")
        if row["salt"] is not None and text_digest(row) != row["text_digest"]:
            return Altered(row["instance_id"], expected, "the free text was altered")
        previous = row["hash"]
    if rows[-1]["head"] != previous:
        return Altered(rows[-1]["instance_id"], len(rows) + 1, "rows at the end are missing")
    return None
