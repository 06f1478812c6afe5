"""What cases add to the figures by the report's own SQL, in columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.columns import Columns, Ids
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.placed import Placed, given_values
from bpm_crm.analytics.cells.sheets import OF_STEPS, OWNER, PROCESS, TEAM, Evaluation, Kept
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
    """What the cases asked about, some of those placed, add to a kept report by an instant; all that the statement sees was known then."""
    values = {**await kept.values(asked), **given_values(asked, as_of)}
    found = statement(
        f"{kept.contributions.rstrip()}\n{_CONTRIBUTIONS}",
        asked.tenant_id,
        values,
        segment=OF_STEPS.reached,
        standing_segment=OF_STEPS.standing,
    )
    row = await asked.connection.fetchrow(found.text, *found.values)
    places = cases.places_of(row["cases"] or b"")
    until = np.full(len(cases.cases), _FOR_EVER)
    np.minimum.at(until, places, np.frombuffer(row["until"] or b"", ">i8").astype(np.int64))
    return Contribution(_added(row, places, asked, cases, days, as_of), until)


def _added(row: Row, places: Ints, asked: Evaluation, cases: Placed, days: Days, as_of: datetime) -> Added:
    """The columns of what a row tells of cases at these places; one segment for each case, day, owner and team."""
    instants = np.frombuffer(row["instants"] or b"", ">i8").astype(np.int64) + instant_of(_DATABASE_EPOCH)
    on, on_places = np.unique(days.ordinals_of(instants), return_inverse=True)
    (owners, owner_places), (teams, team_places) = (_numbered(row[name] or ()) for name in ("owners", "teams"))
    rows = ((places * len(on) + on_places) * len(owners) + owner_places) * len(teams) + team_places
    kinds, groups = np.unique(rows, return_inverse=True)
    names, entries = _entries(row, groups, _keys(row, places, asked, cases, as_of))
    kinds, team_codes = np.divmod(kinds, max(1, len(teams)))
    kinds, owner_codes = np.divmod(kinds, max(1, len(owners)))
    of_case, on_codes = np.divmod(kinds, max(1, len(on)))
    codes, values = cases.codes[:, of_case], list(cases.values)
    codes[OWNER], codes[TEAM], values[OWNER], values[TEAM] = owner_codes, team_codes, owners, teams
    return Added(Columns(values, names, codes, *entries), on[on_codes], of_case)


def _numbered(texts: Sequence[str | None]) -> tuple[list[str | None], Ints]:
    """Texts in their order, none first, and the place of each."""
    ids = Ids()
    codes = np.asarray([ids[text] for text in texts], np.int64)
    order = sorted(ids, key=lambda text: (text is not None, text or ""))
    ranks = np.empty(len(ids), np.int64)
    ranks[[ids[text] for text in order]] = np.arange(len(ids))
    return order, ranks[codes]


def _entries(row: Row, groups: Ints, keys: Ints) -> tuple[list[str], tuple[Ints, Ints, Ints]]:
    """The names of numbers; and group, key and amount of each entry: numbers, the limbs of money, lengths of time; summed up."""
    ids = Ids()
    named = [-1 - ids[name] if name is not None else 0 for name in row["numbers"] or ()]
    numbers = np.asarray(named, np.int64)
    limbs_of = [
        (int(groups[place]), -1 - ids[f"{row['numbers'][place][:-1]}, {power}]"], limb)
        for place, money in enumerate(row["moneys"] or ())
        if money is not None
        for power, limb in limbs(Decimal(money)).items()
    ]
    money = np.asarray(limbs_of, np.int64).reshape(-1, 3)
    counted, measured = numbers < 0, keys >= 0
    amounts = np.frombuffer(row["amounts"] or b"", ">i8").astype(np.int64)
    columns = (
        (groups[counted], money[:, 0], groups[measured]),
        (numbers[counted], money[:, 1], keys[measured]),
        (amounts[counted], money[:, 2], np.ones(np.count_nonzero(measured), np.int64)),
    )
    return [str(name) for name in ids], summed(*(np.concatenate(column) for column in columns))


def _keys(row: Row, places: Ints, asked: Evaluation, cases: Placed, as_of: datetime) -> Ints:
    """The keys of the lengths of each row; -1: none."""
    slots = np.frombuffer(row["slots"] or b"", ">i4").astype(np.int64)
    seconds = np.frombuffer(row["seconds"] or b"", ">f8").astype(np.float64)
    axes = np.frombuffer(row["axes"] or b"", ">i4").astype(np.int64)
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
