"""The questions about one move: may a trigger take a transition out of a stage, may two guards hold, may none."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bpm_crm.engine.definition import FieldType, Transition
from bpm_crm.engine.examples import example
from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.domains import conditions
from bpm_crm.engine.soundness.logic import Answer, Logic, Term, Verdict
from bpm_crm.engine.soundness.scene import Known, Scene, StepInput
from bpm_crm.engine.soundness.values import NotDecidable, Sort, Value, holds
from bpm_crm.engine.state import NONE
from bpm_crm.engine.syntax import Literal, Syntax, folded, names_in, parts

HISTORY: Final = ("reached.", "visits.", "activities.")
"""How the names of variables begin whose values only the way to a stage decides."""
COMPUTED_SLACK: Final = 1e-5
"""By how much a computed decimal may miss the bounds of its field, since it is rounded before it is looked at."""
ROUNDED: Final = "decimals computed with"
TOO_HARD: Final = "the solver's limit"

Asked = Callable[[Scene], list[Term]]
"""What is asked of a step: conditions over its variables; `NotDecidable` where they cannot be said."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a question: with `POSSIBLE` an input that shows it, with `UNKNOWN` what stood in the way.

    `is_alone` says that the input serves whatever the steps before were.
    """

    verdict: Verdict
    input: StepInput = field(default_factory=StepInput)
    obstacle: str = ""
    is_alone: bool = True


class Questions:
    """Asks the solver about the moves of a process; equal questions are asked once."""

    def __init__(self, process: Process, roles: Collection[str], logic: Logic) -> None:
        self.process = process
        self.logic = logic
        self.roles = frozenset(roles)
        self._guards = {key: folded(guard.syntax) for key, guard in process.guards.items()}
        self._setters = {
            key: tuple((name, folded(expression.syntax)) for name, expression in found)
            for key, found in process.setters.items()
            if found
        }
        self._found: dict[object, Finding] = {}

    def history_read(self) -> frozenset[str]:
        """The variables of history that the guards and effects of the process read."""
        return frozenset().union(*(self._history(key) for key in self.process.definition.transitions))

    def literals_read(self) -> Iterator[int]:
        """The whole numbers written in guards and effects that read history."""
        for key in self.process.definition.transitions:
            if self._history(key):
                for tree in self._trees(key):
                    for part in parts(tree):
                        if isinstance(part, Literal) and type(part.value) is int:
                            yield part.value

    def fires(self, transition: Transition, known: Known) -> Finding:
        """Whether the trigger of a transition may take it out of the stage known."""
        rivals = self._up_to(transition, known.stage)
        if not any(self._trees(rival.key) for rival in rivals) and len(rivals) == 1:
            fillable = all(example(self.process.definition.fields[key]) is not None for key in transition.required)
            return Finding(Verdict.POSSIBLE if fillable else Verdict.IMPOSSIBLE)
        read = frozenset().union(*(self._history(rival.key) for rival in rivals))
        key = ("fires", transition.key, known.facts(read))
        return self._asked(key, known, lambda scene: self.firing(transition, scene))

    def both(self, first: Transition, second: Transition, known: Known) -> Finding:
        """Whether the guards of two transitions may hold for the same input."""
        read = self._history(first.key) | self._history(second.key)
        return self._asked(("both", first.key, second.key, known.facts(read)), known, self.asking_both(first, second))

    def none(self, moves: tuple[Transition, ...], known: Known) -> Finding:
        """Whether no guard of these may hold, for an input with the data that all of them require."""
        read = frozenset().union(*(self._history(item.key) for item in moves))
        key = ("none", tuple(item.key for item in moves), known.facts(read))
        return self._asked(key, known, self.asking_none(moves))

    def asking_both(self, first: Transition, second: Transition) -> Asked:
        """The conditions of `both`."""
        return lambda scene: [self._held(first, scene), self._held(second, scene)]

    def asking_none(self, moves: tuple[Transition, ...]) -> Asked:
        """The conditions of `none`."""
        always = set(moves[0].required).intersection(*(item.required for item in moves))

        def denied(scene: Scene) -> list[Term]:
            terms = [self.logic.negation(self._held(item, scene)) for item in moves]
            return [*terms, *self._filled(sorted(always), scene)]

        return denied

    def scene(self, known: Known, mark: str = "", past: Mapping[str, Term] = NONE) -> Scene:
        """The variables of a step of this process."""
        return Scene(self.logic, self.process.definition, self.roles, known, mark, past)

    def firing(self, transition: Transition, scene: Scene) -> list[Term]:
        """The conditions under which the trigger takes the transition; `NotDecidable` where they cannot be said."""
        *earlier, _ = self._up_to(transition, scene.known.stage)
        wanted = [self.logic.negation(self._held(rival, scene)) for rival in earlier]
        wanted.append(self._held(transition, scene))
        wanted.extend(self._computable(transition, scene))
        wanted.extend(self._filled(transition.required, scene))
        if transition.roles and scene.reads("actor.roles"):
            wanted.append(scene.has_role(transition.roles))
        return wanted

    def solved(self, terms: Iterable[Term], scenes: Collection[Scene]) -> Answer:
        """The answer for some steps together: one that looks plain and rests on nothing untranslated, where there is one."""
        conditions_ = [*terms, *(term for scene in scenes for term in scene.conditions)]
        wanted = {name: term for scene in scenes for name, term in scene.wanted().items()}
        plain = [wish for scene in scenes for wish in scene.wishes]
        known = [wish for scene in scenes for wish in scene.meaning.wishes]
        for wishes in ([*plain, *known], known):
            if wishes:
                found = self.logic.solve([*conditions_, *wishes], wanted)
                if found.verdict is Verdict.POSSIBLE:
                    return found
        return self.logic.solve(conditions_, wanted)

    def _asked(self, key: object, known: Known, terms_of: Asked) -> Finding:
        if key not in self._found:
            scene = self.scene(known)
            try:
                terms = terms_of(scene)
            except NotDecidable as error:
                self._found[key] = Finding(Verdict.UNKNOWN, obstacle=error.what, is_alone=False)
            else:
                self._found[key] = self._judged(scene, self.solved(terms, [scene]))
        return self._found[key]

    def _judged(self, scene: Scene, answer: Answer) -> Finding:
        """The answer with what it cannot know: rounding, and values that are no values to the solver."""
        if answer.verdict is Verdict.POSSIBLE:
            obstacle = ", ".join(sorted(scene.meaning.opaque))
            return Finding(Verdict.POSSIBLE, scene.input(answer.values), obstacle, not scene.shares)
        if answer.verdict is Verdict.IMPOSSIBLE and not scene.meaning.rounds:
            return Finding(Verdict.IMPOSSIBLE)
        return Finding(Verdict.UNKNOWN, obstacle=ROUNDED if scene.meaning.rounds else TOO_HARD, is_alone=False)

    def _held(self, transition: Transition, scene: Scene) -> Term:
        """Whether the guard of a transition holds; one without a guard always does."""
        tree = self._guards.get(transition.key)
        return self.logic.literal(True) if tree is None else holds(self.logic, scene.meaning.of(tree))

    def _computable(self, transition: Transition, scene: Scene) -> Iterator[Term]:
        """That the values its effects compute are there and fit; those that build on each other are left to the engine."""
        given: set[str] = set()
        for key, tree in self._setters.get(transition.key, ()):
            if given.isdisjoint(names_in(tree)):
                try:
                    yield self._fits(key, scene.meaning.of(tree), scene)
                except NotDecidable as error:
                    scene.meaning.opaque.add(error.what)
            given.add(f"data.{key}")

    def _fits(self, key: str, value: Value, scene: Scene) -> Term:
        item, logic = self.process.definition.fields[key], self.logic
        there = logic.negation(value.fails)
        if value.sort is Sort.NOTHING or item.type is FieldType.DATE:
            return there
        term = logic.as_real(value.term) if (item.type, value.sort) == (FieldType.DECIMAL, Sort.INTEGER) else value.term
        inside = logic.all_of(conditions(logic, item, term, slack=COMPUTED_SLACK))
        return logic.all_of([there, logic.any_of([value.null, inside])])

    def _filled(self, keys: Iterable[str], scene: Scene) -> Iterator[Term]:
        """That required fields have values; those that no expression reads only need one to exist."""
        for key in keys:
            item = self.process.definition.fields[key]
            value = scene.value_of(f"data.{key}") if scene.reads(f"data.{key}") else None
            if value is None:
                yield self.logic.literal(example(item) is not None)
            elif isinstance(value, Value):
                yield self.logic.negation(value.null)
                if value.sort is Sort.TEXT:
                    yield self.logic.negation(self.logic.is_blank(value.term))

    def _up_to(self, transition: Transition, stage: str) -> tuple[Transition, ...]:
        """The alternatives of its trigger out of a stage that are tried before the transition, and itself."""
        candidates = self.process.candidates(transition.trigger, stage)
        return candidates[: candidates.index(transition) + 1]

    def _trees(self, key: str) -> tuple[Syntax, ...]:
        guard = self._guards.get(key)
        setters = tuple(tree for _, tree in self._setters.get(key, ()))
        return setters if guard is None else (guard, *setters)

    def _history(self, key: str) -> frozenset[str]:
        names = frozenset().union(*map(names_in, self._trees(key)))
        return frozenset(name for name in names if name.startswith(HISTORY))
