"""What a workbook is asked of: as it is stored with the job, and the question it comes to when the job is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bpm_crm.analytics.dimensions import PRODUCT, Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Question
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.operations.access import Scope
from bpm_crm.operations.reach import scope_condition
from bpm_crm.records.condition_json import from_json, to_json
from bpm_crm.records.selection import All, Condition, Parameters, where

MOST_KPIS = 100
"""KPIs of one workbook: each is a question of its own."""
FACT_COLUMNS: Mapping[str, str] = {
    "i.id": "uuid",
    "i.definition_id": "uuid",
    "i.started_at": "timestamptz",
    "k.version": "int",
    "k.channel_id": "uuid",
    "k.campaign_id": "uuid",
    "k.region": "text",
    PRODUCT: "text",
    "k.owner_id": "uuid",
    "k.team_id": "uuid",
    "m.to_stage": "text",
    "coalesce(m.outcome, 'running')": "text",
    "CASE WHEN m.outcome IS NOT NULL THEN m.reason END": "text",
}
"""The columns that a filter of figures may name, with their types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportInput:
    """What a workbook is asked of. `filter` is the condition as it was written, for people; `kpis` are keys, None: all."""

    process: str
    since: datetime = FIRST_INSTANT
    until: datetime = LAST_INSTANT
    as_of: datetime | None = None
    known_at: datetime | None = None
    condition: Condition
    filter: Any = None
    dimensions: tuple[Dimension, ...] = ()
    basis: OwnerBasis = OwnerBasis.AT_ENTRY
    kpis: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored with the job."""
        instants = {name: getattr(self, name) for name in ("since", "until", "as_of", "known_at")}
        return {
            "process": self.process,
            **{name: None if at is None else at.isoformat() for name, at in instants.items()},
            "condition": to_json(self.condition),
            "filter": self.filter,
            "dimensions": [item.value for item in self.dimensions],
            "basis": self.basis.value,
            "kpis": None if self.kpis is None else list(self.kpis),
        }

    def question(self, tenant_id: Any, scope: Scope) -> Question:
        """The question over the cases inside a reach."""
        parameters = Parameters([tenant_id])
        sql = where(All((self.condition, scope_condition(scope, "i"))), parameters)
        cases = CaseFilter(sql, parameters.values[1:])
        return Question(tenant_id, cases, self.since, self.until, Grouping(self.dimensions, self.basis))


def input_of(values: Mapping[str, Any]) -> ExportInput:
    """The input stored with a job."""
    kpis = values.get("kpis")  # a job asked for before there were any has none
    return ExportInput(
        process=values["process"],
        since=datetime.fromisoformat(values["since"]),
        until=datetime.fromisoformat(values["until"]),
        as_of=None if values["as_of"] is None else datetime.fromisoformat(values["as_of"]),
        known_at=None if values["known_at"] is None else datetime.fromisoformat(values["known_at"]),
        condition=from_json(values["condition"], FACT_COLUMNS),
        filter=values["filter"],
        dimensions=tuple(Dimension(item) for item in values["dimensions"]),
        basis=OwnerBasis(values["basis"]),
        kpis=None if kpis is None else tuple(kpis),
    )
