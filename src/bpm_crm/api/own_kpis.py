"""KPIs of a company's own: previewed over history, published as numbered versions, retired."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.own_kpi import own_kpi_of
from bpm_crm.analytics.own_kpis import kpi_of
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, not_found, text
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import check_product, frame_of, question_of
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput
from bpm_crm.api.kpi_types import KpiDefinition, kpi_definition
from bpm_crm.api.kpis import KpiResult, answering, kpi_result, series_of
from bpm_crm.api.own_kpi_checks import flaws_of, is_key, own_invalid, own_refusal
from bpm_crm.api.own_kpi_inputs import OwnKpiInput, PublishKpiInput, RetireKpiInput, own_kpi
from bpm_crm.api.requests import Repeatable
from bpm_crm.operations.access import Permission
from bpm_crm.operations.own_kpis import KeyUsedOtherwise, NoSuchKpi, publish_kpi, retire_kpi


@strawberry.type(description="The KPI is published, and can be asked like a shipped one.")
class KpiPublished(Repeatable):
    """The KPI is published."""

    definition: KpiDefinition = strawberry.field(description="The KPI.")
    published_at: datetime = strawberry.field(description="When this version was published.")


@strawberry.type(description="The KPI is retired.")
class KpiRetired(Repeatable):
    """The KPI is retired."""

    key: str = strawberry.field(description="Key of the KPI.")
    version: int = strawberry.field(description="The version that retires it.")


PublishKpiResult = Annotated[
    KpiPublished | InvalidInput | IdempotencyConflict,
    strawberry.union("PublishKpiResult", description="What came of publishing a KPI."),
]
RetireKpiResult = Annotated[
    KpiRetired | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("RetireKpiResult", description="What came of retiring a KPI."),
]
PreviewKpiResult = Annotated[
    KpiResult | InvalidInput,
    strawberry.union("PreviewKpiResult", description="A KPI that is not published, over history."),
]
Draft = Annotated[OwnKpiInput, argument(description="The KPI, which is not kept.")]
InPeriod = Annotated[PeriodInput, argument(description="The period.")]
GroupBy = Annotated[list[Dimension] | None, argument(description="Segments to split it into.")]
Where = Annotated[FactWhere | None, argument(description=WHERE)]
AsOf = Annotated[datetime | None, argument(description=AS_OF)]
KnownAt = Annotated[datetime | None, argument(description=KNOWN_AT)]
PublishArgument = Annotated[PublishKpiInput, argument(description="What to publish.")]
RetireArgument = Annotated[RetireKpiInput, argument(description="What to retire.")]


@strawberry.type
class OwnKpisQuery:
    """Queries about KPIs that are being defined."""

    @strawberry.field(description="What a KPI of the company's own would say over history. Nothing is kept.")
    async def preview_kpi(
        self,
        info: Info,
        kpi: Draft,
        period: InPeriod,
        group_by: GroupBy = None,
        where: Where = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
    ) -> PreviewKpiResult:
        """What a KPI of the company's own would say."""
        context = info.context
        context.require(Permission.DEFINE_KPIS)
        question = question_of(context, period, where, Grouping(tuple(dict.fromkeys(group_by or ()))))
        own = own_kpi(kpi)
        async with context.services.database.reader(question.tenant_id) as connection:
            refused = await own_refusal(connection, context, own, ("kpi",))
            if refused is not None:
                return refused
            frame = await frame_of(context, connection, question, as_of=as_of, known_at=known_at)
            check_product(question.cases, frame.of(own.process))
            with answering():
                measured = await measure(connection, kpi_of(own, None), frame, question)
            points = await series_of(info, connection, measured, question)
        return kpi_result(context, measured, question, where, points)


@strawberry.type
class OwnKpisMutation:
    """Mutations of KPIs of a company's own."""

    @strawberry.mutation(description="Publish a KPI of the company's own as the next version of its key.")
    async def publish_kpi(self, info: Info, input: PublishArgument) -> PublishKpiResult:  # noqa: A002  # named so everywhere
        """Publish a KPI."""
        context = info.context
        viewer, _ = context.require(Permission.DEFINE_KPIS)
        own = own_kpi(input.kpi)
        flaws = list(flaws_of(input.changelog, input.idempotency_key))
        if flaws:
            return own_invalid(flaws, ("input",), context.language)
        async with context.services.database.transaction(viewer.tenant_id) as connection:
            refused = await own_refusal(connection, context, own, ("input", "kpi"))
            if refused is not None:
                return refused
            try:
                done = await publish_kpi(
                    connection,
                    viewer.tenant_id,
                    own,
                    changelog=input.changelog,
                    at=context.services.now(),
                    by=viewer.user_id,
                    idempotency_key=input.idempotency_key,
                )
            except KeyUsedOtherwise:
                return _conflict(context, input.idempotency_key)
        shown = kpi_of(own_kpi_of(done.document or {}), done.version)
        return KpiPublished(
            definition=kpi_definition(shown, context.language),
            published_at=done.published_at,
            is_repeated=done.is_repeated,
        )

    @strawberry.mutation(description="Retire a KPI of the company's own.")
    async def retire_kpi(self, info: Info, input: RetireArgument) -> RetireKpiResult:  # noqa: A002  # named so everywhere
        """Retire a KPI."""
        context = info.context
        viewer, _ = context.require(Permission.DEFINE_KPIS)
        flaws = list(flaws_of(input.changelog, input.idempotency_key))
        if flaws:
            return own_invalid(flaws, ("input",), context.language)
        if not is_key(input.key):
            return not_found(context.language, "input", "key")
        async with context.services.database.transaction(viewer.tenant_id) as connection:
            try:
                done = await retire_kpi(
                    connection,
                    viewer.tenant_id,
                    input.key,
                    changelog=input.changelog,
                    at=context.services.now(),
                    by=viewer.user_id,
                    idempotency_key=input.idempotency_key,
                )
            except NoSuchKpi:
                return not_found(context.language, "input", "key")
            except KeyUsedOtherwise:
                return _conflict(context, input.idempotency_key)
        return KpiRetired(key=done.key, version=done.version, is_repeated=done.is_repeated)


def _conflict(context: RequestContext, key: str | None) -> IdempotencyConflict:
    message = text("IDEMPOTENCY_CONFLICT", context.language, key=key)
    return IdempotencyConflict(code="IDEMPOTENCY_CONFLICT", message=message, path=["input", "idempotencyKey"])
