"""What cases add to the figures by the report's own SQL, in columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.columns import Columns, Ids
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.placed import Placed, given_values
from bpm_crm.analytics.cells.sheets import OF_STEPS, PROCESS, STEP, Evaluation, Kept
from bpm_crm.analytics.cells.spreads import CALENDAR, Ints, growing_keys, keys_of
from bpm_crm.analytics.cells.sums import Added
from bpm_crm.analytics.cells.tallies import summed
from bpm_crm.analytics.statements import report, statement
from bpm_crm.engine.instants import SECOND, instant_of
from bpm_crm.engine.process import Process
from bpm_crm.records.database import Row

_CONTRIBUTIONS = report("contributions")
_LIMB = 9
"""Digits of a decimal that are summed together: sums of so many cases as there can be fit 64 bits."""
_ORIGIN = instant_of(datetime.fromisoformat("2025-01-01T00:00:00Z"))
"""Where axes of business time begin: near to what is measured, as a calendar is laid out from there."""
_DATABASE_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From where the database counts microseconds."""
_FOR_EVER = np.iinfo(np.int64).max
"""How the database tells the end of time."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What cases add to one report, and until when that holds of each, in microseconds as the database counts them."""

    added: Added
    until: Ints


async def contributions(kept: Kept, asked: Evaluation, cases: Placed, days: Days, as_of: datetime) -> Contribution:
    """What the cases asked about, some of those placed, add to a kept report by an instant; all that the statements see was known then."""
    values = {**await kept.values(asked), **given_values(asked, as_of)}
    told = _Told.of([await _row(text, asked, values) for text in kept.contributions])
    places = cases.places_of(told.cases)
    until = np.full(len(cases.cases), _FOR_EVER)
    np.minimum.at(until, places, told.until)
    return Contribution(_added(told, places, asked, cases, days, as_of), until)


async def _row(text: str, asked: Evaluation, values: Mapping[str, Any]) -> Row:
    """What a statement tells, all of it in one row."""
    found = statement(
        f"{text.rstrip()}\n{_CONTRIBUTIONS}",
        asked.tenant_id,
        values,
        segment=OF_STEPS.reached,
        standing_segment=OF_STEPS.standing,
    )
    row: Row = await asked.connection.fetchrow(found.text, *found.values)
    return row


@dataclass(frozen=True, slots=True)
class _Told:
    """What statements tell, in columns; `steps` are those of a whole segment that depend on the step, `instants` in microseconds since 1970."""

    cases: bytes
    instants: Ints
    steps: Sequence[Sequence[str | None]]
    numbers: Sequence[str | None]
    amounts: Ints
    moneys: Sequence[str | None]
    slots: Ints
    seconds: NDArray[np.float64]
    axes: Ints
    until: Ints

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Told":
        """The columns of several rows, one after the other."""

        def packed(name: str, kind: str) -> NDArray[Any]:
            return np.frombuffer(b"".join(row[name] or b"" for row in rows), kind)

        def texts(name: str) -> list[str | None]:
            return [text for row in rows for text in row[name] or ()]

        return cls(
            cases=b"".join(row["cases"] or b"" for row in rows),
            instants=packed("instants", ">i8").astype(np.int64) + instant_of(_DATABASE_EPOCH),
            steps=[texts(name) for name in ("owners", "teams", "versions")],
            numbers=texts("numbers"),
            amounts=packed("amounts", ">i8").astype(np.int64),
            moneys=texts("moneys"),
            slots=packed("slots", ">i4").astype(np.int64),
            seconds=packed("seconds", ">f8").astype(np.float64),
            axes=packed("axes", ">i4").astype(np.int64),
            until=packed("until", ">i8").astype(np.int64),
        )


def _added(told: _Told, places: Ints, asked: Evaluation, cases: Placed, days: Days, as_of: datetime) -> Added:
    """The columns of what is told of cases at these places; one segment for each case, day and what depends on the step."""
    on, rows = np.unique(days.ordinals_of(told.instants), return_inverse=True)
    rows = places * len(on) + rows
    steps = [_numbered(texts) for texts in told.steps]
    for known, numbers in steps:
        rows = rows * len(known) + numbers
    kinds, groups = np.unique(rows, return_inverse=True)
    names, entries = _entries(told, groups, _keys(told, places, asked, cases, as_of))
    of_steps: list[Ints] = []
    for known, _ in reversed(steps):
        kinds, numbers = np.divmod(kinds, max(1, len(known)))
        of_steps.append(numbers)
    of_case, of_days = np.divmod(kinds, max(1, len(on)))
    codes, values = cases.codes[:, of_case], list(cases.values)
    for row, (known, _), numbers in zip(STEP, steps, reversed(of_steps), strict=True):
        codes[row], values[row] = numbers, known
    return Added(Columns(values, names, codes, *entries), on[of_days], of_case)


