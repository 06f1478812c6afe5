"""Reports to be stored: the KPIs of a process in one period, asked for given instants, and how they are written and read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from math import inf, isinf
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import Frame, Question, read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Kpi
from bpm_crm.analytics.measures import Measurement, measure
from bpm_crm.records.database import Connection

_STORED = tuple(field.name for field in fields(Measurement) if field.name not in {"segment", "interval"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The KPIs of one process over all of its cases, and the frame they were asked in."""

    frame: Frame
    measurements: Mapping[str, Measurement]


def kpis_of(process: str) -> dict[str, Kpi]:
    """The KPIs that a process has, by key."""
    return {key: kpi for key, kpi in CATALOGUE.items() if kpi.process in {None, process}}


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
    measurements = {}
    for key, kpi in kpis_of(process).items():
        measurements[key] = (await measure(connection, kpi, frame, question)).total
    return Snapshot(frame, measurements)


def written(measurements: Mapping[str, Measurement]) -> dict[str, Any]:
    """Measurements as JSON: exact fractions as text, an end of an interval that was not seen as null."""
    return {key: _written(found) for key, found in measurements.items()}


def read(stored: Mapping[str, Any]) -> dict[str, Measurement]:
    """Measurements from what `written` made of them."""
    return {key: _read(values) for key, values in stored.items()}


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
