"""Running a recorded history again through another definition: what it would have refused, and what its clocks and checkpoints come to.

Each step is decided by the evaluator that decides live ones, at the instant at which it happened, with the data and the actor of the
record. What the definition allows goes where the definition leads. What it refuses is noted and then carried out all the same, as if
people had removed what stood in the way: so that each step is judged on its own, and one missing field is not counted as ten. A cause
that the version of the time raises too, asked the same today, is no difference: what is known of a record may be less than was known then
(an erased value, a role that somebody no longer has).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from bpm_crm.engine.blockers import InputCode, InputProblem, Malformed, Refused
from bpm_crm.engine.cycles import Cycle, Cycles
from bpm_crm.engine.definition import Transition
from bpm_crm.engine.differences import GONE, Cause, Difference, ReplayDifferenceKind, cause_key, causes_of
from bpm_crm.engine.draft import Draft
from bpm_crm.engine.events import ActivityRecorded
from bpm_crm.engine.legality import choose
from bpm_crm.engine.observed import Observed, Past
from bpm_crm.engine.obstacles import Payload, computed_values
from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import NotReplayable, RecordedStep, StepKind
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.step import (
    Activity,
    Outcome,
    Step,
    assign,
    carry_out,
    exclude,
    fire,
    force,
    record,
    start,
    tick,
)


@dataclass(frozen=True, slots=True)
class Rerun:
    """What became of one history: how many moves were judged, what differs, its clock cycles and checkpoints on both sides."""

    moves: int
    differences: tuple[Difference, ...]
    cycles: tuple[Cycle, ...]
    reached_before: frozenset[str]
    reached_after: frozenset[str]


def rerun(process: Process, history: Sequence[Observed], horizon: int) -> Rerun:
    """Run a whole history through `process` and let time pass up to `horizon` (microseconds).

    `NotReplayable` where the history does not fit the versions it was written under.
    """
    course = _Course(process, history)
    for place in range(len(history)):
        course.take(place)
    return course.end(horizon)


class _Course:
    """One history under way through another definition."""

    def __init__(self, process: Process, history: Sequence[Observed]) -> None:
        self._process = process
        self._history = history
        self._past = Past(history)
        self._state: InstanceState | None = None
        self._stage = ""
        self._moves = 0
        self._differences: list[Difference] = []
        self._cycles = Cycles()
        self._reached: set[str] = set()

    @property
    def state(self) -> InstanceState:
        """The case as the definition has it."""
        if self._state is None:
            raise NotReplayable("a history begins with its start")
        return self._state

    def take(self, place: int) -> None:
        """Run the next step."""
        observed = self._history[place]
        step = observed.step
        self._reached.update(observed.checkpoints)
        self._cycles.observe(observed.clocks, (step.owner, step.team))
        match step.kind:
            case StepKind.STARTED:
                self._begin(observed)
            case StepKind.TRANSITION:
                self._move(place, observed)
            case StepKind.FORCED:
                self._force(observed)
            case StepKind.ACTIVITY:
                self._act(place, observed)
            case StepKind.ASSIGNMENT:
                self._go_on(assign(self._process, self.state, step.owner, step.team, step.at), step)
            case StepKind.EXCLUSION:
                self._go_on(exclude(self._process, self.state, step.exclusion, step.at), step)
            case StepKind.MIGRATION | StepKind.MIGRATION_UNDONE:
                self._relocate(step)
            case StepKind.CLOCK:
                pass
            case _:
                assert_never(step.kind)
        self._stage = step.stage or self._stage

    def end(self, horizon: int) -> Rerun:
        """Let time pass, and compare."""
        passed = tick(self._process, self.state, horizon)
        if passed is not None:
            self._go_on(passed, self._history[-1].step)
        return Rerun(
            self._moves,
            tuple(self._differences),
            self._cycles.compared(horizon),
            frozenset(self._reached),
            frozenset(self.state.reached),
        )

    def _go_on(self, taken: Step, step: RecordedStep) -> None:
        self._state = taken.state
        self._cycles.follow(taken.events, (step.owner, step.team))

    def _note(self, observed: Observed, kind: ReplayDifferenceKind, name: str, causes: Sequence[Cause]) -> None:
        stage = self._stage or observed.step.stage or ""
        self._differences.append(Difference(observed.sequence, kind, observed.step.kind, stage, name, tuple(causes)))

    def _begin(self, observed: Observed) -> None:
        step, data = observed.step, self._known(observed, observed.step.data, "")
        outcome = self._started(observed, data)
        if isinstance(outcome, Malformed):
            self._note(observed, ReplayDifferenceKind.BLOCKED, "", outcome.problems)
            outcome = self._started(observed, _fitting(data, outcome.problems))
        if isinstance(outcome, Malformed):
            raise TypeError("values that fit do not fit")
        self._go_on(outcome, step)

    def _started(self, observed: Observed, data: Mapping[str, Any]) -> Step | Malformed:
        step = observed.step
        return start(
            self._process,
            data=data,
            owner=step.owner,
            team=step.team,
            subject=step.subject,
            exclusion=step.exclusion,
            at=step.at,
        )

    def _move(self, place: int, observed: Observed) -> None:
        self._moves += 1
        step, move = observed.step, self._past.move(place)
        data = self._known(observed, move.data, move.trigger)
        outcome = fire(self._process, self.state, move.trigger, data, step.reason, observed.actor, step.at)
        if isinstance(outcome, Step):
            if self._is_as_recorded(place, outcome, move.trigger):
                self._go_on(outcome, step)
                return
            problems: tuple[InputProblem, ...] = ()
        else:
            problems = outcome.problems if isinstance(outcome, Malformed) else ()
            self._refuse(observed, move.trigger, outcome, self._past.asked(place))
        self._carry_on(observed, move.trigger, _fitting(data, problems))

    def _is_as_recorded(self, place: int, outcome: Step, trigger: str) -> bool:
        """Whether an allowed move may be followed: to where the record has it, or elsewhere because the definition says so.

        Where the version of the time, asked the same, leads elsewhere too, the record does not tell enough: it is then followed.
        """
        observed, target = self._history[place], outcome.state.stage
        if target == observed.step.stage or self.state.stage != self._stage:
            return True
        then = self._past.asked(place)
        if not isinstance(then, Step) or then.state.stage != observed.step.stage:
            return False
        self._differences.append(
            Difference(
                observed.sequence,
                ReplayDifferenceKind.DIVERTED,
                observed.step.kind,
                self._stage,
                trigger,
                target=target,
            )
        )
        return True

    def _refuse(self, observed: Observed, name: str, outcome: Refused | Malformed, then: Outcome) -> None:
        """Note a refusal, but for what the version of the time would say too."""
        known = {cause_key(cause) for cause in causes_of(then)}
        causes = [cause for cause in causes_of(outcome) if cause_key(cause) not in known]
        if causes:
            is_gone = any(cause.code in GONE for cause in causes)
            self._note(
                observed, ReplayDifferenceKind.INEXPRESSIBLE if is_gone else ReplayDifferenceKind.BLOCKED, name, causes
            )

    def _carry_on(self, observed: Observed, trigger: str, data: Mapping[str, Any]) -> None:
        """Make a move all the same: by the transition its trigger would take, else to the stage of the record, where there is one."""
        step, actor = observed.step, observed.actor
        transition = self._transition(trigger, Payload(data, step.reason), observed)
        if transition is not None:
            computed, _ = computed_values(
                self._process, self.state, transition, Payload(data, step.reason), actor, step.at
            )
            values = {**data, **computed}
            self._go_on(carry_out(self._process, self.state, transition, values, step.reason, actor, step.at), step)
            return
        self._put(step, data)

    def _put(self, step: RecordedStep, data: Mapping[str, Any]) -> None:
        """Give the case these values and, where the definition has it, the stage of the record."""
        draft = Draft(self._process, self.state, step.at)
        draft.catch_up()
        draft.set_data(data)
        stage = self._elsewhere(step)
        if stage is not None:
            draft.force(stage)
        self._go_on(Step(draft.state(), tuple(draft.events)), step)

    def _elsewhere(self, step: RecordedStep) -> str | None:
        """The stage of the record, where the definition has it and the case is in another one."""
        stage = step.stage
        return stage if stage in self._process.definition.stages and stage != self.state.stage else None

    def _transition(self, trigger: str, payload: Payload, observed: Observed) -> Transition | None:
        """The transition to carry out: the one whose guard holds, if something else is in its way; else the one nearest the record."""
        if trigger not in self._process.triggers:
            return None
        step = observed.step
        chosen = choose(self._process, self.state, trigger, payload, observed.actor, step.at)
        if chosen.transition is not None and chosen.blockers:
            return chosen.transition
        here = self._process.candidates(trigger, self.state.stage)
        anywhere = [item for item in self._process.definition.transitions.values() if item.trigger == trigger]
        for moves in (here, anywhere):
            if moves:
                return next((item for item in moves if item.target == step.stage), moves[0])
        return None

    def _force(self, observed: Observed) -> None:
        self._moves += 1
        step = observed.step
        outcome = force(self._process, self.state, step.stage or "", step.at)
        if isinstance(outcome, Step):
            self._go_on(outcome, step)
        elif isinstance(outcome, Malformed):
            self._note(observed, ReplayDifferenceKind.INEXPRESSIBLE, step.stage or "", outcome.problems)

    def _relocate(self, step: RecordedStep) -> None:
        """Follow a case that was taken to another version into its stage there: nobody moved it, so nothing is judged."""
        if self._elsewhere(step) is not None:
            self._put(step, {})

    def _act(self, place: int, observed: Observed) -> None:
        step, act = observed.step, observed.step.activity or Activity("")
        outcome = record(self._process, self.state, act, observed.actor, step.at)
        if isinstance(outcome, Step):
            self._go_on(outcome, step)
            return
        self._refuse(observed, act.kind, outcome, self._past.asked(place))
        if act.kind in self._process.activity_kinds:
            draft = Draft(self._process, self.state, step.at)
            draft.catch_up()
            draft.act(ActivityRecorded(act.kind, act.direction, act.automated, act.transition), None)
            self._go_on(Step(draft.state(), tuple(draft.events)), step)

    def _known(self, observed: Observed, data: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The values of fields that the definition has; a field it lacks would not be asked for, and is noted."""
        fields = self._process.definition.fields
        gone = [key for key in data if key not in fields]
        if gone:
            problems = [InputProblem(InputCode.UNKNOWN_FIELD, ("data", key), key) for key in gone]
            self._note(observed, ReplayDifferenceKind.LOSES_DATA, name, problems)
        return {key: value for key, value in data.items() if key in fields}


def _fitting(data: Mapping[str, Any], problems: Sequence[InputProblem]) -> dict[str, Any]:
    """The values that are not at fault."""
    faulty = {problem.path[-1] for problem in problems if problem.path[0] == "data"}
    return {key: value for key, value in data.items() if key not in faulty}
