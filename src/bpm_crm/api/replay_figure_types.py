"""Types of the figures of a replay: steps, clocks and checkpoints, each with the way to its cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import strawberry

from bpm_crm.api.connections import After, First
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.instance_lists import ProcessInstanceConnection, instance_page
from bpm_crm.api.people import Team, User
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.differences import ReplayDifferenceKind
from bpm_crm.operations.access import Permission
from bpm_crm.operations.replay_tally import Figure, Key, Tally
from bpm_crm.records.replays import counted_by

expose(
    ReplayDifferenceKind,
    "How a step would have gone otherwise.",
    {
        ReplayDifferenceKind.BLOCKED: "It would have been refused.",
        ReplayDifferenceKind.INEXPRESSIBLE: "The definition has no such move, stage or activity any more.",
        ReplayDifferenceKind.DIVERTED: "It would have been allowed, and would have led to another stage.",
        ReplayDifferenceKind.LOSES_DATA: "It gave a value to a field that the definition has no more. This blocks nothing.",
    },
)


class ReplayedStepKind(Enum):
    """What a replayed step was."""

    STARTED = "started"
    TRANSITION = "transition"
    FORCED = "forced"
    ACTIVITY = "activity"


expose(
    ReplayedStepKind,
    "What a replayed step was.",
    {
        ReplayedStepKind.STARTED: "The beginning of a case.",
        ReplayedStepKind.TRANSITION: "A move; `name` is its trigger.",
        ReplayedStepKind.FORCED: "A forced move; `name` is the stage it led to.",
        ReplayedStepKind.ACTIVITY: "A recorded activity; `name` is its kind.",
    },
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the figures of one replay are shown with."""

    context: RequestContext
    job_id: UUID
    tally: Tally
    numbers: Mapping[Key, int]
    definition: ProcessDefinition
    before: ProcessDefinition

    def figure(self, key: Key) -> "tuple[Figure, int | None]":
        """A figure and its number; an empty one without a number where nothing was counted."""
        found = self.tally.figures.get(key)
        return (Figure(), None) if found is None else (found, self.numbers[key])

    def title(self, find: Callable[[ProcessDefinition], object], key: str) -> str:
        """The name of a part, of this definition or the one before; its key where neither has it."""
        for definition in (self.definition, self.before):
            parts: Mapping[str, object] = find(definition)  # type: ignore[assignment]  # a mapping of titled parts
            title = getattr(parts.get(key), "title", None)
            if title is not None:
                text: str = title.in_language(self.context.language)
                return text
        return key


@strawberry.type
class OfReplay:
    """A number of a replay and the cases behind it."""

    cases: int = strawberry.field(description="In how many cases: what `instances` lists.")
    shown: strawberry.Private[Shown]
    number: strawberry.Private[int | None]

    @strawberry.field(description="The cases of `cases`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases counted."""
        info.context.require(Permission.MANAGE_PROCESSES)
        return await instance_page(info, counted_by(self.shown.job_id, self.number), first=first, after=after)


@strawberry.type(description="All steps that would have gone otherwise in one way.")
class ReplayTotal(OfReplay):
    """All steps that would have gone otherwise in one way."""

    kind: ReplayDifferenceKind = strawberry.field(description="In which way.")
    steps: int = strawberry.field(description="How many steps.")
    first: int = strawberry.field(
        description="Of `cases`: in how many this comes first. A case has one first difference."
    )


@strawberry.type(
    description="Steps that would have gone otherwise: from one stage, by one name, for one cause. A step with several causes counts in several of these."
)
class ReplayedStep(OfReplay):
    """Steps that would have gone otherwise."""

    kind: ReplayDifferenceKind = strawberry.field(description="How they would have gone otherwise.")
    step: ReplayedStepKind = strawberry.field(description="What the steps were.")
    stage: str = strawberry.field(description="Key of the stage the cases were in.")
    stage_title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    name: str = strawberry.field(description="Trigger, kind of activity, or stage forced to; empty for the beginning.")
    code: str | None = strawberry.field(description="Stable code of the cause; null for steps that are diverted.")
    message: str | None = strawberry.field(description="The cause in words, of the first such step.")
    field: str | None = strawberry.field(description="The data field or input at fault.")
    guard: str | None = strawberry.field(description="The condition that does not hold.")
    target: str | None = strawberry.field(description="Where a diverted step would have led.")
    steps: int = strawberry.field(description="How many steps.")
    first: int = strawberry.field(
        description="Of `cases`: in how many this is the first difference, or one of its causes."
    )


@strawberry.type(description="Cycles of a clock by what they came to.")
class ReplayedVerdicts:
    """Cycles of a clock by what they came to."""

    met: int = strawberry.field(description="Stopped in time.")
    breached: int = strawberry.field(description="Stopped too late, or open and overdue.")
    cancelled: int = strawberry.field(description="Ended without a verdict.")
    pending: int = strawberry.field(description="Open and not yet due.")
    absent: int = strawberry.field(description="Cycles that only the other side has.")


@strawberry.type(description="Breaches of one owner, team or channel.")
class ReplayedShare(OfReplay):
    """Breaches of one owner, team or channel."""

    cycles: int = strawberry.field(description="How many cycles.")
    key: str | None = strawberry.field(description="Id of the user or team, key of the channel; null: nobody.")
    user: User | None = strawberry.field(
        description="Who had the case when the clock stopped, or has it now; of owners."
    )
    team: Team | None = strawberry.field(description="Whose queue it was in; of teams.")


@strawberry.type(description="Breaches that one side has and the other has not.")
class ReplayedBreaches(OfReplay):
    """Breaches that one side has and the other has not."""

    cycles: int = strawberry.field(description="How many cycles.")
    owners: list[ReplayedShare] = strawberry.field(description="By owner, most first; they add up to `cycles`.")
    teams: list[ReplayedShare] = strawberry.field(description="By team, most first; they add up to `cycles`.")
    channels: list[ReplayedShare] = strawberry.field(description="By channel, most first; they add up to `cycles`.")


@strawberry.type(description="What a clock came to, and would have come to.")
class ReplayedClock:
    """What a clock came to, and would have come to."""

    clock: str = strawberry.field(description="Key of the clock.")
    title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    before: ReplayedVerdicts = strawberry.field(description="As the histories have it.")
    after: ReplayedVerdicts = strawberry.field(description="As it would have been.")
    gained: ReplayedBreaches = strawberry.field(description="Breaches that there were not.")
    lost: ReplayedBreaches = strawberry.field(description="Breaches that there would not have been.")


@strawberry.type(description="Cases that reach a checkpoint on one side only.")
class ReplayedReach(OfReplay):
    """Cases that reach a checkpoint on one side only."""


@strawberry.type(description="How many cases reached a checkpoint, and would have reached it.")
class ReplayedCheckpoint:
    """How many cases reached a checkpoint, and would have."""

    checkpoint: str = strawberry.field(description="Key of the checkpoint.")
    title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    order: int | None = strawberry.field(description="Place in the funnel; null when it is no funnel step.")
    before: int = strawberry.field(description="Cases that reached it.")
    after: int = strawberry.field(description="Cases that would have reached it.")
    gained: ReplayedReach = strawberry.field(description="Cases that did not reach it and would have.")
    lost: ReplayedReach = strawberry.field(description="Cases that reached it and would not have.")
