"""Publishing versions, retiring processes, bringing them back, and installing the shipped ones again."""

from typing import Annotated, Any

import strawberry
from strawberry import argument

from bpm_crm.api.checks import flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.definitions import ProcessDefinitionType, definition_type
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input
from bpm_crm.api.process_draft_types import StaleProcessDraft
from bpm_crm.api.process_problems import InvalidDocument
from bpm_crm.api.process_refusals import process_refusal
from bpm_crm.api.process_release_inputs import (
    InstallProcessesInput,
    PublishProcessInput,
    ReinstateProcessInput,
    RetireProcessInput,
)
from bpm_crm.api.process_release_types import (
    InstalledProcess,
    ProcessesInstalled,
    ProcessPublished,
    ProcessRetirement,
    RolloutInTheWay,
    StaleProcessVersion,
)
from bpm_crm.api.requests import commented_request, key_reused, request_of
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import KeyReused
from bpm_crm.operations.installing import Installed, install_processes
from bpm_crm.operations.releasing import (
    AskedRelease,
    Released,
    Retired,
    publish_process,
    reinstate_process,
    retire_process,
)
from bpm_crm.processes.library import shipped_keys

PublishProcessResult = Annotated[
    ProcessPublished
    | StaleProcessVersion
    | StaleProcessDraft
    | RolloutInTheWay
    | InvalidDocument
    | NotFound
    | InvalidInput
    | IdempotencyConflict,
    strawberry.union("PublishProcessResult", description="The version is published, or why it is not."),
]
RetireProcessResult = Annotated[
    ProcessRetirement | RolloutInTheWay | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("RetireProcessResult", description="The process is retired or in use again, or why it is not."),
]
InstallProcessesResult = Annotated[
    ProcessesInstalled | InvalidInput | IdempotencyConflict,
    strawberry.union("InstallProcessesResult", description="What was installed, or why nothing was."),
]
PublishArgument = Annotated[PublishProcessInput, argument(description="What to publish.")]
RetireArgument = Annotated[RetireProcessInput, argument(description="Which process.")]
ReinstateArgument = Annotated[ReinstateProcessInput, argument(description="Which process.")]
InstallArgument = Annotated[InstallProcessesInput, argument(description="What to install.")]


@strawberry.type
class ProcessReleasesMutation:
    """Mutations of the life of a definition after its draft."""

    @strawberry.mutation(
        description="Publish a document or a draft as the next version: proved, numbered, immutable. New cases take it, those under way stay with theirs."
    )
    async def publish_process(self, info: Info, input: PublishArgument) -> PublishProcessResult:  # noqa: A002  # the API's convention
        """Publish the next version of a process."""
        context = info.context
        context.require(Permission.MANAGE_PROCESSES)
        if flawed := flaws(comment=input.changelog, idempotency_key=input.idempotency_key):
            return invalid_input([_as_changelog(flaw) for flaw in flawed], context.language)
        asked = AskedRelease(
            process=input.process,
            document=input.document,
            changelog=input.changelog,
            base_version=input.base_version,
            expected_revision=input.expected_revision,
            is_held=input.is_held,
            is_dry_run=input.dry_run,
        )
        said = ["publishProcess", *(getattr(asked, name) for name in AskedRelease.__slots__)]
        request = commented_request(context, said, asked.changelog or None, input.idempotency_key)
        answer = await publish_process(context.services.database, request, asked, context.services.now())
        if isinstance(answer, Released):
            return await _published(context, answer, is_dry_run=asked.is_dry_run)
        return process_refusal(context, answer)

    @strawberry.mutation(description="Retire a process: no case of it begins any more, those under way go on.")
    async def retire_process(self, info: Info, input: RetireArgument) -> RetireProcessResult:  # noqa: A002  # the API's convention
        """Retire a process."""
        return await _retirement(info.context, input, "retireProcess")

    @strawberry.mutation(description="Let cases of a retired process begin again.")
    async def reinstate_process(self, info: Info, input: ReinstateArgument) -> RetireProcessResult:  # noqa: A002  # the API's convention
        """Let cases of a retired process begin again."""
        return await _retirement(info.context, input, "reinstateProcess")

    @strawberry.mutation(
        description="Install the shipped processes again: those the company lacks, and those it has as an earlier release shipped them. What it changed is left alone."
    )
    async def install_processes(self, info: Info, input: InstallArgument) -> InstallProcessesResult:  # noqa: A002  # the API's convention
        """Install the shipped processes again."""
        context = info.context
        context.require(Permission.MANAGE_PROCESSES)
        unknown = [key for key in input.processes or () if key not in shipped_keys()]
        flawed = [*flaws(comment=input.comment, idempotency_key=input.idempotency_key)]
        flawed += [InputProblem(InputCode.UNKNOWN_PROCESS, ("processes",), key, shipped_keys()) for key in unknown]
        if flawed:
            return invalid_input(flawed, context.language)
        request = request_of(context, input, ["installProcesses", input.processes, input.dry_run])
        answer = await install_processes(
            context.services.database,
            request,
            context.services.now(),
            keys=input.processes,
            is_dry_run=input.dry_run,
        )
        if isinstance(answer, KeyReused):
            return key_reused(context, answer.key)
        await renewed(context)
        return _installed(answer, is_dry_run=input.dry_run)


async def renewed(context: RequestContext) -> RequestContext:
    """The same context with the reference data as it is after what was just done, so that who did it sees it at once."""
    tenant_id = context.caller.tenant_id
    context.services.reference.forget(tenant_id)
    await context.services.reference.get(tenant_id)
    return context.refreshed()


async def _definition(context: RequestContext, process: str) -> ProcessDefinitionType | None:
    """A process as the API shows it, at the version that new cases take."""
    record = context.known.definition(process)
    if record is None:
        return None
    found = await context.process(record.id, record.taken_version)
    return definition_type(record, found.definition, context.language)


def _installed(answer: Installed, *, is_dry_run: bool) -> ProcessesInstalled:
    found = [
        InstalledProcess(process=item.process, state=item.state, version=item.version) for item in answer.processes
    ]
    return ProcessesInstalled(processes=found, is_dry_run=is_dry_run, is_repeated=answer.is_repeated)


async def _published(context: RequestContext, answer: Released, *, is_dry_run: bool) -> ProcessPublished:
    context = await renewed(context)
    return ProcessPublished(
        process=answer.process,
        version=answer.version,
        checksum=answer.checksum,
        is_new=answer.is_new,
        is_dry_run=is_dry_run,
        definition=await _definition(context, answer.process),
        is_repeated=answer.is_repeated,
    )


async def _retirement(context: RequestContext, asked: Any, name: str) -> Any:
    context.require(Permission.MANAGE_PROCESSES)
    if flawed := flaws(comment=asked.comment, idempotency_key=asked.idempotency_key):
        return invalid_input(flawed, context.language)
    request = request_of(context, asked, [name, asked.process])
    done = retire_process if name == "retireProcess" else reinstate_process
    answer = await done(context.services.database, request, asked.process)
    if not isinstance(answer, Retired):
        return process_refusal(context, answer)
    await renewed(context)
    return ProcessRetirement(process=answer.process, retired_at=answer.at, is_repeated=answer.is_repeated)


def _as_changelog(flaw: InputProblem) -> InputProblem:
    path = ("changelog",) if flaw.path == ("comment",) else flaw.path
    return InputProblem(flaw.code, path, flaw.value, flaw.known, flaw.params)
