"""Process definitions as the API shows them: stages, transitions, checkpoints, clocks, reasons, versions."""

import asyncio
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from bpm_crm.api.certificates import CertificateType, certificate_type
from bpm_crm.api.context import Info
from bpm_crm.api.diagram_types import Diagram
from bpm_crm.api.diagrams import process_diagram
from bpm_crm.api.exposing import expose
from bpm_crm.api.ids import to_global, uuid_of
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import User, user_of
from bpm_crm.api.process_draft_types import ProcessDraft, draft_type, find_draft
from bpm_crm.engine.definition import (
    Checkpoint,
    Field,
    FieldType,
    ProcessDefinition,
    ReasonRule,
    SlaPolicy,
    Stage,
    StageKind,
    Transition,
)
from bpm_crm.engine.definition import Reason as EngineReason
from bpm_crm.engine.duration import format_duration
from bpm_crm.operations.access import Permission
from bpm_crm.operations.publishing import certificate_of_version
from bpm_crm.records.database import Row
from bpm_crm.records.reference import DefinitionRecord, Reference


@strawberry.type(name="Stage", description="A state of the process.")
class StageType:
    """A state of the process."""

    key: str = strawberry.field(description="Stable key.")
    kind: StageKind = strawberry.field(description="What the stage means.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    order: int = strawberry.field(description="Place among the stages, as the document lists them.")


@strawberry.type(description="An option of a choice field.")
class FieldOption:
    """An option of a choice field."""

    key: str = strawberry.field(description="Stored value.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")


@strawberry.type(description="A typed data field of the cases of a process.")
class DataField:
    """A typed data field."""

    key: str = strawberry.field(description="Key in `data`.")
    type: FieldType = strawberry.field(description="Type of its values.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    options: list[FieldOption] = strawberry.field(description="Options of a choice; empty for other types.")
    minimum: str | None = strawberry.field(description="Smallest number allowed, a decimal string.")
    maximum: str | None = strawberry.field(description="Largest number allowed, a decimal string.")
    max_length: int = strawberry.field(description="Longest text allowed, in characters.")
    is_personal: bool = strawberry.field(description="Personal data: kept out of history and erased with the customer.")


@strawberry.type(name="Reason", description="An entry of the catalogue of reasons.")
class ReasonType:
    """An entry of the catalogue of reasons."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    transitions: list[str] = strawberry.field(description="Transitions it may be given for.")
    stages: list[str] = strawberry.field(description="Stages out of which it applies; empty: all.")


@strawberry.type(
    name="Transition", description="A legal move. Transitions that share a trigger are alternatives; guards choose."
)
class TransitionType:
    """A legal move."""

    key: str = strawberry.field(description="Stable key.")
    trigger: str = strawberry.field(description="What `fireTransition` names.")
    title: str = strawberry.field(description="Name people see on the button.")
    sources: list[str] = strawberry.field(description="Stages it leads out of.")
    target: str = strawberry.field(description="Stage it leads to.")
    guard: str | None = strawberry.field(description="Condition in CEL.")
    required_fields: list[str] = strawberry.field(description="Data fields that must have a value.")
    reason: ReasonRule = strawberry.field(description="Whether it takes a reason.")
    roles: list[str] = strawberry.field(description="Roles that may; empty: everyone who may move cases.")
    approval_roles: list[str] = strawberry.field(description="Roles one of which must approve first; empty: none.")


@strawberry.type(
    name="Checkpoint",
    description="A control point with a key that survives versions; funnel steps and KPIs are made of these.",
)
class CheckpointType:
    """A control point."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    order: int | None = strawberry.field(description="Place in the funnel; null when it is no funnel step.")


@strawberry.type(name="SlaTarget", description="The target of clocks that start in a stage.")
class SlaTarget:
    """The target of clocks that start in a stage."""

    stage: str | None = strawberry.field(description="Stage in which the clock starts; null: any other.")
    target: str = strawberry.field(description="Business time such as `PT15M`, or `2 business days`.")


@strawberry.type(name="SlaPolicy", description="The rule of a clock: target, warnings and escalation.")
class SlaPolicyType:
    """The rule of a clock."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    checkpoint: str | None = strawberry.field(description="Checkpoint whose performance the clock measures.")
    targets: list[SlaTarget] = strawberry.field(description="Targets by stage.")
    is_always_open: bool = strawberry.field(
        description="Whether it counts around the clock instead of in business hours."
    )
    warnings: list[str] = strawberry.field(
        description="When it warns: a share of the target, or business time before it."
    )
    escalations: list[str] = strawberry.field(
        description="To whom it escalates and when, as business time after the target."
    )


class VersionStatus(Enum):
    """What new cases have to do with a version."""

    CURRENT = "current"
    ROLLING_OUT = "rolling_out"
    HELD = "held"
    SUPERSEDED = "superseded"


expose(
    VersionStatus,
    "What new cases have to do with a version.",
    {
        VersionStatus.CURRENT: "New cases take it; unless the process is retired, then it is the one they would take.",
        VersionStatus.ROLLING_OUT: "Some of the new cases take it: it is being rolled out.",
        VersionStatus.HELD: "It is newer than what new cases take, and waits for a rollout.",
        VersionStatus.SUPERSEDED: "New cases take a newer one.",
    },
)


@strawberry.type(description="One immutable published version of a process definition.")
class ProcessVersion(Node):
    """One immutable published version."""

    version: int = strawberry.field(description="Number of the version.")
    checksum: str = strawberry.field(description="SHA-256 of the document.")
    changelog: str = strawberry.field(description="What changed, in the words of who published it.")
    published_at: datetime = strawberry.field(description="When it was published.")
    published_by: User | None = strawberry.field(
        description="Who published it; null when it was installed with the product."
    )
    is_shipped: bool = strawberry.field(description="Whether it says what the product ships under this key.")
    definition_id: strawberry.Private[UUID]

    @strawberry.field(description="What new cases have to do with it.")
    def status(self, info: Info) -> VersionStatus:
        """What new cases have to do with it."""
        info.context.require(Permission.VIEW_DEFINITIONS)
        return _status(info.context.known.definitions[self.definition_id], self.version)

    @strawberry.field(description="Cases that run or ran under it.")
    async def total_instances(self, info: Info) -> int:
        """Cases that run or ran under it."""
        info.context.require(Permission.MANAGE_PROCESSES)
        return (await info.context.loader.instance_counts.load(self.definition_id)).get(self.version, (0, 0))[0]

    @strawberry.field(description="Cases under it that have not ended.")
    async def open_instances(self, info: Info) -> int:
        """Cases under it that have not ended."""
        info.context.require(Permission.MANAGE_PROCESSES)
        return (await info.context.loader.instance_counts.load(self.definition_id)).get(self.version, (0, 0))[1]

    @strawberry.field(description="The document that stands alone: shared parts and public holidays written out.")
    async def document(self, info: Info) -> JSON:
        """The document that stands alone."""
        return (await self._row(info))["document"]

    @strawberry.field(description="The YAML text it was published from, with its comments.")
    async def source(self, info: Info) -> str:
        """The YAML text it was published from."""
        return str((await self._row(info))["source"])

    @strawberry.field(
        description="The certificate of its soundness; of a version older than certificates, made for this answer."
    )
    async def certificate(self, info: Info) -> CertificateType:
        """The certificate of its soundness, proved in a thread where none is stored."""
        found = await asyncio.to_thread(certificate_of_version, await self._row(info))
        return certificate_type(found, info.context.language)

    async def _row(self, info: Info) -> Row:
        info.context.require(Permission.VIEW_DEFINITIONS)
        row = await info.context.loader.documents.load((self.definition_id, self.version))
        if row is None:
            raise LookupError(f"version {self.version} is gone")
        return row


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
        fields=[_field(item, language) for item in definition.fields.values()],
        transitions=[_transition(item, language) for item in definition.transitions.values()],
        checkpoints=[_checkpoint(item, language) for item in _in_funnel_order(definition)],
        sla_policies=[_policy(item, language) for item in definition.policies.values()],
        reasons=[reason_type(item, language) for item in definition.reasons.values()],
    )


async def version_of(info: Info, key: str) -> ProcessVersion | None:
    """The version that the key of a global id means: `definition.number`."""
    definition, _, number = key.partition(".")
    known = next((found for found in info.context.known.definitions if str(found) == definition), None)
    rows = [] if known is None else await info.context.loader.versions.load(known)
    return next((version_type(info.context.people, row) for row in rows if str(row["version"]) == number), None)


def stage_type(stage: Stage, language: str) -> StageType:
    """A stage as the API shows it."""
    return StageType(key=stage.key, kind=stage.kind, title=stage.title.in_language(language), order=stage.order)


def reason_type(reason: EngineReason, language: str) -> ReasonType:
    """A reason as the API shows it."""
    return ReasonType(
        key=reason.key,
        title=reason.title.in_language(language),
        transitions=sorted(reason.transitions),
        stages=sorted(reason.stages),
    )


def _in_funnel_order(definition: ProcessDefinition) -> list[Checkpoint]:
    others = [item for item in definition.checkpoints.values() if item.order is None]
    return [*definition.funnel, *others]


def _field(field: Field, language: str) -> DataField:
    return DataField(
        key=field.key,
        type=field.type,
        title=field.title.in_language(language),
        options=[FieldOption(key=key, title=title.in_language(language)) for key, title in field.options.items()],
        minimum=None if field.minimum is None else str(field.minimum),
        maximum=None if field.maximum is None else str(field.maximum),
        max_length=field.max_length,
        is_personal=field.personal,
    )


def _transition(item: Transition, language: str) -> TransitionType:
    return TransitionType(
        key=item.key,
        trigger=item.trigger,
        title=item.title.in_language(language),
        sources=list(item.sources),
        target=item.target,
        guard=None if item.guard is None else item.guard.when,
        required_fields=list(item.required),
        reason=item.reason,
        roles=sorted(item.roles),
        approval_roles=sorted(item.approval_roles or ()),
    )


def _checkpoint(item: Checkpoint, language: str) -> CheckpointType:
    return CheckpointType(key=item.key, title=item.title.in_language(language), order=item.order)


def _policy(item: SlaPolicy, language: str) -> SlaPolicyType:
    return SlaPolicyType(
        key=item.key,
        title=item.title.in_language(language),
        checkpoint=item.checkpoint,
        targets=[SlaTarget(stage=stage or None, target=str(span)) for stage, span in item.targets.items()],
        is_always_open=item.always_open,
        warnings=[
            f"{warning.share:.0%}" if warning.share is not None else format_duration(warning.before or 0)
            for warning in item.warnings
        ],
        escalations=[f"{step.to} after {format_duration(step.after)}" for step in item.escalations],
    )


def _status(record: DefinitionRecord, version: int) -> VersionStatus:
    if version == record.taken_version:
        return VersionStatus.CURRENT
    if version == record.rollout_version:
        return VersionStatus.ROLLING_OUT
    return VersionStatus.HELD if version > record.taken_version else VersionStatus.SUPERSEDED


def version_type(reference: Reference, row: Row) -> ProcessVersion:
    """A version as the API shows it."""
    return ProcessVersion(
        id=to_global("ProcessVersion", f"{row['definition_id']}.{row['version']}"),
        definition_id=row["definition_id"],
        version=row["version"],
        checksum=row["checksum"],
        changelog=row["changelog"],
        published_at=row["published_at"],
        published_by=user_of(reference, row["published_by"]),
        is_shipped=row["origin"] is not None,
    )
