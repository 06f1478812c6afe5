"""Process instances: the cases, what is open to the viewer in each, their history and clocks."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UnsetType

from bpm_crm.api.channels import Campaign, Channel
from bpm_crm.api.clocks import SlaClock
from bpm_crm.api.connections import After, First, cut, paged
from bpm_crm.api.context import Info
from bpm_crm.api.definition_parts import ReasonType, StageType
from bpm_crm.api.definitions import ProcessDefinitionType
from bpm_crm.api.diagram_types import Diagram
from bpm_crm.api.diagrams import instance_diagram
from bpm_crm.api.errors import Blocker
from bpm_crm.api.exposing import expose
from bpm_crm.api.history import TransitionRecordConnection, TransitionRecordEdge, transition_record
from bpm_crm.api.instance_filters import InstanceStatus
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import Team, User
from bpm_crm.api.selections import LOADED_AS
from bpm_crm.api.transition_forms import TransitionFormType
from bpm_crm.records.instances import InstanceRecord
from bpm_crm.records.listings import HISTORY
from bpm_crm.records.selection import Page

if TYPE_CHECKING:
    from bpm_crm.api.deals import Deal

KIND = "ProcessInstance"
DealType = Annotated["Deal", strawberry.lazy("bpm_crm.api.deals")]


class Outcome(Enum):
    """How a case ended."""

    WON = "won"
    LOST = "lost"
    CANCELLED = "cancelled"


expose(
    Outcome,
    "How a case ended.",
    {
        Outcome.WON: "With success.",
        Outcome.LOST: "Without success.",
        Outcome.CANCELLED: "It should not have been a case.",
    },
)


@strawberry.type(
    description="A move out of the current stage, as it stands for the viewer: the evaluator that will perform it says so."
)
class AvailableTransition:
    """A move out of the current stage, as it stands for the viewer."""

    key: str = strawberry.field(description="Key of the transition.")
    trigger: str = strawberry.field(description="What `fireTransition` names.")
    label: str = strawberry.field(description="Name on the button, in the language of `Accept-Language`.")
    target: StageType = strawberry.field(description="Stage it leads to.")
    enabled: bool = strawberry.field(description="Whether nothing but input is missing: a form is enough.")
    required_fields: list[str] = strawberry.field(description="Data fields still to be sent.")
    reasons: list[ReasonType] = strawberry.field(description="Reasons that may be given.")
    blocked_by: list[Blocker] = strawberry.field(
        description="Everything that stands in the way, missing input included."
    )
    draw: strawberry.Private[Callable[[], TransitionFormType]]

    @strawberry.field(description="What the move asks for, with the values the case has: enough to draw the form.")
    def form(self) -> TransitionFormType:
        """What the move asks for."""
        return self.draw()


@strawberry.type(description="A checkpoint of the process and whether the case has reached it.")
class CheckpointStatus:
    """A checkpoint and whether the case has reached it."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    order: int | None = strawberry.field(description="Place in the funnel; null when it is no funnel step.")
    reached_at: datetime | None = strawberry.field(description="When it was first reached; null when it was not.")


@strawberry.type(name="ProcessInstance", description="A case: one run of a version of a process, normally over a deal.")
class ProcessInstance(Node):
    """A case."""

    version: int = strawberry.field(description="Version of the definition the case is pinned to.")
    sequence: int = strawberry.field(description="Number of steps so far; send it as `expectedSequence`.")
    status: InstanceStatus = strawberry.field(description="Whether it runs, or how it ended.")
    stage: StageType = strawberry.field(description="Current stage.")
    definition: ProcessDefinitionType = strawberry.field(
        description="The process, with the content of the case's version."
    )
    channel: Channel = strawberry.field(description="Channel through which it came.")
    campaign: Campaign | None = strawberry.field(description="Campaign that brought it.")
    region: str | None = strawberry.field(description="Region of the customer.")
    external_id: str | None = strawberry.field(description="The channel's own id of the lead.")
    owner: User | None = strawberry.field(
        description="Who is responsible; null while it waits in a queue, and for those who may not see people."
    )
    team: Team | None = strawberry.field(description="Team in whose queue it is.")
    data: JSON = strawberry.field(
        description="Values of the data fields; personal ones only for those who may see customers."
    )
    started_at: datetime = strawberry.field(description="When the case began.")
    entered_at: datetime = strawberry.field(description="When the current stage was entered.")
    ended_at: datetime | None = strawberry.field(description="When the case ended.")
    outcome: Outcome | None = strawberry.field(description="How it ended.")
    loss_reason: ReasonType | None = strawberry.field(description="Why it was lost or cancelled, out of the catalogue.")
    exclusion: str | None = strawberry.field(
        description="Why figures leave it out: `test`, `spam`, `duplicate` or `undone` (its import)."
    )
    checkpoints: list[CheckpointStatus] = strawberry.field(
        description="Checkpoints of the process, funnel steps first."
    )
    clocks: list[SlaClock] = strawberry.field(
        description="The last cycle of each SLA clock, open ones first, the earliest due first."
    )
    next_due_at: datetime | None = strawberry.field(description="When the next open clock reaches its target.")
    overdue_since: datetime | None = strawberry.field(description="When the first of the open clocks was breached.")
    available_transitions: list[AvailableTransition] = strawberry.field(
        description="Moves out of the current stage as they stand for the viewer: the same evaluator as `fireTransition`."
    )

    @strawberry.field(description="The deal the case runs over.", metadata={LOADED_AS: "deal_view"})
    async def deal(self, info: Info) -> DealType | None:
        """The deal the case runs over."""
        if not isinstance(self.deal_view, UnsetType):
            return self.deal_view
        deal_id = self.record.deal_id
        return None if deal_id is None else info.context.deal(await info.context.loader.deals.load(deal_id))

    @strawberry.field(description="The steps of the case, in their order.")
    async def history(self, info: Info, first: First = None, after: After = None) -> TransitionRecordConnection:
        """The steps of the case."""
        window = cut((HISTORY.identity,), first, after)
        begin = 0 if window.after is None else window.after[0]
        rows = await info.context.loader.histories.load((self.record.id, window.limit, begin))
        nodes = [transition_record(info.context, row) for row in rows[: window.limit]]
        keys, total = [[node.sequence] for node in nodes], self.record.state.sequence
        page = Page(keys=keys, has_more=len(rows) > window.limit, total=total)
        return paged(TransitionRecordConnection, TransitionRecordEdge, nodes, page, window)

    diagram: Diagram = strawberry.field(
        resolver=instance_diagram, description="The way of the case over a picture of its process."
    )

    record: strawberry.Private[InstanceRecord]
    deal_view: strawberry.Private[DealType | UnsetType | None]
