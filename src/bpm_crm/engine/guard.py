"""Guard expressions: CEL by Google's C++ implementation, behind a small protocol; the only module that knows that library.

An expression is compiled twice. Once against typed variables, so that unknown names and type errors are found when a definition is
validated; once against dynamic ones, so that a variable may be null at run time. The library takes instants only where they are
declared, so there is one running program for each set of instants that are null. Values bound are capped in size: large strings
are the library's known way to be made slow.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from cel_expr_python import cel

MAX_SOURCE = 2_000
MAX_TEXT = 4_096
MAX_ITEMS = 256

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+|[A-Za-z_][A-Za-z0-9_]*")
_LITERAL = re.compile(r"""r?"(?:\\.|[^"\\])*"|r?'(?:\\.|[^'\\])*'""")
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
        return f"{self.fault} at column {self.column} of `{self.source}`. {self.cure}"


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
        self._checking = cel.NewEnv(variables={name: _cel_type(kind) for name, kind in variables.items()})

    def compile(self, source: str, result: VariableType) -> Expression:
        """Compile `source`, which must yield `result`; `ExpressionInvalid` when it does not."""
        if len(source) > MAX_SOURCE:
            raise ExpressionInvalid(source[:40] + "…", f"longer than {MAX_SOURCE} characters", 0, "Split it.")
        try:
            found = self._checking.compile(source).return_type().name()
        except RuntimeError as error:
            raise self._explained(source, str(error)) from error
        if found not in _RESULT_TYPES[result] and found != "DYN":
            fault = f"yields {found.lower()}, not {result.name.lower()}"
            raise ExpressionInvalid(source, fault, 0, f"Write an expression that yields {result.name.lower()}.")
        return CelExpression(source, {name: self.variables[name] for name in self._names(source)})

    def _names(self, source: str) -> frozenset[str]:
        return frozenset(_NAME.findall(_LITERAL.sub('""', source))) & self.variables.keys()

    def _explained(self, source: str, error: str) -> ExpressionInvalid:
        match = _POSITION.search(error)
        column, fault = (int(match.group(2)), match.group(3)) if match else (0, error.splitlines()[0])
        fault = fault.replace(" (in container '')", "")
        if "undeclared reference" in fault:
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

    def __init__(self, source: str, variables: Mapping[str, VariableType]) -> None:
        self.source = source
        self.names = frozenset(variables)
        self._variables = variables
        self._programs: dict[frozenset[str], Any] = {}

    def evaluate(self, value_of: Callable[[str], Any]) -> Any:
        """The result over the variables as `value_of` gives them; `EvaluationFailed` when there is none."""
        values = {name: value_of(name) for name in self.names}
        for name, value in values.items():
            if _is_too_large(value):
                raise EvaluationFailed(f"{name} is too large for a guard")
        result = self._program(values).eval(data=values)
        if result.type() == cel.Type.ERROR:
            raise EvaluationFailed(str(result.value()))
        return result.plain_value()

    def _program(self, values: Mapping[str, Any]) -> Any:
        instants = frozenset(name for name, value in values.items() if isinstance(value, datetime))
        program = self._programs.get(instants)
        if program is None:
            types = {name: cel.Type.TIMESTAMP if name in instants else cel.Type.DYN for name in values}
            program = self._programs[instants] = cel.NewEnv(variables=types).compile(self.source)
        return program


def _is_too_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > MAX_TEXT
    if isinstance(value, list):
        return len(value) > MAX_ITEMS or any(_is_too_large(item) for item in value)
    return not (value is None or isinstance(value, bool | int | float | datetime))


def _cel_type(kind: VariableType) -> Any:
    if kind is VariableType.TEXTS:
        return cel.Type.List(cel.Type.STRING)
    return cel.Type.TIMESTAMP if kind is VariableType.INSTANT else cel.Type(kind.value)
