"""The figures of a replay as the API shows them."""

from bpm_crm.api.people import team_of, user_of
from bpm_crm.api.replay_figure_types import (
    ReplayedBreaches,
    ReplayedCheckpoint,
    ReplayedClock,
    ReplayedReach,
    ReplayedShare,
    ReplayedStep,
    ReplayedStepKind,
    ReplayedVerdicts,
    ReplayTotal,
    Shown,
)
from bpm_crm.engine.cycles import Verdict
from bpm_crm.engine.differences import ReplayDifferenceKind
from bpm_crm.operations.replay_tally import CHECKPOINT, CLOCK, GAINED, LOST, MOVE, Figure, Key, Tally
from bpm_crm.records.identifiers import as_uuid


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
