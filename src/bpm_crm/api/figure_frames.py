"""What every figure says of itself: the instants, period, filter and versions it was asked of, and the segments it is split into."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import floor
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry
from strawberry.scalars import JSON

from bpm_crm.analytics.dimensions import OF_CASES, Dimension, Grouping, Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question, Version, lacks_product, read_frame
from bpm_crm.analytics.segment_titles import key_and_title
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.api.context import RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere, fact_condition
from bpm_crm.api.figure_inputs import PeriodInput
from bpm_crm.api.ids import to_global
from bpm_crm.api.instance_filters import scope_condition
from bpm_crm.engine.definition import Title
from bpm_crm.engine.instants import FIRST_YEAR, LAST_YEAR
from bpm_crm.operations.access import Permission
from bpm_crm.records.database import Connection
from bpm_crm.records.selection import All, Condition, Parameters, where

MOST_SEGMENTS = 500
RATE_DIGITS = Decimal(1).scaleb(-10)


_EARLIEST, _LATEST = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC), datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
"""The years that business time is worked out for: nothing happens outside."""


@strawberry.type(description="A period: from its first instant up to, and without, its last.")
class Period:
    """A half-open period."""

    from_: datetime | None = strawberry.field(name="from", description="First instant inside; null: open.")
    to: datetime | None = strawberry.field(description="First instant after it; null: open.")


@strawberry.type(description="A process a figure was made of, and its versions known at `knownAt`.")
class FigureProcess:
    """A process a figure was made of."""

    process: str = strawberry.field(description="Key of the process.")
    first_version: int = strawberry.field(description="Its first version.")
    latest_version: int = strawberry.field(description="Its newest version then: titles are from it.")


@strawberry.type(
    description="What a figure was asked of. Asked again with this `asOf`, `knownAt`, period and filter, it has the same value."
)
class FigureFrame:
    """What a figure was asked of."""

    as_of: datetime = strawberry.field(description="What happened later is left out.")
    known_at: datetime = strawberry.field(description="What was recorded later is left out.")
    period: Period | None = strawberry.field(description="The period; null: ever.")
    filter: JSON | None = strawberry.field(description="The `where` it was asked with; null: none.")
    processes: list[FigureProcess] = strawberry.field(description="The processes it was made of.")


@strawberry.type(description="The value of a dimension in a segment.")
class DimensionValue:
    """The value of a dimension in a segment."""

    dimension: Dimension = strawberry.field(description="Which dimension.")
    key: str | None = strawberry.field(
        description="Stable key; of an owner the global id, of a version `process@number`, of a part of the calendar as in ISO 8601 (`2026-09`). Null: the cases without a value."
    )
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")


def question_of(
    context: RequestContext, period: PeriodInput | None, filter_: FactWhere | None, grouping: Grouping
) -> Question:
    """The question over the cases of a filter inside the viewer's reach; faults as of `question_over`."""
    return question_over(context, period, fact_condition(filter_, context.known), grouping)


def question_over(
    context: RequestContext, period: PeriodInput | None, condition: Condition, grouping: Grouping
) -> Question:
    """The question over the cases inside the viewer's reach, by their owner and team now; a fault for an empty period."""
    viewer, scope = context.require(Permission.VIEW_FIGURES)
    parameters = Parameters([viewer.tenant_id])
    text = where(All((condition, scope_condition(scope, "i"))), parameters)
    cases = CaseFilter(text, parameters.values[1:])
    if period is None:
        return Question(viewer.tenant_id, cases, grouping=grouping)
    since, until = instants_of(period, context.known.tenant.zone)
    return Question(viewer.tenant_id, cases, since, until, grouping)


def instants_of(period: PeriodInput, zone: str) -> tuple[datetime, datetime]:
    """The instants `[since, until)` of a period; its days begin in a time zone. A fault for an empty one, or an end given twice.

    An end in years in which nothing can happen leaves the period open.
    """
    since = _end(period.from_, period.from_date, "from", zone) or FIRST_INSTANT
    until = _end(period.to, period.to_date, "to", zone) or LAST_INSTANT
    if since >= until:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "A period ends after it begins: its end is not in it.",
                "Период кончается позже, чем начинается: его конец в него не входит.",
            ),
        )
    return (
        FIRST_INSTANT if since <= _EARLIEST else min(since, _LATEST),
        LAST_INSTANT if until > _LATEST else max(until, _EARLIEST),
    )


