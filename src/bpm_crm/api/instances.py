"""Process instances: the cases, what is open to the viewer in each, their history and clocks, and the lists of them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from bpm_crm.api.catalogue import shown_definition, shown_stages
from bpm_crm.api.channels import Campaign, Channel, campaign_of, channel_of
from bpm_crm.api.clocks import ClockView, SlaClock
from bpm_crm.api.connections import After, First, cut, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.definitions import ProcessDefinitionType, ReasonType, StageType, reason_type
from bpm_crm.api.diagram_types import Diagram
from bpm_crm.api.diagrams import instance_diagram
from bpm_crm.api.errors import Blocker, blockers_of
from bpm_crm.api.exposing import expose
from bpm_crm.api.history import TransitionRecordConnection, TransitionRecordEdge, transition_record
from bpm_crm.api.ids import to_global
from bpm_crm.api.instance_filters import InstanceStatus
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import Team, User, team_of, user_of
from bpm_crm.api.selections import Selection
from bpm_crm.api.transition_forms import TransitionFormType, form_type
from bpm_crm.engine.definition import Transition
from bpm_crm.engine.forms import form_of
from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.engine.legality import AvailableTransition as EngineAvailable
from bpm_crm.engine.legality import available
from bpm_crm.engine.process import Process
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import NOBODY
from bpm_crm.records.instances import InstanceRecord, split_personal
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

    @strawberry.field(description="The deal the case runs over.")
    async def deal(self, info: Info) -> DealType | None:
        """The deal the case runs over."""
        from_page = self.deal_view
        if from_page is not None or self.record.deal_id is None:
            return from_page
        return info.context.deal(await info.context.loader.deals.load(self.record.deal_id))

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
    deal_view: strawberry.Private[DealType | None]


class InstanceView(ProcessInstance):
    """A case over its record; what costs something is made when it is asked for."""

    def __init__(self, record: InstanceRecord, process: Process, context: RequestContext) -> None:
        self.record = record
        self.process = process
        self.context = context
        self.deal_view = None
        self.id = to_global(KIND, record.id)
        self.version = record.version
        self.sequence = record.state.sequence
        self.region = record.region
        self.external_id = record.external_id
        self.exclusion = record.state.exclusion

    @property
    def status(self) -> InstanceStatus:  # type: ignore[override]  # made when asked for
        """Whether it runs, or how it ended."""
        return InstanceStatus(self.record.outcome or "running")

    @property
    def outcome(self) -> Outcome | None:  # type: ignore[override]  # made when asked for
        """How it ended."""
        return None if self.record.outcome is None else Outcome(self.record.outcome)

    @property
    def stage(self) -> StageType:  # type: ignore[override]  # made when asked for
        """Current stage."""
        return shown_stages(self.context, self.process)[self.record.state.stage]

    @property
    def definition(self) -> ProcessDefinitionType:  # type: ignore[override]  # made when asked for
        """The process."""
        return shown_definition(self.context, self.process, self.record.definition_id, self.record.version)

    @property
    def channel(self) -> Channel:  # type: ignore[override]  # made when asked for
        """Channel through which it came."""
        return channel_of(self.context.known, self.record.channel_id, self.context.language)

    @property
    def campaign(self) -> Campaign | None:  # type: ignore[override]  # made when asked for
        """Campaign that brought it."""
        return campaign_of(self.context.known, self.record.campaign_id)

    @property
    def owner(self) -> User | None:  # type: ignore[override]  # made when asked for
        """Who is responsible."""
        return user_of(self.context.people, self.record.owner_id)

    @property
    def team(self) -> Team | None:  # type: ignore[override]  # made when asked for
        """Team in whose queue it is."""
        return team_of(self.context.people, self.record.team_id)

    @property
    def data(self) -> JSON:  # type: ignore[override]  # made when asked for
        """Values of the data fields."""
        if self.context.caller.may(Permission.VIEW_CUSTOMERS):
            return JSON(self.record.state.data)
        return JSON(split_personal(self.process.personal_fields, self.record.state.data)[0])

    @property
    def started_at(self) -> datetime:  # type: ignore[override]  # made when asked for
        """When the case began."""
        return moment_of(self.record.state.started_at)

    @property
    def entered_at(self) -> datetime:  # type: ignore[override]  # made when asked for
        """When the current stage was entered."""
        return moment_of(self.record.state.entered_at)

    @property
    def ended_at(self) -> datetime | None:  # type: ignore[override]  # made when asked for
        """When the case ended."""
        return _moment(self.record.state.ended_at)

    @property
    def loss_reason(self) -> ReasonType | None:  # type: ignore[override]  # made when asked for
        """Why it was lost or cancelled."""
        reason = self.process.definition.reasons.get(self.record.state.reason or "")
        return None if reason is None else reason_type(reason, self.context.language)

    @property
    def checkpoints(self) -> list[CheckpointStatus]:  # type: ignore[override]  # made when asked for
        """Checkpoints of the process."""
        reached = self.record.state.reached
        return [
            CheckpointStatus(
                key=item.key,
                title=item.title,
                order=item.order,
                reached_at=moment_of(reached[item.key][0]) if item.key in reached else None,
            )
            for item in self.definition.checkpoints
        ]

    @property
    def clocks(self) -> list[SlaClock]:  # type: ignore[override]  # made when asked for
        """The last cycle of each SLA clock."""
        at = instant_of(self.context.services.now())
        known = (clock for clock in self.record.state.clocks.values() if clock.policy in self.process.rules)
        ordered = sorted(known, key=lambda clock: (not clock.is_open, clock.due_at))
        return [ClockView(clock, self.process.rules[clock.policy], self.context.language, at) for clock in ordered]

    @property
    def next_due_at(self) -> datetime | None:  # type: ignore[override]  # made when asked for
        """When the next open clock reaches its target."""
        running = (
            clock.due_at
            for clock in self.record.state.clocks.values()
            if clock.is_open and not clock.is_standing and clock.breached_at is None
        )
        return _moment(min(running, default=None))

    @property
    def overdue_since(self) -> datetime | None:  # type: ignore[override]  # made when asked for
        """When the first of the open clocks was breached."""
        return _moment(self.record.state.overdue_since)

    @property
    def available_transitions(self) -> list[AvailableTransition]:  # type: ignore[override]  # made when asked for
        """Moves out of the current stage as they stand for the viewer."""
        at = max(instant_of(self.context.services.now()), self.record.state.entered_at)
        moves = available(self.process, self.record.state, self.context.caller.actor, at)
        return [self._available(move) for move in moves]

    def _available(self, move: EngineAvailable) -> AvailableTransition:
        language, transition = self.context.language, move.transition
        scope = self.context.scope(Permission.FIRE_TRANSITION)
        reachable = scope is not None and scope.covers_state(self.record.state, self.record.channel_id)
        return AvailableTransition(
            key=transition.key,
            trigger=transition.trigger,
            label=transition.title.in_language(language),
            target=shown_stages(self.context, self.process)[transition.target],
            enabled=move.enabled and reachable,
            required_fields=list(move.required),
            reasons=[reason_type(reason, language) for reason in move.reasons],
            blocked_by=blockers_of(move.blockers, language),
            draw=lambda: self._form(transition),
        )

    def _form(self, transition: Transition) -> TransitionFormType:
        """The form of a move of this case, without the values that the viewer may not see."""
        may_see = self.context.caller.may(Permission.VIEW_CUSTOMERS)
        hidden = frozenset[str]() if may_see else self.process.personal_fields
        return form_type(form_of(self.process, transition, self.record.state), self.record.version, hidden)


async def instance_view(context: RequestContext, record: InstanceRecord) -> ProcessInstance:
    """A case as the API shows it."""
    return InstanceView(record, await context.process(record.definition_id, record.version), context)


async def instance_views(
    context: RequestContext, records: Sequence[InstanceRecord], selected: Selection
) -> list[ProcessInstance]:
    """Cases as the API shows them, with the deals loaded where they are selected: one statement for all."""
    views = [
        InstanceView(record, await context.process(record.definition_id, record.version), context) for record in records
    ]
    if selected.has("deal"):
        deals = await context.loader.deals.load_many([view.record.deal_id for view in views if view.record.deal_id])
        by_id = {deal.id: deal for deal in deals if deal is not None}
        for view in views:
            view.deal_view = context.deal(by_id.get(view.record.deal_id or NOBODY))
    return list(views)


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else moment_of(instant)
