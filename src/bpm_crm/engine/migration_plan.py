"""A plan of a migration between two versions: every name with its counterpart, and what is wrong with a plan that somebody gave."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.mapping import MigrationMapping, Names
from bpm_crm.engine.migration_proposal import (
    Because,
    Proposal,
    propose_checkpoints,
    propose_clocks,
    propose_stages,
)
from bpm_crm.engine.texts import shown


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What becomes of each stage, clock and checkpoint, and what is waived or started besides."""

    stages: tuple[Proposal, ...]
    clocks: tuple[Proposal, ...]
    checkpoints: tuple[Proposal, ...]
    waived_clocks: frozenset[str] = frozenset()
    waived_fields: frozenset[str] = frozenset()
    started_clocks: frozenset[str] = frozenset()

    @property
    def mapping(self) -> MigrationMapping:
        """What the engine needs of it."""
        return MigrationMapping(
            _names(self.stages),
            _names(self.clocks),
            _names(self.checkpoints),
            self.waived_clocks,
            self.waived_fields,
            self.started_clocks,
        )


def propose(source: ProcessDefinition, target: ProcessDefinition, given: MigrationMapping) -> MigrationPlan:
    """The plan from one version to another: what was given, and for the rest what is proposed."""
    return MigrationPlan(
        _with(propose_stages(source, target), given.stages),
        _with(propose_clocks(source, target), given.clocks),
        _with(propose_checkpoints(source, target), given.checkpoints),
        given.waived_clocks,
        given.waived_fields,
        given.started_clocks,
    )


def plan_problems(
    source: ProcessDefinition, target: ProcessDefinition, given: MigrationMapping
) -> tuple[InputProblem, ...]:
    """Everything that is wrong with what was given."""
    parts: tuple[tuple[str, InputCode, Names, Mapping[str, object], Mapping[str, object]], ...] = (
        ("stages", InputCode.UNKNOWN_STAGE, given.stages, source.stages, target.stages),
        ("clocks", InputCode.UNKNOWN_CLOCK, given.clocks, source.policies, target.policies),
        ("checkpoints", InputCode.UNKNOWN_CHECKPOINT, given.checkpoints, source.checkpoints, target.checkpoints),
        ("waivedClocks", InputCode.UNKNOWN_CLOCK, dict.fromkeys(given.waived_clocks), source.policies, {}),
        ("waivedFields", InputCode.UNKNOWN_FIELD, dict.fromkeys(given.waived_fields), target.fields, {}),
        ("startedClocks", InputCode.UNKNOWN_CLOCK, dict.fromkeys(given.started_clocks), target.policies, {}),
    )
    found = [problem for part in parts for problem in _unknown(*part)]
    if not found:
        plan = propose(source, target, given)
        found.extend(_misled(source, target, plan))
        found.extend(_clashes(source, plan))
    return tuple(found)


def _unknown(
    part: str, code: InputCode, names: Names, known: Mapping[str, object], wanted: Mapping[str, object]
) -> Iterator[InputProblem]:
    for key, to in sorted(names.items()):
        if key not in known:
            yield InputProblem(code, (part,), shown(key), tuple(known))
        if to is not None and to not in wanted:
            yield InputProblem(code, (part,), shown(to), tuple(wanted))


def _misled(source: ProcessDefinition, target: ProcessDefinition, plan: MigrationPlan) -> Iterator[InputProblem]:
    """Running cases that would end by being migrated."""
    for item in plan.stages:
        if item.to is not None and target.stages[item.to].kind.is_final and not source.stages[item.key].kind.is_final:
            yield InputProblem(InputCode.STAGE_ENDS, ("stages",), item.to)


def _clashes(source: ProcessDefinition, plan: MigrationPlan) -> Iterator[InputProblem]:
    """Clocks that would run under one key, or under a key that meant another clock before."""
    seen: set[str] = set()
    for item in plan.clocks:
        if item.to is not None and (item.to in seen or (item.to != item.key and item.to in source.policies)):
            yield InputProblem(InputCode.CLOCK_TAKEN, ("clocks",), item.to)
        seen |= {item.to} if item.to is not None else set()
    for key in sorted(plan.started_clocks & seen):
        yield InputProblem(InputCode.CLOCK_TAKEN, ("startedClocks",), key)


def _with(proposals: tuple[Proposal, ...], given: Names) -> tuple[Proposal, ...]:
    return tuple(
        Proposal(item.key, given[item.key], 1.0, (Because.GIVEN,)) if item.key in given else item for item in proposals
    )


def _names(proposals: tuple[Proposal, ...]) -> Names:
    return {item.key: item.to for item in proposals}
