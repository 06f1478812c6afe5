"""KPIs of a company's own: previewed over history, published as numbered versions, retired."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Better
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.own_facts import newest_definition
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi, OwnProblem, own_kpi_of, own_problems
from bpm_crm.analytics.own_kpis import kpi_of
from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InputProblem, InvalidInput, NotFound, not_found, text
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import check_product, frame_of, question_of
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput
from bpm_crm.api.kpi_types import KpiDefinition, kpi_definition
from bpm_crm.api.kpis import KpiResult, answering, kpi_result
from bpm_crm.operations.access import Permission
from bpm_crm.operations.own_kpis import KeyUsedOtherwise, NoSuchKpi, publish_kpi, retire_kpi
from bpm_crm.records.database import Connection

MOST_TEXT = 2_000
MOST_KEY = 200
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")

expose(
    OwnKind,
    "What a company's own KPI is.",
    {
        OwnKind.COUNT: "How many cases.",
        OwnKind.SUM: "What `value` adds up to over cases.",
        OwnKind.SHARE: "Of the cases, the share for which `condition` holds.",
        OwnKind.DURATION: "How long cases take from `begins` (their start, if not given) to `ends`.",
    },
)


@strawberry.input(description="A text people see, in both languages.")
class TitlesInput:
    """A text people see, in both languages."""

    en: str = strawberry.field(description="In English.")
    ru: str = strawberry.field(description="In Russian.")


@strawberry.input(
    description="A KPI of the company's own, over the cases of one process. Expressions are those of guards, without the actor; `clocks.key` is the state of a clock, `instance.outcome` and `instance.reason` how the case ended."
)
class OwnKpiInput:
    """A KPI of the company's own."""

    key: str = strawberry.field(description="Key: small letters, digits and `_`; not one of a shipped KPI.")
    process: str = strawberry.field(description="Key of the process.")
    kind: OwnKind = strawberry.field(description="What it is.")
    title: TitlesInput = strawberry.field(description="Name people see.")
    meaning: TitlesInput = strawberry.field(description="What exactly it counts.")
    better: Better = strawberry.field(description="Which way it gets better.")
    is_money: bool = strawberry.field(default=False, description="Whether a `SUM` is money, in the company's currency.")
    filter: str | None = strawberry.field(
        default=None, description="Which cases count: a condition; null: all of them."
    )
    condition: str | None = strawberry.field(default=None, description="Of a `SHARE`: what its part is: a condition.")
    value: str | None = strawberry.field(default=None, description="Of a `SUM`: what a case adds: a number.")
    begins: str | None = strawberry.field(
        default=None,
        description="Key of the checkpoint whose first touch puts a case into the period and begins a `DURATION`; null: the start of the case.",
    )
    ends: str | None = strawberry.field(
        default=None, description="Of a `DURATION`: key of the checkpoint whose first touch from then on ends it."
    )


@strawberry.input(description="Publish a KPI of the company's own as the next version of its key.")
class PublishKpiInput:
    """Publish a KPI of the company's own."""

    kpi: OwnKpiInput = strawberry.field(description="The KPI.")
    changelog: str = strawberry.field(default="", description="What is new in it.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Retire a KPI of the company's own: it cannot be asked any more; its versions stay.")
