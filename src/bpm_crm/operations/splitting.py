"""Rollouts at work: which version the next new case of a channel takes.

Turns are taken channel by channel, evenly: of any number of cases in a row, version B has its share to within one case. The first turn
is drawn from the ids, so that not every channel begins alike. A coin for each case would have the share only in the long run.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from bpm_crm.operations.commands import Capture
from bpm_crm.records.database import Connection
from bpm_crm.records.rollouts import FINISHED, RolloutRecord, load_rollouts, lock_counters, set_counters


class Splits:
    """The rollouts that the new cases of one batch are under, how many each channel has sent through them, and the turns taken."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self._rollouts: dict[UUID, RolloutRecord] = {}
        self._counts: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self.turns: list[dict[str, Any]] = []

    async def prepare(self, connection: Connection, captures: Sequence[Capture]) -> None:
        """Look the rollouts up as they are now, and hold the counters of the channels until the transaction ends."""
        wanted = {item.rollout_id for item in captures if item.rollout_id is not None}
        if not wanted:
            return
        self._rollouts = await load_rollouts(connection, self.tenant_id, sorted(wanted))
        names = {name for item in captures if (name := self._counter(item)) is not None}
        if names:
            self._counts = await lock_counters(connection, self.tenant_id, sorted(names))
            self._before = dict(self._counts)

    def assigned(self, capture: Capture) -> Capture:
        """The capture with the version whose turn it is; what began before the rollout did keeps the old one."""
        rollout = None if capture.rollout_id is None else self._rollouts.get(capture.rollout_id)
        if rollout is None:
            return capture
        name = self._counter(capture)
        takes_b = rollout.status == FINISHED
        if name is not None:
            takes_b = is_turn_of_b(rollout, capture.channel_id, self._counts[name] + 1)
        return replace(capture, version=rollout.version_b if takes_b else rollout.version_a)

    def accept(self, capture: Capture, case_id: UUID) -> None:
        """Count a case that began; one that took a turn has a row of its own, which says which."""
        name = self._counter(capture)
        if name is None or capture.rollout_id is None:
            return
        self._counts[name] += 1
        self.turns.append(
            {
                "tenant_id": str(self.tenant_id),
                "instance_id": str(case_id),
                "rollout_id": str(capture.rollout_id),
                "revision": self._rollouts[capture.rollout_id].revision,
                "version": capture.version,
            }
        )

    async def write(self, connection: Connection) -> None:
        """Keep the counts."""
        changed = {name: value for name, value in self._counts.items() if value != self._before[name]}
        if changed:
            await set_counters(connection, self.tenant_id, changed)

    def _counter(self, capture: Capture) -> str | None:
        """The counter of the turns a case takes part in; None: in none."""
        rollout = None if capture.rollout_id is None else self._rollouts.get(capture.rollout_id)
        if rollout is None or not rollout.is_running:
            return None
        if capture.occurred_at is not None and capture.occurred_at < rollout.started_at:
            return None
        return f"rollout/{rollout.id}/{rollout.revision}/{capture.channel_id}"


def is_turn_of_b(rollout: RolloutRecord, channel_id: UUID, number: int) -> bool:
    """Whether the case of this number (from 1) of a channel takes version B."""
    drawn = sha256(f"{rollout.id}/{rollout.revision}/{channel_id}".encode()).digest()
    first = int.from_bytes(drawn[:4], "big") % 100
    return (number * rollout.share + first) // 100 > ((number - 1) * rollout.share + first) // 100
