"""What is stored of a case's state is all of it: a case that was put away goes on as one that was not."""

from typing import Any

import orjson
from hypothesis.stateful import initialize

from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Hold
from bpm_crm.engine.step import Outcome
from bpm_crm.records.states import pack_clocks, pack_progress, unpack_clocks, unpack_progress
from tests.engine.build import begun, shipped_process, taken
from tests.engine.randoms import definitions
from tests.engine.test_step import Walking, quickly
from tests.engine.walking import Walk


def stored_and_read(state: Any) -> dict[str, Any]:
    progress = orjson.loads(orjson.dumps(pack_progress(state)))
    clocks = orjson.loads(orjson.dumps(pack_clocks(state.clocks)))
    return {**unpack_progress(progress), "clocks": unpack_clocks(clocks)}


class StoredWalk(Walk):
    """A walk whose state is put away and read back after every step."""

    def _takes(self, outcome: Outcome, at: int) -> None:
        super()._takes(outcome, at)
        state = taken(outcome).state
        found = stored_and_read(state)
        assert found == {name: getattr(state, name) for name in found}


class StoredWalking(Walking):
    @initialize(definition=definitions())
    def choose(self, definition: Any) -> None:
        self.begin(Process(definition))
        self.walk = StoredWalk(self.process, self.walk.now)


TestStoredCases = StoredWalking.TestCase
TestStoredCases.settings = quickly


def test_when_the_last_pause_ended_is_kept_though_no_business_time_was_paused() -> None:
    state = begun(shipped_process("callback-request"))
    hold = Hold((), 5, 0)
    assert stored_and_read(state._replace(hold=hold))["hold"] == hold
