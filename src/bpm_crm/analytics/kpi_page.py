"""The page of all KPIs, generated from their headers: `python -m bpm_crm.analytics.kpi_page` prints `docs/kpi-catalogue.md`."""

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from bpm_crm.analytics.dimensions import OF_CASES, OF_TIME, Dimension
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Better, Kpi, KpiKind, KpiUnit, PeriodBasis

_HEAD: Final = """# Catalogue of KPIs

Every KPI that ships, as `kpiCatalogue` tells it: generated from the headers of the files in `src/bpm_crm/analytics/kpis` by `make schema`,
so it is not to be written by hand. How they are asked, and how one is added, is on the page [KPIs](kpis.md).
"""
_UNITS: Final[Mapping[KpiUnit, str]] = {
    KpiUnit.COUNT: "a count",
    KpiUnit.SHARE: "a share, from 0 to 1",
    KpiUnit.SECONDS: "calendar seconds",
    KpiUnit.BUSINESS_SECONDS: "seconds of business time",
    KpiUnit.MONEY: "money in the company's currency",
    KpiUnit.MONEY_PER_DAY: "money per calendar day",
    KpiUnit.NUMBER: "a number",
    KpiUnit.PER_HOUR: "per working hour",
}
_KINDS: Final[Mapping[KpiKind, str]] = {
    KpiKind.COUNT: "how many there are",
    KpiKind.SHARE: "numerator ÷ denominator, with the interval of Wilson",
    KpiKind.DURATION: "median by Kaplan–Meier, with the interval of Brookmeyer and Crowley; `p90` beside it",
    KpiKind.RATIO: "numerator ÷ denominator, of different things",
    KpiKind.SUM: "a sum; what could not be valued is counted in `leftOut`",
    KpiKind.RATE: "things ÷ working hours",
    KpiKind.VELOCITY: "open × win rate × average deal ÷ cycle",
}
_PERIODS: Final[Mapping[PeriodBasis, str]] = {
    PeriodBasis.BEGUN: "the case began in it",
    PeriodBasis.CLOSED: "the case ended in it",
    PeriodBasis.HAPPENED: "it happened in it",
    PeriodBasis.DUE: "the clock was due in it",
    PeriodBasis.AT_END: "looked at at its end, or at `asOf` if that is earlier",
}
_BETTER: Final[Mapping[Better, str]] = {Better.HIGHER: "higher", Better.LOWER: "lower", Better.NEITHER: "neither way"}


def catalogue_page() -> str:
    """The page, as it is kept in `docs/kpi-catalogue.md`."""
    sections = ("\n".join(_section(kpi)) for kpi in CATALOGUE.values())
    return _HEAD + "".join(f"\n{section}\n" for section in sections)


def _section(kpi: Kpi) -> Iterator[str]:
    yield f"## {kpi.titles['en']}"
    yield ""
    yield kpi.meaning["en"]
    yield ""
    yield f"*{kpi.titles['ru']}.* {kpi.meaning['ru']}"
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| key | `{kpi.key}` |"
    yield f"| value | {_KINDS[kpi.kind]} |"
    yield f"| unit | {_UNITS[kpi.unit]} |"
    yield f"| better | {_BETTER[kpi.better]} |"
    yield f"| period | {_PERIODS[kpi.period]} |"
    yield f"| `groupBy` | {_dimensions(kpi)} |"


def _dimensions(kpi: Kpi) -> str:
    shared = (*OF_CASES, Dimension.PRODUCT, *OF_TIME)
    return ", ".join(f"`{item.name}`" for item in sorted(kpi.dimensions, key=lambda item: (item not in shared, item)))


if __name__ == "__main__":
    sys.stdout.write(catalogue_page())
