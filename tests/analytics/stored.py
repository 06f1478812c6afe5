"""Every report by name, asked with nothing but a frame and a question: what a stored answer is compared with later."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, Final

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import UNGROUPED, Dimension
from bpm_crm.analytics.effect_series import Week, read_weeks, values_of
from bpm_crm.analytics.estimates import read_estimates
from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.extracts import read_cases, read_steps
from bpm_crm.analytics.forensics import read_forensics
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.funnel_figures import FunnelMode, FunnelUnit, OrderMode
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Better, Kpi
from bpm_crm.analytics.kpi_moves import read_move
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.managers import read_managers
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.members import Wanted
from bpm_crm.analytics.outcomes import read_outcomes
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi
from bpm_crm.analytics.own_kpis import kpi_of
from bpm_crm.analytics.process_map import Section, map_members, read_process_map
from bpm_crm.analytics.series import read_series
from bpm_crm.analytics.stage_times import read_stage_times
from bpm_crm.analytics.stranded import read_stranded
from bpm_crm.analytics.variants import read_variants
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records.database import Connection
from tests.analytics.leads import MONDAY

Report = Callable[[Connection, Frame, Question], Awaitable[Any]]

WEEK: Final = timedelta(days=7)
_PROCESSES: Final = ProcessCache()


async def _processes(connection: Connection, frame: Frame, question: Question) -> Processes:
    keys = [(version.definition_id, version.number) for version in frame.versions]
    return {key: await _PROCESSES.get(connection, question.tenant_id, *key) for key in keys}


def _funnel(
    mode: FunnelMode, order_mode: OrderMode = OrderMode.ANY, unit: FunnelUnit = FunnelUnit.INSTANCE, **window: timedelta
) -> Report:
    async def read(connection: Connection, frame: Frame, question: Question) -> Any:
        return await read_funnel(connection, frame, question, mode=mode, order_mode=order_mode, unit=unit, **window)

    return read


async def _estimates(connection: Connection, frame: Frame, question: Question) -> Any:
    figures = await read_funnel(connection, frame, question)
    return await read_estimates(connection, figures.members)


async def _outcomes(connection: Connection, frame: Frame, question: Question) -> Any:
    return (await read_outcomes(connection, frame, question)).outcomes


async def _stage_times(connection: Connection, frame: Frame, question: Question) -> Any:
    processes = await _processes(connection, frame, question)
    return (await read_stage_times(connection, frame, question, processes)).times


async def _forensics(connection: Connection, frame: Frame, question: Question) -> Any:
    processes = await _processes(connection, frame, question)
    return (await read_forensics(connection, frame, question, processes)).traces


async def _managers(connection: Connection, frame: Frame, question: Question) -> Any:
    found = await read_managers(connection, frame, question, by=Dimension.OWNER, basis=question.grouping.basis)
    return found.managers


def _map(classifier: EventClassifier) -> Report:
    async def read(connection: Connection, frame: Frame, question: Question) -> Any:
        asked = replace(question, grouping=UNGROUPED)
        found = await read_process_map(connection, frame, asked, classifier, tuple(Section))
        variants = await read_variants(connection, map_members(frame, asked, classifier), 1_000)
        return found.cells, variants

    return read


async def _extracts(connection: Connection, frame: Frame, question: Question) -> Any:
    """The rows that workbooks take of the cases of a cohort."""
    members = (await measure(connection, CATALOGUE["new_cases"], frame, question)).members
    ids = (await members.listed(connection, [Wanted("", ("numerator",), None, 1_000)]))[0].ids
    cases = await read_cases(connection, frame, question, ids)
    steps = await read_steps(connection, frame, question, ids, 100_000)
    return [[tuple(row.values()) for row in rows] for rows in (cases, steps)]


def _kpi(kpi: Kpi) -> Report:
    async def read(connection: Connection, frame: Frame, question: Question) -> Any:
        found = await measure(connection, kpi, frame, question)
        return found.total, found.segments

    return read


async def _series(connection: Connection, frame: Frame, question: Question) -> Any:
    asked = replace(question, since=MONDAY, until=MONDAY + 2 * WEEK)
    points = await read_series(connection, CATALOGUE["open_cases"], frame, asked, Dimension.DAY, "Europe/Moscow")
    return [(point.bucket, point.measurement) for point in points]


async def _weeks(connection: Connection, frame: Frame, question: Question) -> Any:
    """What effects are measured from."""
    weeks = [Week(place, MONDAY + place * WEEK, MONDAY + (place + 1) * WEEK) for place in range(2)]
    asked = replace(question, grouping=UNGROUPED)
    return values_of(await read_weeks(connection, CATALOGUE["attainment"], frame, asked, weeks, timedelta(0)))


async def _move(connection: Connection, frame: Frame, question: Question) -> Any:
    base, now = replace(question, until=MONDAY + WEEK / 4), replace(question, since=MONDAY + WEEK / 4)
    found = await read_move(connection, CATALOGUE["lead_to_sale"], frame, base, now, (Dimension.OWNER,))
    return found.base, found.now, [item.contributions for item in found.breakdowns]


def _own(kind: OwnKind, **parts: str) -> Report:
    return _kpi(kpi_of(OwnKpi("own", "callback-request", kind, "", "", "", "", Better.HIGHER, **parts), 1))


def numbers_of(answer: Any) -> Any:
    """What an answer says, whatever order its segments come in; times are compared to the microsecond."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return (type(answer).__name__, *(numbers_of(getattr(answer, item.name)) for item in fields(answer)))
    if isinstance(answer, Mapping):
        return sorted(((repr(key), numbers_of(value)) for key, value in answer.items()), key=repr)
    if isinstance(answer, float):
        return round(answer, 6)
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return sorted((numbers_of(item) for item in answer), key=repr)
    return answer


REPORTS: Mapping[str, Report] = {
    **{f"cohort {order}": _funnel(FunnelMode.COHORT, order) for order in OrderMode},
    "period": _funnel(FunnelMode.PERIOD),
    "snapshot": _funnel(FunnelMode.SNAPSHOT),
    "estimates": _estimates,
    "within a day": _funnel(FunnelMode.COHORT, window=timedelta(days=1)),
    **{f"customers {mode}": _funnel(mode, unit=FunnelUnit.CUSTOMER) for mode in FunnelMode},
    "losses": read_losses,
    "forensics": _forensics,
    "checkpoints": read_checkpoints,
    "stage times": _stage_times,
    "outcomes": _outcomes,
    "managers": _managers,
    "stranded": read_stranded,
    **{f"map {classifier}": _map(classifier) for classifier in EventClassifier},
    "extracts": _extracts,
    **{key: _kpi(kpi) for key, kpi in CATALOGUE.items()},
    "own count": _own(OwnKind.COUNT, filter="visits.offer > 1 || activities.call > 0 || clocks.response == 'met'"),
    "own sum": _own(OwnKind.SUM, value="data.amount", filter="data.amount != null", begins="offer"),
    "own share": _own(OwnKind.SHARE, condition="instance.outcome == 'won'", begins="interested"),
    "own duration": _own(OwnKind.DURATION, begins="interested", ends="offer"),
    "series": _series,
    "weeks": _weeks,
    "move": _move,
}
