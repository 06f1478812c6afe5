"""Cells answer what history answers: after every step, under writers, and however the compactor ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.cells.sheets import ROLLED_UP
from bpm_crm.analytics.dimensions import Grouping
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.funnel import KEPT_COHORT, FunnelFigures, read_funnel
from bpm_crm.analytics.losses import KEPT_LOSSES, read_losses
from bpm_crm.operations.compactor import compact
from bpm_crm.records.database import Database
from tests.analytics.walks import Walks
from tests.world import World

WITHIN = 0.01 + 1e-9


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


def counted(figures: FunnelFigures) -> dict[Any, Any]:
    """Every number, and the percentiles as they are."""
    return {
        (segment.segment, number, name): list(item.seconds) if item.seconds is not None else (item.cases, item.visits)
        for segment in (figures.total, *figures.segments)
        for step in segment.steps
        for (number, name), item in step.counted.items()
    }


def within(exact: dict[Any, Any]) -> dict[Any, Any]:
    """The same, lengths of time within 1 %."""
    return {
        key: pytest.approx(value, rel=WITHIN, abs=0.1) if isinstance(value, list) else value
        for key, value in exact.items()
    }


async def compare(world: World, question: Question, process: str | None) -> None:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process)
        assert await read_answers(connection, KEPT_COHORT, frame, question) is not None
        assert await read_answers(connection, KEPT_LOSSES, frame, question) is not None
        plain = replace(frame, is_current=False)
        ours, theirs = await read_funnel(connection, frame, question), await read_funnel(connection, plain, question)
        assert counted(ours) == within(counted(theirs))
        assert (await read_losses(connection, frame, question)).losses == (
            await read_losses(connection, plain, question)
        ).losses


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
            for dimension in (None, *ROLLED_UP):
                grouping = Grouping(() if dimension is None else (dimension,))
                for process in (None, "callback-request"):
                    await compare(world, Question(world.tenant_id, grouping=grouping), process)
