"""Replays: the histories of a period run through another definition, a chunk of cases at a time; nothing of them is changed."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.engine.instants import instant_of
from bpm_crm.operations.replay_children import children, judged
from bpm_crm.operations.replay_court import Court
from bpm_crm.operations.replay_tally import Tally
from bpm_crm.records.database import Database, Row
from bpm_crm.records.definitions import load_documents, load_versions
from bpm_crm.records.reference import Reference
from bpm_crm.records.replays import FIRST, Span, load_histories

AT_ONCE = 500
"""Cases in a chunk: a third of a second of one core."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is: the last case, the figures up to it, and which of them count the cases looked at last."""

    cursor: UUID
    tally: Tally
    found: Sequence[tuple[UUID, Sequence[int]]]


class Replayer:
    """Replays the histories of a span through a document, as of an instant up to which time passes for open clocks."""

    def __init__(
        self, database: Database, reference: Reference, span: Span, document: Mapping[str, Any], as_of: datetime
    ) -> None:
        self._database = database
        self._reference = reference
        self._tenant_id = reference.tenant.id
        self._span = span
        self._document = document
        self._as_of = as_of

    async def run(self, tally: Tally, after: UUID = FIRST) -> AsyncGenerator[Progress]:
        """Add to `tally` what the histories after a case bring, chunk by chunk."""
        court = await self._court()
        async with children(court) as crew, aclosing(judged(crew, self._chunks(after))) as answers:
            async for rows, more, found in answers:
                tally.merge(more)
                known = tally.numbers()
                numbers = [known[key] for key in more.figures]
                cases = [(UUID(case), [numbers[place] for place in places]) for case, places in found]
                yield Progress(rows[-1]["id"], tally, cases)

    async def _chunks(self, after: UUID) -> AsyncIterator[Sequence[Row]]:
        while True:
            async with self._database.reader(self._tenant_id) as connection:
                rows = await load_histories(connection, self._tenant_id, self._span, after=after, most=AT_ONCE)
            if not rows:
                return
            yield rows
            after = rows[-1]["id"]

    async def _court(self) -> Court:
        known = self._reference
        definition_id = self._span.definition_id
        async with self._database.reader(self._tenant_id) as connection:
            versions = await load_versions(connection, self._tenant_id, [definition_id])
            documents = await load_documents(
                connection, self._tenant_id, [(definition_id, row["version"]) for row in versions]
            )
        roles = {str(user.id): sorted(user.roles) for user in known.users.values()}
        roles |= {str(key.id): [key.role] for key in known.api_keys.values()}
        return Court(
            document=self._document,
            versions={number: row["document"] for (_, number), row in documents.items()},
            roles=roles,
            channels={str(channel.id): channel.key for channel in known.channels.values()},
            horizon=instant_of(self._as_of),
        )
