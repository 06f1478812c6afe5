"""The sheet of KPIs: each in all and by segment, shares and other quotients as formulas over what they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import isinf
from typing import Any

from xlsxwriter.worksheet import Worksheet

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.formulas import Measurement
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.kpi_catalogue import Kpi, KpiKind, KpiUnit
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.own_facts import MOST_CASES, TooManyCases
from bpm_crm.analytics.own_kpis import near_keys
from bpm_crm.analytics.snapshots import kpis_of
from bpm_crm.excel.export_input import MOST_KPIS
from bpm_crm.excel.export_names import Names
from bpm_crm.excel.export_words import Words
from bpm_crm.excel.problems import TableCode, TableRefused
from bpm_crm.excel.sheets import TOP, Book, Style, ratio
from bpm_crm.records.database import Connection

SECONDS_OF_DAY = 86_400
"""Spreadsheets keep durations in days."""

_STYLES: Mapping[KpiUnit, Style] = {
    KpiUnit.COUNT: Style.WHOLE,
    KpiUnit.SHARE: Style.RATE,
    KpiUnit.SECONDS: Style.DURATION,
    KpiUnit.BUSINESS_SECONDS: Style.DURATION,
    KpiUnit.MONEY: Style.MONEY,
    KpiUnit.MONEY_PER_DAY: Style.MONEY,
    KpiUnit.NUMBER: Style.NUMBER,
    KpiUnit.PER_HOUR: Style.NUMBER,
}
_COLUMNS = ("kpi", "segment", "unit", "better", "value", "numerator", "denominator", "lower_95", "upper_95")
_MORE = ("nine_tenths", "ended", "not_ended", "left_out", "group_by", "key")


async def read_kpis(
    connection: Connection, process: str, keys: Sequence[str] | None, frame: Frame, question: Question
) -> list[Measured]:
    """The KPIs of these keys (None: all that the process has, by key), each by those of the question's dimensions it can be grouped by.

    `TableRefused` for a key that is no longer there, for too many KPIs, and for one that would look at too many cases.
    """
    known = await kpis_of(connection, question.tenant_id, process)
    chosen = sorted(known) if keys is None else keys
    if len(chosen) > MOST_KPIS:
        raise TableRefused(TableCode.TOO_MANY_KPIS, found=len(chosen), maximum=MOST_KPIS)
    for key in chosen:
        if key not in known:
            raise TableRefused(TableCode.UNKNOWN_KPI, key=key, near=", ".join(near_keys(known, key)))
    return [await _measured(connection, known[key], frame, question) for key in chosen]


async def _measured(connection: Connection, kpi: Kpi, frame: Frame, question: Question) -> Measured:
    offered = tuple(item for item in question.grouping.dimensions if item in kpi.dimensions)
    asked = replace(question, grouping=replace(question.grouping, dimensions=offered))
    try:
        return await measure(connection, kpi, frame, asked)
    except TooManyCases as error:
        raise TableRefused(TableCode.KPI_TOO_BROAD, key=kpi.key, maximum=MOST_CASES) from error


class KpiSheet:
    """Writes the sheet of KPIs. `currency` is that of the company."""

    def __init__(self, book: Book, names: Names, words: Words, currency: str) -> None:
        self._book = book
        self._names = names
        self._words = words
        self._currency = currency

    def write(self, kpis: Sequence[Measured]) -> None:
        """Write them: of each the total, then its segments by name."""
        words = self._words
        headers = [words[key] for key in (*_COLUMNS, *_MORE)]
        sheet = self._book.figures(words["kpis"], words["about_kpis"], headers, {0: 42, 1: 24, 2: 20, 14: 24})
        row = TOP + 1
        for measured in kpis:
            dimensions = measured.members.question.grouping.dimensions
            split = sorted(measured.segments, key=partial(self._order, dimensions))
            for item in (measured.total, *split):
                self._row(sheet, row, measured, item)
                row += 1

    def _order(self, dimensions: Sequence[Dimension], item: Measurement) -> list[tuple[bool, str, str]]:
        return self._names.in_order(dimensions, item.segment or ())

    def _row(self, sheet: Worksheet, row: int, measured: Measured, item: Measurement) -> None:
        put, words, kpi = self._book.put, self._words, measured.kpi
        dimensions = measured.members.question.grouping.dimensions
        style = _STYLES[kpi.unit]
        put(sheet, row, 0, kpi.titles[words.language])
        put(sheet, row, 1, self._names.segment(dimensions, item.segment or ()))
        put(sheet, row, 2, words[f"unit_{kpi.unit}"].format(currency=self._currency))
        put(sheet, row, 3, words[f"better_{kpi.better}"])
        self._value(sheet, row, kpi, item, style)
        self._amount(sheet, row, 5, item.numerator)
        self._amount(sheet, row, 6, item.denominator)
        lower, upper = (None, None) if item.interval is None else item.interval
        for place, end in enumerate((lower, upper, item.p90), 7):
            put(sheet, row, place, _shown(end, style), style)
        for place, count in enumerate((item.seen, item.censored, item.left_out), 10):
            put(sheet, row, place, count, Style.WHOLE)
        put(sheet, row, 13, ", ".join(dimension.value for dimension in dimensions))
        put(sheet, row, 14, kpi.key)

    def _value(self, sheet: Worksheet, row: int, kpi: Kpi, item: Measurement, style: Style) -> None:
        """A quotient as a formula; what is none, as a median or a sum, as the number."""
        value = _shown(item.value, style)
        if kpi.kind is KpiKind.DURATION or item.denominator is None:
            self._book.put(sheet, row, 4, value, style)
            return
        line = row + 1
        self._book.formula(sheet, row, 4, ratio(f"F{line}", f"G{line}"), style, value)

    def _amount(self, sheet: Worksheet, row: int, column: int, amount: Fraction | None) -> None:
        if amount is not None:
            whole = amount.denominator == 1
            self._book.put(sheet, row, column, float(amount), Style.WHOLE if whole else Style.NUMBER)


def _shown(number: Any, style: Style) -> float | None:
    """A number as a cell holds it; None of none, and of an end that was not seen."""
    if number is None or isinf(number):
        return None
    return float(number) / SECONDS_OF_DAY if style is Style.DURATION else float(number)
