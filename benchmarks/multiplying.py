"""Cells as they are of many times as many cases: what dashboards read of these, where no disk holds their history."""

from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.bodies import pack_columns, unpack_columns
from bpm_crm.analytics.cells.columns import Columns
from bpm_crm.analytics.cells.spreads import FIRST_GROWING, WIDTH, Ints
from bpm_crm.analytics.cells.sums import ROLL_UPS, name_of
from bpm_crm.records import cells
from bpm_crm.records.database import Database

_WIDER = 8.0
"""Buckets by which lengths are scattered (one standard deviation): a sixth of the length."""
_EARLIER = 8 * 86_400
"""Marks by which growing lengths began earlier, at most: a day, of eight marks a second."""
_SEED = 20_261_123

_CELLS = """
SELECT c.sheet_id, c.dimensions, c.level, c.starts_on, c.number FROM cell AS c
WHERE c.tenant_id = $1 AND c.dimensions = ANY($2::text[]) ORDER BY 1, 2, 3, 4, 5
"""
_BODY = """
SELECT c.body FROM cell AS c
WHERE c.tenant_id = $1 AND c.sheet_id = $2 AND c.dimensions = $3 AND c.level = $4 AND c.starts_on = $5 AND c.number = $6
"""
_SAVE = """
UPDATE cell SET body = $7
WHERE tenant_id = $1 AND sheet_id = $2 AND dimensions = $3 AND level = $4 AND starts_on = $5 AND number = $6
"""


async def multiply(worker: Database, tenant_id: UUID, times: int) -> int:
    """Make the cells by dimensions those of so many times as many cases: numbers so many times, and each length once as it is and
    otherwise a little longer or shorter, so that no two of them need be alike; how many cells.

    Nothing that is asked of history, and nothing that is folded later, is right after it.
    """
    rng = np.random.default_rng(_SEED)
    async with worker.transaction(tenant_id) as connection:
        await cells.lift_limits(connection)
        keys = [tuple(row) for row in await connection.fetch(_CELLS, tenant_id, [name_of(item) for item in ROLL_UPS])]
        for key in keys:
            body = await connection.fetchval(_BODY, tenant_id, *key)
            many = pack_columns(_scattered(unpack_columns(body), times, rng))
            await connection.execute(_SAVE, tenant_id, *key, many)
    return len(keys)


def _scattered(columns: Columns, times: int, rng: np.random.Generator) -> Columns:
    numbers = columns.keys < 0
    places, keys, amounts = columns.places[~numbers], columns.keys[~numbers], columns.amounts[~numbers]
    more = np.repeat(keys, times - 1)
    buckets = more % WIDTH - WIDTH // 2
    wider = np.rint(rng.normal(0.0, _WIDER, len(more))).astype(np.int64)
    lengths = np.where(buckets > 0, np.clip(buckets + wider, 1, WIDTH // 2), buckets) - buckets
    moves: Ints = np.where(more < FIRST_GROWING, lengths, -rng.integers(0, _EARLIER, len(more)))
    return Columns(
        columns.values,
        columns.names,
        columns.codes,
        np.concatenate([columns.places[numbers], places, np.repeat(places, times - 1)]),
        np.concatenate([columns.keys[numbers], keys, more + moves]),
        np.concatenate([columns.amounts[numbers] * times, amounts, np.repeat(amounts, times - 1)]),
    )
