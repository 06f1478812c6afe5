"""What carries out each kind of job."""

from collections.abc import Mapping

from bpm_crm.excel.history_import import import_history
from bpm_crm.excel.lead_import import import_leads
from bpm_crm.excel.undo import undo_import
from bpm_crm.excel.workbook import make_workbook
from bpm_crm.operations.job_runs import Work
from bpm_crm.operations.jobs import JobKind
from bpm_crm.operations.migration_jobs import migrate_instances, undo_migration
from bpm_crm.operations.replay_job import carry_replay_out

WORKS: Mapping[JobKind, Work] = {
    JobKind.LEADS: import_leads,
    JobKind.HISTORY: import_history,
    JobKind.UNDO: undo_import,
    JobKind.WORKBOOK: make_workbook,
    JobKind.REPLAY: carry_replay_out,
    JobKind.MIGRATION: migrate_instances,
    JobKind.MIGRATION_UNDO: undo_migration,
}
