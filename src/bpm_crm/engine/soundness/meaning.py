"""What an expression means to the solver: its tree turned into terms, with the language's rules for null and for failure.

`&&` and `||` need only the side that decides; `==` compares with null; everything else fails on null. Whole numbers fail beyond 64
bits, decimals are numbers without rounding (`rounds` tells that they were computed with). What has no translation but a known type
(`matches`, parts of an instant) becomes an unknown that may take any value, the same for the same words: what holds for all values
holds for the real one, and a counter-example is tried by the engine before it is believed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from bpm_crm.engine.duration_literal import duration_of
from bpm_crm.engine.instants import instant_of
from bpm_crm.engine.soundness.logic import Logic, Term
from bpm_crm.engine.soundness.operators import Operators
from bpm_crm.engine.soundness.values import (
    Listed,
    NotDecidable,
    Sort,
    Value,
    denied,
    holds,
    truth,
)
from bpm_crm.engine.syntax import Call, Items, Literal, Name, Syntax, Walk

_OPAQUE: Final[Mapping[str, Sort]] = {
    "matches": Sort.BOOLEAN,
    "getDate": Sort.INTEGER,
    "getDayOfMonth": Sort.INTEGER,
    "getDayOfWeek": Sort.INTEGER,
    "getDayOfYear": Sort.INTEGER,
    "getFullYear": Sort.INTEGER,
    "getHours": Sort.INTEGER,
    "getMilliseconds": Sort.INTEGER,
    "getMinutes": Sort.INTEGER,
    "getMonth": Sort.INTEGER,
    "getSeconds": Sort.INTEGER,
}
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


class Meaning:
    """Translates expressions over the variables that `value_of` gives; `opaque` names what has no translation, `wishes` ask to do without it."""

    def __init__(self, logic: Logic, value_of: Callable[[str], Value | Listed], mark: str) -> None:
        self.opaque: set[str] = set()
        self.wishes: list[Term] = []
        self._logic = logic
        self._value_of = value_of
        self._mark = mark
        self._no = logic.literal(False)
        self._operators = Operators(logic)

    @property
    def rounds(self) -> bool:
        """Whether decimals were computed with, which the solver does exactly and the language does not."""
        return self._operators.rounds

    def of(self, tree: Syntax) -> Value:
        """The value of an expression; `NotDecidable` where a part cannot be translated."""
        return self._single(tree, {})

    def _read(self, tree: Syntax, around: Mapping[str, Value]) -> Value | Listed:
        match tree:
            case Literal(value=value):
                return self._literal(value)
            case Name(name=name):
                return around[name] if name in around else self._value_of(name)
            case Items(items=items):
                values = [self._single(item, around) for item in items]
                fails = self._logic.any_of(value.fails for value in values)
                return Listed(tuple((self._logic.literal(True), value) for value in values), fails)
            case Walk():
                return self._walk(tree, around)
            case Call():
                return self._call(tree, around)
        raise NotDecidable(getattr(tree, "what", "an unknown part"))

    def _single(self, tree: Syntax, around: Mapping[str, Value]) -> Value:
        found = self._read(tree, around)
        if isinstance(found, Listed):
            raise NotDecidable("a list as a value")
        return found

    def _literal(self, value: str | int | float | bool | None) -> Value:
        if value is None:
            return Value(Sort.NOTHING, self._no, self._logic.literal(True), self._no)
        sort = {bool: Sort.BOOLEAN, int: Sort.INTEGER, float: Sort.DECIMAL, str: Sort.TEXT}[type(value)]
        return Value(sort, self._logic.literal(value), self._no, self._no)

    def _walk(self, walk: Walk, around: Mapping[str, Value]) -> Value:
        """`exists` or `all`: a fold by `||` or `&&`, in which one deciding item outweighs failures of others."""
        found = self._read(walk.items, around)
        if not isinstance(found, Listed):
            raise NotDecidable("a walk over what is no list")
        logic = self._logic
        answers = [(there, self._single(walk.condition, {**around, walk.item: value})) for there, value in found.items]
        decides = holds if walk.any_of else denied
        lasts = denied if walk.any_of else holds
        decided = logic.any_of(logic.all_of([there, decides(logic, answer)]) for there, answer in answers)
        undecided = logic.all_of(
            logic.any_of([logic.negation(there), lasts(logic, answer)]) for there, answer in answers
        )
        whole = logic.negation(found.fails)
        sides = [logic.all_of([whole, side]) for side in (decided, undecided)]
        yes, no = sides if walk.any_of else sides[::-1]
        return truth(logic, yes, no)

    def _call(self, call: Call, around: Mapping[str, Value]) -> Value:
        name = call.function
        if name in _OPAQUE:
            return self._unknown(call, _OPAQUE[name], around)
        if name in {"@in", "size"}:
            collection = self._read(call.arguments[-1], around)
            if isinstance(collection, Listed):
                return self._in_list(call, collection, around) if name == "@in" else self._size(collection)
        arguments = [self._single(argument, around) for argument in call.arguments]
        match name, arguments:
            case "_&&_" | "_||_", [left, right]:
                return self._joint(name == "_||_", left, right)
            case "!_", [value]:
                yes, no = denied(self._logic, value), holds(self._logic, value)
                return truth(self._logic, yes, no)
            case "_==_" | "_!=_", [left, right]:
                return self._compared(left, right, wanted=name == "_==_")
            case "_?_:_", [condition, then, otherwise]:
                return self._chosen(condition, then, otherwise)
            case "timestamp" | "duration", [_]:
                return self._time_literal(call)
            case "dyn", [value]:
                return value
        return self._operators.strict(name, arguments)

    def _unknown(self, call: Call, sort: Sort, around: Mapping[str, Value]) -> Value:
        """A call that is not translated: any value of its type, the same wherever the same words stand."""
        if around:
            raise NotDecidable(f"{call.function} in a walk")
        name = f"{call}{self._mark}"
        self.opaque.add(call.function)
        logic = self._logic
        term = logic.boolean(name) if sort is Sort.BOOLEAN else logic.integer(name)
        fails = logic.boolean(f"fails {name}")
        self.wishes.append(fails)
        return Value(sort, term, self._no, fails)

    def _in_list(self, call: Call, collection: Listed, around: Mapping[str, Value]) -> Value:
        logic = self._logic
        item = self._single(call.arguments[0], around)
        found = logic.any_of(
            logic.all_of([there, holds(logic, self._compared(item, value, wanted=True))])
            for there, value in collection.items
        )
        fails = logic.any_of([item.fails, collection.fails])
        return Value(Sort.BOOLEAN, found, self._no, fails)

    def _size(self, collection: Listed) -> Value:
        logic = self._logic
        counted = [logic.choice(there, logic.literal(1), logic.literal(0)) for there, _ in collection.items]
        return Value(Sort.INTEGER, sum(counted, logic.literal(0)), self._no, collection.fails)

    def _joint(self, is_or: bool, left: Value, right: Value) -> Value:
        logic = self._logic
        yes = [holds(logic, left), holds(logic, right)]
        no = [denied(logic, left), denied(logic, right)]
        if is_or:
            return truth(logic, logic.any_of(yes), logic.all_of(no))
        return truth(logic, logic.all_of(yes), logic.any_of(no))

    def _compared(self, left: Value, right: Value, *, wanted: bool) -> Value:
        logic = self._logic
        both_null = logic.all_of([left.null, right.null])
        if Sort.NOTHING in {left.sort, right.sort}:
            same = both_null
        else:
            one, other = self._operators.alike(left, right)
            there = logic.negation(logic.any_of([left.null, right.null]))
            same = logic.any_of([both_null, logic.all_of([there, logic.equal(one, other)])])
        fails = logic.any_of([left.fails, right.fails])
        term = same if wanted else logic.negation(same)
        return Value(Sort.BOOLEAN, term, self._no, fails)

    def _chosen(self, condition: Value, then: Value, otherwise: Value) -> Value:
        logic = self._logic
        if then.sort is otherwise.sort:
            one, other, sort = then.term, otherwise.term, then.sort
        elif Sort.NOTHING in {then.sort, otherwise.sort}:
            sort, filler = (otherwise.sort, otherwise.term) if then.sort is Sort.NOTHING else (then.sort, then.term)
            one = other = filler
        else:
            raise NotDecidable(f"a choice of {then.sort.value} or {otherwise.sort.value}")
        yes, no = holds(logic, condition), denied(logic, condition)
        neither = logic.negation(logic.any_of([yes, no]))
        taken_fails = logic.choice(yes, then.fails, otherwise.fails)
        return Value(
            sort,
            logic.choice(yes, one, other),
            logic.choice(yes, then.null, otherwise.null),
            logic.any_of([neither, taken_fails]),
        )

    def _time_literal(self, call: Call) -> Value:
        """`timestamp('…')` and `duration('…')` over texts written out."""
        argument = call.arguments[0]
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            raise NotDecidable(f"{call.function} of what is not written out")
        try:
            if call.function == "duration":
                sort, number = Sort.SPAN, duration_of(argument.value)
            else:
                if not _MOMENT.fullmatch(argument.value):
                    raise NotDecidable(f"timestamp('{argument.value}')")
                sort, number = Sort.INSTANT, instant_of(datetime.fromisoformat(argument.value))
        except (ValueError, OverflowError) as error:
            raise NotDecidable(f"{call.function}('{argument.value}')") from error
        return Value(sort, self._logic.literal(number), self._no, self._no)
