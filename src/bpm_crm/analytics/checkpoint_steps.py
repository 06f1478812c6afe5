"""The checkpoints of a process as its figures number them, and the clocks that measure them."""

from collections.abc import Sequence
from typing import Any

from bpm_crm.analytics.frames import Version, columns


def checkpoints_of(versions: Sequence[Version]) -> list[str]:
    """The checkpoints of all versions: funnel steps first, in their order, then the others by key."""
    orders: dict[str, int | None] = {}
    for version in versions:
        orders |= {key: part.get("order") for key, part in version.checkpoints.items()}
    return sorted(orders, key=lambda key: (orders[key] is None, orders[key] or 0, key))


def checkpoint_values(versions: Sequence[Version], checkpoints: Sequence[str]) -> dict[str, Any]:
    """The named values of reports over the checkpoints of a process."""
    places = {checkpoint: number for number, checkpoint in enumerate(checkpoints, 1)}
    bound = [
        (version.definition_id, version.number, policy, places[part["checkpoint"]])
        for version in versions
        for policy, part in version.clocks.items()
        if part.get("checkpoint") is not None
    ]
    return {
        "definitions": list(dict.fromkeys(version.definition_id for version in versions)),
        "checkpoints": list(checkpoints),
        **columns("bound", ("definitions", "versions", "policies", "steps"), bound),
    }
