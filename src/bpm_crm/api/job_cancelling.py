"""Jobs ended before they are done, by who asked for them."""

from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.context import Info
from bpm_crm.api.errors import InvalidInput, NotFound, not_found
from bpm_crm.api.job_kinds import job_id_of, job_type
from bpm_crm.api.job_requests import job_refusal
from bpm_crm.api.jobs import Job, own_job
from bpm_crm.operations.job_problems import JobRefused
from bpm_crm.operations.jobs import JobKind, cancel


@strawberry.input(description="End a job before it is done.")
class CancelJobInput:
    """End a job before it is done."""

    job: strawberry.ID = strawberry.field(description="Global id of the job.")


@strawberry.type(
    description="The job ends: at once if no worker had begun, else after the step that one is at; then it is `FAILED` with `CANCELLED`."
)
class JobCancelled:
    """The job ends."""

    job: Job = strawberry.field(description="The job as it is. What was done before stays.")
    is_repeated: bool = strawberry.field(description="Whether it was cancelled before.")


CancelJobResult = Annotated[
    JobCancelled | NotFound | InvalidInput,
    strawberry.union("CancelJobResult", description="The job ends, or why it does not."),
]
CancelArgument = Annotated[CancelJobInput, argument(description="What to cancel.")]


@strawberry.type
class JobCancellingMutation:
    """The mutation that ends jobs."""

    @strawberry.mutation(
        description="End a job that the viewer asked for. Cancelling it twice is cancelling it once, so that no key is needed."
    )
    async def cancel_job(self, info: Info, input: CancelArgument) -> CancelJobResult:  # noqa: A002  # the API's convention
        """End a job that the viewer asked for."""
        context = info.context
        viewer = context.caller
        job_id = job_id_of(input.job)
        found = None if job_id is None else await own_job(context, job_id, set(JobKind))
        if found is None:
            return not_found(context.language, "input", "job")
        try:
            async with context.services.database.transaction(viewer.tenant_id) as connection:
                job, is_repeated = await cancel(connection, viewer.tenant_id, found.id)
        except JobRefused as refused:
            return job_refusal(context, refused.problem, "job")
        return JobCancelled(job=job_type(job, context.language), is_repeated=is_repeated)