def _numbered(texts: Sequence[str | None]) -> tuple[list[str | None], Ints]:
    """Texts in their order, none first, and the place of each."""
    ids = Ids()
    codes = np.asarray([ids[text] for text in texts], np.int64)
    order = sorted(ids, key=lambda text: (text is not None, text or ""))
    ranks = np.empty(len(ids), np.int64)
    ranks[[ids[text] for text in order]] = np.arange(len(ids))
    return order, ranks[codes]


def _entries(told: _Told, groups: Ints, keys: Ints) -> tuple[list[str], tuple[Ints, Ints, Ints]]:
    """The names of numbers; and group, key and amount of each entry: numbers, the limbs of money, lengths of time; summed up."""
    ids, told_by_name = Ids(), list(zip(told.numbers, told.moneys, strict=True))
    named = [-1 - ids[name] if name is not None and money is None else 0 for name, money in told_by_name]
    numbers = np.asarray(named, np.int64)
    limbs_of = [
        (int(groups[place]), -1 - ids[f"{name[:-1]}, {power}]"], limb)
        for place, (name, money) in enumerate(told_by_name)
        if name is not None and money is not None
        for power, limb in limbs(Decimal(money)).items()
    ]
    money = np.asarray(limbs_of, np.int64).reshape(-1, 3)
    counted, measured = numbers < 0, keys >= 0
    columns = (
        (groups[counted], money[:, 0], groups[measured]),
        (numbers[counted], money[:, 1], keys[measured]),
        (told.amounts[counted], money[:, 2], np.ones(np.count_nonzero(measured), np.int64)),
    )
    return [str(name) for name in ids], summed(*(np.concatenate(column) for column in columns))


def _keys(told: _Told, places: Ints, asked: Evaluation, cases: Placed, as_of: datetime) -> Ints:
    """The keys of the lengths of each row; -1: none."""
    slots, seconds, axes = told.slots, told.seconds, told.axes
    keys = np.where(slots >= 0, keys_of(slots, seconds), -1)
    growing = np.flatnonzero((slots >= 0) & (axes >= 0))
    of_process = np.where(axes[growing] == CALENDAR, -1, cases.codes[PROCESS][places[growing]])
    kinds, numbers = np.unique(np.stack([of_process, axes[growing]]), axis=1, return_inverse=True)
    processes = cases.values[PROCESS]
    come = [_axis_now(asked, None if code < 0 else processes[code], axis, as_of) for code, axis in kinds.T.tolist()]
    now = np.asarray([np.nan if at is None else at for at in come], np.float64)[numbers.reshape(-1)]
    known = ~np.isnan(now)
    some = growing[known]
    keys[some] = growing_keys(slots[some], axes[some], now[known] - seconds[some])
    return keys


def axis_now(process: Process | None, as_of: datetime) -> float:
    """How far an axis has come by an instant, in seconds: that of the calendar (no process), or of a process's business time."""
    at = instant_of(as_of)
    return (at if process is None else process.calendar.between(_ORIGIN, at)) / SECOND


def _axis_now(asked: Evaluation, definition: str | None, axis: int, as_of: datetime) -> float | None:
    """How far an axis has come; None: that of a version not published yet, whose calendar no report knows."""
    if definition is None:
        return axis_now(None, as_of)
    process = asked.processes.get((UUID(definition), axis))
    return None if process is None else axis_now(process, as_of)


def untils(contributed: Sequence[Contribution], size: int) -> list[datetime | None]:
    """Of each of so many cases until when all that it adds holds; None: until it changes."""
    first = np.full(size, _FOR_EVER)
    for contribution in contributed:
        np.minimum(first, contribution.until, out=first)
    return [None if until == _FOR_EVER else _DATABASE_EPOCH + timedelta(microseconds=until) for until in first.tolist()]


def limbs(amount: Decimal) -> dict[int, int]:
    """A decimal as whole numbers by powers of ten, nine digits each: what can be summed exactly in 64 bits."""
    sign, digits, exponent = amount.as_tuple()
    power = int(exponent) // _LIMB * _LIMB
    rest = int("".join(map(str, digits))) * 10 ** (int(exponent) - power)
    found: dict[int, int] = {}
    while rest:
        rest, limb = divmod(rest, 10**_LIMB)
        if limb:
            found[power] = -limb if sign else limb
        power += _LIMB
    return found
