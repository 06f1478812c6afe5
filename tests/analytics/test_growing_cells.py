"""Processes change: sheets get the new steps and processes where what they hold stays, and only what is missing is evaluated."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Question
from bpm_crm.embedded.server import Server
from bpm_crm.operations import compacting, evaluating
from bpm_crm.operations.cell_rebuild import rebuild_cells
from bpm_crm.operations.commands import Fire
from bpm_crm.operations.compactor import compact
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from bpm_crm.records.database import Database
from tests.analytics.kept_answers import compare
from tests.analytics.test_cells import settle
from tests.analytics.test_cells_under_writers import refill, stored
from tests.analytics.walks import CHANNELS, Walks
from tests.databases import cloned
from tests.world import World, a_world

PARKED = """
  parked:
    kind: waiting
    title: {en: Parked, ru: Отложено}

transitions:
  park:
    title: {en: Park, ru: Отложить}
    from: [new, qualification]
    to: parked
  unpark:
    title: {en: Go on, ru: Продолжить}
    from: [parked]
    to: qualification

checkpoints:
"""
PARKING = """
  parking:
    title: {en: Parked for too long, ru: Отложено слишком долго}
    start: {entering: parked}
    stop: {leaving: parked}
    target: PT2H
"""


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=4)
    yield database
    await database.close()


@pytest.fixture
async def two(postgres: Server, template: str) -> AsyncIterator[World]:
    """A company with two processes."""
    async with cloned(postgres, template) as access, a_world(access, processes=CHANNELS) as world:
        yield world


def with_parking(key: str) -> str:
    """A shipped process with one more stage, and a clock in it."""
    text = shipped_text(key)
    assert text.count("\ncheckpoints:\n") == 1
    return text.replace("\ncheckpoints:\n", PARKED) + PARKING


async def publish_text(world: World, text: str) -> None:
    async with world.owner.transaction(world.tenant_id) as connection:
        at = await connection.fetchval("SELECT now()")
        await publish(connection, world.tenant_id, text, changelog="changed", at=at, by=None)
    await world.refresh()


async def sheets(world: World) -> dict[UUID, Any]:
    """What sheets there are, by id."""
    async with world.database.reader(world.tenant_id) as connection:
        rows = await connection.fetch("SELECT * FROM cell_sheet WHERE tenant_id = $1", world.tenant_id)
    return {row["id"]: row for row in rows}


GROUPINGS = cycle((Grouping(), Grouping((Dimension.OWNER,)), Grouping((Dimension.VERSION, Dimension.REGION))))


async def valid_until(world: World, case: UUID) -> datetime | None:
    """Until when it is known what a case adds: its clock will fall due."""
    statement = "SELECT valid_until FROM case_part WHERE tenant_id = $1 AND instance_id = $2"
    async with world.owner.reader(world.tenant_id) as connection:
        found: datetime | None = await connection.fetchval(statement, world.tenant_id, case)
    return found


async def compare_some(world: World, *processes: str | None) -> None:
    """Every kept report, by turns in all and by some dimensions."""
    for process in processes:
        await compare(world, Question(world.tenant_id, grouping=next(GROUPINGS)), process)


async def nothing_is_otherwise_when_filled_anew(world: World, worker: Database) -> None:
    """By a rebuild beside what there is, which keeps the order of the steps."""
    await settle(world, worker)
    before = await stored(world)
    assert await rebuild_cells(worker, world.tenant_id) == 0
    assert await stored(world) == before


async def park(walks: Walks) -> None:
    """Take cases to the stage that is new, and some on from there."""
    parked = 0
    for case, (stage, at) in list(walks.cases.items()):
        if stage in {"new", "qualification"} and walks.versions[case][1] == 2:
            for hours, trigger in enumerate(("park", "unpark")[: 1 + parked % 2], 1):
                fire = Fire(trigger, occurred_at=at + timedelta(hours=hours))
                walks._note(await walks.world.done(case, fire, by="admin"), at)
            parked += 1
    assert parked > 2


class Asked:
    """What was evaluated: the reports, and how many cases of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cases: dict[str, int] = {}
        original = evaluating.contributions

        async def noted(kept: Any, asked: Any, *others: Any) -> Any:
            self.cases[kept.name] = self.cases.get(kept.name, 0) + len(asked.cases)
            return await original(kept, asked, *others)

        monkeypatch.setattr(evaluating, "contributions", noted)


