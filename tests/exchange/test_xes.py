"""The XES reader: what it keeps of a log."""

import gzip
import io
import math
import tracemalloc
from collections import deque
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain, repeat
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.exchange.xes import (
    Attributes,
    EventLog,
    Extension,
    Identifier,
    Trace,
    XesCode,
    XesInvalid,
    open_log,
    read_log,
)

NAMED = '<string key="concept:name" value="7"/>'
LOG = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <global scope="trace"><string key="concept:name" value="UNKNOWN"/><string key="region" value="none"/></global>
  <global scope="event"><string key="concept:name" value="UNKNOWN"/><string key="sub step" value=""/></global>
  <classifier name="Activity" keys="concept:name lifecycle:transition"/>
  <classifier name="Quoted" keys="'sub step' concept:name"/>
  <classifier name="Bare" keys="concept:name sub step"/>
  <classifier name="Case" scope="trace" keys="concept:name"/>
  <string key="source" value="shop"/>
  <trace>
    <string key="concept:name" value="D-1"/>
    <event><string key="concept:name" value="call"/><date key="time:timestamp" value="2026-11-22T10:00:00.123456+03:00"/></event>
    <event><string key="concept:name" value="offer"/><date key="time:timestamp" value="2026-11-22T10:00:00.123456+03:00"/></event>
    <event><string key="concept:name" value="visit"/><date key="time:timestamp" value="2026-11-22T06:00:00Z"/></event>
  </trace>
  <trace><string key="concept:name" value="D-2"/></trace>
