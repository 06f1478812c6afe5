"""Guard expressions: CEL by Google's C++ implementation, behind a small protocol; the only module that knows that library.

An expression is compiled twice. Once against typed variables, so that unknown names and type errors are found when a definition is
validated; once against dynamic ones, so that a variable may be null at run time. The library takes instants only where they are
declared, so there is one running program for each set of instants that are null.

An expression must stay cheap whatever its author wants. Values bound are capped in size. Walks over a list nested in each other
double a text until memory ends, and a pattern costs up to a third of a second on the largest text: so there is one walk at most,
without patterns, and the macros that build lists are left out of the language.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from cel_expr_python import cel

from bpm_crm.engine.references import references
from bpm_crm.engine.syntax import Syntax, syntax_of
from bpm_crm.engine.texts import is_text

MAX_SOURCE = 2_000
MAX_TEXT = 4_096
MAX_ITEMS = 256
MAX_WALKS = 1
MAX_PATTERNS = 2
MAX_PROGRAMS = 64
MOST_SHOWN = 300

_NONE: frozenset[str] = frozenset()
_WALK = "@not_strictly_false"
_PATTERN = "matches"
_LANGUAGE = cel.NewEnvConfigFromYaml("stdlib: {exclude_macros: [map, filter, exists_one]}")
_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")


class VariableType(Enum):
    """The type of a variable or of a result. Data fields may be null; `TEXTS` is a list of strings."""

    TEXT = "google.protobuf.StringValue"
    INTEGER = "google.protobuf.Int64Value"
    DECIMAL = "google.protobuf.DoubleValue"
    BOOLEAN = "google.protobuf.BoolValue"
    INSTANT = "google.protobuf.Timestamp"
    TEXTS = "list(string)"


_RESULT_TYPES = {
    VariableType.TEXT: frozenset({"STRING"}),
    VariableType.INTEGER: frozenset({"INT"}),
    VariableType.DECIMAL: frozenset({"DOUBLE", "INT"}),
    VariableType.BOOLEAN: frozenset({"BOOL"}),
    VariableType.INSTANT: frozenset({"TIMESTAMP"}),
    VariableType.TEXTS: frozenset({"LIST<STRING>"}),
}


@dataclass(eq=False)
class ExpressionInvalid(Exception):
    """An expression that does not compile: what is wrong, at which column (1-based, 0 when unknown), and the cure."""

    source: str
    fault: str
    column: int
    cure: str

    def __str__(self) -> str:
        shown = self.source if len(self.source) <= MOST_SHOWN else f"{self.source[:MOST_SHOWN]}…"
        return f"{self.fault} at column {self.column} of `{shown}`. {self.cure}"


class EvaluationFailed(Exception):
    """An expression could not be evaluated over these values; the message is the library's."""


class Expression(Protocol):
    """A compiled expression; `names` are the variables it reads."""

    @property
    def source(self) -> str:
        """The expression as written."""

    @property
    def names(self) -> frozenset[str]:
        """The dotted variables the expression reads."""

    @property
    def syntax(self) -> Syntax:
        """The expression as a tree."""

    def evaluate(self, value_of: Callable[[str], Any]) -> Any:
        """The result over the variables as `value_of` gives them; `EvaluationFailed` when there is none."""


class ExpressionCompiler(Protocol):
    """Compiles expressions over a fixed set of typed variables."""

    def compile(self, source: str, result: VariableType) -> Expression:
        """Compile `source`, which must yield `result`; `ExpressionInvalid` when it does not."""


