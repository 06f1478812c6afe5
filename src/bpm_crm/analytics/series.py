"""A KPI over time: its values by day, week, month, quarter or year of a period."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.formulas import Measurement, nothing_measured
from bpm_crm.analytics.frames import FIRST_INSTANT, Frame, Question
from bpm_crm.analytics.kpi_catalogue import Kpi
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.periods import Bucket, buckets
from bpm_crm.engine.definition import Title
from bpm_crm.records.database import Connection

MOST_POINTS = 400
MOST_QUESTIONS = 31
"""Figures that have to be asked anew for each part of a period are asked so often at most."""


class SeriesTooLong(Exception):
    """A period has no beginning, or more parts than a series may have."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.text = Title(
            f"A series needs a period with a beginning and has at most {most} points; choose longer ones.",
            f"Ряду нужен период с началом, и точек в нём не больше {most}; выберите части длиннее.",
        )
        super().__init__(self.text.en)


@dataclass(frozen=True, slots=True)
class Point:
    """A KPI in one part of the period, with what it was measured in (to find its cases)."""

    bucket: Bucket
    measurement: Measurement
    measured: Measured


async def read_series(
    connection: Connection, kpi: Kpi, frame: Frame, question: Question, part: Dimension, zone: str
) -> list[Point]:
    """A KPI in each part of the period up to `as_of`, none left out.

    In one statement where units are told apart by when they happened; figures of an instant, or per working hour, are asked anew for
    each part. `SeriesTooLong` for too many parts.
    """
    is_dimension = part in kpi.dimensions
    parts = _parts(frame, question, part, zone, MOST_POINTS if is_dimension else MOST_QUESTIONS)
    if is_dimension:
        grouped = replace(question, grouping=Grouping((part,), question.grouping.basis))
        measured = await measure(connection, kpi, frame, grouped)
        known = {item.segment: item for item in measured.segments}
        return [
            Point(item, known.get((item.key,)) or nothing_measured(kpi.kind, (item.key,)), measured) for item in parts
        ]
    points = []
    for item in parts:
        asked = replace(question, since=item.since, until=item.until, grouping=Grouping(basis=question.grouping.basis))
        measured = await measure(connection, kpi, frame, asked)
        points.append(Point(item, measured.total, measured))
    return points


def _parts(frame: Frame, question: Question, part: Dimension, zone: str, most: int) -> Sequence[Bucket]:
    if question.since == FIRST_INSTANT:
        raise SeriesTooLong(most)
    found: list[Bucket] = []
    for item in takewhile(
        lambda bucket: bucket.since <= frame.as_of, buckets(question.since, question.until, part, zone)
    ):
        if len(found) == most:
            raise SeriesTooLong(most)
        found.append(item)
    return found
