"""Workbooks of figures: asked for here, made by a worker, fetched from `/files`."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import UNGROUPED, Dimension, OwnerBasis
from bpm_crm.analytics.own_kpis import near_keys
from bpm_crm.analytics.snapshots import kpis_of
from bpm_crm.api.checks import KEY_DESCRIPTION, flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input
from bpm_crm.api.figure_filters import FactWhere, fact_condition
from bpm_crm.api.figure_frames import case_dimensions, frame_of, plain_input, question_of
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput
from bpm_crm.api.job_requests import ask_for
from bpm_crm.api.jobs import ExportJob, export_job
from bpm_crm.api.requests import Repeatable
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.texts import shown
from bpm_crm.excel.export_input import MOST_KPIS, ExportInput
from bpm_crm.operations.access import Permission
from bpm_crm.operations.jobs import JobKind


@strawberry.input(
    description="A workbook (.xlsx) of the figures of a process and the rows behind them, over the cases inside the viewer's reach."
)
class ExportWorkbookInput:
    """A workbook of the figures of a process."""

    process: str = strawberry.field(description="Key of the process.")
    period: PeriodInput | None = strawberry.field(
        default=None,
        description="When the first step was reached (funnel), cases began (checkpoints), clocks were due, cases were lost. Null: ever.",
    )
    group_by: list[Dimension] | None = strawberry.field(default=None, description="Segments to split the figures into.")
    owner_basis: OwnerBasis = strawberry.field(
        default=OwnerBasis.AT_ENTRY, description="Whose a case is counted as, when grouped by `OWNER` or `TEAM`."
    )
    kpis: list[str] | None = strawberry.field(
        default=None,
        description=f"Keys of the KPIs of the process to write, at most {MOST_KPIS}, each by those of `groupBy` it can be grouped by. Null: all that `kpiCatalogue` has for it.",
    )
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The workbook is asked for; a worker makes it.")
class ExportAccepted(Repeatable):
    """The workbook is asked for."""

    job: ExportJob = strawberry.field(
        description="How far it is: ask `exportJob` again until it is done, then get its `file`."
    )


ExportWorkbookResult = Annotated[
    ExportAccepted | InvalidInput | NotFound | IdempotencyConflict,
    strawberry.union("ExportWorkbookResult", description="The workbook is asked for, or why it is not."),
]
ExportArgument = Annotated[ExportWorkbookInput, argument(description="Of which figures.")]


@strawberry.type
class ExportsMutation:
    """Mutations that make workbooks."""

    @strawberry.mutation(
        description="Make a workbook of figures with live formulas over the rows behind them, as a job. Personal data only as the viewer may see it."
    )
    async def export_workbook(self, info: Info, input: ExportArgument) -> ExportWorkbookResult:  # noqa: A002  # the API's convention
        """Make a workbook of figures."""
        context = info.context
        context.require(Permission.VIEW_FIGURES)
        context.require(Permission.VIEW_CASES)
        if flawed := flaws(idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        if context.known.definition(input.process) is None:
            keys = tuple(sorted(item.key for item in context.known.definitions.values()))
            problem = InputProblem(InputCode.UNKNOWN_PROCESS, ("process",), shown(input.process), keys)
            return invalid_input([problem], context.language)
        if problems := await _kpi_problems(context, input):
            return invalid_input(problems, context.language)
        asked = await _asked(context, input)
        found = await ask_for(context, JobKind.WORKBOOK, asked.as_json(), input.idempotency_key)
        if isinstance(found, IdempotencyConflict):
            return found
        return ExportAccepted(job=export_job(found[0], context.language), is_repeated=found[1])


async def _kpi_problems(context: RequestContext, asked: ExportWorkbookInput) -> list[InputProblem]:
    """The faults of the keys of KPIs: too many, or one that the process does not have."""
    keys = dict.fromkeys(asked.kpis or ())
    if len(keys) > MOST_KPIS:
        return [InputProblem(InputCode.TOO_LARGE, ("kpis",), str(len(keys)), params={"limit": str(MOST_KPIS)})]
    if not keys:
        return []
    tenant_id = context.known.tenant.id
    async with context.services.database.reader(tenant_id) as connection:
        known = await kpis_of(connection, tenant_id, asked.process)
    return [
        InputProblem(InputCode.UNKNOWN_KPI, ("kpis",), shown(key), tuple(near_keys(known, key)))
        for key in keys
        if key not in known
    ]


async def _asked(context: RequestContext, asked: ExportWorkbookInput) -> ExportInput:
    """What the workbook is asked of; a fault for an empty period, or a product where the process has none."""
    question = question_of(context, asked.period, asked.where, UNGROUPED)
    async with context.services.database.reader(question.tenant_id) as connection:
        await frame_of(context, connection, question, asked.process, as_of=asked.as_of, known_at=asked.known_at)
    return ExportInput(
        process=asked.process,
        since=question.since,
        until=question.until,
        as_of=asked.as_of,
        known_at=asked.known_at,
        condition=fact_condition(asked.where, context.known),
        filter=None if asked.where is None else plain_input(asked.where),
        dimensions=tuple(case_dimensions(asked.group_by)),
        basis=asked.owner_basis,
        kpis=None if asked.kpis is None else tuple(dict.fromkeys(asked.kpis)),
    )
