"""The sheets of rows: cases, steps, clock cycles, and the facts that the figures count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpm_crm.excel.export_facts import Facts
from bpm_crm.excel.export_names import Names
from bpm_crm.excel.export_words import Words
from bpm_crm.excel.sheets import Book, Column, Style


@dataclass(frozen=True, slots=True)
class Area:
    """The cells of a sheet of facts that a formula looks at; columns by letter."""

    sheet: str
    rows: int

    def column(self, letter: str) -> str:
        """One column of it."""
        return f"'{self.sheet}'!${letter}$2:${letter}${max(self.rows, 1) + 1}"


@dataclass(frozen=True, slots=True)
class LossNumbers:
    """The numbers of the cells of the loss sheet, and of its stages."""

    cells: Mapping[tuple[Any, ...], int]
    stages: Mapping[str, int]


def loss_numbers(facts: Facts) -> LossNumbers:
    """Number the cells and stages in the order in which losses are listed."""
    cells = {(item.stage, item.reason, tuple(item.segment)): place for place, item in enumerate(facts.losses.losses, 1)}
    stages = {stage: place for place, stage in enumerate(dict.fromkeys(item.stage for item in facts.losses.losses), 1)}
    return LossNumbers(cells, stages)


class RowSheets:
    """Writes the sheets of rows."""

    def __init__(self, book: Book, facts: Facts, names: Names, words: Words, *, customers: bool) -> None:
        self._book = book
        self._facts = facts
        self._names = names
        self._words = words
        self._customers = customers
        self._begun = {case["instance_id"]: case["started_at"] for case in facts.cases}

    def write(self, numbers: LossNumbers) -> None:
        """Write all of them."""
        facts = self._facts
        self._table("cases", self._case_columns(), facts.cases)
        self._table("steps", self._step_columns(), facts.steps)
        self._table("clocks", self._clock_columns(), facts.clock_rows)
        self._table("funnel_facts", self._funnel_columns(), facts.funnel_rows)
        self._table("checkpoint_facts", self._checkpoint_columns(), facts.checkpoint_rows)
        self._table("loss_facts", self._loss_columns(numbers), facts.loss_rows)

    def _table(self, key: str, columns: Sequence[Column], rows: Sequence[Any]) -> None:
        self._book.table(self._book.sheet(self._words[key]), key, columns, rows)

    def _column(self, key: str, style: Style, value: Any) -> Column:
        return Column(self._words[key], style, value)

    def _case(self) -> Column:
        return self._column("case", Style.TEXT, lambda row: self._names.case(row["instance_id"]))

    def _segment(self) -> tuple[Column, Column]:
        dimensions = self._facts.question.grouping.dimensions
        segments = self._facts.segments
        return (
            self._column("segment_no", Style.WHOLE, lambda row: segments[tuple(row["segment"])]),
            self._column("segment", Style.TEXT, lambda row: self._names.segment(dimensions, tuple(row["segment"]))),
        )

    def _case_columns(self) -> list[Column]:
        names, column = self._names, self._column
        personal = [
            column("title", Style.TEXT, lambda row: row["title"]),
            column("customer", Style.TEXT, lambda row: row["customer_name"]),
            column("phone", Style.TEXT, lambda row: row["customer_phone"]),
            column("email", Style.TEXT, lambda row: row["customer_email"]),
        ]
        return [
            self._case(),
            column("external_id", Style.TEXT, lambda row: row["external_id"]),
            column("channel", Style.TEXT, lambda row: names.channel(row["channel_id"])),
            column("version", Style.WHOLE, lambda row: row["version"]),
            column("started_at", Style.INSTANT, lambda row: row["started_at"]),
            column("stage", Style.TEXT, lambda row: names.stage(row["stage"])),
            column("moved_at", Style.INSTANT, lambda row: row["moved_at"]),
            column("status", Style.TEXT, lambda row: row["outcome"] or "running"),
            column("reason", Style.TEXT, lambda row: names.reason(row["reason"]) if row["outcome"] else None),
            column("owner", Style.TEXT, lambda row: names.user(row["owner_id"])),
            column("team", Style.TEXT, lambda row: names.team(row["team_id"])),
            column("campaign", Style.TEXT, lambda row: names.campaign(row["campaign_id"])),
            column("region", Style.TEXT, lambda row: row["region"]),
            column("amount", Style.NUMBER, lambda row: row["amount"]),
            column("currency", Style.TEXT, lambda row: row["currency"]),
            *(personal if self._customers else ()),
        ]

    def _step_columns(self) -> list[Column]:
        names, column = self._names, self._column
        return [
            self._case(),
            column("sequence", Style.WHOLE, lambda row: row["sequence"]),
            column("occurred_at", Style.INSTANT, lambda row: row["occurred_at"]),
            column("kind", Style.TEXT, lambda row: row["kind"]),
            column("transition", Style.TEXT, lambda row: row["transition"]),
            column("from_stage", Style.TEXT, lambda row: names.stage(row["from_stage"])),
            column("to_stage", Style.TEXT, lambda row: names.stage(row["to_stage"])),
            column("reason", Style.TEXT, lambda row: names.reason(row["reason"])),
            column("actor", Style.TEXT, lambda row: names.user(row["actor_id"]) or row["actor_kind"]),
            column("owner", Style.TEXT, lambda row: names.user(row["owner_id"])),
            column("team", Style.TEXT, lambda row: names.team(row["team_id"])),
            column("seconds", Style.WHOLE, lambda row: row["seconds"]),
            column("business_seconds", Style.WHOLE, lambda row: row["business_seconds"]),
            column("checkpoints", Style.TEXT, lambda row: row["checkpoints"]),
        ]

    def _clock_columns(self) -> list[Column]:
        column = self._column
        checkpoints = self._checkpoint_names()
        return [
            self._case(),
            column("step_no", Style.WHOLE, lambda row: row["step"]),
            column("checkpoint", Style.TEXT, lambda row: checkpoints[row["step"]]),
            column("verdict", Style.TEXT, lambda row: row["verdict"]),
            column("is_open", Style.WHOLE, lambda row: int(row["is_open"])),
            column("business_seconds", Style.NUMBER, lambda row: row["worked"]),
            *self._segment(),
        ]

    def _funnel_columns(self) -> list[Column]:
        column = self._column
        return [
            self._case(),
            column("number", Style.TEXT, lambda row: row["number"]),
            column("from_step", Style.WHOLE, lambda row: row["step"]),
            column("to_step", Style.WHOLE, lambda row: row["through"]),
            *self._segment(),
            column("seconds", Style.NUMBER, lambda row: row["seconds"]),
        ]

    def _checkpoint_columns(self) -> list[Column]:
        column = self._column
        checkpoints = self._checkpoint_names()
        return [
            self._case(),
            column("number", Style.TEXT, lambda row: row["number"]),
            column("step_no", Style.WHOLE, lambda row: row["step"]),
            column("checkpoint", Style.TEXT, lambda row: checkpoints[row["step"]]),
            *self._segment(),
            column("begun", Style.INSTANT, lambda row: self._begun.get(row["instance_id"])),
        ]

    def _loss_columns(self, numbers: LossNumbers) -> list[Column]:
        names, column = self._names, self._column
        return [
            self._case(),
            column(
                "cell_no", Style.WHOLE, lambda row: numbers.cells[row["stage"], row["reason"], tuple(row["segment"])]
            ),
            column("stage_no", Style.WHOLE, lambda row: numbers.stages[row["stage"]]),
            column("stage", Style.TEXT, lambda row: names.stage(row["stage"])),
            column("reason", Style.TEXT, lambda row: names.reason(row["reason"]) or self._words["no_reason"]),
            *self._segment(),
            column("amount", Style.NUMBER, lambda row: row["amount"]),
            column("currency", Style.TEXT, lambda row: row["currency"]),
        ]

    def _checkpoint_names(self) -> dict[int, str]:
        figures = self._facts.checkpoints.figures
        return {item.number: item.titles[self._words.language] for item in figures}
