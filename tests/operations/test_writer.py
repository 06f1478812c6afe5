"""The write path: what is acknowledged is written once, in order, and a bad item never fails its neighbours."""

import asyncio
from uuid import uuid4

from bpm_crm.engine.blockers import BlockerCode, InputCode
from bpm_crm.operations.commands import (
    AlreadyCaptured,
    Assign,
    Fire,
    KeyReused,
    Missing,
    NotAllowed,
    NotUnderstood,
    Outdated,
    Recorded,
)
from tests.world import World, customer


async def test_a_lead_becomes_a_case_with_a_deal_a_customer_and_running_clocks(world: World) -> None:
    captured = await world.done(None, world.capture(customer=customer(1), data={"page": "/prices"}))
    assert captured.instance.state.stage == "new"
    assert captured.entries[0].checkpoints == ("lead",)
    assert {"response", "stuck"} == set(captured.instance.state.clocks)
    assert await world.counts() == {"process_instance": 1, "history": 1, "deal": 1, "customer": 1, "outbox": 0}


async def test_a_refused_move_names_every_cause_and_writes_nothing(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    before = await world.counts()
    refused = await world.do(case, Fire("make_offer"))
    assert isinstance(refused, NotAllowed)
    assert [blocker.code for blocker in refused.blockers] == [BlockerCode.WRONG_STAGE]
    assert await world.counts() == before
