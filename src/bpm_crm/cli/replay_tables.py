"""The figures of a replay as tables for a terminal."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from bpm_crm.engine.cycles import Verdict
from bpm_crm.engine.differences import ReplayDifferenceKind
from bpm_crm.operations.replay_tally import CHECKPOINT, CLOCK, GAINED, LOST, MOVE, UNREADABLE, Figure, Tally
from bpm_crm.records.identifiers import as_uuid
from bpm_crm.records.reference import Reference

_VERDICTS = (Verdict.MET, Verdict.BREACHED, Verdict.CANCELLED, Verdict.PENDING)


def tables_of(tally: Tally, reference: Reference) -> Iterator[Table | Text]:
    """The tables, with a line of totals before and one of unreadable histories after."""
    totals = ", ".join(
        f"{kind.value.replace('_', ' ')}: {figure.units} in {figure.cases} cases"
        for kind in ReplayDifferenceKind
        if (figure := tally.figures.get((MOVE, kind.value))) is not None
    )
    yield Text(
        f"Cases: {tally.cases}. Moves: {tally.moves}. Cases that differ: {tally.differing}. Steps {totals or 'all as recorded'}."
    )
    yield from (
        table for table in (_steps(tally), _clocks(tally), _whose(tally, reference), _checkpoints(tally)) if table.rows
    )
    for key, figure in tally.figures.items():
        if key[0] == UNREADABLE:
            yield Text(f"{figure.cases} histories could not be replayed: {key[1]}. See `bpm-crm verify`.")


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _steps(tally: Tally) -> Table:
    table = _table("steps", "stage", "step", "cause", "number", "cases", "first in")
    found = [(key, figure) for key, figure in tally.figures.items() if key[0] == MOVE and len(key) > 2]
    for key, figure in sorted(found, key=lambda item: (-item[1].units, item[0])):
        _, kind, step, stage, name, code, field, guard, target = key
        cause = f"would lead to {target}" if target else figure.texts.get("en") or f"{code} {field} {guard}".strip()
        table.add_row(kind.replace("_", " "), stage, name or step, Text(cause), *_counts(figure), str(figure.first))
    return table


def _clocks(tally: Tally) -> Table:
    table = _table("clock", *(f"{verdict.value} before → after" for verdict in _VERDICTS), "breaches gained", "lost")
    for clock in dict.fromkeys(key[0] for key in tally.verdicts):
        sides = [
            " → ".join(
                str(
                    sum(
                        count for key, count in tally.verdicts.items() if key[0] == clock and key[side] == verdict.value
                    )
                )
                for side in (1, 2)
            )
            for verdict in _VERDICTS
        ]
        changes = (str(tally.figures.get((CLOCK, clock, change), Figure()).units) for change in (GAINED, LOST))
        table.add_row(clock, *sides, *changes)
    return table


def _whose(tally: Tally, reference: Reference) -> Table:
    table = _table("breaches", "clock", "of", "number", "cases")
    found = [(key, figure) for key, figure in tally.figures.items() if key[0] == CLOCK and len(key) > 3]
    for key, figure in sorted(found, key=lambda item: (item[0][1:4], -item[1].units)):
        _, clock, change, dimension, value = key
        table.add_row(change, clock, f"{dimension} {_name(reference, dimension, value)}", *_counts(figure))
    return table


def _name(reference: Reference, dimension: str, value: str) -> str:
    if dimension == "channel" or not value:
        return value or "—"
    known = reference.users if dimension == "owner" else reference.teams
    record = known.get(as_uuid(value))
    return value if record is None else str(record.name)


def _checkpoints(tally: Tally) -> Table:
    table = _table("checkpoint", "reached before", "after", "gained", "lost")
    for key in dict.fromkeys(key[0] for key in tally.reached):
        changes = (str(tally.figures.get((CHECKPOINT, key, change), Figure()).cases) for change in (GAINED, LOST))
        table.add_row(key, str(tally.reached[key, "before"]), str(tally.reached[key, "after"]), *changes)
    return table


def _counts(figure: Figure) -> tuple[str, str]:
    return str(figure.units), str(figure.cases)
