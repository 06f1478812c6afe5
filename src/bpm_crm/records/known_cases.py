"""Cases as this process wrote them last, so that the next step need neither read nor lock them first."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from bpm_crm.records.instances import InstanceRecord
from bpm_crm.records.server_clock import ServerClock

MOST_KNOWN = 4_096


class KnownCase(NamedTuple):
    """A case, and the transaction that wrote its row so: the row's `xmin` for as long as nobody else writes it."""

    record: InstanceRecord
    written_by: int


class KnownCases:
    """The cases written last, a bounded number, and the database's clock.

    What is kept is no truth: `locking.lock` takes it only where the locked row is still that one, `writing.write_known` writes only such rows.
    """

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self.clock = ServerClock()
        self._most = most
        self._cases: OrderedDict[UUID, KnownCase] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cases)

    def get(self, case_id: UUID | None) -> KnownCase | None:
        """A case that this process wrote, if it is still kept."""
        return None if case_id is None else self._cases.get(case_id)

    def keep(self, records: Iterable[InstanceRecord], written_by: int) -> None:
        """Keep cases that a transaction wrote, once that is committed; those written longest ago make room."""
        for record in records:
            self._cases[record.id] = KnownCase(record, written_by)
            self._cases.move_to_end(record.id)
        while len(self._cases) > self._most:
            self._cases.popitem(last=False)
