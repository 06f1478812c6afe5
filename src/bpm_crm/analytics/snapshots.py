"""Reports to be stored: the KPIs of a process in one period, asked for given instants, and how they are written and read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from math import inf, isinf
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import Frame, Question, Titles, read_frame
from bpm_crm.analytics.kpi_catalogue import Better, Kpi, KpiUnit
from bpm_crm.analytics.measures import Measured, Measurement, measure
from bpm_crm.analytics.own_kpis import every_kpi
from bpm_crm.records.database import Connection

_STORED = tuple(field.name for field in fields(Measurement) if field.name not in {"segment", "interval"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The KPIs of one process over all of its cases, and the frame they were asked in."""

    frame: Frame
    measured: Sequence[Measured]


@dataclass(frozen=True, slots=True)
class Stored:
    """A KPI as it was stored: what it was called and measured in then, and its value."""

    key: str
    titles: Titles
    unit: KpiUnit
    better: Better
    version: int | None
    measurement: Measurement


async def kpis_of(connection: Connection, tenant_id: UUID, process: str) -> dict[str, Kpi]:
    """The KPIs that a process has, shipped and own, by key."""
    known = await every_kpi(connection, tenant_id)
    return {key: kpi for key, kpi in known.items() if kpi.process in {None, process}}


async def take_snapshot(
    connection: Connection,
    tenant_id: UUID,
    process: str,
    *,
    since: datetime,
    until: datetime,
    known_at: datetime,
) -> Snapshot:
    """The KPIs of a process in `[since, until)`, as of its end by what was known at `known_at`."""
    frame = await read_frame(connection, tenant_id, process=process, as_of=until, known_at=known_at)
    question = Question(tenant_id, since=since, until=until)
    kpis = await kpis_of(connection, tenant_id, process)
    return Snapshot(frame, [await measure(connection, kpis[key], frame, question) for key in sorted(kpis)])


def written(snapshot: Snapshot) -> dict[str, Any]:
    """The measurements of a snapshot as JSON: exact fractions as text, an end of an interval that was not seen as null."""
    return {
        measured.kpi.key: {
            "titles": dict(measured.kpi.titles),
            "unit": measured.kpi.unit,
            "better": measured.kpi.better,
            "version": measured.kpi.version,
            "measurement": _written(measured.total),
        }
        for measured in snapshot.measured
    }


def read(stored: Mapping[str, Any]) -> list[Stored]:
    """What `written` made of a snapshot, by key."""
    return [
        Stored(
            key,
            part["titles"],
            KpiUnit(part["unit"]),
            Better(part["better"]),
            part["version"],
            _read(part["measurement"]),
        )
        for key, part in sorted(stored.items())
    ]


def _written(found: Measurement) -> dict[str, Any]:
    values = {name: _plain(getattr(found, name)) for name in _STORED}
    interval = None if found.interval is None else [None if isinf(end) else end for end in found.interval]
    return {**values, "interval": interval}


def _read(values: Mapping[str, Any]) -> Measurement:
    interval: Sequence[float | None] | None = values["interval"]
    ends = None if interval is None else (_seen(interval[0]), _seen(interval[1]))
    known: dict[str, Any] = {
        name: Fraction(value) if isinstance(value := values[name], str) else value for name in _STORED
    }
    return Measurement(segment=None, interval=ends, **known)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value


def _seen(end: float | None) -> float:
    return inf if end is None else end
