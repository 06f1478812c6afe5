"""The engine's state of a case as JSON columns and back."""

from collections.abc import Mapping
from typing import Any

from bpm_crm.engine.clock import Clock, Gap
from bpm_crm.engine.state import NO_HOLD, Hold, InstanceState

Packed = dict[str, Any]

_GAPS = Clock._fields.index("gaps") - 1


def pack_progress(state: InstanceState) -> Packed:
    """What the engine counts: checkpoints reached, visits, activities, approvals and holds; empty parts are left out."""
    packed: Packed = {}
    if state.reached:
        packed["reached"] = {key: list(first) for key, first in state.reached.items()}
    if state.visits:
        packed["visits"] = dict(state.visits)
    if state.activities:
        packed["activities"] = dict(state.activities)
    if state.approvals:
        packed["approvals"] = {key: list(people) for key, people in state.approvals.items()}
    if state.hold is not NO_HOLD and state.hold != NO_HOLD:
        packed["hold"] = [list(state.hold.reasons), state.hold.since, state.hold.paused]
    return packed


def unpack_progress(packed: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `InstanceState` that `pack_progress` packed."""
    hold = packed.get("hold")
    return {
        "reached": {key: (at, sequence) for key, (at, sequence) in packed.get("reached", {}).items()},
        "visits": packed.get("visits", {}),
        "activities": packed.get("activities", {}),
        "approvals": {key: tuple(people) for key, people in packed.get("approvals", {}).items()},
        "hold": NO_HOLD if hold is None else Hold(tuple(hold[0]), hold[1], hold[2]),
    }


def pack_clocks(clocks: Mapping[str, Clock]) -> Packed:
    """The last cycle of each policy."""
    return {key: _pack_clock(clock) for key, clock in clocks.items()}


def unpack_clocks(packed: Mapping[str, Any]) -> dict[str, Clock]:
    """The clocks that `pack_clocks` packed."""
    return {key: _unpack_clock(key, values) for key, values in packed.items()}


def _pack_clock(clock: Clock) -> list[Any]:
    """A clock's values in the order of its fields, without its policy, which is the key."""
    values: list[Any] = list(clock[1:])
    values[_GAPS] = [[gap.begins, gap.ends, list(gap.reasons)] for gap in clock.gaps] if clock.gaps else []
    return values


def _unpack_clock(policy: str, values: list[Any]) -> Clock:
    gaps = values[_GAPS]
    values[_GAPS] = tuple(Gap(begins, ends, tuple(reasons)) for begins, ends, reasons in gaps) if gaps else ()
    return Clock(policy, *values)
