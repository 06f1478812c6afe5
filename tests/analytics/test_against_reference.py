"""Every figure over random walks of cases against its plain statement; the seed is in the name of the test."""

from dataclasses import replace

import pytest

from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT
from bpm_crm.embedded.server import Server
from tests.analytics import reference_forensics
from tests.analytics.checking import Walked, asks, check_everything, check_stages, frame_of, walk
from tests.analytics.reference import moment
from tests.databases import cloned
from tests.world import a_world


async def test_every_figure_agrees_with_its_plain_statement(walked: Walked) -> None:
    await check_everything(walked, seed=7)


async def test_every_figure_of_stages_agrees_with_its_plain_statement(walked: Walked) -> None:
    await check_stages(walked, seed=8)


async def test_the_losses_of_the_walks_show_every_evidence(walked: Walked) -> None:
    world = walked.world
    _, ask, _ = next(item for item in asks(walked, seed=1) if item[1].by == () and item[2] is None)
    ask = replace(ask, as_of=walked.instants[-1], known_at=walked.instants[-1], since=FIRST_INSTANT, until=LAST_INSTANT)
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, None)
        keys = [(version.definition_id, version.number) for version in frame.versions]
        processes = {key: await world.writer.processes.get(connection, world.tenant_id, *key) for key in keys}
    traces = reference_forensics.forensics(walked.cases, ask, processes)
    assert {trace[2] for trace in traces} >= {"document_late", "clock_breached", "action_missing"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 23))
async def test_every_figure_of_longer_walks_agrees_with_its_plain_statement(
    postgres: Server, template: str, seed: int
) -> None:
    async with cloned(postgres, template) as access, a_world(access) as world:
        walked = await walk(world, seed, rounds=5, arrivals=25, steps=7)
        await check_everything(walked, seed=seed, number=150)
        await check_stages(walked, seed=seed, number=50)


def test_the_walks_meet_what_figures_are_wrong_about(walked: Walked) -> None:
    """Late records, loops, re-opened cases, losses in several stages, forced moves, exclusions, changes of owner, cases still open."""
    rows = [case.history for case in walked.cases]
    late = [case for case in rows if [*map(moment, case)] != sorted(map(moment, case))]
    reopened = [case for case in rows if any(row["from_stage"] in {"lost", "won"} for row in case)]
    loops = [
        case
        for case in rows
        if any(
            sum(1 for row in case if checkpoint in (row["checkpoints"] or ())) > 1
            for checkpoint in ("interested", "offer", "contract")
        )
    ]
    lost_in = {row["from_stage"] for case in rows for row in case if row["outcome"] == "lost"}
    owners = [case for case in rows if len({row["owner_id"] for row in case}) > 2]
    kinds = {row["kind"] for case in rows for row in case}
    running = [case for case in walked.cases if case.row["outcome"] is None]
    assert min(len(late), len(reopened), len(loops), len(owners), len(running)) >= 3
    assert len(lost_in) >= 3
    assert {"forced", "exclusion", "activity", "assignment", "clock", "migration"} <= kinds
