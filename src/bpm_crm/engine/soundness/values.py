"""Values of expressions as the solver sees them: a term, and when it is null or cannot be computed."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from bpm_crm.engine.soundness.logic import Logic, Term

MOST_INTEGER: Final = 2**63 - 1


class Sort(Enum):
    """The type of a value in an expression. Instants and spans are whole microseconds."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    INSTANT = "instant"
    SPAN = "span"
    NOTHING = "null"


WHOLE: Final = frozenset({Sort.INTEGER, Sort.INSTANT, Sort.SPAN})
NUMBERS: Final = frozenset({Sort.INTEGER, Sort.DECIMAL})


@dataclass(frozen=True, slots=True)
class Value:
    """A value: its term counts where it is neither null nor failed."""

    sort: Sort
    term: Term
    null: Term
    fails: Term


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: each item with the condition under which it is in the list, and whether making the list fails."""

    items: tuple[tuple[Term, Value], ...]
    fails: Term


class NotDecidable(Exception):
    """An expression holds what the prover does not translate; `what` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def holds(logic: Logic, value: Value) -> Term:
    """Whether the value is there and true: what opens a guard."""
    return logic.all_of([logic.negation(value.fails), logic.negation(value.null), value.term])


def denied(logic: Logic, value: Value) -> Term:
    """Whether the value is there and false."""
    return logic.all_of([logic.negation(value.fails), logic.negation(value.null), logic.negation(value.term)])


def truth(logic: Logic, yes: Term, no: Term) -> Value:
    """A truth value that is true, false, or where neither, failed."""
    fails = logic.negation(logic.any_of([yes, no]))
    return Value(Sort.BOOLEAN, yes, logic.literal(False), fails)
