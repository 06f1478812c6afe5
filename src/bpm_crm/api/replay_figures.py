"""The figures of a replay as the API shows them: steps, clocks and checkpoints, each with the way to its cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import strawberry

from bpm_crm.api.connections import After, First
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.instance_lists import ProcessInstanceConnection, instance_page
from bpm_crm.api.people import Team, User, team_of, user_of
from bpm_crm.engine.cycles import Verdict
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.differences import ReplayDifferenceKind
from bpm_crm.operations.access import Permission
from bpm_crm.operations.replay_tally import CHECKPOINT, CLOCK, GAINED, LOST, MOVE, Figure, Key, Tally
from bpm_crm.records.identifiers import as_uuid
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


def totals_of(shown: Shown) -> list[ReplayTotal]:
    """One total for each way in which steps can differ."""
    found = []
    for kind in ReplayDifferenceKind:
        figure, number = shown.figure((MOVE, kind.value))
        found.append(
            ReplayTotal(
                kind=kind, steps=figure.units, cases=figure.cases, first=figure.first, shown=shown, number=number
            )
        )
    return found


def steps_of(shown: Shown) -> list[ReplayedStep]:
    """The steps that differ by stage, name and cause, most first."""
    found = [
        _step(shown, key, figure) for key, figure in shown.tally.figures.items() if key[0] == MOVE and len(key) > 2
    ]
    return sorted(
        found, key=lambda item: (list(ReplayDifferenceKind).index(item.kind), -item.steps, item.stage, item.name)
    )


def clocks_of(shown: Shown) -> list[ReplayedClock]:
    """The clocks of both sides, in the order of the definitions."""
    known = dict.fromkeys(
        (*shown.definition.policies, *shown.before.policies, *(key[0] for key in shown.tally.verdicts))
    )
    return [
        ReplayedClock(
            clock=key,
            title=shown.title(lambda definition: definition.policies, key),
            before=_verdicts(shown.tally, key, 1),
            after=_verdicts(shown.tally, key, 2),
            gained=_breaches(shown, (CLOCK, key, GAINED)),
            lost=_breaches(shown, (CLOCK, key, LOST)),
        )
        for key in known
    ]


def checkpoints_of(shown: Shown) -> list[ReplayedCheckpoint]:
    """The checkpoints of both sides, funnel steps first."""
    parts = {**shown.before.checkpoints, **shown.definition.checkpoints}
    known = dict.fromkeys((*parts, *(key[0] for key in shown.tally.reached)))
    found = [_checkpoint(shown, key, parts[key].order if key in parts else None) for key in known]
    return sorted(found, key=lambda item: (item.order is None, item.order or 0))


def _step(shown: Shown, key: Key, figure: Figure) -> ReplayedStep:
    _, kind, step, stage, name, code, field, guard, target = key
    return ReplayedStep(
        kind=ReplayDifferenceKind(kind),
        step=ReplayedStepKind(step),
        stage=stage,
        stage_title=shown.title(lambda definition: definition.stages, stage),
        name=name,
        code=code or None,
        message=figure.texts.get("ru" if shown.context.language == "ru" else "en"),
        field=field or None,
        guard=guard or None,
        target=target or None,
        steps=figure.units,
        cases=figure.cases,
        first=figure.first,
        shown=shown,
        number=shown.numbers[key],
    )


def _verdicts(tally: Tally, clock: str, side: int) -> ReplayedVerdicts:
    counts = dict.fromkeys((verdict.value for verdict in Verdict), 0)
    for key, count in tally.verdicts.items():
        if key[0] == clock:
            counts[key[side]] += count
    return ReplayedVerdicts(**counts)


def _breaches(shown: Shown, key: Key) -> ReplayedBreaches:
    figure, number = shown.figure(key)
    return ReplayedBreaches(
        cycles=figure.units,
        cases=figure.cases,
        owners=_shares(shown, (*key, "owner")),
        teams=_shares(shown, (*key, "team")),
        channels=_shares(shown, (*key, "channel")),
        shown=shown,
        number=number,
    )


def _shares(shown: Shown, place: Key) -> list[ReplayedShare]:
    found = [_share(shown, key, figure) for key, figure in shown.tally.figures.items() if key[:-1] == place]
    return sorted(found, key=lambda item: (-item.cycles, item.key or ""))


def _share(shown: Shown, key: Key, figure: Figure) -> ReplayedShare:
    *_, dimension, value = key
    people = shown.context.people
    known = None if dimension == "channel" or not value else as_uuid(value)
    return ReplayedShare(
        cycles=figure.units,
        cases=figure.cases,
        key=value or None,
        user=user_of(people, known) if dimension == "owner" else None,
        team=team_of(people, known) if dimension == "team" else None,
        shown=shown,
        number=shown.numbers[key],
    )


def _checkpoint(shown: Shown, key: str, order: int | None) -> ReplayedCheckpoint:
    reaches = [
        ReplayedReach(cases=figure.cases, shown=shown, number=number)
        for figure, number in (shown.figure((CHECKPOINT, key, change)) for change in (GAINED, LOST))
    ]
    return ReplayedCheckpoint(
        checkpoint=key,
        title=shown.title(lambda definition: definition.checkpoints, key),
        order=order,
        before=shown.tally.reached[key, "before"],
        after=shown.tally.reached[key, "after"],
        gained=reaches[0],
        lost=reaches[1],
    )
