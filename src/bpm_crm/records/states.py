"""The engine's state of a case as JSON columns and back."""

from collections.abc import Mapping
from typing import Any

from bpm_crm.engine.clock import Carry, Clock, Gap
from bpm_crm.engine.mapping import Before, MigrationMapping
from bpm_crm.engine.state import NO_HOLD, Hold, InstanceState

Packed = dict[str, Any]

_GAPS = Clock._fields.index("gaps") - 1
_CARRY = Clock._fields.index("carry") - 1


def pack_progress(state: InstanceState) -> Packed:
    """What the engine counts: checkpoints reached, visits, activities, approvals and holds; empty parts are left out."""
    parts: Packed = {
        "reached": {key: list(first) for key, first in state.reached.items()},
        "visits": dict(state.visits),
        "activities": dict(state.activities),
        "approvals": {key: list(people) for key, people in state.approvals.items()},
    }
    packed = {key: part for key, part in parts.items() if part}
    if state.hold != NO_HOLD:
        packed["hold"] = [list(state.hold.reasons), state.hold.since, state.hold.paused]
    return packed


def unpack_progress(packed: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `InstanceState` that `pack_progress` packed."""
    hold = packed.get("hold")
    return {
        "reached": {key: (first[0], first[1]) for key, first in packed.get("reached", {}).items()},
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
    """A clock's values in the order of its fields, without its policy, which is the key, and without a carry it does not have."""
    values: list[Any] = list(clock[1:])
    values[_GAPS] = [[gap.begins, gap.ends, list(gap.reasons)] for gap in clock.gaps]
    carry = values.pop()
    return values if carry is None else [*values, [*carry[:-1], list(carry.told)]]


def _unpack_clock(policy: str, values: list[Any]) -> Clock:
    gaps = tuple(Gap(begins, ends, tuple(reasons)) for begins, ends, reasons in values[_GAPS])
    carry = None if len(values) <= _CARRY else _unpack_carry(*values[_CARRY])
    return Clock._make((policy, *values[:_GAPS], gaps, *values[_GAPS + 1 : _CARRY], carry))


def pack_migration(mapping: MigrationMapping | None, before: Before) -> Packed:
    """How a case was migrated, as far as names change, and what the migration may have changed in it, as that was before."""
    lasting = InstanceState(before.stage, 0, 0, before.entered_at, hold=before.hold, activities=before.activities)
    lasting = lasting._replace(reached=before.reached, visits=before.visits, approvals=before.approvals)
    packed: Packed = {
        "before": {
            "stage": before.stage,
            "entered_at": before.entered_at,
            "progress": pack_progress(lasting),
            "clocks": pack_clocks(before.clocks),
            "data": dict(before.data),
        }
    }
    return packed if mapping is None else {**pack_mapping(mapping), **packed}


def pack_mapping(mapping: MigrationMapping) -> Packed:
    """A mapping as JSON: names that change (null: no counterpart), and sorted lists; empty parts are left out."""
    names = {"stages": mapping.stages, "clocks": mapping.clocks, "checkpoints": mapping.checkpoints}
    packed: Packed = {part: {key: to for key, to in known.items() if to != key} for part, known in names.items()}
    packed["waived_clocks"] = sorted(mapping.waived_clocks)
    packed["waived_fields"] = sorted(mapping.waived_fields)
    packed["started_clocks"] = sorted(mapping.started_clocks)
    return {key: part for key, part in packed.items() if part}


def unpack_mapping(packed: Mapping[str, Any]) -> MigrationMapping:
    """The mapping that `pack_mapping` packed."""
    names = {part: packed.get(part, {}) for part in ("stages", "clocks", "checkpoints")}
    keys = {part: frozenset(packed.get(part, ())) for part in ("waived_clocks", "waived_fields", "started_clocks")}
    return MigrationMapping(names["stages"], names["clocks"], names["checkpoints"], **keys)


def unpack_before(packed: Mapping[str, Any]) -> Before:
    """What a migration may have changed, that `pack_migration` packed."""
    before = packed["before"]
    return Before(
        stage=before["stage"],
        entered_at=before["entered_at"],
        clocks=unpack_clocks(before["clocks"]),
        data=before["data"],
        **unpack_progress(before["progress"]),
    )


def _unpack_carry(at: int, used: int, fired: int, told: list[str]) -> Carry:
    return Carry(at, used, fired, tuple(told))
