"""What an event log holds: a header, traces, events, and attributes that may carry attributes of their own."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from bpm_crm.exchange.xes.faults import XesCode, XesInvalid, clipped

NAME = "concept:name"
TIMESTAMP = "time:timestamp"


class Identifier(str):
    """The value of an `<id>` attribute, told apart from a string; mostly a UUID, but any text is kept."""

    __slots__ = ()


class Attributes(dict[str, "Value"]):
    """Attributes by key, in file order; read only by convention.

    The values are plain: `str`, aware `datetime`, `int`, `float`, `bool`, `Identifier`, and a tuple of `Entry` for a list or
    container. Attributes of an attribute are reached by `nested` and cost nothing where there are none.
    """

    __slots__ = ("_nested",)

    _nested: "dict[str, Attributes]"

    def nested(self, key: str) -> "Attributes":
        """The attributes under the attribute `key`; empty when it has none or is absent."""
        return self._all_nested().get(key, Attributes())

    def nest(self, key: str, below: "Attributes") -> "Attributes":
        """Put `below` under the attribute `key` and return it."""
        if not hasattr(self, "_nested"):
            self._nested = {}
        self._nested[key] = below
        return below

    def with_defaults(self, defaults: "Attributes") -> Mapping[str, "Value"]:
        """These attributes, with `defaults` for the keys that are absent; neither side is copied or changed."""
        return ChainMap(self, defaults)

    def _all_nested(self) -> "dict[str, Attributes]":
        return getattr(self, "_nested", {})


class Entry(NamedTuple):
    """One member of a list or container, in file order; keys may repeat."""

    key: str
    value: "Value"
    nested: Attributes


Value: TypeAlias = str | datetime | int | float | bool | Identifier | tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `line` is where it opens in the document, `position` its ordinal in the trace in file order, from 1."""

    attributes: Attributes
    line: int
    position: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One case with its events in file order; `line` is where it opens, `ordinal` its place in the log, from 1."""

    attributes: Attributes
    events: tuple[Event, ...]
    line: int
    ordinal: int

    @property
    def name(self) -> str:
        """The case number, `concept:name`, as text."""
        return str(self.attributes[NAME])

    def ordered_events(self) -> tuple[Event, ...]:
        """The events by instant; those of one instant stay in file order. `XesInvalid` when one has no `time:timestamp`."""
        return tuple(sorted(self.events, key=self._instant))

    def _instant(self, event: Event) -> datetime:
        instant = event.attributes.get(TIMESTAMP)
        if isinstance(instant, datetime):
            return instant
        fault = (
            f"the event has no {TIMESTAMP}"
            if instant is None
            else f"{TIMESTAMP} is not a <date>: {clipped(str(instant))}"
        )
        where = f"trace {self.ordinal}, event {event.position}"
        raise XesInvalid(XesCode.EVENT_WITHOUT_TIME, fault, line=event.line, where=where)


@dataclass(frozen=True, slots=True)
class Extension:
    """A vocabulary the log uses: the `prefix` of its keys and the `uri` that defines them."""

    name: str
    prefix: str
    uri: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a log says of itself before its first trace.

    `version` is that of XES, None when not stated. `globals` holds, by scope (`trace` and `event`, always both), the declared
    attributes with their defaults, which are never filled in: `Attributes.with_defaults` does so where it is wanted.
    `classifiers` gives, by name, the keys whose values together name an activity; `trace_classifiers` the same for cases.
    """

    version: str | None
    extensions: tuple[Extension, ...]
    globals: Mapping[str, Attributes]
    classifiers: Mapping[str, tuple[str, ...]]
    trace_classifiers: Mapping[str, tuple[str, ...]]
    attributes: Attributes
