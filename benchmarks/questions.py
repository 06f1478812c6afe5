"""What dashboards ask, and other cuts of the same figures: each through GraphQL, and the same without it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.stage_times import read_stage_times
from bpm_crm.analytics.statements import EVERY_CASE, CaseFilter
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records.database import Connection

Period = tuple[datetime, datetime]
Read = Callable[[Connection, Frame, Question], Awaitable[Any]]

FUNNEL = """
query ($input: FunnelInput!) { funnel(input: $input) { segments { dimension { key title } entered greatestLossByCount
  steps { checkpoint reached lost open missed stepConversion overallConversion loss lossRate medianSecondsFromPrevious p90SecondsFromPrevious } } } }
"""
LOSSES = """
query ($input: LossInput!) { lossReasons(input: $input) { dimension { key title } stage reason count stageCount share amount { amount currency } } }
"""
STAGES = """
query ($input: StageTimeInput!) { stageTimes(input: $input) { dimension { key title } stage title entered open reworked
  first { cases open business { medianSeconds p90Seconds completedMeanSeconds } calendar { medianSeconds p90Seconds } active { medianSeconds } }
  target { target within late lateRate pace } } }
"""
CHECKPOINTS = """
query ($process: String!, $period: PeriodInput!, $groupBy: [Dimension!]) { checkpointKpis(process: $process, period: $period, groupBy: $groupBy) {
  checkpoint title dimension { key title } started reached rate medianSeconds p90Seconds expectedMedianSeconds expectedP90Seconds
  attainment { met breached overdue rate medianBusinessSeconds } } }
"""
KPI = """
query ($key: String!, $period: PeriodInput!, $groupBy: [Dimension!]) { kpi(key: $key, period: $period, groupBy: $groupBy) {
  total { value numerator denominator } rows { dimension { key title } value interval { lower upper } } } }
"""
KPI_LISTS = """
query ($key: String!, $period: PeriodInput!, $groupBy: [Dimension!]) { kpi(key: $key, period: $period, groupBy: $groupBy) { total {
  instances(first: 20) { totalCount nodes { id } } denominatorInstances(first: 20) { totalCount nodes { id } } } } }
"""
PROCESS = "callback-request"
_processes = ProcessCache()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its GraphQL text and variables, and what the reader without GraphQL takes."""

    query: str
    read: Read
    period: Period
    grouping: Grouping = field(default_factory=Grouping)
    process: str | None = None
    cases: CaseFilter = EVERY_CASE
    where: dict[str, Any] | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the query."""
        dates = {"fromDate": self.period[0].date().isoformat(), "toDate": self.period[1].date().isoformat()}
        given: dict[str, Any] = {"period": dates, "groupBy": [item.name for item in self.grouping.dimensions]}
        if self.process is not None:
            given["process"] = self.process
        if self.query == CHECKPOINTS:
            return given
        where = {} if self.where is None else {"where": self.where}
        return {"input": {**given, **where, "ownerBasis": self.grouping.basis.name}}


async def read_stages(connection: Connection, frame: Frame, question: Question) -> Any:
    """Stage times with the versions of the frame made ready."""
    keys = [(version.definition_id, version.number) for version in frame.versions]
    processes = {key: await _processes.get(connection, question.tenant_id, *key) for key in keys}
    return await read_stage_times(connection, frame, question, processes)


def questions() -> dict[str, Asked]:
    """By name."""
    zone = ZoneInfo("Europe/Moscow")
    this = datetime.now(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month, quarter, year = ((_months_before(this, months), this) for months in (1, 3, 12))
    odd = (year[0] + timedelta(days=9), this - timedelta(days=12))
    by = {"all": (), "by channel": (Dimension.CHANNEL,), "by owner": (Dimension.OWNER,)}
    found: dict[str, Asked] = {}
    for name, dimensions in by.items():
        grouping = Grouping(dimensions)
        for length, period in (("month", month), ("quarter", quarter), ("year", year), ("year on odd days", odd)):
            found[f"cohort funnel of a {length}, {name}"] = Asked(FUNNEL, read_funnel, period, grouping)
        found[f"loss reasons of a year, {name}"] = Asked(LOSSES, read_losses, year, grouping)
        found[f"stage times of a quarter, {name}"] = Asked(STAGES, read_stages, quarter, grouping)
        found[f"stage times of a year, {name}"] = Asked(STAGES, read_stages, year, grouping)
        found[f"checkpoint KPIs of a quarter, {name}"] = Asked(
            CHECKPOINTS, read_checkpoints, quarter, grouping, PROCESS
        )
    return found


def other_cuts() -> dict[str, Asked]:
    """Cuts that nobody foresaw, of a year: by several dimensions, filtered."""
    year = questions()["loss reasons of a year, all"].period
    region: dict[str, Any] = {
        "cases": CaseFilter("k.region = $2::text", ["Moscow"]),
        "where": {"region": {"eq": "Moscow"}},
    }
    several = Grouping((Dimension.CHANNEL, Dimension.REGION))
    current = Grouping((Dimension.OWNER,), OwnerBasis.CURRENT)
    won: dict[str, Any] = {"cases": CaseFilter("m.outcome = $2::text", ["won"]), "where": {"status": {"eq": "WON"}}}
    return {
        "funnel of one region": Asked(FUNNEL, read_funnel, year, **region),
        "funnel by channel and region": Asked(FUNNEL, read_funnel, year, several),
        "funnel of the won by owner now": Asked(FUNNEL, read_funnel, year, current, **won),
        "loss reasons of one region by owner": Asked(LOSSES, read_losses, year, Grouping((Dimension.OWNER,)), **region),
        "stage times of one region": Asked(STAGES, read_stages, year, **region),
        "stage times by channel and region": Asked(STAGES, read_stages, year, several),
        "checkpoint KPIs by region and version": Asked(
            CHECKPOINTS, read_checkpoints, year, Grouping((Dimension.REGION, Dimension.VERSION)), PROCESS
        ),
    }


def _months_before(at: datetime, months: int) -> datetime:
    number = at.year * 12 + at.month - 1 - months
    return at.replace(year=number // 12, month=number % 12 + 1)
