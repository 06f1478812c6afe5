"""What fields weigh for the query guard, where that is not plain from the schema: sizes of bounded lists, costly computations."""

from collections.abc import Mapping

from bpm_crm.api.guard import FieldCost

FIGURE = 4_000
"""A figure reads all cases of its period: a dozen of them may be asked for at once."""
MANY_MOVES = 4_000
"""Two hundred moves, each of which decides and writes."""

TABLE = 2_000
"""A table is read by a process of its own."""

PROOF = 500
"""A document is read, completed and proved."""

COSTS: Mapping[str, FieldCost] = {
    "Query.channels": FieldCost(size=20),
    "Query.users": FieldCost(size=100),
    "Query.teams": FieldCost(size=20),
    "Query.funnel": FieldCost(weight=FIGURE),
    "Query.lossReasons": FieldCost(weight=FIGURE, size=50),
    "Query.checkpointKpis": FieldCost(weight=FIGURE, size=50),
    "Query.processMap": FieldCost(weight=FIGURE),
    "ProcessMap.variants": FieldCost(weight=FIGURE),
    "ProcessMap.activities": FieldCost(size=20),
    "ProcessMap.edges": FieldCost(size=60),
    "ProcessMap.loops": FieldCost(size=10),
    "ProcessMap.handovers": FieldCost(size=30),
    "Conformance.kinds": FieldCost(size=3),
    "Conformance.deviations": FieldCost(size=20),
    "MapLoop.activities": FieldCost(size=2),
    "MapLoop.titles": FieldCost(size=2),
    "Query.kpi": FieldCost(weight=FIGURE),
    "Query.previewKpi": FieldCost(weight=2 * FIGURE),
    "Query.kpiCatalogue": FieldCost(size=40),
    "KpiDefinition.dimensions": FieldCost(size=14),
    "KpiResult.rows": FieldCost(size=50),
    "KpiResult.series": FieldCost(weight=2 * FIGURE, size=31),
    "KpiComparison.rows": FieldCost(size=50),
    "KpiValue.dimension": FieldCost(size=2),
    "KpiDifference.dimension": FieldCost(size=2),
    "Query.stageOutcomes": FieldCost(weight=FIGURE, size=50),
    "Query.stageTimes": FieldCost(weight=FIGURE, size=50),
    "Query.lossForensics": FieldCost(weight=FIGURE, size=50),
    "Query.managerComparison": FieldCost(weight=FIGURE),
    "StageTime.history": FieldCost(weight=FIGURE // 50),
    "LossForensicsCell.causes": FieldCost(size=2),
    "ManagerComparison.managers": FieldCost(size=20),
    "ManagerFunnel.steps": FieldCost(size=10),
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
    "Query.previewImport": FieldCost(weight=TABLE),
    "ImportPreview.columns": FieldCost(size=30),
    "ImportPreview.rows": FieldCost(size=10),
    "ImportPreview.targets": FieldCost(size=30),
    "ImportJob.problems": FieldCost(size=50),
    "Mutation.importLeads": FieldCost(weight=TABLE),
    "Mutation.importHistory": FieldCost(weight=TABLE),
    "Mutation.fireTransitions": FieldCost(weight=MANY_MOVES),
    "FireTransitionsPayload.results": FieldCost(size=200),
    "ProcessInstance.clocks": FieldCost(size=6),
    "ProcessInstance.checkpoints": FieldCost(size=8),
    "ProcessInstance.availableTransitions": FieldCost(weight=3, size=6),
    "SlaClock.segments": FieldCost(weight=5, size=20),
    "TransitionRecord.clockEvents": FieldCost(size=3),
    "TransitionRecord.checkpoints": FieldCost(size=1),
    "Query.diffProcess": FieldCost(weight=PROOF),
    "ProcessDiff.differences": FieldCost(size=50),
    "Mutation.publishProcess": FieldCost(weight=PROOF),
    "Mutation.installProcesses": FieldCost(weight=4 * PROOF),
    "ProcessesInstalled.processes": FieldCost(size=10),
    "ProcessRollout.readOut": FieldCost(weight=2 * FIGURE),
    "RolloutReadOut.figures": FieldCost(size=5),
    "RolloutFigure.channels": FieldCost(size=3),
    "TransitionForm.fields": FieldCost(size=3),
    "TransitionForm.reasons": FieldCost(size=8),
    "FormField.constraints": FieldCost(size=1),
    "Query.processDrafts": FieldCost(size=10),
    "ProcessDraft.problems": FieldCost(weight=PROOF, size=10),
    "Mutation.saveProcessDraft": FieldCost(weight=PROOF),
    "Mutation.validateProcess": FieldCost(weight=PROOF),
    "ProcessDefinition.stages": FieldCost(size=13),
    "ProcessDefinition.transitions": FieldCost(size=20),
    "ProcessDefinition.fields": FieldCost(size=15),
}
