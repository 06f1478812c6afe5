"""The variants of a process: the different ways cases went, the most frequent first (`docs/figures.md`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.records.database import Connection

_VARIANTS = report("process_map_variants")


@dataclass(frozen=True, slots=True)
class Variant:
    """One sequence of activities. Seconds run from the start of a case to its end, over those that have ended (`ended`)."""

    key: str
    step: str
    activities: Sequence[str]
    rank: int
    cases: int
    ended: int
    share: Fraction
    cumulative_share: Fraction
    mean: Decimal | None
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class VariantPage:
    """Some variants, and how many there are in all."""

    variants: tuple[Variant, ...]
    total: int


async def read_variants(
    connection: Connection, members: Members, most: int, after: tuple[int, str] | None = None
) -> VariantPage:
    """At most so many variants of a map, after the one of so many cases and that key."""
    cases, key = after or (None, "")
    found = members.statement(_VARIANTS, most=most, after_cases=cases, after_key=key)
    rows = await connection.fetch(found.text, *found.values)
    variants = tuple(
        Variant(
            key=row["key"],
            step=row["step"],
            activities=row["activities"],
            rank=row["rank"],
            cases=row["cases"],
            ended=row["ended"],
            share=Fraction(row["cases"], row["all_cases"]),
            cumulative_share=Fraction(int(row["cases_so_far"]), row["all_cases"]),
            mean=row["mean"],
            median=None if row["seconds"] is None else row["seconds"][0],
            p90=None if row["seconds"] is None else row["seconds"][1],
        )
        for row in rows
        if row["key"] is not None
    )
    return VariantPage(variants, rows[0]["variants"])
