"""Process definitions as the API shows them."""

from datetime import datetime

import strawberry

from bpm_crm.api.context import Info
from bpm_crm.api.definition_parts import (
    CheckpointType,
    DataField,
    ReasonType,
    SlaPolicyType,
    StageType,
    TransitionType,
    checkpoint_type,
    checkpoints_of,
    field_type,
    policy_type,
    reason_type,
    stage_type,
    transition_type,
)
from bpm_crm.api.diagram_types import Diagram
from bpm_crm.api.diagrams import process_diagram
from bpm_crm.api.ids import to_global, uuid_of
from bpm_crm.api.nodes import Node
from bpm_crm.api.process_draft_types import ProcessDraft, draft_type, find_draft
from bpm_crm.api.version_types import ProcessVersion, version_type
from bpm_crm.engine.definition import (
    ProcessDefinition,
)
from bpm_crm.operations.access import Permission
from bpm_crm.records.reference import DefinitionRecord


@strawberry.type(
    name="ProcessDefinition",
    description="The named workflow of one or more channels, at the version that new cases take.",
)
class ProcessDefinitionType(Node):
    """The named workflow of one or more channels."""

    key: str = strawberry.field(description="Stable key, for example `callback-request`.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    description: str | None = strawberry.field(description="What the process is for.")
    latest_version: int = strawberry.field(description="The newest published version.")
    current_version: int = strawberry.field(
        description="Version that new cases take, whose content this is; another than the newest while that is rolled out or held back."
    )
    retired_at: datetime | None = strawberry.field(
        description="Since when no case of it begins any more; null: it is in use."
    )
    created_at: datetime = strawberry.field(description="When the definition was first published.")
    channels: list[str] = strawberry.field(description="Keys of the channels it handles.")
    key_stage: str | None = strawberry.field(
        description="Key of the stage on which the process turns; KPIs tell who gets there and what is done there. Null: none."
    )
    initial_stage: str = strawberry.field(description="Stage in which cases begin.")
    stages: list[StageType] = strawberry.field(description="Stages, in the order of the document.")
    fields: list[DataField] = strawberry.field(description="Data fields.")
    transitions: list[TransitionType] = strawberry.field(description="Legal moves.")
    checkpoints: list[CheckpointType] = strawberry.field(
        description="Control points; funnel steps first, in funnel order."
    )
    sla_policies: list[SlaPolicyType] = strawberry.field(description="Rules of the clocks.")
    reasons: list[ReasonType] = strawberry.field(description="Catalogue of reasons.")
    diagram: Diagram = strawberry.field(
        resolver=process_diagram,
        description="A picture of the process, with figures or the way of a case written over it where wanted.",
    )

    @strawberry.field(description="All versions, newest first.")
    async def versions(self, info: Info) -> list["ProcessVersion"]:
        """All versions, newest first."""
        info.context.require(Permission.VIEW_DEFINITIONS)
        found = uuid_of(self.id, KIND)
        rows = [] if found is None else await info.context.loader.versions.load(found)
        return [version_type(info.context.people, row) for row in rows]

    @strawberry.field(description="The draft of the next version; null where there is none.")
    async def draft(self, info: Info) -> ProcessDraft | None:
        """The draft of the next version."""
        info.context.require(Permission.MANAGE_PROCESSES)
        return draft_type(info.context, await find_draft(info.context, self.key))


KIND = "ProcessDefinition"


def definition_type(record: DefinitionRecord, definition: ProcessDefinition, language: str) -> ProcessDefinitionType:
    """A definition as the API shows it, with the content of the version given."""
    return ProcessDefinitionType(
        id=to_global(KIND, record.id),
        key=record.key,
        title=definition.title.in_language(language),
        description=None if definition.description is None else definition.description.in_language(language),
        latest_version=record.latest_version,
        current_version=record.taken_version,
        retired_at=record.retired_at,
        created_at=record.created_at,
        channels=list(definition.channels),
        key_stage=definition.key_stage,
        initial_stage=definition.initial,
        stages=[stage_type(stage, language) for stage in definition.stages.values()],
        fields=[field_type(item, language) for item in definition.fields.values()],
        transitions=[transition_type(item, language) for item in definition.transitions.values()],
        checkpoints=[checkpoint_type(item, language) for item in checkpoints_of(definition)],
        sla_policies=[policy_type(item, language) for item in definition.policies.values()],
        reasons=[reason_type(item, language) for item in definition.reasons.values()],
    )
