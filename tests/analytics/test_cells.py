"""Cells answer what history answers: after every step, under writers, and however the compactor ends."""

from collections.abc import AsyncIterator

import pytest

from bpm_crm.analytics.cells.sheets import ROLLED_UP
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Question
from bpm_crm.operations.compactor import compact
from bpm_crm.records.database import Database
from tests.analytics.kept_answers import compare
from tests.analytics.walks import Walks
from tests.world import World


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=2)
    yield database
    await database.close()


async def settle(world: World, worker: Database) -> None:
    """Fold until nothing is left to fold."""
    while await compact(worker, world.tenant_id):
        pass


@pytest.mark.parametrize("seed", [1, 2])
async def test_cells_answer_what_history_answers(world: World, worker: Database, seed: int) -> None:
    walks = Walks(world, seed)
    for number in range(4):
        if number == 2:
            await walks._publish()
        for _ in range(10):
            await walks._arrive()
        await settle(world, worker)
        for _ in range(4):
            await walks._step_all()
            for dimension in (None, Dimension.PROCESS, *ROLLED_UP):
                grouping = Grouping(() if dimension is None else (dimension,))
                for process in (None, "callback-request"):
                    await compare(world, Question(world.tenant_id, grouping=grouping), process)
