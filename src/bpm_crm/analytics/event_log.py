"""Cases as sequences of events: what counts as an event, and what of the versions that takes (`docs/figures.md`)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from bpm_crm.analytics.frames import Frame, Titles, Version, columns, titles_of
from bpm_crm.analytics.statements import report
from bpm_crm.engine.draft import FORCE
from bpm_crm.engine.occasions import STANDARD_ACTIVITIES

FORCED = {"en": "Forced move", "ru": "Принудительный переход"}


class EventClassifier(StrEnum):
    """What counts as an event of a case, and names its activity (IEEE 1849: event classifier)."""

    STAGE = "stage"
    TRANSITION = "transition"
    CHECKPOINT = "checkpoint"
    ACTIVITY = "activity"


def event_values(frame: Frame, classifier: EventClassifier) -> dict[str, Any]:
    """The named values that `parts/happenings.sql` takes, for versions of one process."""
    silent = [
        (version.number, key)
        for version in frame.versions
        for key, part in version.stages.items()
        if part.get("silent")
    ]
    return {
        "definitions": frame.definitions,
        "classifier": classifier.value,
        **columns("silent", ("versions", "stages"), silent),
        **columns("performer", ("versions", "fields"), _performer_fields(frame)),
    }


def reports_of(name: str) -> Mapping[bool, str]:
    """A report over `parts/happenings.sql`, by whether a data field of some version names performers, which costs more to read."""
    return {named: report(name, recorded="recorded_named" if named else "recorded_plain") for named in (False, True)}


def has_performers(frame: Frame) -> bool:
    """Whether a data field of some version names who did a step."""
    return bool(_performer_fields(frame))


def _performer_fields(frame: Frame) -> list[tuple[int, str]]:
    return [
        (version.number, key)
        for version in frame.versions
        for key, part in version.fields.items()
        if part.get("binds") == "performer"
    ]


def activities_of(versions: Iterable[Version], classifier: EventClassifier) -> list[str]:
    """Every activity that events of these versions can have, in the order of their documents."""
    known: dict[str, None] = {}
    for version in versions:
        known |= dict.fromkeys(_parts(version, classifier))
    return list(known)


def activity_titles(versions: Iterable[Version], classifier: EventClassifier, activity: str) -> Titles:
    """The name people see of an activity, in the newest version that has it."""
    return titles_of((_parts(version, classifier) for version in versions), activity)


def _parts(version: Version, classifier: EventClassifier) -> Mapping[str, Any]:
    match classifier:
        case EventClassifier.STAGE:
            return {key: part for key, part in version.stages.items() if not part.get("silent")}
        case EventClassifier.TRANSITION:
            loud = {
                key: part
                for key, part in version.transitions.items()
                if not version.stages.get(part["to"], {}).get("silent")
            }
            return {**loud, FORCE: {"title": FORCED}}
        case EventClassifier.CHECKPOINT:
            return version.checkpoints
        case EventClassifier.ACTIVITY:
            standard = {key: {"en": english, "ru": russian} for key, (english, russian) in STANDARD_ACTIVITIES.items()}
            return {key: {"title": title} for key, title in {**standard, **version.activities}.items()}
