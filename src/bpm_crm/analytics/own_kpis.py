"""KPIs that a company defined itself, beside those that ship."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final
from uuid import UUID

from bpm_crm.analytics.dimensions import OF_CASES, OF_TIME, Dimension
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Kpi, KpiUnit, PeriodBasis, kpi_text
from bpm_crm.analytics.own_kpi import KIND_OF, OwnKind, OwnKpi, own_kpi_of
from bpm_crm.analytics.statements import report
from bpm_crm.records.database import Connection
from bpm_crm.records.own_kpis import current_kpis

_BODY: Final = report("own_kpi")
_UNITS: Final = {
    OwnKind.COUNT: KpiUnit.COUNT,
    OwnKind.SUM: KpiUnit.NUMBER,
    OwnKind.SHARE: KpiUnit.SHARE,
    OwnKind.DURATION: KpiUnit.SECONDS,
}


def near_keys(known: Iterable[str], key: str) -> list[str]:
    """The keys most like one that there is not; all where none is."""
    keys = sorted(known)
    return get_close_matches(key, keys, n=3) or keys


async def every_kpi(connection: Connection, tenant_id: UUID) -> dict[str, Kpi]:
    """Every KPI by key: those that ship, and those of the company that are not retired."""
    rows = await current_kpis(connection, tenant_id)
    own = (kpi_of(own_kpi_of(row["document"]), row["version"]) for row in rows if row["document"] is not None)
    return {kpi.key: kpi for kpi in own} | dict(CATALOGUE)


def kpi_of(own: OwnKpi, version: int | None) -> Kpi:
    """A KPI like those that ship, made of a definition; it behaves as they do. One without a version is a draft."""
    text = kpi_text(_BODY, KIND_OF[own.kind])
    return Kpi(
        key=own.key,
        titles={"en": own.title_en, "ru": own.title_ru},
        meaning={"en": own.meaning_en, "ru": own.meaning_ru},
        unit=KpiUnit.MONEY if own.is_money else _UNITS[own.kind],
        better=own.better,
        kind=KIND_OF[own.kind],
        period=PeriodBasis.BEGUN if own.begins is None else PeriodBasis.HAPPENED,
        dimensions=(*OF_CASES, Dimension.PRODUCT, *OF_TIME),
        text=text,
        text_of_given=text,
        instant="p.at",
        process=own.process,
        version=version,
        own=own,
    )
