"""The steps of a funnel: checkpoints with an order, by key across the versions of a process, or of all processes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import Titles, Version, titles_of


@dataclass(frozen=True, slots=True)
class Step:
    """A step: the key of its checkpoint, and its title in the newest version that has it."""

    checkpoint: str
    titles: Titles


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps in their order, the versions they are made of, and the processes that begin otherwise and are left out."""

    steps: tuple[Step, ...]
    versions: tuple[Version, ...]
    left_out: tuple[str, ...] = ()

    @property
    def checkpoints(self) -> list[str]:
        """The keys of the steps."""
        return [step.checkpoint for step in self.steps]

    @property
    def definitions(self) -> list[UUID]:
        """The definitions whose cases can be counted."""
        return list(dict.fromkeys(version.definition_id for version in self.versions))

    @property
    def unmapped(self) -> list[tuple[UUID, int, int]]:
        """The steps that a version has no checkpoint for: (definition, version, number of the step)."""
        return [
            (version.definition_id, version.number, number)
            for version in self.versions
            for number, step in enumerate(self.steps, 1)
            if step.checkpoint not in version.checkpoints
        ]

    def values(self) -> dict[str, Any]:
        """The named values of reports over steps."""
        definitions, versions, numbers = ([item[place] for item in self.unmapped] for place in range(3))
        return {
            "definitions": self.definitions,
            "checkpoints": self.checkpoints,
            "unmapped_definitions": definitions,
            "unmapped_versions": versions,
            "unmapped_steps": numbers,
        }


def steps_of(versions: Sequence[Version]) -> Steps:
    """The steps of a funnel over these versions.

    Several processes share a funnel when they begin with the same step: those that begin as most of them do (of equally many, the
    step first in the alphabet). The others, which run over the same customers as a sequel, are left out and named.
    """
    newest = {version.process: version for version in versions}
    begins = {process: _first(version) for process, version in newest.items()}
    counted = Counter(step for step in begins.values() if step is not None)
    if not counted:
        return Steps((), tuple(versions))
    entrance = min(counted, key=lambda step: (-counted[step], step))
    within = tuple(version for version in versions if begins[version.process] == entrance)
    left_out = tuple(process for process, step in begins.items() if step != entrance)
    orders = _orders(within)
    ordered = sorted(orders, key=lambda key: (orders[key], key))
    return Steps(tuple(Step(key, step_titles(within, key)) for key in ordered), within, left_out)


def step_titles(versions: Iterable[Version], checkpoint: str) -> Titles:
    """The title of a checkpoint in the newest version of the first process that has it."""
    by_process: dict[str, list[Version]] = {}
    for version in versions:
        if checkpoint in version.checkpoints:
            by_process.setdefault(version.process, []).append(version)
    first = next(iter(by_process.values()), [])
    return titles_of((version.checkpoints for version in first), checkpoint)


def _first(version: Version) -> str | None:
    """The step a process begins with."""
    ordered = [(part["order"], key) for key, part in version.checkpoints.items() if part.get("order") is not None]
    return min(ordered)[1] if ordered else None


def _orders(versions: Iterable[Version]) -> Mapping[str, int]:
    """The place of each step: that of the newest version which has it as a step; the smallest among processes."""
    by_process: dict[str, dict[str, int]] = {}
    for version in versions:
        known = by_process.setdefault(version.process, {})
        known |= {key: part["order"] for key, part in version.checkpoints.items() if part.get("order") is not None}
    orders: dict[str, int] = {}
    for known in by_process.values():
        for key, order in known.items():
            orders[key] = min(order, orders.get(key, order))
    return orders
