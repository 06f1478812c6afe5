"""From a definition to its certificate: the plain checks first, then the proof over guards and ways."""

from collections.abc import Collection

from bpm_crm.engine.definition import ProcessDefinition, StageKind
from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.atlas import Atlas
from bpm_crm.engine.soundness.certificate import Certificate
from bpm_crm.engine.soundness.faults import Proof
from bpm_crm.engine.soundness.illustration import illustrated, is_illustrable
from bpm_crm.engine.soundness.logic import Logic
from bpm_crm.engine.soundness.questions import Questions
from bpm_crm.engine.soundness.undecided import Property
from bpm_crm.engine.soundness.worst_case import WorstCase, worst_case
from bpm_crm.engine.soundness.z3_logic import Z3Logic
from bpm_crm.engine.validate import validate


def certify(definition: ProcessDefinition, roles: Collection[str]) -> Certificate:
    """The certificate of a definition, with every problem found. `roles` are the roles that exist.

    With a fault that a plain check finds, the proof over guards makes no sense and is not begun; but a way to the fault is looked for.
    """
    logic = Z3Logic()
    problems = validate(definition, roles)
    waivers = {key: stage.waiver for key, stage in definition.stages.items() if stage.waiver is not None}
    if problems:
        if is_illustrable(problems):
            problems = illustrated(_atlas(definition, roles, logic), problems)
        return Certificate(logic.name, {}, (), problems, (), WorstCase((), (), is_exact=True), waivers)
    atlas = _atlas(definition, roles, logic)
    proof = Proof(atlas)
    proof.run()
    proved = {**proof.proved, **_plainly(definition)}
    return Certificate(
        logic.name,
        {found: count for found in Property if (count := proved.get(found, 0))},
        tuple(proof.undecided),
        tuple(proof.problems),
        atlas.shortest_to({stage.key for stage in definition.stages.values() if stage.kind is StageKind.WON}),
        worst_case(definition, atlas.graph),
        waivers,
    )


def _atlas(definition: ProcessDefinition, roles: Collection[str], logic: Logic) -> Atlas:
    process = Process(definition)
    return Atlas(process, Questions(process, roles, logic))


def _plainly(definition: ProcessDefinition) -> dict[Property, int]:
    """For how many places the plain checks, which found nothing, prove something."""
    transitions, stages = definition.transitions.values(), definition.stages
    return {
        Property.LOSSES_EXPLAINED: sum(stages[item.target].kind is StageKind.LOST for item in transitions),
        Property.ESCALATIONS_END: sum(bool(policy.escalations) for policy in definition.policies.values()),
        Property.FIELDS_FILLABLE: len({key for item in transitions for key in item.required}),
        Property.CALENDAR_WORKS: 1,
    }
