"""Everything that goes into a workbook, read in one snapshot: figures by the readers of the API, and the rows behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bpm_crm.analytics import extracts
from bpm_crm.analytics.checkpoints import CheckpointReport, read_checkpoints
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, read_frame
from bpm_crm.analytics.funnel import FunnelFigures, read_funnel
from bpm_crm.analytics.losses import LossFigures, read_losses
from bpm_crm.analytics.measures import Measured
from bpm_crm.excel.export_input import ExportInput
from bpm_crm.excel.export_kpis import read_kpis
from bpm_crm.excel.problems import TableCode, TableRefused
from bpm_crm.records.database import Connection, Row

MOST_ROWS = 100_000
"""Rows of one sheet: a workbook is made in memory, where 2.5 million cells take about a gigabyte."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a workbook is made of. `segments` numbers every segment, from 1, in the order of the sheets."""

    frame: Frame
    question: Question
    funnel: FunnelFigures
    checkpoints: CheckpointReport
    losses: LossFigures
    kpis: Sequence[Measured]
    funnel_rows: Sequence[Row]
    checkpoint_rows: Sequence[Row]
    clock_rows: Sequence[Row]
    loss_rows: Sequence[Row]
    cases: Sequence[Row]
    steps: Sequence[Row]
    segments: dict[Segment, int]


async def read_facts(connection: Connection, asked: ExportInput, question: Question) -> Facts:
    """Read everything in one snapshot. `TableRefused` when a sheet would be longer than it may."""
    frame = await read_frame(
        connection, question.tenant_id, process=asked.process, as_of=asked.as_of, known_at=asked.known_at
    )
    funnel = await read_funnel(connection, frame, question)
    checkpoints = await read_checkpoints(connection, frame, question)
    losses = await read_losses(connection, frame, question)
    kpis = await read_kpis(connection, asked.process, asked.kpis, frame, question)
    _check_length(sum(1 + len(item.segments) for item in kpis), "KPIs")

    async def facts(select: str, figures: FunnelFigures | CheckpointReport | LossFigures, what: str) -> list[Row]:
        return _bounded(await extracts.read_facts(connection, figures.members, select, MOST_ROWS + 1), what)

    funnel_rows = await facts(extracts.FUNNEL, funnel, "Funnel facts")
    checkpoint_rows = await facts(extracts.CHECKPOINTS, checkpoints, "Checkpoint facts")
    clock_rows = await facts(extracts.CLOCKS, checkpoints, "Clock cycles")
    loss_rows = await facts(extracts.LOSSES, losses, "Loss facts")
    every = [funnel_rows, checkpoint_rows, clock_rows, loss_rows]
    instances: list[UUID] = sorted({row["instance_id"] for rows in every for row in rows})
    cases = await extracts.read_cases(connection, frame, question, instances)
    steps = await extracts.read_steps(connection, frame, question, instances, MOST_ROWS + 1)
    return Facts(
        frame=frame,
        question=question,
        funnel=funnel,
        checkpoints=checkpoints,
        losses=losses,
        kpis=kpis,
        funnel_rows=funnel_rows,
        checkpoint_rows=checkpoint_rows,
        clock_rows=clock_rows,
        loss_rows=loss_rows,
        cases=cases,
        steps=_bounded(steps, "Steps"),
        segments=_numbered([funnel_rows, checkpoint_rows, clock_rows, loss_rows], funnel, checkpoints),
    )


def _bounded(rows: list[Row], what: str) -> list[Row]:
    _check_length(len(rows), what)
    return rows


def _check_length(rows: int, what: str) -> None:
    if rows > MOST_ROWS:
        raise TableRefused(TableCode.TOO_MANY_RECORDS, what=what, found=f"> {MOST_ROWS}", maximum=MOST_ROWS)


def _numbered(
    every: Sequence[Sequence[Row]], funnel: FunnelFigures, checkpoints: CheckpointReport
) -> dict[Segment, int]:
    """Numbers of the segments: COUNTIFS by a number finds what it says, by a text it may find more."""
    found = {tuple(row["segment"] or ()) for rows in every for row in rows}
    found |= {item.segment for item in funnel.segments if item.segment is not None}
    found |= {item.segment for item in checkpoints.figures}
    ordered = sorted(found, key=lambda segment: [(value is None, value or "") for value in segment])
    return {segment: number for number, segment in enumerate(ordered, 1)}