class CelCompiler:
    """CEL over dotted variables, for example `data.amount` or `reached.offer`."""

    def __init__(self, variables: Mapping[str, VariableType]) -> None:
        self.variables = dict(variables)
        self._checking = _environment({name: _cel_type(kind) for name, kind in variables.items()})

    def compile(self, source: str, result: VariableType) -> Expression:
        """Compile `source`, which must yield `result`; `ExpressionInvalid` when it does not."""
        if len(source) > MAX_SOURCE:
            raise ExpressionInvalid(ascii(source[:40]), f"longer than {MAX_SOURCE} characters", 0, "Split it.")
        if not is_text(source):
            raise ExpressionInvalid(ascii(source), "holds half of a surrogate pair", 0, "Remove it.")
        try:
            checked = self._checking.compile(source)
        except RuntimeError as error:
            raise self._explained(source, str(error)) from error
        found = checked.return_type().name()
        if found not in _RESULT_TYPES[result] and found != "DYN":
            fault = f"yields {found.lower()}, not {result.name.lower()}"
            raise ExpressionInvalid(source, fault, 0, f"Write an expression that yields {result.name.lower()}.")
        form = checked.serialize()
        used = Counter(references(form))
        _refuse_costly(source, used)
        return CelExpression(source, {name: self.variables[name] for name in used.keys() & self.variables.keys()}, form)

    def _explained(self, source: str, error: str) -> ExpressionInvalid:
        match = _POSITION.search(error)
        column, fault = (int(match.group(2)), match.group(3)) if match else (0, error.splitlines()[0])
        fault = fault.replace(" (in container '')", "")
        if "recursion" in error:
            fault, cure = (
                "is nested too deeply",
                "Write it flatter; long sums and conditions may be grouped by parentheses.",
            )
        elif "undeclared reference" in fault:
            cure = f"Known variables: {', '.join(sorted(self.variables))}."
        elif "wrapper(double), int" in fault:
            cure = "A decimal field is compared with a decimal literal: write 10.0, not 10."
        elif "no matching overload" in fault:
            cure = "Compare values of one type."
        else:
            cure = "See docs/guards.md for the language."
        return ExpressionInvalid(source, fault, column, cure)


class CelExpression:
    """A compiled CEL expression."""

    def __init__(self, source: str, variables: Mapping[str, VariableType], checked: bytes) -> None:
        self.source = source
        self._checked = checked
        self.names = frozenset(variables)
        self._instants = tuple(name for name, kind in variables.items() if kind is VariableType.INSTANT)
        self._programs: dict[frozenset[str], Any] = {}

    @property
    def syntax(self) -> Syntax:
        """The expression as a tree."""
        return syntax_of(self._checked)

    def evaluate(self, value_of: Callable[[str], Any]) -> Any:
        """The result over the variables as `value_of` gives them; `EvaluationFailed` when there is none."""
        values = {name: value_of(name) for name in self.names}
        for name, value in values.items():
            if not _is_bindable(value):
                raise EvaluationFailed(f"{name} is too large for a guard")
        try:
            result = self._program(values).eval(data=values)
        except RuntimeError as error:
            raise EvaluationFailed(str(error)) from error
        if result.type() == cel.Type.ERROR:
            raise EvaluationFailed(str(result.value()))
        return result.plain_value()

    def _program(self, values: Mapping[str, Any]) -> Any:
        instants = frozenset([name for name in self._instants if values[name] is not None]) if self._instants else _NONE
        program = self._programs.get(instants)
        if program is None:
            if len(self._programs) >= MAX_PROGRAMS:
                self._programs.clear()
            types = {name: cel.Type.TIMESTAMP if name in instants else cel.Type.DYN for name in values}
            program = self._programs[instants] = _environment(types).compile(self.source)
        return program


def _refuse_costly(source: str, used: Mapping[str, int]) -> None:
    walks, patterns = used.get(_WALK, 0), used.get(_PATTERN, 0)
    if walks > MAX_WALKS:
        raise ExpressionInvalid(
            source, "walks lists more than once", 0, "Use `exists` or `all` once; `in` finds an item."
        )
    if patterns > MAX_PATTERNS:
        cure = f"Use `matches` at most {MAX_PATTERNS} times; `startsWith` and `contains` are not limited."
        raise ExpressionInvalid(source, "matches too many patterns", 0, cure)
    if walks and patterns:
        raise ExpressionInvalid(
            source, "matches a pattern while it walks a list", 0, "Use `matches` without `exists` and `all`."
        )


def _is_bindable(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, list):
        return len(value) <= MAX_ITEMS and all(_is_bindable(item) for item in value)
    return value is None or isinstance(value, bool | int | float | datetime)


def _environment(variables: Mapping[str, Any]) -> Any:
    return cel.NewEnv(config=_LANGUAGE, variables=variables)


def _cel_type(kind: VariableType) -> Any:
    if kind is VariableType.TEXTS:
        return cel.Type.List(cel.Type.STRING)
    return cel.Type.TIMESTAMP if kind is VariableType.INSTANT else cel.Type(kind.value)
