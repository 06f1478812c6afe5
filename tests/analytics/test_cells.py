"""Cells answer what history answers: after every step, under writers, and however the compactor ends."""

from collections.abc import AsyncIterator, Callable

import pytest

from bpm_crm.analytics.cells.sheets import ROLLED_UP
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Question
from bpm_crm.operations.compactor import compact
from bpm_crm.records.database import Database
from tests.analytics.kept_answers import compare
from tests.analytics.walks import Walks
from tests.world import World

Asked = tuple[Grouping, str | None]


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


PROCESSES = (None, "callback-request")
GROUPINGS = [Grouping(() if dimension is None else (dimension,)) for dimension in (None, Dimension.PROCESS, *ROLLED_UP)]


async def answers_agree(world: World, worker: Database, seed: int, asked: Callable[[int], list[Asked]]) -> None:
    """Whatever is asked after each of 16 steps has the answer of history."""
    walks = Walks(world, seed)
    for number in range(16):
        if number % 4 == 0:
            if number == 8:
                await walks._publish()
            for _ in range(10):
                await walks._arrive()
            await settle(world, worker)
        await walks._step_all()
        for grouping, process in asked(number):
            await compare(world, Question(world.tenant_id, grouping=grouping), process)


@pytest.mark.parametrize("seed", [1, 2])
async def test_cells_answer_what_history_answers(world: World, worker: Database, seed: int) -> None:
    def turn(number: int) -> list[Asked]:
        return [(GROUPINGS[number % len(GROUPINGS)], PROCESSES[number % 2]), (GROUPINGS[0], PROCESSES[1 - number % 2])]

    await answers_agree(world, worker, seed, turn)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 9))
async def test_cells_answer_whatever_is_asked_after_every_step(world: World, worker: Database, seed: int) -> None:
    everything = [(grouping, process) for grouping in GROUPINGS for process in PROCESSES]
    await answers_agree(world, worker, seed, lambda _: everything)
