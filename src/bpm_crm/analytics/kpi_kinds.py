"""What KPIs are measured in, how they are made, and what their periods mean."""

from enum import StrEnum


class KpiUnit(StrEnum):
    """What the value of a KPI is measured in."""

    COUNT = "count"
    SHARE = "share"
    SECONDS = "seconds"
    BUSINESS_SECONDS = "business_seconds"
    MONEY = "money"
    MONEY_PER_DAY = "money_per_day"
    NUMBER = "number"
    PER_HOUR = "per_hour"


class Better(StrEnum):
    """Which way a KPI gets better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class KpiKind(StrEnum):
    """How the units of a KPI make its value.

    A unit has `instance_id` and `segment`; of a share also `is_met` (null: left out), of a duration `seconds`, `is_seen`, and whether it goes on as time passes (`is_growing`), of the others `number`
    (`numerator`, `denominator` and what else the kind knows) and `amount`.
    """

    COUNT = "count"
    SHARE = "share"
    DURATION = "duration"
    RATIO = "ratio"
    SUM = "sum"
    RATE = "rate"
    VELOCITY = "velocity"


class KpiSubject(StrEnum):
    """Whose a KPI is: a customer is judged by all of their purchases, in whatever process and whoever may see them."""

    CASES = "cases"
    CUSTOMERS = "customers"


class PeriodBasis(StrEnum):
    """What must fall into the period for a unit to count."""

    BEGUN = "begun"
    CLOSED = "closed"
    HAPPENED = "happened"
    DUE = "due"
    AT_END = "at_end"
