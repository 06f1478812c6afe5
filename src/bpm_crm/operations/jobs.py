"""Jobs: long work that is asked for once, in somebody's name, and carried out by a worker."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.operations.access import Permission
from bpm_crm.operations.job_problems import JobCode, JobProblem, JobRefused
from bpm_crm.operations.requests import digest_of
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.jobs import JobRecord, announce_jobs, cancel_job, insert_job, job_of_key, load_job


class JobKind(StrEnum):
    """The kinds of jobs."""

    LEADS = "leads"
    HISTORY = "history"
    UNDO = "undo"
    WORKBOOK = "workbook"
    REPLAY = "replay"
    MIGRATION = "migration"
    MIGRATION_UNDO = "migration_undo"


NEEDED: Mapping[JobKind, Permission] = {
    JobKind.LEADS: Permission.IMPORT_LEADS,
    JobKind.HISTORY: Permission.IMPORT_HISTORY,
    JobKind.UNDO: Permission.EXCLUDE_CASE,
    JobKind.WORKBOOK: Permission.VIEW_FIGURES,
    JobKind.REPLAY: Permission.MANAGE_PROCESSES,
    JobKind.MIGRATION: Permission.MIGRATE_CASES,
    JobKind.MIGRATION_UNDO: Permission.MIGRATE_CASES,
}
"""What somebody must be permitted when the job is carried out, not only when it is asked for."""


class KeyUsed(Exception):
    """The idempotency key was used for something else."""


async def ask(
    connection: Connection,
    tenant_id: UUID,
    *,
    kind: JobKind,
    by: UUID,
    language: str,
    values: Mapping[str, Any],
    key: str | None = None,
    target_id: UUID | None = None,
) -> tuple[JobRecord, bool]:
    """Ask for a job; and whether it was asked for before. `KeyUsed` for a key that stands for something else."""
    fingerprint = digest_of([kind, values, target_id])
    job_id = new_id()
    made = await insert_job(
        connection,
        tenant_id,
        job_id,
        kind=kind.value,
        by=by,
        language=language,
        key=key,
        fingerprint=fingerprint,
        values=values,
        target_id=target_id,
    )
    found = await load_job(connection, tenant_id, job_id) if made or key is None else None
    found = found or await job_of_key(connection, tenant_id, by, key or "")
    if found is None:
        raise LookupError("the job was neither made nor found")
    if found.fingerprint != fingerprint:
        raise KeyUsed
    if made:
        await announce_jobs(connection, tenant_id)
    return found, not made


async def cancel(connection: Connection, tenant_id: UUID, job_id: UUID) -> tuple[JobRecord, bool]:
    """End a job: at once if it has not begun, else after the step it is at; and whether that was asked for before.

    `JobRefused` where it has ended otherwise. What was done before stays.
    """
    problem = JobProblem(JobCode.CANCELLED).as_json()
    is_new = await cancel_job(connection, tenant_id, job_id, problem)
    found = await load_job(connection, tenant_id, job_id)
    if found is None:
        raise LookupError("only a job that was found is cancelled")
    if found.failure is None or found.failure["code"] != JobCode.CANCELLED:
        raise JobRefused(JobProblem(JobCode.ENDED))
    return found, not is_new
