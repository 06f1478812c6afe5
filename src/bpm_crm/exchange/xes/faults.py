"""What can be wrong with an event log: a closed list of codes, each with its place and its cure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class XesCode(StrEnum):
    """The kinds of fault, for programs; people read the message and the cure."""

    FILE_NOT_FOUND = "file_not_found"
    NOT_A_FILE = "not_a_file"
    NOT_PERMITTED = "not_permitted"
    UNREADABLE = "unreadable"
    EMPTY_FILE = "empty_file"
    TRUNCATED = "truncated"
    TRUNCATED_GZIP = "truncated_gzip"
    BROKEN_GZIP = "broken_gzip"
    NOT_XML = "not_xml"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    DTD_FORBIDDEN = "dtd_forbidden"
    WRONG_ROOT = "wrong_root"
    UNEXPECTED_ELEMENT = "unexpected_element"
    EVENT_OUTSIDE_TRACE = "event_outside_trace"
    HEADER_AFTER_TRACE = "header_after_trace"
    MISSING_FIELD = "missing_field"
    DUPLICATE_KEY = "duplicate_key"
    BAD_DATE = "bad_date"
    BAD_INT = "bad_int"
    BAD_FLOAT = "bad_float"
    BAD_BOOLEAN = "bad_boolean"
    MISSING_OFFSET = "missing_offset"
    NO_TRACES = "no_traces"
    TRACE_WITHOUT_NAME = "trace_without_name"
    EVENT_WITHOUT_TIME = "event_without_time"
    EVENT_WITHOUT_NAME = "event_without_name"
    TOO_DEEP = "too_deep"
    VALUE_TOO_LONG = "value_too_long"
    PART_TOO_LARGE = "part_too_large"
    TOO_MANY_NAMES = "too_many_names"


CURES: Mapping[XesCode, str] = {
    XesCode.FILE_NOT_FOUND: "Check the path.",
    XesCode.NOT_A_FILE: "Give the path of one .xes or .xes.gz file.",
    XesCode.NOT_PERMITTED: "Grant this user the right to read the file.",
    XesCode.UNREADABLE: "Copy the file to a healthy local disk and try again.",
    XesCode.EMPTY_FILE: "Export the log again.",
    XesCode.TRUNCATED: "Copy or export the file again; its end is missing.",
    XesCode.TRUNCATED_GZIP: "Copy or download the file again; its end is missing.",
    XesCode.BROKEN_GZIP: "Copy or download the file again; `gzip -t` tells whether it is whole.",
    XesCode.NOT_XML: "Export the log again as XES, or mend the named place; an XML checker shows every fault.",
    XesCode.UNSUPPORTED_ENCODING: "Convert the file to UTF-8 and say so in its XML declaration.",
    XesCode.DTD_FORBIDDEN: "Remove the DOCTYPE; XES needs none, and entities are a known way to attack a reader.",
    XesCode.WRONG_ROOT: "Export the log as XES; its root element is <log>.",
    XesCode.UNEXPECTED_ELEMENT: "Remove the element, or move it to where XES allows it.",
    XesCode.EVENT_OUTSIDE_TRACE: "Put every <event> into the <trace> of its case.",
    XesCode.HEADER_AFTER_TRACE: "Move extensions, globals, classifiers and attributes of the log before its first <trace>.",
    XesCode.MISSING_FIELD: "Write the missing XML attribute.",
    XesCode.DUPLICATE_KEY: "Give each attribute its own key, or put repeated ones into a <list>.",
    XesCode.BAD_DATE: "Write it as 2026-11-22T10:00:00.000+03:00.",
    XesCode.BAD_INT: "Write a whole number of at most 64 bits, or make it a <string>.",
    XesCode.BAD_FLOAT: "Write a number with a decimal point, such as 12.5, or make it a <string>.",
    XesCode.BAD_BOOLEAN: "Write true or false, or make it a <string>.",
    XesCode.MISSING_OFFSET: "Write the offset (2026-11-22T10:00:00+03:00), or name the zone of the log when it is read.",
    XesCode.NO_TRACES: "Export the log again with at least one case.",
    XesCode.TRACE_WITHOUT_NAME: 'Give the trace its case number: <string key="concept:name" value="…"/>.',
    XesCode.EVENT_WITHOUT_TIME: 'Give every event its instant: <date key="time:timestamp" value="…"/>.',
    XesCode.EVENT_WITHOUT_NAME: 'Give every event its activity: <string key="concept:name" value="…"/>.',
    XesCode.TOO_DEEP: "Flatten the nested elements, or raise the limit on depth.",
    XesCode.VALUE_TOO_LONG: "Shorten the value, or raise the limit on the length of a value.",
    XesCode.PART_TOO_LARGE: "Split the trace, drop needless attributes, or raise the limit on the size of a part.",
    XesCode.TOO_MANY_NAMES: "Put varying names into the key of an attribute, not into names of XML elements.",
}


@dataclass(eq=False)
class XesInvalid(Exception):
    """An event log that cannot be read as one.

    `line` and `column` count from 1 in the unpacked document and are None where no text is at fault; `where` names the part
    (`trace 17, event 3`; ordinals from 1 in file order); `cure` says what to do.
    """

    code: XesCode
    message: str
    line: int | None = None
    column: int | None = None
    where: str = "the file"
    cure: str = ""

    def __post_init__(self) -> None:
        self.cure = self.cure or CURES[self.code]

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        column = "" if self.column is None else f", column {self.column}"
        return f"{self.where[:1].upper()}{self.where[1:]}{line}{column}: {self.message}. {self.cure}"


def clipped(text: str, width: int = 60) -> str:
    """`text` as a message shows it: escaped, quoted, at most `width` of its characters."""
    return repr(text if len(text) <= width else text[:width] + "…")
