"""What fields weigh for the query guard, where that is not plain from the schema: sizes of bounded lists, costly computations."""

from collections.abc import Mapping

from bpm_crm.api.guard import FieldCost

FIGURE = 4_000
"""A figure reads all cases of its period: a dozen of them may be asked for at once."""
MANY_MOVES = 4_000
"""Two hundred moves, each of which decides and writes."""

COSTS: Mapping[str, FieldCost] = {
    "Query.channels": FieldCost(size=20),
    "Query.users": FieldCost(size=100),
    "Query.teams": FieldCost(size=20),
    "Query.funnel": FieldCost(weight=FIGURE),
    "Query.lossReasons": FieldCost(weight=FIGURE, size=50),
    "Query.checkpointKpis": FieldCost(weight=FIGURE, size=50),
    "Query.kpi": FieldCost(weight=FIGURE),
    "Query.previewKpi": FieldCost(weight=2 * FIGURE),
    "Query.kpiCatalogue": FieldCost(size=40),
    "KpiDefinition.dimensions": FieldCost(size=14),
    "KpiResult.rows": FieldCost(size=50),
    "KpiResult.series": FieldCost(weight=2 * FIGURE, size=31),
    "KpiComparison.rows": FieldCost(size=50),
    "KpiValue.dimension": FieldCost(size=2),
    "KpiDifference.dimension": FieldCost(size=2),
    "Funnel.segments": FieldCost(size=50),
    "Funnel.unmappedStages": FieldCost(weight=FIGURE),
    "FunnelSegment.steps": FieldCost(size=10),
    "FunnelStep.estimate": FieldCost(weight=8),
    "Query.reviewSchedules": FieldCost(size=20),
    "Review.kpis": FieldCost(size=40),
    "ReviewSchedule.changes": FieldCost(size=10),
    "CorrectiveAction.changes": FieldCost(size=10),
    "CorrectiveAction.effect": FieldCost(weight=2 * FIGURE),
    "MeasuredEffect.weeks": FieldCost(size=100),
    "EffectWeek.signals": FieldCost(size=1),
    "Query.kpiDrivers": FieldCost(weight=2 * FIGURE),
    "KpiDrivers.breakdowns": FieldCost(size=3),
    "KpiBreakdown.drivers": FieldCost(size=10),
    "Mutation.fireTransitions": FieldCost(weight=MANY_MOVES),
    "FireTransitionsPayload.results": FieldCost(size=200),
    "ProcessInstance.clocks": FieldCost(size=6),
    "ProcessInstance.checkpoints": FieldCost(size=8),
    "ProcessInstance.availableTransitions": FieldCost(weight=3, size=6),
    "SlaClock.segments": FieldCost(weight=5, size=20),
    "TransitionRecord.clockEvents": FieldCost(size=3),
    "TransitionRecord.checkpoints": FieldCost(size=1),
    "ProcessDefinition.stages": FieldCost(size=13),
    "ProcessDefinition.transitions": FieldCost(size=20),
    "ProcessDefinition.fields": FieldCost(size=15),
}
