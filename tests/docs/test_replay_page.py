"""The page about replays: its samples are accepted and answered, and its kinds are those of the code."""

from bpm_crm.engine.differences import ReplayDifferenceKind
from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import call, lead, up_to
from tests.api.client import Api
from tests.docs.pages import ROOT, blocks, tables
from tests.excel.desk import a_desk

PAGE = ROOT / "docs" / "replay.md"


async def test_the_samples_ask_for_a_replay_read_it_and_ask_what_if(api: Api) -> None:
    await lead(api.world, 6, call(6.1), *up_to(3, 6, 0.5))
    ask, read, what_if = (block.text for block in blocks(PAGE, "graphql"))
    asked = (await api.data(ask, "owner", draft=shipped_text("callback-request")))["replayDraft"]
    async with a_desk(api.world) as desk:
        await desk.runner.drain()
    found = (await api.data(read, "owner", id=asked["replay"]["id"]))["replay"]
    assert (found["status"], found["done"], found["total"], found["differingCases"]) == ("DONE", 1, 1, 0)
    assert "id" in (await api.data(what_if, "owner"))["slaWhatIf"]["replay"]


def test_the_kinds_told_are_those_of_the_code() -> None:
    rows = tables(PAGE, "What is judged, and how")
    assert [row[0] for row in rows[1:]] == [kind.name for kind in ReplayDifferenceKind]
