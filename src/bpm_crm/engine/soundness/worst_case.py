"""How long a case may take from its start to a won end if every clock is met: the targets along the longest way without a round."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bpm_crm.engine.calendar import CalendarSpec
from bpm_crm.engine.definition import ProcessDefinition, SlaPolicy, Span, StageKind
from bpm_crm.engine.duration import BusinessDays, WorkingTime
from bpm_crm.engine.instants import DAY, SECOND
from bpm_crm.engine.soundness.clocks import Running, running, stage_moves
from bpm_crm.engine.soundness.graph import Graph
from bpm_crm.engine.weekly_hours import normalised

MOST_STEPS: Final = 50_000
"""How many steps of ways are looked at before the longest is bounded by all stages instead."""
WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Limit:
    """The clock that bounds a stay in a stage, and its target; `always_open` counts around the clock."""

    stage: str
    clock: str
    target: Span
    always_open: bool


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The bound: its parts along the way, or the stages on ways to a won end whose stay no clock bounds.

    `is_exact` is false where there were too many ways to find the longest: then the parts are those of every stage.
    """

    limits: tuple[Limit, ...]
    unbounded: tuple[str, ...]
    is_exact: bool

    @property
    def business_days(self) -> int:
        """Business days of the bound."""
        return sum(item.target.days for item in self.limits if isinstance(item.target, BusinessDays))

    @property
    def working_time(self) -> int:
        """Microseconds of working time of the bound, beside its business days."""
        return self._time(always_open=False)

    @property
    def elapsed_time(self) -> int:
        """Microseconds around the clock of the bound, beside the rest."""
        return self._time(always_open=True)

    def _time(self, *, always_open: bool) -> int:
        return sum(
            item.target.microseconds
            for item in self.limits
            if isinstance(item.target, WorkingTime) and item.always_open is always_open
        )


def worst_case(definition: ProcessDefinition, graph: Graph) -> WorstCase:
    """The bound of a process whose graph is known."""
    moves = stage_moves(graph)
    watched = [(policy, running(graph, moves, policy)) for policy in definition.policies.values()]
    final = {key for key, stage in definition.stages.items() if stage.kind.is_final}
    ways = _ways(graph, final)
    won = {stage.key for stage in definition.stages.values() if stage.kind is StageKind.WON}
    leading = _leading(ways, won) - won
    weight = _Weight(definition.calendar)
    limits: dict[str, Limit] = {}
    for stage in leading:
        found = [limit for policy, clock in watched for limit in _limits(definition, weight, policy, clock, stage)]
        if found:
            limits[stage] = min(found, key=lambda item: (weight.of(item), item.clock))
    unbounded = tuple(stage for stage in definition.stages if stage in leading and stage not in limits)
    if unbounded or definition.initial not in leading:
        return WorstCase((), unbounded, is_exact=True)
    weights = {stage: weight.of(limit) for stage, limit in limits.items()}
    longest = _longest(ways, definition.initial, won, weights)
    stages = [stage for stage in definition.stages if stage in leading] if longest is None else longest
    return WorstCase(tuple(limits[stage] for stage in stages), (), is_exact=longest is not None)


def _limits(
    definition: ProcessDefinition, weight: "_Weight", policy: SlaPolicy, clock: Running, stage: str
) -> Iterator[Limit]:
    """The bound that a clock sets to a stay, if it runs all the while and is never held there."""
    if not clock.always(stage) or any(_may_hold(definition, key, stage) for key in policy.pauses):
        return
    targets = [target for since in clock.since[stage] if (target := policy.target(since)) is not None]
    found = [Limit(stage, policy.key, target, policy.always_open) for target in targets]
    yield max(found, key=weight.of)


def _may_hold(definition: ProcessDefinition, pause: str, stage: str) -> bool:
    item = definition.pauses[pause]
    return stage in item.during if item.during else True


def _ways(graph: Graph, final: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """The stages that moves lead to, by stage; time does not count in a case that has ended, so none leads on from there."""
    found: dict[str, dict[str, None]] = {}
    for edge in graph.edges():
        if edge.source.stage != edge.target.stage and edge.source.stage not in final:
            found.setdefault(edge.source.stage, {})[edge.target.stage] = None
    return {stage: tuple(targets) for stage, targets in found.items()}


def _leading(ways: Mapping[str, tuple[str, ...]], ends: set[str]) -> set[str]:
    """The stages from which some way leads to one of the ends, these included."""
    found, grown = set(ends), True
    while grown:
        more = {stage for stage, targets in ways.items() if not found.isdisjoint(targets)} - found
        grown = bool(more)
        found |= more
    return found


def _longest(
    ways: Mapping[str, tuple[str, ...]], start: str, ends: set[str], weights: Mapping[str, int]
) -> list[str] | None:
    """The stages of the way from the start to an end that weighs most and visits no stage twice; None after too many steps."""
    best: list[str] = []
    heaviest, steps = -1, 0
    waiting: list[tuple[list[str], int]] = [([start], weights[start])]
    while waiting:
        steps += 1
        if steps > MOST_STEPS:
            return None
        way, weight = waiting.pop()
        for target in ways.get(way[-1], ()):
            if target in ends and weight > heaviest:
                best, heaviest = way, weight
            elif target in weights and target not in way:
                waiting.append(([*way, target], weight + weights[target]))
    return best


class _Weight:
    """Compares limits in different units by how long each lasts in an ordinary week, in microseconds."""

    def __init__(self, calendar: CalendarSpec) -> None:
        spans = [normalised(hours) for hours in calendar.week.values()]
        opened = sum(closes - opens for hours in spans for opens, closes in hours) * SECOND
        self._day = WEEK * DAY // max(1, sum(bool(hours) for hours in spans))
        self._stretch = WEEK * DAY / max(1, opened)

    def of(self, limit: Limit) -> int:
        if isinstance(limit.target, BusinessDays):
            return limit.target.days * self._day
        return limit.target.microseconds if limit.always_open else int(limit.target.microseconds * self._stretch)
