"""Campaign: 10,000 running cases migrate under live work, and back, with no failed request and none lost."""

import pytest

from benchmarks.ground import ground
from benchmarks.migrating import CASES, measure


@pytest.mark.slow
async def test_ten_thousand_cases_migrate_while_people_work() -> None:
    async with ground() as here:
        found = await measure(here)
    assert found.cases >= CASES
    assert (found.failed, found.faults) == (0, 0)
    assert found.requests > 1_000
