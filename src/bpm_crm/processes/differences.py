"""What differs between two process documents: by their structure, not by their text; in order only where order means something."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bpm_crm.engine.definition import Title
from bpm_crm.processes.conditions import names_of
from bpm_crm.processes.document import CalendarPart, ProcessDocument
from bpm_crm.processes.holiday_expansion import with_holidays
from bpm_crm.processes.hours import WEEKDAYS, week_of, written_spans

Path = tuple[str, ...]

_IN_ORDER = frozenset({"effects", "escalate"})
"""Lists that are worked off one after the other."""
_CONDITIONS = frozenset({"reached", "from", "until", "start", "stop", "cancel"})
_NAMES = frozenset({"entering", "leaving", "transition", "checkpoint", "during", "pause", "for", "stages"})


class DifferenceKind(StrEnum):
    """How something differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


class ProcessPart(StrEnum):
    """The part of a process in which something differs."""

    PROCESS = "process"
    CALENDAR = "calendar"
    FIELDS = "fields"
    ACTIVITIES = "activities"
    STAGES = "stages"
    TRANSITIONS = "transitions"
    CHECKPOINTS = "checkpoints"
    PAUSES = "pauses"
    CLOCKS = "clocks"
    REASONS = "reasons"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: where, what was there and what is there, as JSON. For `MOVED` these are the keys in either order.

    `title` is that of the stage, transition, clock and so on; None outside of such.
    """

    kind: DifferenceKind
    path: Path
    old: Any = None
    new: Any = None
    title: Title | None = None

    @property
    def part(self) -> ProcessPart:
        """The part of the process."""
        return _PARTS.get(self.path[0], ProcessPart.PROCESS)

    @property
    def key(self) -> str | None:
        """The key of the stage, transition, clock and so on."""
        return self.path[1] if len(self.path) > 1 and self.part not in _SINGLE else None


_SINGLE = frozenset({ProcessPart.PROCESS, ProcessPart.CALENDAR})
_PARTS = {part.value: part for part in ProcessPart if part is not ProcessPart.PROCESS}


def differences(before: ProcessDocument, after: ProcessDocument) -> tuple[Difference, ...]:
    """Everything in which `after` differs from `before`; shorthands, notation and written-out public holidays do not count."""
    old, new = _plain(before), _plain(after)
    return tuple(_titled(item, old, new) for item in (*_between((), old, new), *_moved(old, new)))


def _titled(item: Difference, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    if item.key is None:
        return item
    owner = new.get(item.path[0], {}).get(item.key) or old.get(item.path[0], {}).get(item.key) or {}
    title = owner.get("title", owner)
    if not {"en", "ru"} <= set(title):
        return item
    return Difference(item.kind, item.path, item.old, item.new, Title(title["en"], title["ru"]))


def _between(path: Path, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*new, *old)):
            if key not in old:
                yield Difference(DifferenceKind.ADDED, (*path, key), None, new[key])
            elif key not in new:
                yield Difference(DifferenceKind.REMOVED, (*path, key), old[key], None)
            else:
                yield from _between((*path, key), old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list) and path[-1] not in _IN_ORDER:
        yield from (Difference(DifferenceKind.REMOVED, path, item, None) for item in old if item not in new)
        yield from (Difference(DifferenceKind.ADDED, path, None, item) for item in new if item not in old)
    elif old != new:
        yield Difference(DifferenceKind.CHANGED, path, old, new)


def _moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """What stands in another order: stages and choices as people see them, and alternatives of which the first that may go goes."""
    places: list[Path] = [("stages",), ("reasons",)]
    places += [("fields", key, "options") for key in new.get("fields", {})]
    for path in places:
        yield from _reordered(path, list(_at(old, path)), list(_at(new, path)))
    known, now = _alternatives(old), _alternatives(new)
    for trigger in now:
        yield from _reordered(("transitions",), known.get(trigger, []), now[trigger])


def _reordered(path: Path, old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    was, now = [key for key in old if key in new], [key for key in new if key in old]
    if was != now:
        yield Difference(DifferenceKind.MOVED, path, was, now)


def _alternatives(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """The transitions by trigger, in their order."""
    found: dict[str, list[str]] = {}
    for key, part in document.get("transitions", {}).items():
        found.setdefault(part["trigger"], []).append(key)
    return found


def _at(document: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    found = document
    for key in path:
        found = found.get(key, {})
    return found


def _plain(document: ProcessDocument) -> dict[str, Any]:
    """A document as data in which everything is written in one way, without what is not said."""
    data = document.model_dump(mode="json", by_alias=True)
    data["calendar"] = _calendar(document)
    for key, part in data["transitions"].items():
        part["trigger"] = part["trigger"] or key
        part["from"] = _listed(part["from"])
        part["guard"] = {"when": part["guard"]} if isinstance(part["guard"], str) else part["guard"]
    for part in data["clocks"].values():
        part["target"] = {"default": part["target"]} if isinstance(part["target"], str) else part["target"]
    for name in ("checkpoints", "pauses", "clocks", "reasons"):
        for part in data[name].values():
            _write_out(part)
    return {**{name: {} for name in _PARTS}, **_said(data)}


def _calendar(document: ProcessDocument) -> dict[str, Any]:
    """The calendar with every weekday by itself, and without the exceptions that its public holidays make."""
    part = document.calendar
    exceptions = {day.isoformat(): _listed(spans) for day, spans in part.exceptions.items()}
    holidays = None
    if part.holidays is not None:
        holidays = {"country": part.holidays.country, "subdivision": part.holidays.subdivision}
        for day, spans in _holidays(document, part).items():
            if exceptions.get(day) == spans:
                del exceptions[day]
    week = {WEEKDAYS[day]: _listed(written_spans(hours)) for day, hours in sorted(week_of(part).items())}
    return {"zone": part.zone, "week": week, "holidays": holidays, "exceptions": exceptions}


def _holidays(document: ProcessDocument, part: CalendarPart) -> dict[str, Any]:
    if part.holidays is None or part.holidays.years is None:
        return {}
    first, last = part.holidays.years
    bare = document.model_copy(update={"calendar": part.model_copy(update={"exceptions": {}})})
    written = with_holidays(bare, range(first, last + 1)).calendar.exceptions
    return {day.isoformat(): _listed(spans) for day, spans in written.items()}


def _write_out(part: dict[str, Any]) -> None:
    for key, value in part.items():
        if value is None:
            continue
        if key in _CONDITIONS:
            part[key] = [_condition(item) for item in _listed(value)]
        elif key in _NAMES and key != "checkpoint":
            part[key] = names_of(value)


def _condition(condition: Mapping[str, Any]) -> Any:
    return _said({key: _listed(value) if key in _NAMES else value for key, value in condition.items()})


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _said(value: Any) -> Any:
    """A value without nulls and empty parts, at every depth."""
    if isinstance(value, Mapping):
        kept = {key: _said(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item not in ({}, [])}
    if isinstance(value, list | tuple):
        return [_said(item) for item in value]
    return value
