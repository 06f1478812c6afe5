"""Functions of expressions over values already translated: orders, sums, texts. They fail where an argument is null or failed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bpm_crm.engine.instants import instant_of
from bpm_crm.engine.soundness.logic import Logic, Term
from bpm_crm.engine.soundness.values import MOST_INTEGER, NUMBERS, WHOLE, NotDecidable, Sort, Value

_SUMS: Final[Mapping[tuple[str, Sort, Sort], Sort]] = {
    ("_+_", Sort.INSTANT, Sort.SPAN): Sort.INSTANT,
    ("_+_", Sort.SPAN, Sort.INSTANT): Sort.INSTANT,
    ("_+_", Sort.SPAN, Sort.SPAN): Sort.SPAN,
    ("_-_", Sort.INSTANT, Sort.SPAN): Sort.INSTANT,
    ("_-_", Sort.INSTANT, Sort.INSTANT): Sort.SPAN,
    ("_-_", Sort.SPAN, Sort.SPAN): Sort.SPAN,
}
_FIRST: Final = instant_of(datetime.fromisoformat("0001-01-01T00:00:00+00:00"))
_LAST: Final = instant_of(datetime.fromisoformat("9999-12-31T23:59:59.999999+00:00"))


class Operators:
    """The functions of the language over one logic; `rounds` tells that decimals were computed with, which the solver does exactly."""

    def __init__(self, logic: Logic) -> None:
        self.rounds = False
        self._logic = logic
        self._no = logic.literal(False)

    def alike(self, left: Value, right: Value) -> tuple[Term, Term]:
        """The terms of two values as one type."""
        if left.sort is right.sort:
            return left.term, right.term
        if {left.sort, right.sort} == NUMBERS:
            return self._real(left), self._real(right)
        raise NotDecidable(f"{left.sort.value} with {right.sort.value}")

    def strict(self, name: str, arguments: list[Value]) -> Value:
        """A function that fails where an argument is null or failed."""
        logic = self._logic
        if any(argument.sort is Sort.NOTHING for argument in arguments):
            return Value(Sort.BOOLEAN, self._no, self._no, logic.literal(True))
        fails = [term for argument in arguments for term in (argument.fails, argument.null)]
        sorts = tuple(argument.sort for argument in arguments)
        terms = [argument.term for argument in arguments]
        found: Value
        match name, sorts:
            case (("_<_" | "_<=_" | "_>_" | "_>=_"), (_, _)):
                found = self._ordered(name, arguments)
            case (("startsWith" | "endsWith" | "contains"), (Sort.TEXT, Sort.TEXT)):
                test = {"startsWith": logic.starts, "endsWith": logic.ends, "contains": logic.contains}[name]
                found = self._plain(Sort.BOOLEAN, test(*terms))
            case "size", (Sort.TEXT,):
                found = self._plain(Sort.INTEGER, logic.length(terms[0]))
            case "_+_", (Sort.TEXT, Sort.TEXT):
                found = self._plain(Sort.TEXT, logic.joined(*terms))
            case "double", (Sort.INTEGER | Sort.DECIMAL,):
                self.rounds = self.rounds or sorts[0] is Sort.INTEGER
                found = self._plain(Sort.DECIMAL, self._real(arguments[0]))
            case ("int", (Sort.INTEGER,)) | ("string", (Sort.TEXT,)) | ("bool", (Sort.BOOLEAN,)):
                found = self._plain(sorts[0], terms[0])
            case "-_", (Sort.INTEGER,):
                found = self._bounded(-terms[0])
            case "-_", (Sort.DECIMAL,):
                found = self._plain(Sort.DECIMAL, -terms[0])
            case (("_+_" | "_-_" | "_*_" | "_/_" | "_%_"), (_, _)):
                found = self._computed(name, arguments)
            case _:
                raise NotDecidable(name)
        return Value(found.sort, found.term, self._no, logic.any_of([*fails, found.fails]))

    def _plain(self, sort: Sort, term: Term) -> Value:
        return Value(sort, term, self._no, self._no)

    def _ordered(self, name: str, arguments: list[Value]) -> Value:
        left, right = arguments if name in {"_<_", "_<=_"} else arguments[::-1]
        if Sort.BOOLEAN in {left.sort, right.sort}:
            raise NotDecidable("an order of truth values")
        one, other = self.alike(left, right)
        before = self._logic.precedes(one, other) if left.sort is Sort.TEXT else one < other
        if name in {"_<=_", "_>=_"}:
            before = self._logic.any_of([before, self._logic.equal(one, other)])
        return self._plain(Sort.BOOLEAN, before)

    def _computed(self, name: str, arguments: list[Value]) -> Value:
        left, right = arguments
        if left.sort is right.sort is Sort.INTEGER:
            return self._whole(name, left.term, right.term)
        if left.sort is right.sort is Sort.DECIMAL and name != "_%_":
            return self._decimal(name, left.term, right.term)
        sort = _SUMS.get((name, left.sort, right.sort))
        if sort is None or not {left.sort, right.sort} <= WHOLE:
            raise NotDecidable(f"{name} of {left.sort.value} and {right.sort.value}")
        term = left.term + right.term if name == "_+_" else left.term - right.term
        outside = self._logic.any_of([term < _FIRST, term > _LAST]) if sort is Sort.INSTANT else self._no
        return Value(sort, term, self._no, outside)

    def _whole(self, name: str, left: Term, right: Term) -> Value:
        logic = self._logic
        zero = logic.equal(right, logic.literal(0))
        if name in {"_/_", "_%_"}:
            quotient = self._bounded(logic.quotient(left, right))
            term = quotient.term if name == "_/_" else left - right * quotient.term
            return Value(Sort.INTEGER, term, self._no, logic.any_of([zero, quotient.fails]))
        return self._bounded(left + right if name == "_+_" else left - right if name == "_-_" else left * right)

    def _bounded(self, term: Term) -> Value:
        """A whole number, which fails where it does not fit 64 bits."""
        outside = self._logic.any_of([term > MOST_INTEGER, term < -MOST_INTEGER - 1])
        return Value(Sort.INTEGER, term, self._no, outside)

    def _decimal(self, name: str, left: Term, right: Term) -> Value:
        if name == "_/_":
            term = left / right
        else:
            term = left + right if name == "_+_" else left - right if name == "_-_" else left * right
        self.rounds = True
        return self._plain(Sort.DECIMAL, term)

    def _real(self, value: Value) -> Term:
        return self._logic.as_real(value.term) if value.sort is Sort.INTEGER else value.term
