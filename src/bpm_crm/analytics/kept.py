"""The reports whose answers are kept in cells."""

from bpm_crm.analytics.kept_checkpoints import KEPT_CHECKPOINTS
from bpm_crm.analytics.kept_funnels import KEPT_COHORT, KEPT_PERIOD
from bpm_crm.analytics.kept_kpis import KEPT_KPIS
from bpm_crm.analytics.kept_stage_times import KEPT_STAGE_TIMES
from bpm_crm.analytics.losses import KEPT_LOSSES

KEPT = {
    kept.report: kept for kept in (KEPT_COHORT, KEPT_PERIOD, KEPT_LOSSES, KEPT_CHECKPOINTS, KEPT_STAGE_TIMES, KEPT_KPIS)
}
"""By what their sheets are stored as."""