class RetireKpiInput:
    """Retire a KPI of the company's own."""

    key: str = strawberry.field(description="Key of the KPI.")
    changelog: str = strawberry.field(default="", description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The KPI is published, and can be asked like a shipped one.")
class KpiPublished:
    """The KPI is published."""

    definition: KpiDefinition = strawberry.field(description="The KPI.")
    published_at: datetime = strawberry.field(description="When this version was published.")
    is_repeated: bool = strawberry.field(
        description="Whether this repeats the first answer to the same idempotency key."
    )


@strawberry.type(description="The KPI is retired.")
class KpiRetired:
    """The KPI is retired."""

    key: str = strawberry.field(description="Key of the KPI.")
    version: int = strawberry.field(description="The version that retires it.")
    is_repeated: bool = strawberry.field(
        description="Whether this repeats the first answer to the same idempotency key."
    )


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
        own = _own(kpi)
        async with context.services.database.reader(question.tenant_id) as connection:
            refused = await _refusal(connection, context, own, ("kpi",))
            if refused is not None:
                return refused
            frame = await frame_of(context, connection, question, as_of=as_of, known_at=known_at)
            check_product(question.cases, frame.of(own.process))
            with answering():
                measured = await measure(connection, kpi_of(own, None), frame, question)
        return kpi_result(context, measured, question, where)


@strawberry.type
class OwnKpisMutation:
    """Mutations of KPIs of a company's own."""

    @strawberry.mutation(description="Publish a KPI of the company's own as the next version of its key.")
    async def publish_kpi(self, info: Info, input: PublishArgument) -> PublishKpiResult:  # noqa: A002  # named so everywhere
        """Publish a KPI."""
        context = info.context
        viewer, _ = context.require(Permission.DEFINE_KPIS)
        own = _own(input.kpi)
        flaws = list(_flaws(input.changelog, input.idempotency_key))
        if flaws:
            return _invalid(flaws, ("input",))
        async with context.services.database.transaction(viewer.tenant_id) as connection:
            refused = await _refusal(connection, context, own, ("input", "kpi"))
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
        flaws = list(_flaws(input.changelog, input.idempotency_key))
        if flaws:
            return _invalid(flaws, ("input",))
        if not _KEY.fullmatch(input.key):
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


def _own(kpi: OwnKpiInput) -> OwnKpi:
    return OwnKpi(
        key=kpi.key,
        process=kpi.process,
        kind=kpi.kind,
        title_en=kpi.title.en,
        title_ru=kpi.title.ru,
        meaning_en=kpi.meaning.en,
        meaning_ru=kpi.meaning.ru,
        better=kpi.better,
        is_money=kpi.is_money,
        filter=kpi.filter,
        condition=kpi.condition,
        value=kpi.value,
        begins=kpi.begins,
        ends=kpi.ends,
    )


async def _refusal(
    connection: Connection, context: RequestContext, own: OwnKpi, path: tuple[str, ...]
) -> InvalidInput | None:
    """What is wrong with a definition; None when it is sound."""
    problems = list(_own_flaws(own))
    tenant_id = context.known.tenant.id
    if not problems:
        frame = await read_frame(connection, tenant_id, process=own.process)
        definition = await newest_definition(connection, frame, tenant_id, own.process)
        if definition is None:
            known = ", ".join(sorted(record.key for record in context.known.definitions.values()))
            problems.append(OwnProblem("process", f"There is no process “{own.process}”; there are: {known}."))
        else:
            problems.extend(own_problems(own, definition))
    return _invalid(problems, path) if problems else None


def _own_flaws(own: OwnKpi) -> Iterator[OwnProblem]:
    """What is wrong with the texts of a definition, before anything is looked up."""
    if not _KEY.fullmatch(own.key):
        yield OwnProblem(
            "key", "A key is made of small letters, digits and `_`, begins with a letter, and has at most 63."
        )
    if own.key in CATALOGUE:
        yield OwnProblem("key", f"“{own.key}” is a shipped KPI; choose another key.")
    texts = {
        "process": own.process,
        "title": f"{own.title_en}{own.title_ru}",
        "meaning": f"{own.meaning_en}{own.meaning_ru}",
        "filter": own.filter,
        "condition": own.condition,
        "value": own.value,
        "begins": own.begins,
        "ends": own.ends,
    }
    for part, value in texts.items():
        if value is not None and len(value) > MOST_TEXT:
            yield OwnProblem(part, f"A text has at most {MOST_TEXT} characters.")
    if not all(value.strip() for value in (own.title_en, own.title_ru)):
        yield OwnProblem("title", "The title is empty in one of the languages; write it in both.")


def _flaws(changelog: str, idempotency_key: str | None) -> Iterator[OwnProblem]:
    if len(changelog) > MOST_TEXT:
        yield OwnProblem("changelog", f"A text has at most {MOST_TEXT} characters.")
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MOST_KEY:
        yield OwnProblem("idempotencyKey", f"An idempotency key has 1 to {MOST_KEY} characters.")


def _invalid(problems: list[OwnProblem], path: tuple[str, ...]) -> InvalidInput:
    shown = [
        InputProblem(code="INVALID_KPI", message=problem.fault, path=[*path, problem.part], known=[])
        for problem in problems
    ]
    return InvalidInput(code=shown[0].code, message=shown[0].message, path=shown[0].path, problems=shown)


def _conflict(context: RequestContext, key: str | None) -> IdempotencyConflict:
    message = text("IDEMPOTENCY_CONFLICT", context.language, key=key)
    return IdempotencyConflict(code="IDEMPOTENCY_CONFLICT", message=message, path=["input", "idempotencyKey"])
