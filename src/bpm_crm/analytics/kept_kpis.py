"""KPIs that cells keep: all that count or measure cases by an instant. One sheet holds them all."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from bpm_crm.analytics.cells.sheets import OF_STEPS, Evaluation, Kept, Layout
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import LAST_INSTANT, Version
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Kpi
from bpm_crm.analytics.kpi_kinds import KpiKind, KpiSubject
from bpm_crm.analytics.kpi_values import values_of
from bpm_crm.analytics.statements import report

_UNITS: Final = "units AS ("
_SELECTS: Final = {
    KpiKind.COUNT: report("kpi_counted"),
    KpiKind.SHARE: report("kpi_counted"),
    KpiKind.DURATION: report("kpi_lasted"),
    KpiKind.RATIO: report("kpi_weighed"),
    KpiKind.SUM: report("kpi_weighed"),
    KpiKind.VELOCITY: report("kpi_weighed"),
    KpiKind.RATE: report("kpi_counted"),
}
_FALLING_DUE: Final = report("kpi_falling_due")


def _contributions(kpis: Sequence[Kpi]) -> tuple[str, ...]:
    """What cases add to KPIs: one statement for all that begin alike."""
    found: dict[str, list[str]] = defaultdict(list)
    for kpi in kpis:
        head, _, tail = kpi.text_of_given.partition(_UNITS)
        found[head].append(f"(WITH {_UNITS}{_in_segments(kpi, tail)}{_select(kpi)})")
    return tuple(f"{head}contributed AS (\n{'UNION ALL'.join(parts)}\n)\n" for head, parts in found.items())


def _in_segments(kpi: Kpi, text: str) -> str:
    """The SQL of the units of a KPI, in segments of what depends on the step, the clock if there is one, and the instant."""
    dimensions = (*OF_STEPS.dimensions, Dimension.CLOCK) if kpi.clock else OF_STEPS.dimensions
    grouping = Grouping(dimensions, clock=kpi.clock, stratum=f"({kpi.instant})::text")
    return text.replace("{standing_segment}", grouping.standing).replace("{segment}", grouping.reached)


def _select(kpi: Kpi) -> str:
    last = len(OF_STEPS.dimensions) + 1
    key = f"'{kpi.key}/' || m.segment[{last}]" if kpi.clock else f"'{kpi.key}'"
    at = f"m.segment[{last + bool(kpi.clock)}]::timestamptz"
    select = _SELECTS[kpi.kind].replace("{place}", f"(:numbers::jsonb ->> ({key}))::int").replace("{at}", at)
    return f"\n{select}{_FALLING_DUE if 'due_cycles' in kpi.text else ''}"


def _layout(versions: Sequence[Version]) -> Layout | None:
    """A step for each KPI, of those of clocks for each clock."""
    clocks = sorted({clock for version in versions for clock in version.clocks})
    steps = [
        step
        for kpi in _KEPT.values()
        for step in ([f"{kpi.key}/{clock}" for clock in clocks] if kpi.clock else [kpi.key])
    ]
    return (tuple(steps), tuple(sorted({version.definition_id for version in versions}))) if versions else None


async def _values(asked: Evaluation) -> Mapping[str, Any]:
    numbers = {step: number for number, step in enumerate(asked.checkpoints, 1)}
    of_no_period = {"hours_definitions": [], "hours_hours": [], "day_ends": LAST_INSTANT}
    return {**values_of(asked.frame.versions), **of_no_period, "numbers": numbers}


_KEPT: Final = {key: kpi for key, kpi in CATALOGUE.items() if kpi.subject is KpiSubject.CASES and kpi.instant}
KEPT_KPIS: Final = Kept("kpis", _contributions(list(_KEPT.values())), _layout, _values, shares_steps=True)
"""All of them are kept together, so that what is put together for one serves the others."""


def is_kept(kpi: Kpi) -> bool:
    """Whether cells keep a KPI: one that ships and goes by an instant, of cases. A customer has one case or many."""
    return _KEPT.get(kpi.key) is kpi


@cache
def contributions_to(key: str) -> tuple[str, ...]:
    """What cases add to one KPI."""
    return _contributions([_KEPT[key]])
