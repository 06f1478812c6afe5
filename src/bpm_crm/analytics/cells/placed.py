"""Cases that are evaluated together, with their segments."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.columns import columns_of
from bpm_crm.analytics.cells.sheets import PROCESS, WHOLE, Evaluation
from bpm_crm.analytics.cells.spreads import Ints
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, bound_fields
from bpm_crm.analytics.statements import report, statement

_SEGMENTS = report("contributing")
_ODD = 0x9E3779B97F4A7C15


class Placed:
    """Cases that are evaluated together, in columns: of each that figures count the whole segment, but for owner and team."""

    def __init__(self, cases: Sequence[UUID], segments: Mapping[UUID, Segment]) -> None:
        self.cases = cases
        self.segments = segments
        uncounted: Segment = (None,) * len(WHOLE)
        columns = columns_of([segments.get(case, uncounted) for case in cases], (), *(np.zeros(0, np.int64),) * 3)
        self.values, self.codes = columns.values, columns.codes
        halves = np.frombuffer(b"".join(case.bytes for case in cases), ">u8").astype(np.uint64).reshape(-1, 2)
        self._odd = np.uint64(_ODD)
        while len(np.unique(self._mixed(halves))) < len(cases):
            self._odd += np.uint64(2)
        mixed = self._mixed(halves)
        self._order = np.argsort(mixed)
        self._mixed_cases = mixed[self._order]

    def places_of(self, ids: bytes) -> Ints:
        """Where cases, whose ids lie one after the other, are among these."""
        halves = np.frombuffer(ids, ">u8").astype(np.uint64).reshape(-1, 2)
        return self._order[np.searchsorted(self._mixed_cases, self._mixed(halves))]

    def of(self, definitions: Collection[UUID]) -> list[UUID]:
        """Those of some definitions, of the cases that figures count."""
        held = [value is not None and UUID(value) in definitions for value in self.values[PROCESS]]
        return [case for case, code in zip(self.cases, self.codes[PROCESS].tolist(), strict=True) if held[code]]

    def _mixed(self, halves: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Ids as numbers that are different for each of these cases."""
        return halves[:, 1] ^ (halves[:, 0] * self._odd)


async def placed(asked: Evaluation, as_of: datetime) -> Placed:
    """The cases asked about, with their segments."""
    found = statement(
        _SEGMENTS, asked.tenant_id, {"definitions": asked.frame.definitions, **given_values(asked, as_of)}
    )
    rows = await asked.connection.fetch(found.text, *found.values)
    return Placed(asked.cases, {row["instance_id"]: tuple(row["segment"]) for row in rows})


def given_values(asked: Evaluation, as_of: datetime) -> dict[str, Any]:
    """The named values of a report over given cases by an instant: of any period, all that is known."""
    instants = {"as_of": as_of, "known_at": LAST_INSTANT, "since": FIRST_INSTANT, "until": LAST_INSTANT}
    return {"cases": asked.cases, **instants, **bound_fields("product", asked.frame.versions)}
