"""How what a case knows under one version is called under another, and what a migration changes in it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpm_crm.engine.clock import Clock
from bpm_crm.engine.state import Hold, InstanceState

Names = Mapping[str, str | None]
"""Keys of the version left to keys of the version entered; None: it has no counterpart. A key that is not here keeps its name."""


@dataclass(frozen=True, slots=True)
class MigrationMapping:
    """What becomes of stages, clocks and checkpoints.

    `waived_clocks` may be cancelled where they are open and have no counterpart, `waived_fields` may stay empty though the stage asks
    for them; `started_clocks` are clocks of the new version that start with the migration.
    """

    stages: Names = field(default_factory=dict)
    clocks: Names = field(default_factory=dict)
    checkpoints: Names = field(default_factory=dict)
    waived_clocks: frozenset[str] = frozenset()
    waived_fields: frozenset[str] = frozenset()
    started_clocks: frozenset[str] = frozenset()

    def stage(self, key: str, known: Container[str]) -> str | None:
        """The stage in which a case goes on; None when nobody has said."""
        return _counterpart(self.stages, key, known)

    def clock(self, key: str, known: Container[str]) -> str | None:
        """The policy under which a clock goes on."""
        return _counterpart(self.clocks, key, known)

    def checkpoint(self, key: str, known: Container[str]) -> str | None:
        """The checkpoint that counts as reached."""
        return _counterpart(self.checkpoints, key, known)


@dataclass(frozen=True, slots=True)
class Before:
    """What a migration may change in a case, as it was; `data` has the old values of the fields that it converted."""

    stage: str
    entered_at: int
    reached: Mapping[str, tuple[int, int]]
    visits: Mapping[str, int]
    activities: Mapping[str, int]
    approvals: Mapping[str, tuple[str, ...]]
    hold: Hold
    clocks: Mapping[str, Clock]
    data: Mapping[str, Any]


def before_of(state: InstanceState, data: Mapping[str, Any]) -> Before:
    """What a migration may change in a case in this state, with these old values of fields."""
    return Before(
        stage=state.stage,
        entered_at=state.entered_at,
        reached=state.reached,
        visits=state.visits,
        activities=state.activities,
        approvals=state.approvals,
        hold=state.hold,
        clocks=state.clocks,
        data=data,
    )


def restored(state: InstanceState, before: Before) -> InstanceState:
    """The state with everything that a migration may have changed as it was before."""
    data = {**state.data, **before.data}
    return state._replace(
        stage=before.stage,
        entered_at=before.entered_at,
        reached=before.reached,
        visits=before.visits,
        activities=before.activities,
        approvals=before.approvals,
        hold=before.hold,
        clocks=before.clocks,
        data={key: value for key, value in data.items() if value is not None},
    )


def _counterpart(names: Names, key: str, known: Container[str]) -> str | None:
    found = names.get(key, key)
    return found if found in known else None