def _end(instant: datetime | None, day: date | None, name: str, zone: str) -> datetime | None:
    if instant is not None and day is not None:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(f"Give `{name}` or `{name}Date`, not both.", f"Задайте `{name}` или `{name}Date`, но не оба."),
        )
    if day is None:
        return instant
    if not FIRST_INSTANT.year < day.year < LAST_INSTANT.year:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(f"`{name}Date` lies between the years 2 and 9998.", f"`{name}Date` лежит между годами 2 и 9998."),
        )
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def case_dimensions(chosen: Sequence[Dimension] | None) -> list[Dimension]:
    """The dimensions chosen, each once; a fault for one that only KPIs have."""
    for dimension in chosen or ():
        if dimension not in OF_CASES:
            known = ", ".join(item.name for item in OF_CASES)
            raise Fault(
                Code.BAD_USER_INPUT,
                Title(
                    f"Only KPIs can be grouped by {dimension.name}; this figure can by {known}.",
                    f"По {dimension.name} группируются только показатели; этот отчёт — по {known}.",
                ),
            )
    return list(dict.fromkeys(chosen or ()))


async def frame_of(
    context: RequestContext,
    connection: Connection,
    question: Question,
    process: str | None = None,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
) -> Frame:
    """The frame of a question; a fault for a process that the company does not have, or that has no product to filter by."""
    instants = {"as_of": as_of and max(as_of, _EARLIEST), "known_at": known_at and max(known_at, _EARLIEST)}
    frame = await read_frame(connection, question.tenant_id, process=process, **instants)
    if process is not None and not frame.versions:
        known = ", ".join(sorted(record.key for record in context.known.definitions.values()))
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(f"There is no process “{process}”; there are: {known}.", f"Процесса «{process}» нет; есть: {known}."),
        )
    check_product(question.cases, frame.versions)
    return frame


def check_product(cases: CaseFilter, versions: Sequence[Version]) -> None:
    """A fault for a filter by product over versions of which none binds a data field to it."""
    lacking = lacks_product(cases, versions)
    if lacking is not None:
        raise Fault(Code.BAD_USER_INPUT, lacking)


def check_segments(number: int) -> None:
    """A fault for more segments than anybody reads."""
    if number > MOST_SEGMENTS:
        message = Title(
            f"This makes {number} segments, at most {MOST_SEGMENTS} are given; filter the cases or drop a dimension.",
            f"Получается {number} сегментов, отдаётся не больше {MOST_SEGMENTS}; отберите процессы или уберите измерение.",
        )
        raise Fault(Code.BAD_USER_INPUT, message, maximum=MOST_SEGMENTS, found=number)


def frame_type(frame: Frame, versions: Sequence[Version], question: Question, filter_: FactWhere | None) -> FigureFrame:
    """A frame as the API shows it, with the versions the figure was made of."""
    numbers: dict[str, list[int]] = {}
    for version in versions:
        numbers.setdefault(version.process, []).append(version.number)
    return FigureFrame(
        as_of=frame.as_of,
        known_at=frame.known_at,
        period=_shown_period(question),
        filter=None if filter_ is None else JSON(plain_input(filter_)),
        processes=[
            FigureProcess(process=process, first_version=min(known), latest_version=max(known))
            for process, known in numbers.items()
        ],
    )


def _shown_period(question: Question) -> Period | None:
    since = None if question.since == FIRST_INSTANT else question.since
    until = None if question.until == LAST_INSTANT else question.until
    return None if since is None and until is None else Period(from_=since, to=until)


def dimension_values(
    context: RequestContext, dimensions: Sequence[Dimension], segment: Segment, versions: Sequence[Version] = ()
) -> list[DimensionValue]:
    """The values of a segment as the API shows them; `versions` give stages and clocks their titles."""
    return [
        _dimension_value(dimension, *key_and_title(context.known, versions, dimension, value, context.language))
        for dimension, value in zip(dimensions, segment, strict=True)
    ]


def _dimension_value(dimension: Dimension, key: str | None, title: str) -> DimensionValue:
    shown = key if key is None or dimension is not Dimension.OWNER else to_global("User", UUID(key))
    return DimensionValue(dimension=dimension, key=shown, title=title)


def by_title(values: Sequence[DimensionValue]) -> list[tuple[bool, str, str]]:
    """Sorts segments by the names people see, those without a value last."""
    return [(value.key is None, value.title.casefold(), value.key or "") for value in values]


def rate(share: Fraction | None) -> Decimal | None:
    """A share as a decimal fraction of ten digits."""
    return None if share is None else (Decimal(share.numerator) / Decimal(share.denominator)).quantize(RATE_DIGITS)


def decimal(number: float) -> Decimal:
    """A number that was estimated, as a decimal of ten digits."""
    return Decimal(number).quantize(RATE_DIGITS)


def whole(seconds: float | None) -> int | None:
    """Seconds, rounded to whole ones."""
    return None if seconds is None else floor(seconds + 0.5)


def plain_input(value: Any) -> Any:
    """An input as it was written: GraphQL names, nothing that was left out."""
    if is_dataclass(value) and not isinstance(value, type):
        present = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {_graphql_name(name): plain_input(item) for name, item in present if item is not None}
    if isinstance(value, list):
        return [plain_input(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    return value if isinstance(value, str | int | bool) else str(value)


def _graphql_name(name: str) -> str:
    first, *others = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in others)
