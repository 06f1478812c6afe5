"""The catalogue of KPIs, read from `kpis/*.sql` when the program starts: one file per KPI (`docs/kpis.md`).

The SQL of a file ends in a CTE `units`: what the KPI counts or measures, each unit with its case and segment. The kind says which
columns a unit has, and what becomes of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bpm_crm.analytics.counted_members import newest_of
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import Titles
from bpm_crm.analytics.kpi_header import HeaderBroken, read_header
from bpm_crm.analytics.kpi_kinds import Better, KpiKind, KpiSubject, KpiUnit, PeriodBasis
from bpm_crm.analytics.own_kpi import OwnKpi
from bpm_crm.analytics.statements import with_parts

__all__ = [
    "CATALOGUE",
    "Better",
    "Kpi",
    "KpiKind",
    "KpiSubject",
    "KpiUnit",
    "PeriodBasis",
    "kpi_text",
    "read_catalogue",
    "read_kpi",
]

KPIS: Final = Path(__file__).parent / "kpis"


@dataclass(frozen=True, slots=True)
class Kpi:
    """A KPI. `text` is its SQL up to the CTE `members`; `instant` and `clock` are the SQL of what time dimensions and `CLOCK` take.

    `text_of_given` is the same over cases given by id (`GIVEN`), of those that the period may concern; `candidates` finds these, newest first.

    `values` are named values of its own. `process` narrows it to the cases of one process. `version` and `own` are those
    of one that a company defined itself; shipped ones have none.
    """

    key: str
    titles: Titles
    meaning: Titles
    unit: KpiUnit
    better: Better
    kind: KpiKind
    period: PeriodBasis
    dimensions: tuple[Dimension, ...]
    text: str = field(repr=False)
    text_of_given: str = field(repr=False)
    candidates: str = field(default="", repr=False)
    instant: str = ""
    clock: str = ""
    subject: KpiSubject = KpiSubject.CASES
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    process: str | None = None
    version: int | None = None
    own: OwnKpi | None = None

    @property
    def is_snapshot(self) -> bool:
        """Whether it looks at one instant: the end of the period, or `as_of` if that is earlier."""
        return self.period is PeriodBasis.AT_END

    @property
    def takes_targets(self) -> bool:
        """Whether it looks at what is due in the period."""
        return ":due_since" in self.text

    @property
    def takes_day(self) -> bool:
        """Whether it looks at the rest of the day of an instant."""
        return ":day_ends" in self.text

    @property
    def takes_amounts(self) -> bool:
        """Whether it looks at the amounts of deals."""
        return "amount_fields" in self.text


GIVEN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("begun_cases", "closed_cases", "moving_cases", "open_cases", "due_open_cases"), "given_cases"),
    **dict.fromkeys(("clocked_due", "clocked_period"), "clocked_given"),
}
"""The parts that find the cases a period concerns in all of history, and those that take cases by id in their place."""

_MEMBERS: Final[Mapping[KpiKind, str]] = {
    KpiKind.COUNT: "{count_members}",
    KpiKind.SHARE: "{share_members}",
    KpiKind.DURATION: "{duration_members}",
}


def kpi_text(body: str, kind: KpiKind, **parts: str) -> str:
    """The SQL of a KPI with its shared parts (`statements.report`) and the CTE `members` that its kind makes of its units."""
    return with_parts(f"{body.rstrip()},\n{_MEMBERS.get(kind, '{weighed_members}')}", **parts)


def _candidates(body: str) -> str:
    """The SQL of the newest of the cases that the period may concern; empty where the KPI does not begin with them."""
    for part, given in GIVEN.items():
        if f"{{{part}}}" in body:
            return newest_of(part, "clocked") if given == "clocked_given" else newest_of(part)
    return ""


def read_kpi(path: Path) -> Kpi:
    """A KPI from its file; `HeaderBroken`, with file and line, for a header that cannot be used."""
    header = read_header(path)
    kind = header.choice("kind", KpiKind)
    kpi = Kpi(
        key=header.text("key"),
        titles=header.titles("title"),
        meaning=header.titles("meaning"),
        unit=header.choice("unit", KpiUnit),
        better=header.choice("better", Better),
        kind=kind,
        period=header.choice("period", PeriodBasis),
        dimensions=header.dimensions(),
        text=kpi_text(header.body, kind),
        text_of_given=kpi_text(header.body, kind, **GIVEN),
        candidates=_candidates(header.body),
        instant=header.text("instant", ""),
        clock=header.text("clock", ""),
        subject=header.choice("of", KpiSubject, KpiSubject.CASES),
    )
    header.finish()
    if kpi.key != path.stem:
        raise HeaderBroken(f"{path.name}:1: the key is “{kpi.key}”; name the file {kpi.key}.sql")
    return kpi


def read_catalogue(folder: Path) -> Mapping[str, Kpi]:
    """The KPIs of a folder by key."""
    return {kpi.key: kpi for kpi in map(read_kpi, sorted(folder.glob("*.sql")))}


CATALOGUE: Final[Mapping[str, Kpi]] = read_catalogue(KPIS)
"""The shipped KPIs by key."""
