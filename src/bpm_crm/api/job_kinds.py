"""Jobs by what they do: each kind as the type that the API shows it as."""

from collections.abc import Callable, Mapping
from uuid import UUID

import strawberry

from bpm_crm.api.context import Info
from bpm_crm.api.ids import to_global, uuid_of
from bpm_crm.api.jobs import IMPORTS, Job, export_job, import_job, job_values, own_job
from bpm_crm.api.migration_types import migration_type
from bpm_crm.api.replays import Replay, replay_node
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.jobs import JobRecord


@strawberry.type(description="A replay as a job: how far it is. `replay` has its figures.")
class ReplayJob(Job):
    """A replay as a job."""

    record: strawberry.Private[JobRecord]

    @strawberry.field(description="The replay; null to those who may not manage processes any more.")
    async def replay(self, info: Info) -> Replay | None:
        """The replay."""
        return await replay_node(info, self.record.id)


def replay_job(record: JobRecord, language: str) -> ReplayJob:
    """A replay as the API shows it among jobs."""
    return ReplayJob(id=to_global("ReplayJob", record.id), **job_values(record, language))


_SHOWN: Mapping[JobKind, Callable[[JobRecord, str], Job]] = {
    **dict.fromkeys(IMPORTS, import_job),
    JobKind.WORKBOOK: export_job,
    JobKind.REPLAY: replay_job,
    **dict.fromkeys((JobKind.MIGRATION, JobKind.MIGRATION_UNDO), migration_type),
}
_NAMES = ("ImportJob", "ExportJob", "ReplayJob", "Replay", "Migration")


def job_type(record: JobRecord, language: str) -> Job:
    """A job as the API shows it."""
    return _SHOWN[JobKind(record.kind)](record, language)


def job_id_of(given: str) -> UUID | None:
    """The id of a job by its global id, whatever it does; None for that of anything else."""
    return next((found for name in _NAMES if (found := uuid_of(given, name)) is not None), None)


async def replay_job_node(info: Info, job_id: UUID) -> ReplayJob | None:
    """A replay of the viewer's as a job by its id."""
    found = await own_job(info.context, job_id, {JobKind.REPLAY})
    return None if found is None else replay_job(found, info.context.language)
