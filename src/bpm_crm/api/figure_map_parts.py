"""Makes the parts of a process map from what was counted."""

from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from bpm_crm.analytics.event_log import activity_titles
from bpm_crm.analytics.process_map import Cell, MapFigures, Spans
from bpm_crm.api.context import RequestContext
from bpm_crm.api.figure_frames import rate
from bpm_crm.api.figure_map_types import CaseDurations, Handover, MapActivity, MapEdge, MapLoop, Performer, Rework
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.people import user_of
from bpm_crm.operations.access import Permission

SECOND_DIGITS = Decimal(1).scaleb(-6)


class Waits(TypedDict):
    """Mean, median and 90th percentile."""

    mean_seconds: Decimal
    median_seconds: Decimal
    p90_seconds: Decimal


def seconds_of(value: Decimal | float | None) -> Decimal | None:
    """Seconds to the microsecond."""
    return None if value is None else Decimal(value).quantize(SECOND_DIGITS)


def title(context: RequestContext, figures: MapFigures, activity: str | None) -> str:
    """The name of an activity in the language of the request."""
    titles = activity_titles(figures.frame.versions, figures.classifier, str(activity))
    return titles["ru" if context.language == "ru" else "en"]


def activity_type(context: RequestContext, figures: MapFigures, cell: Cell, drilldown: Drilldown) -> MapActivity:
    """An activity as the API shows it."""
    activity = str(cell.parts[1])
    return MapActivity(
        activity=activity,
        title=title(context, figures, activity),
        events=cell.times(),
        cases=cell.count(),
        starts=cell.count("starts"),
        ends=cell.count("ends"),
        standing=cell.count("standing"),
        reworked=cell.count("reworked"),
        repeats=cell.times("reworked"),
        step=cell.step,
        drilldown=drilldown,
    )


def edge_type(context: RequestContext, figures: MapFigures, cell: Cell, drilldown: Drilldown) -> MapEdge:
    """An edge as the API shows it."""
    _, source, target = cell.parts
    spans = _spans(cell)
    return MapEdge(
        source=str(source),
        source_title=title(context, figures, source),
        target=str(target),
        target_title=title(context, figures, target),
        count=cell.times(),
        cases=cell.count(),
        **_waits(spans),
        min_seconds=_exact(spans.least),
        max_seconds=_exact(spans.greatest),
        step=cell.step,
        drilldown=drilldown,
    )


def loop_type(context: RequestContext, figures: MapFigures, cell: Cell, drilldown: Drilldown) -> MapLoop:
    """A loop as the API shows it."""
    activities = [str(part) for part in cell.parts[1:]]
    return MapLoop(
        activities=activities,
        titles=[title(context, figures, activity) for activity in activities],
        count=cell.times(),
        cases=cell.count(),
        step=cell.step,
        drilldown=drilldown,
    )


def handover_type(context: RequestContext, _figures: MapFigures, cell: Cell, drilldown: Drilldown) -> Handover:
    """A handover as the API shows it."""
    _, giver, taker = cell.parts
    return Handover(
        giver=_performer(context, str(giver)),
        taker=_performer(context, str(taker)),
        count=cell.times(),
        cases=cell.count(),
        **_waits(_spans(cell)),
        step=cell.step,
        drilldown=drilldown,
    )


def durations_type(cell: Cell) -> CaseDurations:
    """The durations of the cases as the API shows them."""
    spans = cell.spans
    return CaseDurations(
        ended=cell.count("ended"),
        open=cell.count("open"),
        mean_seconds=None if spans is None else _exact(spans.mean),
        median_seconds=None if spans is None else _exact(spans.median),
        p90_seconds=None if spans is None else _exact(spans.p90),
        min_seconds=None if spans is None else _exact(spans.least),
        max_seconds=None if spans is None else _exact(spans.greatest),
        expected_median_seconds=seconds_of(cell.expected[0]),
        expected_p90_seconds=seconds_of(cell.expected[1]),
    )


def rework_type(cell: Cell) -> Rework:
    """The rework of the map as the API shows it."""
    return Rework(
        cases=cell.count("reworked"),
        total=cell.count(),
        rate=rate(cell.share("reworked")),
        repeats=cell.times("reworked"),
    )


def _performer(context: RequestContext, performer: str) -> Performer:
    """A performer as the report names it: `user:` with an id, or `name:` with a name."""
    kind, _, key = performer.partition(":")
    if not context.caller.may(Permission.VIEW_PEOPLE):
        return Performer(user=None, name=None)
    user = user_of(context.known, UUID(key)) if kind == "user" else None
    return Performer(user=user, name=key if kind == "name" else None if user is None else user.name)


def _spans(cell: Cell) -> Spans:
    if cell.spans is None:
        raise LookupError(f"the report counts {cell.step} and does not measure it")
    return cell.spans


def _waits(spans: Spans) -> Waits:
    return Waits(mean_seconds=_exact(spans.mean), median_seconds=_exact(spans.median), p90_seconds=_exact(spans.p90))


def _exact(value: Decimal | float) -> Decimal:
    return Decimal(value).quantize(SECOND_DIGITS)