async def test_a_new_stage_and_clock_are_added_to_what_is_kept(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks = Walks(world, 21)
    await walks.run(rounds=1, arrivals=14, steps=5)
    await settle(world, worker)
    before = await sheets(world)
    await publish_text(world, with_parking("callback-request"))
    asked = Asked(monkeypatch)
    assert await compact(worker, world.tenant_id) == 0
    after = await sheets(world)
    assert after.keys() == before.keys()
    assert all(row["is_filled"] for row in after.values())
    assert asked.cases == {}
    changed = {row["report"].partition("@")[0] for key, row in after.items() if row != before[key]}
    assert changed == {"stage_times", "kpis"}
    await compare_some(world, None, "callback-request")
    await walks._migrate()
    for _ in range(8):
        await walks._arrive()
    for number in range(6):
        await (walks._step_all() if number else park(walks))
        await compact(worker, world.tenant_id, most=3)
        await compare_some(world, CHANNELS[number % 2] if number % 3 else None)
    assert (await sheets(world)).keys() == before.keys()
    await nothing_is_otherwise_when_filled_anew(world, worker)
    await refill(world, worker)
    await compare_some(world, None)


async def test_what_the_compactor_does_not_know_yet_is_answered_all_the_same(world: World, worker: Database) -> None:
    """Cases come to a version, and move on there, before anything is folded."""
    walks = Walks(world, 22)
    await walks.run(rounds=1, arrivals=10, steps=3)
    await settle(world, worker)
    before = await sheets(world)
    await publish_text(world, with_parking("callback-request"))
    await walks._migrate()
    for _ in range(6):
        await walks._arrive()
    await park(walks)
    await walks._step_all()
    while await compact(worker, world.tenant_id, most=5):
        await compare_some(world, None, "callback-request")
    assert (await sheets(world)).keys() == before.keys()
    await nothing_is_otherwise_when_filled_anew(world, worker)


async def test_only_what_is_missing_is_evaluated(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sheet is filled while changes wait: cases that are elsewhere by now are folded into the others too."""
    monkeypatch.setattr(compacting, "FILLED_AT_ONCE", 5)
    walks = Walks(world, 23)
    await walks.run(rounds=1, arrivals=16, steps=4)
    waiting = (await world.done(None, world.capture())).instance.id
    await settle(world, worker)
    until = await valid_until(world, waiting)
    assert until is not None
    async with world.owner.transaction(world.tenant_id) as connection:
        missing = "(SELECT id FROM cell_sheet WHERE report LIKE 'funnel_cohort@%')"
        await connection.execute(f"DELETE FROM cell WHERE sheet_id IN {missing}")
        await connection.execute(f"DELETE FROM cell_sheet WHERE id IN {missing}")
    still = [case for number, case in enumerate(walks.cases) if number % 3]
    moving = {case: state for case, state in walks.cases.items() if case not in still}
    known, walks.cases = walks.cases, moving
    await walks._step_all()
    walks.cases = known | walks.cases
    asked = Asked(monkeypatch)
    while await compact(worker, world.tenant_id, most=0):
        pass
    assert all(row["is_filled"] for row in (await sheets(world)).values())
    assert await valid_until(world, waiting) == until
    cohorts = asked.cases.pop("funnel_cohort")
    assert cohorts >= len(walks.cases)
    assert 0 < max(asked.cases.values()) <= len(moving)
    await compare_some(world, None, "callback-request")
    await walks._step_all()
    await compare_some(world, None)
    await nothing_is_otherwise_when_filled_anew(world, worker)


async def test_a_process_that_is_new_is_added_to_what_is_kept(two: World) -> None:
    worker = await Database.connect(two.access.worker, size=4)
    walks = Walks(two, 24)
    await walks.run(rounds=1, arrivals=10, steps=3)
    await settle(two, worker)
    before = await sheets(two)
    await publish_text(two, shipped_text("web-form"))
    for _ in range(5):
        await two.done(None, two.capture("web-form"), by="admin")
    await compact(worker, two.tenant_id, most=2)
    assert before.keys() < (await sheets(two)).keys()
    await compare_some(two, None, "web-form", "callback-request")
    await settle(two, worker)
    await compare_some(two, None, "web-form")
    await walks._step_all()
    await compare_some(two, None, "web-form")
    await nothing_is_otherwise_when_filled_anew(two, worker)
    await worker.close()


THIRD = """
checkpoints:
  formed:
    title: {en: Filled a form in, ru: Заполнил форму}
    order: 10
    reached: {activity: response}
"""
OTHERWISE = """
  begun:
    title: {en: Begun, ru: Начато}
    order: 1
    reached: {started: true}
  lead: {order: 2}
  interested: {order: 3}
  offer: {order: 4}
  contract: {order: 5}
  paid: {order: 6}
  delivered: {order: 7}
"""
LEAD = """
checkpoints:
  lead:
    title: {en: Lead, ru: Обращение}
    order: 1
    reached: {started: true}
"""


async def test_a_process_whose_cases_are_held_elsewhere_fills_a_funnel_anew(two: World) -> None:
    """It was in no funnel, and now begins as the others do."""
    worker = await Database.connect(two.access.worker, size=4)
    walks = Walks(two, 25)
    await walks.run(rounds=1, arrivals=6, steps=2)
    text = re.sub(r"\n +order: \d+", "", shipped_text("post-payment"))
    await publish_text(two, text)
    await two.done(None, two.capture("post-payment"), by="admin")
    await settle(two, worker)
    await publish_text(two, text.replace("\ncheckpoints:\n", LEAD))
    await settle(two, worker)
    await compare_some(two, None, "post-payment")
    await nothing_is_otherwise_when_filled_anew(two, worker)
    await worker.close()


async def test_two_processes_that_are_left_to_each_other_share_a_funnel_filled_anew(two: World) -> None:
    """A third, with a step of its own, begins otherwise from now on. What each of the two has is fed under the name of the funnel of both."""
    worker = await Database.connect(two.access.worker, size=4)
    third = shipped_text("web-form") + THIRD
    await publish_text(two, third)
    walks = Walks(two, 26)
    await walks.run(rounds=1, arrivals=8, steps=3)
    await settle(two, worker)
    await publish_text(two, third + OTHERWISE.lstrip("\n"))
    await settle(two, worker)
    await compare_some(two, None, *CHANNELS, "web-form")
    await nothing_is_otherwise_when_filled_anew(two, worker)
    await worker.close()
