"""Files that jobs read and make; each is kept for who asked for the job."""

from uuid import UUID

from bpm_crm.excel.limits import FILES_KEPT
from bpm_crm.excel.problems import TableCode, TableRefused
from bpm_crm.operations.job_runs import Run
from bpm_crm.records.files import insert_file, load_file
from bpm_crm.records.identifiers import new_id

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def content_of(run: Run) -> bytes:
    """What is in the file the job was asked to read. `TableRefused` when it is no longer kept."""
    async with run.database.reader(run.tenant_id) as connection:
        found = await load_file(connection, run.tenant_id, UUID(run.job.input["file"]))
    if found is None:
        raise TableRefused(TableCode.FILE_EXPIRED)
    return found.content


async def keep_workbook(run: Run, name: str, content: bytes) -> UUID:
    """Keep a workbook that the job made; its id."""
    file_id = new_id()
    async with run.database.transaction(run.tenant_id) as connection:
        await insert_file(
            connection,
            run.tenant_id,
            file_id,
            name=name,
            media_type=XLSX,
            content=content,
            by=run.job.created_by,
            kept=FILES_KEPT,
        )
    return file_id