</log>
"""


def log_of(text: str | bytes, **options: object) -> EventLog:
    return read_log(io.BytesIO(text.encode() if isinstance(text, str) else text), **options)


def one_trace(content: str, **options: object) -> Trace:
    [trace] = log_of(f"<log><trace>{NAMED}{content}</trace></log>", **options)
    return trace


def names(trace: Trace) -> list[object]:
    return [event.attributes["concept:name"] for event in trace.ordered_events()]


def test_the_header_is_known_before_the_first_trace() -> None:
    header = log_of(LOG).header

    assert header.version == "1.0"
    assert header.extensions == (Extension("Concept", "concept", "http://www.xes-standard.org/concept.xesext"),)
    assert header.globals["trace"] == {"concept:name": "UNKNOWN", "region": "none"}
    assert header.attributes == {"source": "shop"}


def test_a_classifier_gives_its_keys_quoted_or_found_among_the_globals() -> None:
    header = log_of(LOG).header

    assert header.classifiers == {
        "Activity": ("concept:name", "lifecycle:transition"),
        "Quoted": ("sub step", "concept:name"),
        "Bare": ("concept:name", "sub step"),
    }
    assert header.trace_classifiers == {"Case": ("concept:name",)}


def test_traces_and_events_keep_the_order_of_the_file_and_their_lines() -> None:
    first, second = log_of(LOG)

    assert [(trace.name, trace.ordinal, trace.line) for trace in (first, second)] == [("D-1", 1, 11), ("D-2", 2, 17)]
    assert [(event.attributes["concept:name"], event.position, event.line) for event in first.events] == [
        ("call", 1, 13),
        ("offer", 2, 14),
        ("visit", 3, 15),
    ]
    assert second.events == ()


def test_events_are_ordered_by_instant_and_those_of_one_instant_by_the_file() -> None:
    trace = next(log_of(LOG))

    assert names(trace) == ["visit", "call", "offer"]


@pytest.mark.parametrize("lacking", ["", '<string key="time:timestamp" value="2026-11-22"/>'])
def test_an_order_without_an_instant_is_refused_with_the_event(lacking: str) -> None:
    trace = one_trace(
        f'<event><date key="time:timestamp" value="2026-11-22T06:00:00Z"/></event>\n<event>{lacking}</event>'
    )

    with pytest.raises(XesInvalid) as refused:
        trace.ordered_events()

    assert (refused.value.code, refused.value.where, refused.value.line) == (
        XesCode.EVENT_WITHOUT_TIME,
        "trace 1, event 2",
        2,
    )


def test_defaults_are_offered_and_never_filled_in() -> None:
    log = log_of(LOG)
    trace = next(log)

    assert "region" not in trace.attributes
    assert trace.attributes.with_defaults(log.header.globals["trace"])["region"] == "none"
    assert trace.attributes.with_defaults(log.header.globals["trace"])["concept:name"] == "D-1"


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ('<string key="k" value="a&amp;&#10;б"/>', "a&\nб"),
        ('<string key="k" value=""/>', ""),
        ('<int key="k" value="-9223372036854775808"/>', -(2**63)),
        ('<int key="k" value=" +7 "/>', 7),
        ('<float key="k" value="2.3832541524E7"/>', 23832541.524),
        ('<float key="k" value="-INF"/>', -math.inf),
        ('<float key="k" value="Infinity"/>', math.inf),
        ('<boolean key="k" value="true"/>', True),
        ('<boolean key="k" value="False"/>', False),
        ('<boolean key="k" value="1"/>', True),
        ('<id key="k" value="7d5a3f4e"/>', Identifier("7d5a3f4e")),
    ],
)
def test_a_value_has_the_type_of_its_element(element: str, value: object) -> None:
    read = one_trace(element).attributes["k"]

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456+03:00", datetime(2026, 11, 22, 7, 0, 0, 123456, UTC)),
        ("2026-11-22T10:00:00.1+0300", datetime(2026, 11, 22, 7, 0, 0, 100000, UTC)),
        ("2026-11-22T10:00:00.1234569-05", datetime(2026, 11, 22, 15, 0, 0, 123456, UTC)),
        (" 2026-11-22 10:00:00+05:45 ", datetime(2026, 11, 22, 4, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_date_is_the_instant_its_offset_says_to_the_microsecond(text: str, moment: datetime) -> None:
    read = one_trace(f'<date key="k" value="{text}"/>').attributes["k"]

    assert read == moment


def test_the_offset_of_a_date_is_kept() -> None:
    read = one_trace('<date key="k" value="2026-11-22T10:00:00+03:00"/>').attributes["k"]

    assert isinstance(read, datetime)
    assert read.tzinfo == timezone(timedelta(hours=3))


def test_a_date_without_an_offset_is_of_the_zone_that_is_named() -> None:
    zone = ZoneInfo("Europe/Moscow")

    read = one_trace('<date key="k" value="2026-11-22T10:00:00"/>', zone=zone).attributes["k"]

    assert read == datetime(2026, 11, 22, 7, tzinfo=UTC)


def test_nested_attributes_are_kept_under_their_attribute() -> None:
    attributes = one_trace(
        '<float key="average" value="2.5"><float key="Pete" value="1.0"><int key="n" value="3"/></float></float>'
        '<string key="plain" value="x"/>'
    ).attributes

    assert list(attributes) == ["concept:name", "average", "plain"]
    assert attributes["average"] == 2.5
    assert attributes.nested("average") == {"Pete": 1.0}
    assert attributes.nested("average").nested("Pete") == {"n": 3}
    assert attributes.nested("plain") == Attributes()


def test_a_list_keeps_its_members_in_order_with_repeated_keys() -> None:
    attributes = one_trace(
        '<list key="products"><string key="note" value="of the list"/><values>'
        '<string key="sku" value="a"/><string key="sku" value="b"><int key="count" value="2"/></string>'
        "</values></list>"
        '<container key="box"><int key="x" value="1"/><list key="inner"><int key="y" value="2"/></list></container>'
    ).attributes

    products, box = attributes["products"], attributes["box"]
    assert isinstance(products, tuple)
    assert [(entry.key, entry.value, entry.nested) for entry in products] == [
        ("sku", "a", {}),
        ("sku", "b", {"count": 2}),
    ]
    assert attributes.nested("products") == {"note": "of the list"}
    assert box == (("x", 1, {}), ("inner", (("y", 2, {}),), {}))


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.xes-standard.org/"', ' xmlns="urn:our-own"'])
def test_the_namespace_of_the_root_is_that_of_the_document(namespace: str) -> None:
    [trace] = log_of(f"<log{namespace}><trace>{NAMED}<event/></trace></log>")

    assert len(trace.events) == 1


def test_elements_of_a_foreign_namespace_are_passed_over() -> None:
    [trace] = log_of(
        f'<log xmlns:v="urn:vendor"><v:about><string key="x"/><v:log/></v:about><trace>{NAMED}<v:trace/><event/></trace></log>'
    )

    assert (trace.attributes, len(trace.events)) == ({"concept:name": "7"}, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1251", "koi8-r", "iso-8859-5"])
def test_the_encoding_is_that_of_the_declaration_or_the_byte_order_mark(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?><log><trace><string key="concept:name" value="Заявка"/></trace></log>'

    [trace] = log_of(text.encode(encoding))

    assert trace.name == "Заявка"


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed.xes", tmp_path / "plain.xes.gz"
    packed.write_bytes(gzip.compress(LOG.encode()))
    plain.write_bytes(LOG.encode())

    for path in (packed, plain):
        with open_log(path) as log:
            assert [trace.name for trace in log] == ["D-1", "D-2"]


def test_gzip_in_several_members_with_padding_is_one_document() -> None:
    packed = gzip.compress(LOG[:400].encode()) + gzip.compress(LOG[400:].encode()) + b"\0" * 512

    assert [trace.name for trace in log_of(packed)] == ["D-1", "D-2"]


class Drip(io.BytesIO):
    """A stream that gives three bytes at a time, as a slow pipe does."""

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_is_read_does_not_depend_on_how_the_bytes_arrive(pack: type[bytes]) -> None:
    data = pack(LOG.encode())

    assert list(read_log(Drip(data))) == list(read_log(io.BytesIO(data)))


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_bytes(f"<log>{f'<trace>{NAMED}</trace>' * 10_000}</log>".encode())

    with open_log(path) as log:
        assert log.total_bytes == path.stat().st_size
        seen = [log.bytes_read for _ in log]

    assert seen == sorted(seen)
    assert seen[0] <= 65_536
    assert seen[-1] == path.stat().st_size


class Endless(io.RawIOBase):
    """A log of `count` traces, about 840 bytes each, that is made as it is read."""

    def __init__(self, count: int) -> None:
        events = '<event><int key="n" value="1"/></event>' * 20
        trace = f"<trace>{NAMED}{events}</trace>"
        self._pieces = chain(["<log>"], repeat(trace, count), ["</log>"])

    def read(self, _size: int = -1) -> bytes:
        return next(self._pieces, "").encode()


@pytest.mark.parametrize(("keep", "is_small"), [(0, True), (None, False)])
def test_memory_does_not_grow_with_the_log_unless_the_traces_are_kept(keep: int | None, is_small: bool) -> None:
    count = 5_000
    tracemalloc.start()

    kept = deque(read_log(Endless(count)), maxlen=keep)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (peak < 100 * count) is is_small
    assert len(kept) == (count if keep is None else 0)


def test_a_gzip_bomb_never_stands_in_memory() -> None:
    bomb = gzip.compress(b"<log>" + b" " * 50_000_000)

    tracemalloc.start()
    with pytest.raises(XesInvalid):
        log_of(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
