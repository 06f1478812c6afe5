"""The grammar of XES: turns the tags of a document into a header and finished traces."""

from collections import deque
from datetime import tzinfo

from bpm_crm.exchange.xes.attributes import AttributeReader
from bpm_crm.exchange.xes.faults import XesCode, XesInvalid, clipped
from bpm_crm.exchange.xes.header import SCOPES, OpenHeader
from bpm_crm.exchange.xes.limits import Limits
from bpm_crm.exchange.xes.model import NAME, Attributes, Event, Extension, Header, Trace
from bpm_crm.exchange.xes.scanner import NAMESPACE_SEPARATOR, Scanner
from bpm_crm.exchange.xes.values import literals

NAMESPACES = ("", "http://www.xes-standard.org/", "http://www.xes-standard.org", "http://code.deckfour.org/xes")
NAMES = (
    *("log", "extension", "global", "classifier", "trace", "event"),
    *("string", "date", "int", "float", "boolean", "id", "list", "container", "values"),
)
_PARENTS = {"extension": "log", "global": "log", "classifier": "log", "trace": "log", "event": "trace"}
_DEPTHS = {"log": 1, "trace": 2}


class Document:
    """Takes the document in pieces; finished traces queue in `traces`, `header` is set when the first trace opens."""

    def __init__(self, zone: tzinfo | None, limits: Limits, *, wall_time: bool = False) -> None:
        self.header: Header | None = None
        self.traces: deque[Trace] = deque()
        self._limits = limits
        self._attributes = AttributeReader(
            literals(zone, wall_time=wall_time), limits, self._open, self._close, self.fault
        )
        self._scanner = Scanner(self._attributes.start, self._attributes.end, self._where, limits)
        self._names: dict[str, str] = {}
        self._namespaces: frozenset[str] = frozenset()
        self._inside = ""
        self._open_header = OpenHeader(None)
        self._trace_attributes = self._event_attributes = Attributes()
        self._events: list[Event] = []
        self._trace_count = self._trace_line = self._event_line = self._part_began = 0

    def feed(self, data: bytes) -> None:
        """Read on; raises `XesInvalid`."""
        self._scanner.feed(data)
        if self._scanner.fed - self._part_began > self._limits.part_bytes:
            raise self.fault(
                XesCode.PART_TOO_LARGE, f"one part of the log is larger than {self._limits.part_bytes:,} bytes"
            )

    def close(self) -> None:
        """The document is at its end; raises `XesInvalid` when it is not whole."""
        self._scanner.close()

    def fault(self, code: XesCode, message: str) -> XesInvalid:
        """A fault at the tag at hand."""
        return self._scanner.fault(code, message)

    def _open(self, tag: str, given: dict[str, str]) -> None:
        """A tag opens that is no attribute."""
        name = self._names.get(tag)
        if not self._inside:
            self._open_log(tag, given)
        elif name == "event":
            self._open_event(tag)
        elif name == "trace":
            self._open_trace(tag)
        elif name in _PARENTS:
            self._open_header_part(tag, name, given)
        elif name is None and _namespace(tag) not in self._namespaces:
            self._scanner.skip()
        else:
            raise self._attributes.misplaced(tag)

    def _open_log(self, tag: str, given: dict[str, str]) -> None:
        namespace = _namespace(tag)
        if tag != _qualified(namespace, "log"):
            raise self.fault(XesCode.WRONG_ROOT, f"the root element is {clipped(tag)}, not 'log'")
        self._namespaces = frozenset((*NAMESPACES, namespace))
        self._names = {_qualified(space, name): name for space in self._namespaces for name in NAMES}
        self._attributes.learn(self._names)
        self._open_header.version = given.get("xes.version")
        self._inside = "log"
        self._attributes.stack.append(self._open_header.attributes)

    def _open_event(self, tag: str) -> None:
        if self._inside == "log":
            raise self.fault(XesCode.EVENT_OUTSIDE_TRACE, "an <event> stands outside of any <trace>")
        self._event_attributes = Attributes()
        self._enter(tag, "event", self._event_attributes)
        self._event_line = self._scanner.line

    def _open_trace(self, tag: str) -> None:
        self._trace_attributes = Attributes()
        self._enter(tag, "trace", self._trace_attributes)
        if self.header is None:
            self._close_header()
        self._trace_count += 1
        self._trace_line, self._part_began = self._scanner.line, self._scanner.fed
        self._events = []

    def _open_header_part(self, tag: str, name: str, given: dict[str, str]) -> None:
        if self.header is not None:
            raise self._attributes.misplaced(tag, XesCode.HEADER_AFTER_TRACE)
        slot: Attributes | XesCode = XesCode.UNEXPECTED_ELEMENT
        if name == "extension":
            self._open_header.add_extension(
                Extension(*(self._required(tag, field, given) for field in ("name", "prefix", "uri")))
            )
        elif name == "global":
            slot = self._open_header.globals[self._scope(self._required(tag, "scope", given))]
        else:
            self._add_classifier(tag, given)
        self._enter(tag, name, slot)

    def _add_classifier(self, tag: str, given: dict[str, str]) -> None:
        name, keys = self._required(tag, "name", given), self._required(tag, "keys", given)
        if not self._open_header.add_classifier(self._scope(given.get("scope", "event")), name, keys):
            raise self.fault(XesCode.DUPLICATE_KEY, f"there are two classifiers of the name {clipped(name)}")

    def _required(self, tag: str, field: str, given: dict[str, str]) -> str:
        value = given.get(field)
        if value is None:
            raise self._attributes.missing(tag, field, given)
        return value

    def _scope(self, scope: str) -> str:
        if scope not in SCOPES:
            raise self.fault(XesCode.UNEXPECTED_ELEMENT, f"the scope is {clipped(scope)}, neither 'trace' nor 'event'")
        return scope

    def _enter(self, tag: str, name: str, slot: Attributes | XesCode) -> None:
        parent = _PARENTS[name]
        if self._inside != parent or len(self._attributes.stack) != _DEPTHS[parent]:
            raise self._attributes.misplaced(tag)
        self._inside = name
        self._attributes.stack.append(slot)

    def _close(self, tag: str) -> None:
        """A tag closes that is no attribute; tags open and close in pairs, so it is the one that is open."""
        name = self._names[tag]
        self._inside = _PARENTS.get(name, "")
        if name == "event":
            self._events.append(Event(self._event_attributes, self._event_line, len(self._events) + 1))
        elif name == "trace":
            self._close_trace()
        elif name == "log" and not self._trace_count:
            raise self.fault(XesCode.NO_TRACES, "the log has no traces")

    def _close_header(self) -> None:
        self.header = self._open_header.closed()
        self._attributes.stack[0] = XesCode.HEADER_AFTER_TRACE

    def _close_trace(self) -> None:
        if self._trace_attributes.get(NAME, "") == "":
            where = f"trace {self._trace_count}"
            raise XesInvalid(XesCode.TRACE_WITHOUT_NAME, f"the trace has no {NAME}", line=self._trace_line, where=where)
        self.traces.append(Trace(self._trace_attributes, tuple(self._events), self._trace_line, self._trace_count))
        self._part_began = self._scanner.fed

    def _where(self) -> str:
        if self._inside == "event":
            return f"trace {self._trace_count}, event {len(self._events) + 1}"
        if self._inside == "trace":
            return f"trace {self._trace_count}"
        if not self._inside:
            return "the document"
        return f"after trace {self._trace_count}" if self._trace_count else "the header"


def _namespace(tag: str) -> str:
    return tag.rpartition(NAMESPACE_SEPARATOR)[0]


def _qualified(namespace: str, name: str) -> str:
    return f"{namespace}{NAMESPACE_SEPARATOR}{name}" if namespace else name
