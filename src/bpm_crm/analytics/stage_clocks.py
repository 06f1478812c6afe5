"""Which SLA policy sets the target of a stay in which stage."""

from collections.abc import Mapping
from functools import lru_cache

from bpm_crm.engine.definition import ProcessDefinition, SlaPolicy, Span
from bpm_crm.engine.occasions import Occasion, OccasionKind
from bpm_crm.engine.process import Process


def stage_clocks(definition: ProcessDefinition) -> Mapping[str, str]:
    """For each stage that has a target the policy that starts on entering it and stops on leaving it.

    Of several the one made for the fewest stages; of equals the first in the document.
    """
    measured = {policy.key: _stages(definition, policy) for policy in definition.policies.values()}
    found: dict[str, str] = {}
    for stage in definition.stages:
        policies = [key for key, stages in measured.items() if stage in stages]
        if policies:
            found[stage] = min(policies, key=lambda key: len(measured[key]))
    return found


@lru_cache(maxsize=256)
def stage_targets(process: Process) -> Mapping[str, Span | None]:
    """The targets of stays in the stages of a version; without those that have none. Worked out once for a version."""
    definition = process.definition
    return {stage: definition.policies[policy].target(stage) for stage, policy in stage_clocks(definition).items()}


def _stages(definition: ProcessDefinition, policy: SlaPolicy) -> set[str]:
    return {
        stage
        for stage, part in definition.stages.items()
        if not part.kind.is_final
        and policy.target(stage) is not None
        and Occasion(OccasionKind.ENTERING, stage) in policy.start.occasions
        and Occasion(OccasionKind.LEAVING, stage) in policy.stop.occasions
    }
