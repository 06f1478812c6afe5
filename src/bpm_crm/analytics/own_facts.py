"""Evaluates the expressions of a company's own KPI over cases as history knew them, by the evaluator of guards."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, Final
from uuid import UUID

from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.own_kpi import Compiled, OwnKpi, compiled
from bpm_crm.analytics.statements import report, statement
from bpm_crm.analytics.version_cache import VersionCache
from bpm_crm.analytics.version_definitions import load_definitions
from bpm_crm.engine.definition import Field, ProcessDefinition, Title
from bpm_crm.engine.fields import guard_value
from bpm_crm.engine.guard import EvaluationFailed, Expression
from bpm_crm.records.database import Connection, Row
from bpm_crm.records.states import unpack_before, unpack_mapping

MOST_CASES: Final = 100_000
"""Cases that a company's own KPI may look at in one question."""
_AT_ONCE: Final = 500
_FACTS: Final = report("own_facts")
_FACTS_OF_GIVEN: Final = report("own_facts", moving_cases="given_cases")
_DEFINITIONS: Final = VersionCache(64, load_definitions)

Values = dict[str, Any]


class TooManyCases(Exception):
    """A period holds more cases than the expressions of an own KPI are evaluated over."""

    def __init__(self) -> None:
        self.text = Title(
            f"This KPI would look at more than {MOST_CASES} cases; choose a shorter period or filter the cases.",
            f"Показателю пришлось бы прочитать больше {MOST_CASES} процессов; сократите период или отберите процессы.",
        )
        super().__init__(self.text.en)


async def newest_definition(
    connection: Connection, frame: Frame, tenant_id: UUID, process: str
) -> ProcessDefinition | None:
    """The newest version of a process known to the frame; None where there is none."""
    known = [version for version in frame.versions if version.process == process]
    if not known:
        return None
    [definition] = await _DEFINITIONS.read(connection, tenant_id, [(known[-1].definition_id, known[-1].number)])
    return definition


async def chosen_cases(connection: Connection, own: OwnKpi, frame: Frame, question: Question, values: Values) -> Values:
    """The cases for which the filter holds, with what the other expressions give, as named values for `own_kpi.sql`.

    With `cases` among the values only those are looked at: all that the period may concern.
    `TooManyCases` for a question that reads more than `MOST_CASES`.
    """
    base: Values = {"own_begins": own.begins, "own_ends": own.ends, "own_ids": [], "own_met": [], "own_amounts": []}
    definition = await newest_definition(connection, frame, question.tenant_id, own.process)
    if definition is None:
        return base
    expressions = compiled(own, definition)
    facts = _FACTS_OF_GIVEN if "cases" in values else _FACTS
    found = statement(facts, question.tenant_id, {**values, **base, "most": MOST_CASES + 1}, cases=question.cases)
    seen = 0
    async for row in connection.cursor(found.text, *found.values, prefetch=_AT_ONCE):
        seen += 1
        if seen > MOST_CASES:
            raise TooManyCases
        _add(base, row["instance_id"], expressions, facts_of(row, definition, values["as_of"]))
    return base


def _add(base: Values, instance_id: UUID, expressions: Compiled, value_of: Callable[[str], Any]) -> None:
    if expressions.filter is not None and not holds(expressions.filter, value_of):
        return
    base["own_ids"].append(instance_id)
    base["own_met"].append(expressions.condition is not None and holds(expressions.condition, value_of))
    base["own_amounts"].append(None if expressions.value is None else amount(expressions.value, value_of))


def _field_value(field: Field, stored: Any) -> Any:
    """What expressions see of a stored value; None of one that an older version stored as something else."""
    try:
        return guard_value(field, stored)
    except (ValueError, TypeError):
        return None


def holds(expression: Expression, value_of: Callable[[str], Any]) -> bool:
    """Whether a condition holds; one that cannot be computed, for want of data for example, does not: as with guards."""
    try:
        return expression.evaluate(value_of) is True
    except EvaluationFailed:
        return False


def amount(expression: Expression, value_of: Callable[[str], Any]) -> Decimal | None:
    """The number that an expression yields; None when there is none."""
    try:
        found = expression.evaluate(value_of)
    except EvaluationFailed:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        return None
    return Decimal(repr(found))


def _visits(row: Row) -> Mapping[str, int]:
    """How often each stage was visited, by its present name: what the last migration left, and the visits since."""
    visits: Mapping[str, int] = row["visits"]
    packed = row["migration"]
    if packed is None:
        return visits
    found = Counter(visits)
    for stage, count in unpack_before(packed).visits.items():
        found[unpack_mapping(packed).stages.get(stage) or stage] += count
    return found


def facts_of(row: Row, definition: ProcessDefinition, at: Any) -> Callable[[str], Any]:
    """The lookup of a variable by its dotted name over a row of `own_facts.sql`; `now` is `at`."""
    counts: Mapping[str, Mapping[str, int]] = {"visits": _visits(row), "activities": row["activities"]}
    instance = {
        "stage": row["stage"],
        "channel": row["channel"],
        "region": row["region"] or "",
        "owner": "" if row["owner_id"] is None else str(row["owner_id"]),
        "started_at": row["started_at"],
        "entered_at": row["moved_at"],
        "outcome": row["outcome"] or "",
        "reason": (row["reason"] or "") if row["outcome"] else "",
    }

    def value_of(name: str) -> Any:
        root, _, key = name.partition(".")
        match root:
            case "data":
                return _field_value(definition.fields[key], row["data"].get(key))
            case "reached":
                return key in row["reached"]
            case "clocks":
                return row["clocks"].get(key, "")
            case "instance":
                return instance[key]
            case "now":
                return at
            case _:
                return counts[root].get(key, 0)

    return value_of
