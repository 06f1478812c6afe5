"""The reports whose answers are kept in cells."""

from bpm_crm.analytics.funnel import KEPT_COHORT
from bpm_crm.analytics.losses import KEPT_LOSSES

KEPT = {kept.name: kept for kept in (KEPT_COHORT, KEPT_LOSSES)}
"""By name."""
