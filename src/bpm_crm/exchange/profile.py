"""What a foreign event log contains, learnt in one pass that writes nothing: activities, their order, channels, attributes."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bpm_crm.engine.instants import FIRST_YEAR
from bpm_crm.exchange.sources import LogSource
from bpm_crm.exchange.xes import Trace, Value, XesCode, XesInvalid
from bpm_crm.exchange.xes.model import NAME, TIMESTAMP
from bpm_crm.operations.decisions import CLOCK_SKEW

LIFECYCLE = "lifecycle:transition"
CHANNEL = "channel"
"""The attribute of a case that holds its channel, unless another is named."""
COMPLETE = "complete"
MOST_ACTIVITIES = 500
MOST_CHANNELS = 200
LONGEST_TEXT = 4_000
LONGEST_NUMBER = 400
NO_CHANNEL = "unknown"

_TYPES: Mapping[type, str] = {str: "string", int: "integer", float: "decimal", bool: "boolean", datetime: "datetime"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as it is imported: the activity's name, when, and who did it in which group, as the log has it."""

    activity: str
    at: datetime
    resource: str | None
    group: str | None


@dataclass(slots=True)
class LogProfile:
    """What a log contains. Keys are names of the log turned into keys of ours, unique and in order of first appearance."""

    cases: int = 0
    events: int = 0
    begins: datetime | None = None
    activities: dict[str, str] = field(default_factory=dict)
    follows: dict[str, dict[str, None]] = field(default_factory=dict)
    ends: dict[str, None] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, trace: Trace, channel_attribute: str) -> None:
        """Learn from one trace."""
        happenings = happenings_of(trace)
        if len(trace.name) > LONGEST_NUMBER:
            message = f"the number of the case is longer than {LONGEST_NUMBER} characters"
            raise XesInvalid(XesCode.VALUE_TOO_LONG, message, line=trace.line, where=f"trace {trace.ordinal}")
        self.cases += 1
        self.events += len(happenings)
        channel = channel_of(trace, channel_attribute)
        if channel not in self.channels:
            _check_number(self.channels, MOST_CHANNELS, "channels", trace)
        self.channels.setdefault(channel, unique_key(channel, self.channels.values(), "-"))
        for name, value in trace.attributes.items():
            kind = _TYPES.get(type(value))
            if kind is not None and name not in {NAME, channel_attribute} and name not in self.attributes:
                self.attributes[name] = (unique_key(name, (key for key, _ in self.attributes.values()), "_"), kind)
        previous = ""
        for happening in happenings:
            if happening.activity not in self.activities:
                self._learn_activity(trace, happening.activity)
            self.follows.setdefault(previous, {})[happening.activity] = None
            previous = happening.activity
            self.begins = happening.at if self.begins is None else min(self.begins, happening.at)
        self.ends[previous] = None

    def _learn_activity(self, trace: Trace, name: str) -> None:
        _check_number(self.activities, MOST_ACTIVITIES, "activities", trace)
        self.activities[name] = unique_key(name, self.activities.values(), "_")


def _check_number(known: Mapping[str, str], most: int, what: str, trace: Trace) -> None:
    """Refuse one more name than a process can have."""
    if len(known) >= most:
        raise XesInvalid(
            XesCode.TOO_MANY_NAMES,
            f"more than {most} different {what}",
            line=trace.line,
            where=f"trace {trace.ordinal}",
            cure=f"Let another attribute or column, one with fewer values, name the {what}.",
        )


def profile_log(
    source: LogSource, channel_attribute: str, at: datetime, progress: Callable[[int, int | None], None]
) -> LogProfile:
    """Read a log to its end without writing anything; `XesInvalid` for the first fault, of which an event after `at` is one.

    `progress` hears bytes read and in all.
    """
    profile = LogProfile()
    with source() as log:
        for trace in log:
            _check_times(trace, at)
            profile.take(trace, channel_attribute)
            progress(log.bytes_read, log.total_bytes)
    return profile


def _check_times(trace: Trace, at: datetime) -> None:
    for event in trace.ordered_events():
        when = event.attributes[TIMESTAMP]
        if isinstance(when, datetime) and (when.year < FIRST_YEAR or when > at + CLOCK_SKEW):
            where = f"trace {trace.ordinal}, event {event.position}"
            message = f"the event is of {when}, outside the years {FIRST_YEAR} to now"
            raise XesInvalid(XesCode.BAD_DATE, message, line=event.line, where=where)


def happenings_of(trace: Trace) -> list[Happening]:
    """The events of a trace by time, ties in file order. Where the log knows lifecycles, only completions count."""
    events = trace.ordered_events()
    phases = {str(event.attributes.get(LIFECYCLE, COMPLETE)).lower() for event in events}
    found = []
    for event in events:
        if COMPLETE in phases and str(event.attributes.get(LIFECYCLE, COMPLETE)).lower() != COMPLETE:
            continue
        name, at = event.attributes.get(NAME), event.attributes[TIMESTAMP]
        if not isinstance(name, str) or not name.strip() or not isinstance(at, datetime):
            where = f"trace {trace.ordinal}, event {event.position}"
            raise XesInvalid(XesCode.EVENT_WITHOUT_NAME, f"the event has no {NAME}", line=event.line, where=where)
        found.append(Happening(name, at, _text(event.attributes, "org:resource"), _text(event.attributes, "org:group")))
    if not found:
        raise XesInvalid(XesCode.NO_TRACES, "the trace has no event", line=trace.line, where=f"trace {trace.ordinal}")
    return found


def channel_of(trace: Trace, attribute: str) -> str:
    """The channel of a case as the log names it."""
    value = trace.attributes.get(attribute)
    return NO_CHANNEL if value is None or isinstance(value, tuple) else str(value)


def unique_key(name: str, taken: Iterable[str], joint: str) -> str:
    """A key of ours for a name of the log: lower case, letters, digits and `joint`, at most 56 characters, different from those taken."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    base = joint.join(words)[:56].strip(joint) or "x"
    base = base if base[0].isalpha() else f"x{joint}{base}"[:56]
    known, number, key = set(taken), 2, base
    while key in known:
        key, number = f"{base}{joint}{number}", number + 1
    return key


def _text(attributes: Mapping[str, Value], key: str) -> str | None:
    value = attributes.get(key)
    return str(value)[:LONGEST_TEXT] if isinstance(value, str) else None
