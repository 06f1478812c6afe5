"""One step of a case as the solver sees it: the variables that expressions may read, with what is known of each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.instants import EARLIEST, LATEST
from bpm_crm.engine.soundness.domains import SORTS, conditions, stored, unknown
from bpm_crm.engine.soundness.logic import Logic, Term
from bpm_crm.engine.soundness.meaning import Meaning
from bpm_crm.engine.soundness.values import Listed, NotDecidable, Sort, Value
from bpm_crm.engine.state import NONE

SHARED = frozenset({"instance.channel", "instance.region", "instance.started_at", "instance.entered_at", "now"})
"""The variables that a step has in common with those before it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case before a step: its stage, and by variable what was reached and counted.

    A count in `counts` is exact; one in `least` may be higher. A variable that is in none of them may have any value.
    """

    stage: str
    reached: Mapping[str, bool] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)

    def facts(self, read: Collection[str]) -> tuple[object, ...]:
        """Everything known that these variables show, to compare questions by."""
        names = sorted(read)
        reached = tuple(self.reached.get(name.removeprefix("reached.")) for name in names)
        return (self.stage, *names, reached, *((self.counts.get(name), self.least.get(name)) for name in names))


@dataclass(frozen=True, slots=True)
class StepInput:
    """What the solver chose for a step: data to send (with None for what must be empty), and who acts on what."""

    data: Mapping[str, Any] = field(default_factory=dict)
    actor: str | None = None
    roles: frozenset[str] | None = None
    owner: str | None = None
    channel: str = ""
    region: str = ""
    now: int | None = None
    started_at: int | None = None


class Scene:
    """The variables of a step. Its `conditions` keep them inside their domains; only those that were asked for are there.

    `mark` tells apart the variables of several steps in one question; `past` gives those of the steps before.
    """

    def __init__(
        self,
        logic: Logic,
        definition: ProcessDefinition,
        roles: Collection[str],
        known: Known,
        mark: str = "",
        past: Mapping[str, Term] = NONE,
    ) -> None:
        self.logic = logic
        self.known = known
        self.conditions: list[Term] = []
        self.wishes: list[Term] = []
        self.meaning = Meaning(logic, self.value_of, mark)
        self._definition = definition
        self._roles = sorted(roles)
        self._mark = mark
        self._past = past
        self._values: dict[str, Value | Listed] = {}
        self._wanted: dict[str, Term] = {}
        self._no = logic.literal(False)

    @property
    def shares(self) -> bool:
        """Whether the step reads what it has in common with others."""
        return not SHARED.isdisjoint(self._values)

    def wanted(self) -> Mapping[str, Term]:
        """The terms whose values make up the input of the step, by names that carry the mark."""
        return {name + self._mark: term for name, term in self._wanted.items()}

    def input(self, values: Mapping[str, Any]) -> StepInput:
        """The input of the step as the solver chose it."""
        found = {name: values.get(name + self._mark) for name in self._wanted}
        data = {
            name.removeprefix("data."): self._stored(name, value)
            for name, value in found.items()
            if name.startswith("data.")
        }
        data |= {
            name.removeprefix("null data."): None for name, value in found.items() if name.startswith("null ") and value
        }
        roles = None
        if "actor.roles" in self._values:
            roles = frozenset(role for role in self._roles if found.get(f"role {role}"))
        return StepInput(
            data,
            found.get("actor.id"),
            roles,
            found.get("instance.owner"),
            found.get("instance.channel") or "",
            found.get("instance.region") or "",
            found.get("now"),
            found.get("instance.started_at"),
        )

    def value_of(self, name: str) -> Value | Listed:
        """A variable; asked for the first time, its domain is added to the conditions."""
        if name not in self._values:
            self._values[name] = self._made(name)
        return self._values[name]

    def reads(self, name: str) -> bool:
        """Whether the variable was asked for."""
        return name in self._values

    def has_role(self, roles: Collection[str]) -> Term:
        """Whether the actor has one of these roles."""
        self.value_of("actor.roles")
        return self.logic.any_of(self._wanted[f"role {role}"] for role in sorted(roles) if role in self._roles)

    def _made(self, name: str) -> Value | Listed:
        root, _, key = name.partition(".")
        match root:
            case "data":
                return self._data(key)
            case "reached":
                return self._truth(name, self.known.reached.get(key))
            case "visits" | "activities":
                return self._count(name)
            case "now":
                return self._instant(name)
            case "actor":
                return self._all_roles() if key == "roles" else self._text(name)
            case _:
                return self._of_case(name)

    def _data(self, key: str) -> Value:
        item, name = self._definition.fields[key], f"data.{key}"
        null = self.logic.boolean(f"null {name}{self._mark}")
        term = unknown(self.logic, item, name + self._mark)
        domain = self.logic.all_of(conditions(self.logic, item, term))
        self.conditions.append(self.logic.any_of([null, domain]))
        self._wanted |= {f"null {name}": null, name: term}
        sort = SORTS[item.type]
        self.wishes.append(self.logic.negation(null))
        if sort is Sort.TEXT and not item.options:
            self.wishes.append(self.logic.is_plain(term))
        return Value(sort, term, null, self._no)

    def _truth(self, name: str, known: bool | None) -> Value:
        term = self.logic.boolean(name + self._mark) if known is None else self.logic.literal(known)
        return Value(Sort.BOOLEAN, term, self._no, self._no)

    def _count(self, name: str) -> Value:
        if name in self.known.counts:
            return self._whole(self.logic.literal(self.known.counts[name]))
        term = self.logic.integer(name + self._mark)
        self.conditions.append(term >= self.known.least.get(name, 0))
        return self._whole(term)

    def _whole(self, term: Term) -> Value:
        return Value(Sort.INTEGER, term, self._no, self._no)

    def _of_case(self, name: str) -> Value:
        match name:
            case "instance.stage":
                return Value(Sort.TEXT, self.logic.literal(self.known.stage), self._no, self._no)
            case "instance.started_at" | "instance.entered_at":
                return self._instant(name)
            case "instance.channel" | "instance.region" | "instance.owner":
                return self._text(name)
        raise NotDecidable(name)

    def _text(self, name: str) -> Value:
        term = self._past.get(name)
        if term is None:
            term = self.logic.text(name + self._mark)
            self.wishes.append(self.logic.is_plain(term))
        self._wanted[name] = term
        if name == "actor.id":
            self.wishes.append(self.logic.length(term) >= 1)
        return Value(Sort.TEXT, term, self._no, self._no)

    def _instant(self, name: str) -> Value:
        """Instants of a case follow each other; the steps before, if they are given, say how."""
        logic = self.logic
        for each in ("instance.started_at", "instance.entered_at", "now"):
            if each not in self._wanted:
                term = self._past.get(each)
                self._wanted[each] = logic.integer(each + self._mark) if term is None else term
        started, entered, now = (self._wanted[each] for each in ("instance.started_at", "instance.entered_at", "now"))
        self.conditions.extend((started >= EARLIEST, started <= entered, entered <= now, now < LATEST))
        return Value(Sort.INSTANT, self._wanted[name], self._no, self._no)

    def _all_roles(self) -> Listed:
        items = []
        for role in self._roles:
            there = self.logic.boolean(f"role {role}{self._mark}")
            self._wanted[f"role {role}"] = there
            items.append((there, Value(Sort.TEXT, self.logic.literal(role), self._no, self._no)))
        return Listed(tuple(items), self._no)

    def _stored(self, name: str, value: Any) -> Any:
        return stored(self._definition.fields[name.removeprefix("data.")], value)
