"""A first mapping from one version of a process to another: what keeps its key, and what is probably the same under another one."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TypeVar

from bpm_crm.engine.definition import Checkpoint, ProcessDefinition, SlaPolicy, Stage, Title
from bpm_crm.engine.occasions import OccasionKind

LIKELY_ENOUGH = 0.5
_TITLE_ALIKE = 0.6

Part = TypeVar("Part", Stage, SlaPolicy, Checkpoint)


class Because(StrEnum):
    """Why a counterpart is proposed."""

    SAME_KEY = "same_key"
    TITLE = "title"
    NEIGHBOURS = "neighbours"
    CHECKPOINTS = "checkpoints"
    CONDITIONS = "conditions"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The proposed counterpart of a key (None: somebody has to say), how sure that is (0 to 1), and why."""

    key: str
    to: str | None
    confidence: float
    because: tuple[Because, ...]


Likeness = Callable[[str, str], Mapping[Because, float]]
"""How alike two keys are, by what; each from 0 to 1."""


def propose_stages(source: ProcessDefinition, target: ProcessDefinition) -> tuple[Proposal, ...]:
    """A counterpart for each stage, of the same kind: by key, else by title, neighbours and checkpoints."""

    before, after = _surroundings(source), _surroundings(target)

    def likeness(key: str, to: str) -> Mapping[Because, float]:
        if source.stages[key].kind is not target.stages[to].kind:
            return {}
        return {
            Because.TITLE: _alike(source.stages[key].title, target.stages[to].title),
            Because.NEIGHBOURS: _shared(before[key].neighbours, after[to].neighbours),
            Because.CHECKPOINTS: _shared(before[key].checkpoints, after[to].checkpoints),
        }

    return _propose(source.stages, target.stages, likeness)


def propose_clocks(source: ProcessDefinition, target: ProcessDefinition) -> tuple[Proposal, ...]:
    """A counterpart for each clock: by key, else by title and by what starts and stops it."""

    def likeness(key: str, to: str) -> Mapping[Because, float]:
        mine, theirs = source.policies[key], target.policies[to]
        alike = ((mine.start == theirs.start) + (mine.stop == theirs.stop)) / 2
        return {Because.TITLE: _alike(mine.title, theirs.title), Because.CONDITIONS: alike}

    return _propose(source.policies, target.policies, likeness)


def propose_checkpoints(source: ProcessDefinition, target: ProcessDefinition) -> tuple[Proposal, ...]:
    """A counterpart for each checkpoint: by key, else by title and by how it is reached."""

    def likeness(key: str, to: str) -> Mapping[Because, float]:
        mine, theirs = source.checkpoints[key], target.checkpoints[to]
        return {
            Because.TITLE: _alike(mine.title, theirs.title),
            Because.CONDITIONS: float(mine.reached == theirs.reached),
        }

    return _propose(source.checkpoints, target.checkpoints, likeness)


def _propose(source: Mapping[str, Part], target: Mapping[str, Part], likeness: Likeness) -> tuple[Proposal, ...]:
    """The same key where it is there; else the likeliest of those that have no counterpart yet, the surest pair first."""
    found = {key: Proposal(key, key, 1.0, (Because.SAME_KEY,)) for key in source if key in target}
    free = [key for key in target if key not in source]
    pairs = []
    for key in source:
        for to in free if key not in found else ():
            reasons = likeness(key, to)
            score = sum(reasons.values()) / len(reasons) if reasons else 0.0
            because = tuple(reason for reason, share in reasons.items() if share >= _TITLE_ALIKE)
            pairs.append((score, key, to, because))
    taken: set[str] = set()
    for score, key, to, because in sorted(pairs, key=lambda pair: -pair[0]):
        if score >= LIKELY_ENOUGH and key not in found and to not in taken:
            found[key] = Proposal(key, to, round(score, 2), because)
            taken.add(to)
    return tuple(found.get(key, Proposal(key, None, 0.0, ())) for key in source)


def _alike(mine: Title, theirs: Title) -> float:
    pairs = ((mine.en, theirs.en), (mine.ru, theirs.ru))
    return max(SequenceMatcher(None, first.casefold(), second.casefold()).ratio() for first, second in pairs)


def _shared(mine: Collection[str], theirs: Collection[str]) -> float:
    """The share of what either has that both have; of nothing, nothing speaks against it."""
    either = {*mine, *theirs}
    return len({*mine} & {*theirs}) / len(either) if either else 1.0


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The stages before (`<key`) and after (`>key`) a stage, and the checkpoints that entering it reaches."""

    neighbours: set[str] = field(default_factory=set)
    checkpoints: set[str] = field(default_factory=set)


def _surroundings(definition: ProcessDefinition) -> Mapping[str, _Surroundings]:
    found = {key: _Surroundings() for key in definition.stages}
    for item in definition.transitions.values():
        for source in item.sources:
            found[source].neighbours.add(f">{item.target}")
            found[item.target].neighbours.add(f"<{source}")
    for key, checkpoint in definition.checkpoints.items():
        for occasion in checkpoint.reached.occasions:
            if occasion.kind is OccasionKind.ENTERING and occasion.key in found:
                found[occasion.key].checkpoints.add(key)
    return found
