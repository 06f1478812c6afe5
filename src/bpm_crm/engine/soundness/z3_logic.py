"""Formulas decided by Z3; the only module that knows that library.

Every certificate gets a context of its own: contexts share nothing, so proofs may run in several threads. The effort for a question is
bounded in steps of the solver, not in seconds, so that a document is decided alike on every machine; the seconds are a last resort.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import z3

from bpm_crm.engine.soundness.logic import Answer, Term, Verdict

MOST_STEPS: Final = 3_000_000
MOST_MILLISECONDS: Final = 3_000
MOST_QUESTIONS: Final = 1_000
"""How many questions are answered in one proof; every further one is unknown. A shipped process takes less than fifty."""
MOST_STEPS_IN_ALL: Final = 30_000_000
BLANKS: Final = " \t\n\v\f\r"

_ESCAPE: Final = re.compile(r"\\u\{([0-9a-f]+)\}")


class Z3Logic:
    """Builds formulas and decides them."""

    def __init__(self) -> None:
        self.name = f"z3 {z3.get_version_string()}"
        self.questions = 0
        self._steps = 0
        self._context = z3.Context()
        self._blank = z3.Star(z3.Union(*(z3.Re(z3.StringVal(blank, self._context)) for blank in BLANKS)))
        self._plain = z3.Star(z3.Range(z3.StringVal("a", self._context), z3.StringVal("z", self._context)))

    def literal(self, value: str | int | float | bool) -> Term:
        """A constant; a floating-point number stands for exactly the fraction it is."""
        if isinstance(value, bool):
            return z3.BoolVal(value, self._context)
        if isinstance(value, int):
            return z3.IntVal(value, self._context)
        if isinstance(value, float):
            above, below = value.as_integer_ratio()
            return z3.Q(above, below, self._context)
        return z3.StringVal("".join(map(_escaped, value)), self._context)

    def boolean(self, name: str) -> Term:
        """An unknown truth value."""
        return z3.Bool(name, self._context)

    def integer(self, name: str) -> Term:
        """An unknown whole number."""
        return z3.Int(name, self._context)

    def real(self, name: str) -> Term:
        """An unknown number."""
        return z3.Real(name, self._context)

    def text(self, name: str) -> Term:
        """An unknown text."""
        return z3.String(name, self._context)

    def all_of(self, terms: Iterable[Term]) -> Term:
        """Whether every one of these holds."""
        return z3.And(*terms, self._context)

    def any_of(self, terms: Iterable[Term]) -> Term:
        """Whether one of these holds."""
        return z3.Or(*terms, self._context)

    def negation(self, term: Term) -> Term:
        """Whether this does not hold."""
        return z3.Not(term, self._context)

    def choice(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """One of two values of the same kind."""
        return z3.If(condition, then, otherwise, self._context)

    def equal(self, left: Term, right: Term) -> Term:
        """Whether two values of the same kind are the same."""
        return left == right

    def as_real(self, term: Term) -> Term:
        """A whole number as a number."""
        return z3.ToReal(term)

    def quotient(self, left: Term, right: Term) -> Term:
        """Whole division towards zero: the library's own leaves a remainder that is never negative."""
        size, by = z3.If(left < 0, -left, left), z3.If(right < 0, -right, right)
        return z3.If((left < 0) == (right < 0), size / by, -(size / by))

    def length(self, text: Term) -> Term:
        """The characters of a text."""
        return z3.Length(text)

    def precedes(self, left: Term, right: Term) -> Term:
        """Whether a text comes before another in the order of its characters."""
        return left < right

    def joined(self, left: Term, right: Term) -> Term:
        """Two texts, one after the other."""
        return z3.Concat(left, right)

    def starts(self, text: Term, head: Term) -> Term:
        """Whether a text begins with another."""
        return z3.PrefixOf(head, text)

    def ends(self, text: Term, tail: Term) -> Term:
        """Whether a text ends with another."""
        return z3.SuffixOf(tail, text)

    def contains(self, text: Term, part: Term) -> Term:
        """Whether a text holds another."""
        return z3.Contains(text, part)

    def is_blank(self, text: Term) -> Term:
        """Whether a text has nothing but blanks."""
        return z3.InRe(text, self._blank)

    def is_plain(self, text: Term) -> Term:
        """Whether a text has nothing but Latin letters."""
        return z3.InRe(text, self._plain)

    def solve(self, conditions: Iterable[Term], wanted: Mapping[str, Term]) -> Answer:
        """Whether these can hold together, with values of the terms wanted if they can."""
        self.questions += 1
        if self.questions > MOST_QUESTIONS or self._steps > MOST_STEPS_IN_ALL:
            return Answer(Verdict.UNKNOWN)
        solver = z3.Solver(ctx=self._context)
        solver.set("rlimit", MOST_STEPS)
        solver.set("timeout", MOST_MILLISECONDS)
        solver.add(*conditions)
        found = solver.check()
        self._steps = _steps(solver)
        if found == z3.unsat:
            return Answer(Verdict.IMPOSSIBLE)
        if found != z3.sat:
            return Answer(Verdict.UNKNOWN)
        model = solver.model()
        return Answer(
            Verdict.POSSIBLE,
            {name: _value(model.eval(term, model_completion=True)) for name, term in wanted.items()},
        )


def _steps(solver: z3.Solver) -> int:
    """The steps that the questions of a context took so far."""
    statistics = solver.statistics()
    names = statistics.keys()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in names else 0


def _escaped(character: str) -> str:
    """A character as the library writes it; the backslash would begin an escape."""
    return character if " " <= character <= "~" and character != "\\" else f"\\u{{{ord(character):x}}}"


def _value(term: Any) -> Any:
    """A constant as a value of Python; a number that is no fraction comes as the nearest one, anything else as None."""
    if z3.is_true(term) or z3.is_false(term):
        return z3.is_true(term)
    if z3.is_int_value(term):
        return term.as_long()
    if z3.is_rational_value(term):
        return term.numerator_as_long() / term.denominator_as_long()
    if z3.is_string_value(term):
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), term.as_string())
    return None
