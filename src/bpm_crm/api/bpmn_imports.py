"""Reading BPMN as drafts of processes, through the API."""

import asyncio
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.context import Info
from bpm_crm.api.diagram_types import BpmnFinding, bpmn_finding
from bpm_crm.api.errors import InputProblem, InvalidInput
from bpm_crm.exchange.bpmn.importing import Imported, import_bpmn
from bpm_crm.exchange.bpmn.xml_reader import BpmnInvalid
from bpm_crm.operations.access import ROLES, Permission

_INVALID = "BPMN_INVALID"


@strawberry.input(description="A BPMN file to be read.")
class ImportBpmnInput:
    """A BPMN file to be read."""

    document: str = strawberry.field(
        description="The BPMN 2.0 XML. At most as long as a request may be; `bpm-crm process import-bpmn` takes up to 5 MiB."
    )


@strawberry.type(description="A process of a BPMN file: a draft in our notation, or why there is none.")
class BpmnDraft:
    """A process of a BPMN file."""

    process_id: str = strawberry.field(description="Id of the process in the file.")
    name: str = strawberry.field(description="Its name, or that of its pool.")
    document: str | None = strawberry.field(
        description="The draft as YAML with comments, not checked and not saved; null: refused, `findings` say why."
    )
    findings: list[BpmnFinding] = strawberry.field(
        description="How elements were understood, what was left out, what is refused."
    )


@strawberry.type(description="What a BPMN file holds. Nothing is saved.")
class BpmnImport:
    """What a BPMN file holds."""

    drafts: list[BpmnDraft] = strawberry.field(description="Its processes, one for each pool.")
    findings: list[BpmnFinding] = strawberry.field(
        description="What lies beside its processes and has no counterpart, as message flows."
    )


ImportBpmnResult = Annotated[
    BpmnImport | InvalidInput,
    strawberry.union("ImportBpmnResult", description="What a BPMN file holds, or why it is refused."),
]
Argument = Annotated[ImportBpmnInput, argument(description="Which file.")]


@strawberry.type
class BpmnImportsQuery:
    """Queries about BPMN files."""

    @strawberry.field(
        description="Read a BPMN 2.0 file as drafts of processes. It writes nothing: save a draft to keep it."
    )
    async def import_bpmn(self, info: Info, input: Argument) -> ImportBpmnResult:  # noqa: A002  # the API's convention
        """Read a BPMN file."""
        context = info.context
        context.require(Permission.VIEW_DEFINITIONS)
        language = context.language
        try:
            found = await asyncio.to_thread(import_bpmn, input.document, roles=ROLES, language=language)
        except BpmnInvalid as error:
            path = ["input", "document"]
            problem = InputProblem(code=_INVALID, message=error.text(language), path=path, known=[])
            return InvalidInput(code=_INVALID, message=problem.message, path=path, problems=[problem])
        return _import_type(found, language)


def _import_type(found: Imported, language: str) -> BpmnImport:
    return BpmnImport(
        drafts=[
            BpmnDraft(
                process_id=draft.id,
                name=draft.name,
                document=draft.document,
                findings=[bpmn_finding(finding, language) for finding in draft.findings],
            )
            for draft in found.drafts
        ],
        findings=[bpmn_finding(finding, language) for finding in found.findings],
    )
