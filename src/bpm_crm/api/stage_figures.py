"""Figures of stages and managers: outcomes, times, forensics of losses, comparison; each with the way to its cases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Protocol

import strawberry
from strawberry import argument

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.dimensions import Grouping, OwnerBasis
from bpm_crm.analytics.forensics import read_forensics
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.managers import read_managers
from bpm_crm.analytics.outcomes import read_outcomes
from bpm_crm.analytics.stage_times import read_stage_times
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_forensics import LossForensicsCell, forensic_cells
from bpm_crm.api.figure_frames import case_dimensions, check_segments, frame_of, frame_type, question_of
from bpm_crm.api.figure_inputs import LossInput, PeriodInput
from bpm_crm.api.figure_managers import ManagerComparison, comparison_type
from bpm_crm.api.figure_outcomes import StageOutcome, outcome_types
from bpm_crm.api.figure_stage_inputs import ManagerComparisonInput, StageOutcomeInput, StageTimeInput
from bpm_crm.api.figure_stage_times import StageTime, read_histories, stage_times
from bpm_crm.api.selections import selects
from bpm_crm.records.database import Connection

OutcomeArgument = Annotated[StageOutcomeInput, argument(description="Of which entries.")]
TimeArgument = Annotated[StageTimeInput, argument(description="Of which visits.")]
LossArgument = Annotated[LossInput, argument(description="Which losses.")]
ComparisonArgument = Annotated[ManagerComparisonInput, argument(description="Which managers.")]


@strawberry.type
class StageFiguresQuery:
    """Queries about stages and managers."""

    @strawberry.field(
        description="What became of the cases that entered each step in a period: next, skipped ahead, back, lost, won, still there. Adds up to all of them."
    )
    async def stage_outcomes(self, info: Info, input: OutcomeArgument) -> list[StageOutcome]:  # noqa: A002  # named so in every API
        """What became of the cases that entered each step."""
        dimensions = case_dimensions(input.group_by)
        async with _asked(info.context, input, Grouping(dimensions, input.owner_basis)) as (
            connection,
            frame,
            question,
        ):
            figures = await read_outcomes(connection, frame, question)
        check_segments(len({item.segment for item in figures.outcomes}))
        shown = frame_type(frame, figures.steps.versions, question, input.where)
        return outcome_types(info.context, figures, dimensions, shown)

    @strawberry.field(
        description="How long cases stay in each stage, in calendar, business and active time, with open visits censored; which stages are slow."
    )
    async def stage_times(self, info: Info, input: TimeArgument) -> list[StageTime]:  # noqa: A002  # as above
        """How long cases stay in each stage."""
        dimensions = case_dimensions(input.group_by)
        async with _asked(info.context, input, Grouping(dimensions, input.owner_basis)) as (
            connection,
            frame,
            question,
        ):
            processes = await _processes(info.context, connection, frame)
            figures = await read_stage_times(connection, frame, question, processes)
            is_compared, zone = selects(info).has("history"), info.context.known.tenant.zone
            histories = await read_histories(connection, figures, processes, zone) if is_compared else None
        check_segments(len({item.segment for item in figures.times}))
        shown = frame_type(frame, frame.versions, question, input.where)
        return stage_times(info.context, figures, processes, dimensions, shown, histories)

    @strawberry.field(
        description="What the record shows of losses beside the stated reason: each loss in one cell of stage, reason and evidence, most cases first."
    )
    async def loss_forensics(self, info: Info, input: LossArgument) -> list[LossForensicsCell]:  # noqa: A002  # as above
        """What the record shows of losses."""
        dimensions = case_dimensions(input.group_by)
        async with _asked(info.context, input, Grouping(dimensions, input.owner_basis)) as (
            connection,
            frame,
            question,
        ):
            processes = await _processes(info.context, connection, frame)
            figures = await read_forensics(connection, frame, question, processes)
        check_segments(len({trace.segment for trace in figures.traces}))
        shown = frame_type(frame, frame.versions, question, input.where)
        return forensic_cells(info.context, figures, dimensions, shown)

    @strawberry.field(
        description="The funnel manager by manager, adjusted for the channel mix; strong and weak steps told from chance. A ratio, not a ranking."
    )
    async def manager_comparison(self, info: Info, input: ComparisonArgument) -> ManagerComparison:  # noqa: A002  # as above
        """The funnel manager by manager."""
        by = input.by.value
        async with _asked(info.context, input, Grouping((by,), input.owner_basis)) as (connection, frame, question):
            figures = await read_managers(connection, frame, question, by=by, basis=input.owner_basis)
        check_segments(len(figures.managers))
        shown = frame_type(frame, figures.steps.versions, question, input.where)
        return comparison_type(info.context, figures, by, input.owner_basis, shown)


class _Input(Protocol):
    """What the inputs of figures have in common."""

    process: str | None
    period: PeriodInput | None
    owner_basis: OwnerBasis
    where: FactWhere | None
    as_of: datetime | None
    known_at: datetime | None


@asynccontextmanager
async def _asked(
    context: RequestContext, asked: _Input, grouping: Grouping
) -> AsyncIterator[tuple[Connection, Frame, Question]]:
    """A reader, the frame and the question of an input; a fault for a process that is not there or an empty period."""
    question = question_of(context, asked.period, asked.where, grouping)
    async with context.services.database.reader(question.tenant_id) as connection:
        times = {"as_of": asked.as_of, "known_at": asked.known_at}
        frame = await frame_of(context, connection, question, asked.process, **times)
        yield connection, frame, question


async def _processes(context: RequestContext, connection: Connection, frame: Frame) -> Processes:
    """The versions of a frame made ready to run."""
    known, tenant_id = context.services.writer.processes, context.known.tenant.id
    keys = [(version.definition_id, version.number) for version in frame.versions]
    return {key: await known.get(connection, tenant_id, *key) for key in keys}
