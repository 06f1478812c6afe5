"""What clocks, pauses and checkpoints wait for, in the words of a document: names, lists of names, `*`, `response`."""

from collections.abc import Iterator, Mapping

from bpm_crm.engine.occasions import NEVER, RESPONSE, ActivityMatch, Condition, Occasion, OccasionKind
from bpm_crm.processes.document import ActivityPart, ConditionPart, Conditions, StagePart


def condition_of(part: Conditions | None, stages: Mapping[str, StagePart]) -> Condition:
    """The condition that is met when any of the parts is; one that nothing meets where there is none."""
    if part is None:
        return NEVER
    parts = part if isinstance(part, list) else [part]
    occasions = [occasion for one in parts for occasion in _occasions(one, stages)]
    activities = [_match(one.activity) for one in parts if one.activity is not None]
    return Condition(tuple(occasions), tuple(activities))


def stages_of(names: str | list[str] | None, stages: Mapping[str, StagePart]) -> list[str]:
    """The stages meant; `*` is every stage that is not final."""
    if names == "*":
        return [name for name, stage in stages.items() if not stage.kind.is_final]
    return names_of(names)


def names_of(names: str | list[str] | None) -> list[str]:
    """One name, several or none as a list, each once."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def _occasions(part: ConditionPart, stages: Mapping[str, StagePart]) -> Iterator[Occasion]:
    if part.started:
        yield Occasion(OccasionKind.STARTED)
    if part.ended:
        yield Occasion(OccasionKind.ENDED)
    for kind, names in (
        (OccasionKind.ENTERING, stages_of(part.entering, stages)),
        (OccasionKind.LEAVING, stages_of(part.leaving, stages)),
        (OccasionKind.TRANSITION, names_of(part.transition)),
        (OccasionKind.CHECKPOINT, names_of(part.checkpoint)),
    ):
        yield from (Occasion(kind, name) for name in names)


def _match(activity: str | ActivityPart) -> ActivityMatch:
    if isinstance(activity, ActivityPart):
        return ActivityMatch(activity.kind, activity.direction, activity.automated)
    return RESPONSE if activity == "response" else ActivityMatch(activity)
