"""What fields weigh for the query guard, where that is not plain from the schema: sizes of bounded lists, costly computations."""

from collections.abc import Mapping

from bpm_crm.api.guard import FieldCost

COSTS: Mapping[str, FieldCost] = {
    "Query.channels": FieldCost(size=20),
    "Query.users": FieldCost(size=100),
    "Query.teams": FieldCost(size=20),
    "Mutation.fireTransitions": FieldCost(weight=200),
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
