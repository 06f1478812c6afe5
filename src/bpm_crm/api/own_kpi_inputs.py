"""Inputs that define, publish and retire KPIs of a company's own."""

import strawberry

from bpm_crm.analytics.kpi_catalogue import Better
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi
from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.exposing import expose

__all__ = ["OwnKind", "OwnKpiInput", "PublishKpiInput", "RetireKpiInput", "own_kpi"]

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


def own_kpi(kpi: OwnKpiInput) -> OwnKpi:
    """The definition of an input."""
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
