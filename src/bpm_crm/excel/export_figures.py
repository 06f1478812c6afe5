"""The sheets of figures: every number a formula over the facts, with the API's value kept beside it for viewers that do not compute."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from xlsxwriter.worksheet import Worksheet

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.funnel_figures import SegmentFigures, StepFigures
from bpm_crm.excel.export_facts import Facts
from bpm_crm.excel.export_names import Names
from bpm_crm.excel.export_rows import Area, LossNumbers
from bpm_crm.excel.export_words import Words
from bpm_crm.excel.sheets import TOP, Book, Style, ratio

MOST_MONTHS = 120


class FigureSheets:
    """Writes the sheets of figures."""

    def __init__(self, book: Book, facts: Facts, names: Names, words: Words) -> None:
        self._book = book
        self._facts = facts
        self._names = names
        self._words = words
        self._dimensions = facts.question.grouping.dimensions

    def _area(self, key: str, rows: Sequence[Any]) -> Area:
        return Area(self._words[key], len(rows))

    def _number(self, segment: Segment | None) -> int:
        return self._facts.segments[segment or ()]

    def _sheet(self, key: str, headers: Sequence[str], widths: dict[int, int]) -> Worksheet:
        return self._book.figures(self._words[key], self._words[f"about_{key}"], headers, widths)

    def funnel(self) -> None:
        """The funnel of all, then of each segment."""
        shares = ("step_conversion", "overall_conversion", "loss", "loss_rate")
        counts = ("lost", "open", "missed", "cancelled", "forced", "reworked")
        keys = ("reached", "advanced", *shares, *counts, "lower", "upper", "median", "p90")
        headers = [self._words[key] for key in ("segment_no", "segment", "step_no", "step", *keys)]
        sheet = self._sheet("funnel", headers, {1: 24, 3: 30})
        area = self._area("funnel_facts", self._facts.funnel_rows)
        row = TOP + 1
        figures = self._facts.funnel
        split = (item for item in figures.segments if item.segment is not None)
        blocks = [figures.total, *sorted(split, key=lambda item: self._number(item.segment))]
        for block in blocks:
            for step in block.steps:
                self._funnel_row(sheet, area, row, block, step)
                row += 1
        count = len(figures.total.steps)
        if count:
            self._bars(sheet, "funnel", row + 1, (TOP + 1, TOP + count), (3, 3), 4)

    def _funnel_row(self, sheet: Worksheet, area: Area, row: int, block: SegmentFigures, step: StepFigures) -> None:
        put, line = self._book.put, row + 1
        if block.segment is not None:
            put(sheet, row, 0, self._facts.segments[block.segment], Style.WHOLE)
        put(sheet, row, 1, self._names.segment(self._dimensions, block.segment or ()))
        put(sheet, row, 2, step.number, Style.WHOLE)
        put(sheet, row, 3, step.step.titles[self._words.language])
        within = "" if block.segment is None else f",{area.column('E')},$A{line}"

        def count(name: str) -> str:
            span = f'{area.column("C")},"<="&$C{line},{area.column("D")},">="&$C{line}'
            return f'COUNTIFS({area.column("B")},"{name}",{span}{within})'

        is_first = step.number == 1
        entered = f"(E{line}+K{line}+L{line}+M{line})"
        cells: list[tuple[str | None, Style, Any]] = [
            (count("reached"), Style.WHOLE, step.count("reached")),
            (None if is_first else count("advanced"), Style.WHOLE, step.count("advanced")),
            (None if is_first else ratio(f"F{line}", f"E{line - 1}"), Style.RATE, step.step_conversion),
            (ratio(f"E{line}", entered), Style.RATE, step.overall_conversion),
            ("0" if is_first else f"E{line - 1}-F{line}", Style.WHOLE, step.loss),
            (None if is_first else ratio(f"I{line}", f"E{line - 1}"), Style.RATE, step.loss_rate),
            *(
                (count(name), Style.WHOLE, step.count(name))
                for name in ("lost", "open", "missed", "cancelled", "forced", "reworked")
            ),
            (ratio(f"E{line}", entered), Style.RATE, step.bounds[0]),
            (ratio(f"(E{line}+L{line})", entered), Style.RATE, step.bounds[1]),
        ]
        for place, (text, style, value) in enumerate(cells, 4):
            if text is not None:
                self._book.formula(sheet, row, place, text, style, value)
        if block.segment is None and step.seconds is not None:
            self._lengths(sheet, area, row, step.seconds)

    def _lengths(self, sheet: Worksheet, area: Area, row: int, seconds: Sequence[float]) -> None:
        """How long it took from the step before: an array formula over the facts."""
        line = row + 1
        chosen = f'({area.column("B")}="advanced")*({area.column("C")}=$C{line})*ISNUMBER({area.column("G")})'
        for place, (share, value) in enumerate(zip((0.5, 0.9), seconds, strict=True), 18):
            text = f'{{=IFERROR(ROUND(PERCENTILE(IF({chosen},{area.column("G")}),{share}),0),"")}}'
            sheet.write_array_formula(row, place, row, place, text, self._book.formats[Style.WHOLE], floor(value + 0.5))

    def trend(self) -> None:
        """Cases by the month they began in, and how many of them reached the last step."""
        steps = self._facts.funnel.steps.checkpoints
        numbers = {item.checkpoint: item.number for item in self._facts.checkpoints.figures}
        last = next((key for key in reversed(steps) if key in numbers), None)
        arrived = self._words["arrived"].format(title="—" if last is None else self._names.checkpoint(last))
        headers = [self._words["month"], self._words["begun"], arrived, self._words["rate"]]
        sheet = self._sheet("trend", headers, {0: 12, 2: 20})
        if last is None:
            return
        begun = {case["instance_id"]: case["started_at"] for case in self._facts.cases}
        rows = self._facts.checkpoint_rows
        started = [begun[row["instance_id"]] for row in rows if row["step"] == 1]
        reached = [
            begun[row["instance_id"]] for row in rows if row["number"] == "reached" and row["step"] == numbers[last]
        ]
        months = months_of(started, self._book.zone)
        area = self._area("checkpoint_facts", self._facts.checkpoint_rows)
        for row, (since, until) in enumerate(months, TOP + 1):
            line = row + 1
            sheet.write_datetime(row, 0, since.replace(tzinfo=None), self._book.formats[Style.DAY])
            within = f'{area.column("G")},">="&$A{line},{area.column("G")},"<"&EDATE($A{line},1)'
            counts = [sum(since <= at < until for at in instants) for instants in (started, reached)]
            chosen = (f"{area.column('C')},1", f'{area.column("C")},{numbers[last]},{area.column("B")},"reached"')
            for place, (criteria, count) in enumerate(zip(chosen, counts, strict=True), 1):
                self._book.formula(sheet, row, place, f"COUNTIFS({criteria},{within})", Style.WHOLE, count)
            rate = Fraction(counts[1], counts[0]) if counts[0] else None
            self._book.formula(sheet, row, 3, ratio(f"C{line}", f"B{line}"), Style.RATE, rate)
        if months:
            self._lines(sheet, (TOP + 1, TOP + len(months)))

    def checkpoints(self) -> None:
        """Checkpoints and their clocks, by segment."""
        keys = ("started", "reached", "rate", "met", "breached", "overdue", "not_yet_due", "cancelled", "attainment")
        headers = [self._words[key] for key in ("segment_no", "segment", "step_no", "checkpoint", *keys)]
        sheet = self._sheet("checkpoints", headers, {1: 24, 3: 30})
        reached = self._area("checkpoint_facts", self._facts.checkpoint_rows)
        clocks = self._area("clocks", self._facts.clock_rows)
        figures = sorted(self._facts.checkpoints.figures, key=lambda item: (self._number(item.segment), item.number))
        for row, item in enumerate(figures, TOP + 1):
            line, segment = row + 1, tuple(item.segment)
            self._book.put(sheet, row, 0, self._facts.segments[segment], Style.WHOLE)
            self._book.put(sheet, row, 1, self._names.segment(self._dimensions, segment))
            self._book.put(sheet, row, 2, item.number, Style.WHOLE)
            self._book.put(sheet, row, 3, item.titles[self._words.language])

            def count(more: str = "", line: int = line) -> str:
                return f"COUNTIFS({reached.column('C')},$C{line},{reached.column('E')},$A{line}{more})"

            def verdict(name: str, line: int = line) -> str:
                criteria = f'{clocks.column("D")},"{name}",{clocks.column("B")},$C{line},{clocks.column("G")},$A{line}'
                return f"COUNTIFS({criteria}"

            found = item.attainment
            cells: list[tuple[str, Style, Any]] = [
                (count(), Style.WHOLE, item.started),
                (count(f',{reached.column("B")},"reached"'), Style.WHOLE, item.reached),
                (ratio(f"F{line}", f"E{line}"), Style.RATE, item.rate),
                (verdict("met") + ")", Style.WHOLE, found.met),
                (verdict("breached") + ")", Style.WHOLE, found.breached),
                (verdict("breached") + f",{clocks.column('E')},1)", Style.WHOLE, found.overdue),
                (verdict("not_yet_due") + ")", Style.WHOLE, found.not_yet_due),
                (verdict("cancelled") + ")", Style.WHOLE, found.cancelled),
                (ratio(f"H{line}", f"(H{line}+I{line})"), Style.RATE, found.rate),
            ]
            for place, (text, style, value) in enumerate(cells, 4):
                self._book.formula(sheet, row, place, text, style, value)

    def losses(self, numbers: LossNumbers) -> None:
        """Losses by stage and reason, in each segment."""
        facts = self._facts
        currencies = sorted(
            {row["currency"] for row in facts.loss_rows if row["amount"] is not None and row["currency"]}
        )
        keys = ("cell_no", "segment_no", "segment", "stage_no", "stage", "reason", "count", "stage_count", "share")
        headers = [*(self._words[key] for key in keys), *(f"{self._words['amount']}, {item}" for item in currencies)]
        sheet = self._sheet("losses", headers, {2: 24, 4: 26, 5: 30})
        area = self._area("loss_facts", facts.loss_rows)
        put = self._book.put
        for row, item in enumerate(facts.losses.losses, TOP + 1):
            line, segment = row + 1, tuple(item.segment)
            put(sheet, row, 0, numbers.cells[item.stage, item.reason, segment], Style.WHOLE)
            put(sheet, row, 1, facts.segments[segment], Style.WHOLE)
            put(sheet, row, 2, self._names.segment(self._dimensions, segment))
            put(sheet, row, 3, numbers.stages[item.stage], Style.WHOLE)
            put(sheet, row, 4, self._names.stage(item.stage))
            put(sheet, row, 5, self._names.reason(item.reason) or self._words["no_reason"])
            self._book.formula(sheet, row, 6, f"COUNTIFS({area.column('B')},$A{line})", Style.WHOLE, item.cases)
            of_stage = f"COUNTIFS({area.column('C')},$D{line},{area.column('F')},$B{line})"
            self._book.formula(sheet, row, 7, of_stage, Style.WHOLE, item.of_stage)
            share = Fraction(item.cases, item.of_stage) if item.of_stage else None
            self._book.formula(sheet, row, 8, ratio(f"G{line}", f"H{line}"), Style.RATE, share)
            for place, currency in enumerate(currencies, 9):
                total = f'SUMIFS({area.column("H")},{area.column("B")},$A{line},{area.column("I")},"{currency}")'
                self._book.formula(sheet, row, place, total, Style.NUMBER, float(item.amounts.get(currency, 0)))
        count = len(facts.losses.losses)
        if count:
            self._bars(sheet, "losses", TOP + count + 2, (TOP + 1, TOP + min(count, 20)), (4, 5), 6)

    def _bars(
        self, sheet: Worksheet, key: str, at: int, rows: tuple[int, int], names: tuple[int, int], values: int
    ) -> None:
        """A bar chart, the first row on top."""
        chart = self._book.workbook.add_chart({"type": "bar"})
        name = self._words[key]
        chart.add_series(
            {
                "name": name,
                "categories": [name, rows[0], names[0], rows[1], names[1]],
                "values": [name, rows[0], values, rows[1], values],
                "data_labels": {"value": True},
                "fill": {"color": "#2F6DB5"},
                "gap": 40,
            }
        )
        chart.set_title({"name": name, "name_font": {"size": 12}})
        chart.set_y_axis({"reverse": True})
        chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}})
        chart.set_legend({"none": True})
        chart.set_size({"width": 760, "height": 40 + 34 * (rows[1] - rows[0] + 2)})
        sheet.insert_chart(at, 1, chart)

    def _lines(self, sheet: Worksheet, rows: tuple[int, int]) -> None:
        """Lines of the counts, and of the rate on an axis of its own."""
        name = self._words["trend"]
        chart = self._book.workbook.add_chart({"type": "line"})
        for column, color in ((1, "#2F6DB5"), (2, "#3A9A5B"), (3, "#C0504D")):
            chart.add_series(
                {
                    "name": [name, TOP, column],
                    "categories": [name, rows[0], 0, rows[1], 0],
                    "values": [name, rows[0], column, rows[1], column],
                    "line": {"color": color, "width": 2},
                    "marker": {"type": "circle", "size": 4},
                    "y2_axis": column == 3,
                }
            )
        chart.set_x_axis({"num_format": "yyyy-mm"})
        chart.set_y2_axis({"num_format": "0%", "min": 0})
        chart.set_legend({"position": "bottom"})
        chart.set_title({"name": name, "name_font": {"size": 12}})
        chart.set_size({"width": 760, "height": 340})
        sheet.insert_chart(TOP, 5, chart)


def months_of(instants: Sequence[datetime], zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The months from that of the first instant to that of the last, as `[first moment, first moment after)`; the newest, if many."""
    if not instants:
        return []
    first, last = (edge.astimezone(zone) for edge in (min(instants), max(instants)))
    count = (last.year - first.year) * 12 + last.month - first.month + 2
    numbers = [first.year * 12 + first.month - 1 + place for place in range(count)]
    begins = [datetime(number // 12, number % 12 + 1, 1, tzinfo=zone) for number in numbers]
    return list(pairwise(begins))[-MOST_MONTHS:]
