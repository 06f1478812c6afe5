"""Cases as the API shows them, over their records."""

from collections.abc import Sequence
from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from bpm_crm.api.catalogue import shown_definition, shown_stages
from bpm_crm.api.clocks import ClockView, SlaClock
from bpm_crm.api.context import RequestContext
from bpm_crm.api.definition_parts import ReasonType, StageType, reason_type
from bpm_crm.api.definitions import ProcessDefinitionType
from bpm_crm.api.dimension_views import DimensionsView
from bpm_crm.api.errors import blockers_of
from bpm_crm.api.ids import to_global
from bpm_crm.api.instances import KIND, AvailableTransition, CheckpointStatus, ProcessInstance
from bpm_crm.api.transition_forms import TransitionFormType, form_type
from bpm_crm.engine.clock import Clock
from bpm_crm.engine.definition import Transition
from bpm_crm.engine.forms import form_of
from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.engine.legality import AvailableTransition as EngineAvailable
from bpm_crm.engine.legality import available
from bpm_crm.engine.process import Process
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import NOBODY
from bpm_crm.records.instances import InstanceRecord, split_personal


class InstanceView(DimensionsView[InstanceRecord], ProcessInstance):  # type: ignore[override]  # made when asked for
    """A case over its record; what costs something is made when it is asked for."""

    def __init__(self, record: InstanceRecord, process: Process, context: RequestContext, at: int) -> None:
        self.record = record
        self.process = process
        self.context = context
        self.at = at
        self.deal_view = UNSET if record.deal_id else None
        self.version = record.version
        self.sequence = record.state.sequence
        self.region = record.region
        self.external_id = record.external_id
        self.exclusion = record.state.exclusion

    @property
    def id(self) -> strawberry.ID:  # type: ignore[override]  # made when asked for
        """Global id."""
        return to_global(KIND, self.record.id)

    @property
    def stage(self) -> StageType:  # type: ignore[override]  # made when asked for
        """Current stage."""
        return shown_stages(self.context, self.process)[self.record.state.stage]

    @property
    def definition(self) -> ProcessDefinitionType:  # type: ignore[override]  # made when asked for
        """The process."""
        return shown_definition(self.context, self.process, self.record.definition_id, self.record.version)

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
        rules, language, at = self.process.rules, self.context.language, self.at
        known = [clock for clock in self.record.state.clocks.values() if clock.policy in rules]
        known.sort(key=_by_urgency)
        return [ClockView(clock, rules[clock.policy], language, at) for clock in known]

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
        at = max(self.at, self.record.state.entered_at)
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
    [view] = await instance_views(context, [record])
    return view


async def instance_views(context: RequestContext, records: Sequence[InstanceRecord]) -> list[InstanceView]:
    """Cases as the API shows them, all at one instant."""
    versions = {(record.definition_id, record.version) for record in records}
    processes = {version: await context.process(*version) for version in versions}
    at = instant_of(context.services.now())
    return [InstanceView(record, processes[record.definition_id, record.version], context, at) for record in records]


async def load_deals_of(context: RequestContext, views: Sequence[InstanceView]) -> None:
    """Load the deals of cases ahead, by one statement for all."""
    deals = await context.loader.deals.load_many([view.record.deal_id for view in views if view.record.deal_id])
    by_id = {deal.id: deal for deal in deals if deal is not None}
    for view in views:
        view.deal_view = context.deal(by_id.get(view.record.deal_id or NOBODY))


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else moment_of(instant)


def _by_urgency(clock: Clock) -> tuple[bool, int]:
    """Sorts open clocks first, the earliest due first."""
    return not clock.is_open, clock.due_at
