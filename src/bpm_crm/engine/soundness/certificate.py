"""The certificate of a version: what was proved of it, what was not decided, and what its clocks promise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bpm_crm.engine.definition import Title
from bpm_crm.engine.duration import parse_span
from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.soundness.undecided import Property, Undecided
from bpm_crm.engine.soundness.worst_case import Limit, WorstCase
from bpm_crm.engine.traces import Trace, trace_data, trace_of

FORM: Final = 1
"""The form of stored certificates."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known of the soundness of a definition. One of a published version has no problems.

    `proved` counts the places for which a property was proved; `shortest` leads to a won stage in the fewest steps; `waivers` are
    the stages without a clock and why; `milliseconds` is what the proof took.
    """

    solver: str
    proved: Mapping[Property, int]
    undecided: tuple[Undecided, ...]
    problems: tuple[Problem, ...]
    shortest: Trace
    worst_case: WorstCase
    waivers: Mapping[str, Title]
    milliseconds: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems

    def taking(self, milliseconds: int) -> "Certificate":
        """The same, with what it took."""
        return replace(self, milliseconds=milliseconds)


def certificate_data(certificate: Certificate) -> dict[str, Any]:
    """A certificate as plain JSON data."""
    worst = certificate.worst_case
    return {
        "form": FORM,
        "solver": certificate.solver,
        "milliseconds": certificate.milliseconds,
        "proved": {found.value: count for found, count in certificate.proved.items()},
        "undecided": [
            {"property": item.property.value, "path": list(item.path), "obstacle": item.obstacle}
            for item in certificate.undecided
        ],
        "problems": [_problem_data(problem) for problem in certificate.problems],
        "shortest": trace_data(certificate.shortest),
        "worst_case": {
            "limits": [
                {
                    "stage": item.stage,
                    "clock": item.clock,
                    "target": str(item.target),
                    "always_open": item.always_open,
                }
                for item in worst.limits
            ],
            "unbounded": list(worst.unbounded),
            "is_exact": worst.is_exact,
        },
        "waivers": {stage: {"en": title.en, "ru": title.ru} for stage, title in certificate.waivers.items()},
    }


def certificate_of(data: Mapping[str, Any]) -> Certificate:
    """The certificate of its plain data."""
    worst = data["worst_case"]
    return Certificate(
        solver=data["solver"],
        proved={Property(found): count for found, count in data["proved"].items()},
        undecided=tuple(
            Undecided(Property(item["property"]), tuple(item["path"]), item["obstacle"]) for item in data["undecided"]
        ),
        problems=tuple(_problem_of(item) for item in data["problems"]),
        shortest=trace_of(data["shortest"]),
        worst_case=WorstCase(
            tuple(
                Limit(item["stage"], item["clock"], parse_span(item["target"]), item["always_open"])
                for item in worst["limits"]
            ),
            tuple(worst["unbounded"]),
            worst["is_exact"],
        ),
        waivers={stage: Title(title["en"], title["ru"]) for stage, title in data["waivers"].items()},
        milliseconds=data["milliseconds"],
    )


def _problem_data(problem: Problem) -> dict[str, Any]:
    params = {
        name: {"en": value.en, "ru": value.ru} if isinstance(value, Title) else value
        for name, value in problem.params.items()
    }
    return {
        "code": problem.code.value,
        "path": list(problem.path),
        "params": params,
        "line": problem.line,
        "trace": trace_data(problem.trace),
    }


def _problem_of(data: Mapping[str, Any]) -> Problem:
    params = {
        name: Title(value["en"], value["ru"]) if isinstance(value, Mapping) else value
        for name, value in data["params"].items()
    }
    code = ProblemCode(data["code"])
    return Problem(code, tuple(data["path"]), params, data["line"], trace_of(data["trace"]))
