"""The engine's state of a case as JSON columns and back."""

from collections.abc import Mapping
from typing import Any

import orjson

from bpm_crm.engine.clock import Clock, Gap
from bpm_crm.engine.state import NO_HOLD, Hold, InstanceState

Packed = dict[str, Any]

_GAPS = Clock._fields.index("gaps") - 1


def pack_progress(state: InstanceState) -> Packed:
    """What the engine counts: checkpoints reached, visits, activities, approvals and holds; empty parts are left out."""
    packed: Packed = {}
    if state.reached:
        packed["reached"] = state.reached
    if state.visits:
        packed["visits"] = state.visits
    if state.activities:
        packed["activities"] = state.activities
    if state.approvals:
        packed["approvals"] = state.approvals
    if state.hold != NO_HOLD:
        packed["hold"] = (state.hold.reasons, state.hold.since, state.hold.paused)
    return packed


def as_stored(packed: Packed) -> Packed:
    """What was packed as it is read back: JSON knows lists only."""
    stored: Packed = orjson.loads(orjson.dumps(packed))
    return stored


def unpack_progress(packed: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `InstanceState` that `pack_progress` packed."""
    hold = packed.get("hold")
    return {
        "reached": {key: tuple(first) for key, first in packed.get("reached", {}).items()},
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


def _pack_clock(clock: Clock) -> tuple[Any, ...]:
    """A clock's values in the order of its fields, without its policy, which is the key."""
    values = clock[1:]
    if not clock.gaps:
        return values
    gaps = tuple((gap.begins, gap.ends, gap.reasons) for gap in clock.gaps)
    return (*values[:_GAPS], gaps, *values[_GAPS + 1 :])


def _unpack_clock(policy: str, values: list[Any]) -> Clock:
    gaps = values[_GAPS]
    values[_GAPS] = tuple(Gap(begins, ends, tuple(reasons)) for begins, ends, reasons in gaps) if gaps else ()
    return Clock._make((policy, *values))
