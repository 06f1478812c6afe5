"""What the prover asks of a solver of logical formulas, so that one module alone knows the library."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

Term = Any
"""A formula or value of the solver. Numbers take Python's operators for arithmetic and order."""


class Verdict(Enum):
    """Whether formulas can hold together."""

    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver found; with `POSSIBLE` come the values asked for, under which everything holds."""

    verdict: Verdict
    values: Mapping[str, Any] = field(default_factory=dict)


class Logic(Protocol):
    """Builds formulas and decides them."""

    @property
    def name(self) -> str:
        """The solver and its version."""

    @property
    def questions(self) -> int:
        """How often it was asked so far."""

    def literal(self, value: str | int | float | bool) -> Term:
        """A constant; a floating-point number stands for exactly the fraction it is."""

    def boolean(self, name: str) -> Term:
        """An unknown truth value."""

    def integer(self, name: str) -> Term:
        """An unknown whole number."""

    def real(self, name: str) -> Term:
        """An unknown number."""

    def text(self, name: str) -> Term:
        """An unknown text."""

    def all_of(self, terms: Iterable[Term]) -> Term:
        """Whether every one of these holds."""

    def any_of(self, terms: Iterable[Term]) -> Term:
        """Whether one of these holds."""

    def negation(self, term: Term) -> Term:
        """Whether this does not hold."""

    def choice(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """One of two values of the same kind."""

    def equal(self, left: Term, right: Term) -> Term:
        """Whether two values of the same kind are the same."""

    def as_real(self, term: Term) -> Term:
        """A whole number as a number."""

    def quotient(self, left: Term, right: Term) -> Term:
        """Whole division towards zero; of no meaning where `right` is zero."""

    def length(self, text: Term) -> Term:
        """The characters of a text."""

    def precedes(self, left: Term, right: Term) -> Term:
        """Whether a text comes before another in the order of its characters."""

    def joined(self, left: Term, right: Term) -> Term:
        """Two texts, one after the other."""

    def starts(self, text: Term, head: Term) -> Term:
        """Whether a text begins with another."""

    def ends(self, text: Term, tail: Term) -> Term:
        """Whether a text ends with another."""

    def contains(self, text: Term, part: Term) -> Term:
        """Whether a text holds another."""

    def is_blank(self, text: Term) -> Term:
        """Whether a text has nothing but blanks."""

    def is_plain(self, text: Term) -> Term:
        """Whether a text has nothing but Latin letters."""

    def solve(self, conditions: Iterable[Term], wanted: Mapping[str, Term]) -> Answer:
        """Whether these can hold together, with values of the terms wanted if they can."""
