"""Figures: funnels, losses and checkpoints, each with the way to its cases."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.funnel_figures import FunnelMode
from bpm_crm.analytics.losses import read_losses
from bpm_crm.api.context import Info
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_checkpoints import CheckpointKpi, checkpoint_kpis
from bpm_crm.api.figure_estimates import Estimating
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import case_dimensions, check_segments, frame_of, frame_type, question_of
from bpm_crm.api.figure_funnel import Funnel, segment_type, sorted_segments
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, FunnelInput, LossInput, PeriodInput
from bpm_crm.api.figure_losses import LossCell, loss_cells
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.engine.definition import Title

FunnelArgument = Annotated[FunnelInput, argument(description="Which funnel.")]
LossArgument = Annotated[LossInput, argument(description="Which losses.")]
Process = Annotated[str, argument(description="Key of the process.")]
BegunIn = Annotated[PeriodInput, argument(description="When the cases began, and when the clocks were due.")]
GroupBy = Annotated[list[Dimension] | None, argument(description="Segments to split the cases into.")]
Where = Annotated[FactWhere | None, argument(description=WHERE)]
AsOf = Annotated[datetime | None, argument(description=AS_OF)]
KnownAt = Annotated[datetime | None, argument(description=KNOWN_AT)]


@strawberry.type
class FiguresQuery:
    """Queries about figures."""

    @strawberry.field(
        description="A funnel over the cases inside the viewer's reach: conversion of each step, losses, time, with its cases."
    )
    async def funnel(self, info: Info, input: FunnelArgument) -> Funnel:  # noqa: A002  # the argument is so named in every API
        """A funnel."""
        context = info.context
        dimensions = case_dimensions(input.group_by)
        question = question_of(context, input.period, input.where, Grouping(dimensions, input.owner_basis))
        if input.window is not None and input.mode is not FunnelMode.COHORT:
            raise Fault(
                Code.BAD_USER_INPUT,
                Title(
                    "Only a COHORT has a window; leave `window` out.", "Окно есть только у COHORT; уберите `window`."
                ),
            )
        async with context.services.database.reader(question.tenant_id) as connection:
            times = {"as_of": input.as_of, "known_at": input.known_at}
            frame = await frame_of(context, connection, question, input.process, **times)
            figures = await read_funnel(
                connection,
                frame,
                question,
                mode=input.mode,
                order_mode=input.order_mode,
                window=input.window,
                unit=input.unit,
            )
        check_segments(len(figures.segments))
        drilldown = Drilldown(context, figures.members)
        estimating = Estimating(context, figures.members) if input.mode is FunnelMode.COHORT else None
        segments = [segment_type(context, item, dimensions, drilldown, estimating) for item in figures.segments]
        return Funnel(
            mode=input.mode,
            unit=input.unit,
            order_mode=input.order_mode if input.mode is FunnelMode.COHORT else None,
            owner_basis=input.owner_basis,
            as_of=frame.as_of,
            frame=frame_type(frame, figures.steps.versions, question, input.where),
            total=segment_type(context, figures.total, [], drilldown, estimating),
            segments=sorted_segments(segments),
            other_processes=list(figures.steps.left_out),
            figures=figures,
            question=question,
        )

    @strawberry.field(
        description="Why cases were lost, by the stage they were in; stages and reasons with most losses first in each segment."
    )
    async def loss_reasons(self, info: Info, input: LossArgument) -> list[LossCell]:  # noqa: A002  # as above
        """Why cases were lost."""
        context = info.context
        dimensions = case_dimensions(input.group_by)
        question = question_of(context, input.period, input.where, Grouping(dimensions, input.owner_basis))
        async with context.services.database.reader(question.tenant_id) as connection:
            times = {"as_of": input.as_of, "known_at": input.known_at}
            frame = await frame_of(context, connection, question, input.process, **times)
            figures = await read_losses(connection, frame, question)
        check_segments(len({loss.segment for loss in figures.losses}))
        shown = frame_type(frame, frame.versions, question, input.where)
        return loss_cells(context, figures, dimensions, shown)

    @strawberry.field(
        description="The checkpoints of a process over the cases begun in a period: reached, after how long, and the SLA clocks due then."
    )
    async def checkpoint_kpis(
        self,
        info: Info,
        process: Process,
        period: BegunIn,
        group_by: GroupBy = None,
        where: Where = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
    ) -> list[CheckpointKpi]:
        """The checkpoints of a process."""
        context = info.context
        dimensions = case_dimensions(group_by)
        question = question_of(context, period, where, Grouping(dimensions))
        async with context.services.database.reader(question.tenant_id) as connection:
            frame = await frame_of(context, connection, question, process, as_of=as_of, known_at=known_at)
            report = await read_checkpoints(connection, frame, question)
        check_segments(len({figures.segment for figures in report.figures}))
        shown = frame_type(frame, frame.versions, question, where)
        return checkpoint_kpis(context, report, dimensions, shown)
