"""The XES reader: every broken log is a typed error with its place and its cure."""

import errno
import gzip
import io
import os
from pathlib import Path

import pytest

from bpm_crm.exchange.xes import Limits, XesCode, XesInvalid, open_log, read_log

NAMED = '<string key="concept:name" value="7"/>'
WHOLE = f"<trace>{NAMED}</trace>"


def fault_of(text: str | bytes, **options: object) -> XesInvalid:
    """The fault of a log, which has a message and a cure."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(XesInvalid) as refused:
        list(read_log(io.BytesIO(data), **options))
    assert refused.value.message
    assert str(refused.value).endswith(refused.value.cure)
    assert refused.value.cure.endswith(".")
    return refused.value


def in_trace(content: str, **options: object) -> XesInvalid:
    return fault_of(f"<log>\n{WHOLE}\n<trace>{NAMED}\n{content}</trace></log>", **options)


@pytest.mark.parametrize(
    ("text", "code", "line", "where"),
    [
        ("", "empty_file", None, "the file"),
        (gzip.compress(b"", mtime=0), "empty_file", None, "the file"),
        ("case;activity\n1;call\n", "not_xml", 1, "the document"),
        ("PK\x03\x04rest", "not_xml", None, "the file"),
        ("<log>\n<trace></log>", "not_xml", 2, "trace 1"),
        (f"<log>{WHOLE}</log>\n<log/>", "not_xml", 2, "the document"),
        (f"<log>{WHOLE}\n<trace><event><string key=", "truncated", 2, "trace 2, event 1"),
        (f"<log>{WHOLE}\n", "truncated", 2, "after trace 1"),
        ("<log>\n<string", "truncated", 2, "the header"),
        ("\n\n", "truncated", 3, "the document"),
        ('<log a="&b;"/>', "not_xml", 1, "the document"),
        ('<!DOCTYPE log [<!ENTITY b "c">]>\n<log/>', "dtd_forbidden", 1, "the document"),
        ('<!DOCTYPE log SYSTEM "http://127.0.0.1/log.dtd">\n<log/>', "dtd_forbidden", 1, "the document"),
        ('<?xml version="1.0" encoding="klingon"?><log/>', "unsupported_encoding", 1, "the document"),
        ('<?xml version="1.0" encoding="shift_jis"?><log/>', "unsupported_encoding", 1, "the document"),
        ('<?xml version="1.0" encoding="idna"?><log/>', "unsupported_encoding", 1, "the document"),
        ('<?xml version="1.0" encoding="utf-16"?><log/>', "unsupported_encoding", 1, "the document"),
        (b'<log><string key="k" value="\xff"/></log>', "not_xml", 1, "the header"),
        ("<WorkflowLog/>", "wrong_root", 1, "the document"),
        ('<a:event xmlns:a="http://www.xes-standard.org/"/>', "wrong_root", 1, "the document"),
        ("<log>\n\n</log>", "no_traces", 3, "the document"),
        ("<log>\n<event/></log>", "event_outside_trace", 2, "the header"),
        (f"<log>{WHOLE}\n<event/></log>", "event_outside_trace", 2, "after trace 1"),
        (f"<log>{WHOLE}\n<string key='k' value='v'/></log>", "header_after_trace", 2, "after trace 1"),
        (f"<log>{WHOLE}\n<global scope='event'/></log>", "header_after_trace", 2, "after trace 1"),
        ("<log>\n<global><int key='n' value='1'/></global></log>", "missing_field", 2, "the header"),
        ("<log>\n<global scope='case'/></log>", "unexpected_element", 2, "the header"),
        ("<log>\n<extension name='Concept' prefix='concept'/></log>", "missing_field", 2, "the header"),
        ("<log>\n<extension name='a' prefix='a' uri='a'><int key='n' value='1'/></extension></log>", "unexpected_element", 2, "the header"),
        ("<log>\n<classifier name='Activity'/></log>", "missing_field", 2, "the header"),
        ("<log><classifier name='A' keys='a'/>\n<classifier name='A' keys='b'/></log>", "duplicate_key", 2, "the header"),
        (f"<log>{WHOLE}\n<trace><event/></trace></log>", "trace_without_name", 2, "trace 2"),
        (f"<log>{WHOLE}\n<trace><string key='concept:name' value=''/></trace></log>", "trace_without_name", 2, "trace 2"),
    ],
)  # fmt: skip
def test_a_broken_document_is_named_with_its_place(text: str | bytes, code: str, line: int | None, where: str) -> None:
    fault = fault_of(text)

    assert (fault.code, fault.line, fault.where) == (code, line, where)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('<string value="v"/>', "missing_field"),
        ('<string key="k"/>', "missing_field"),
        ('<list><values/></list>', "missing_field"),
        ('<string key="k" value="a"/><int key="k" value="1"/>', "duplicate_key"),
        ('<string key="k" value="a"/><list key="k"/>', "duplicate_key"),
        ('<list key="k"><int key="a" value="1"/><int key="a" value="2"/><values/></list>', "duplicate_key"),
        ('<date key="k" value="yesterday"/>', "bad_date"),
        ('<date key="k" value="2026-02-30T10:00:00Z"/>', "bad_date"),
        ('<date key="k" value="2026-11-22"/>', "bad_date"),
        ('<date key="k" value="20261122T100000Z"/>', "bad_date"),
        ('<date key="k" value="0001-01-01T00:00:00+01:00"/>', "bad_date"),
        ('<date key="k" value="9999-12-31T23:59:59-01:00"/>', "bad_date"),
        ('<date key="k" value="2026-11-22T10:00:00"/>', "missing_offset"),
        ('<int key="k" value="1.5"/>', "bad_int"),
        ('<int key="k" value="1_000"/>', "bad_int"),
        ('<int key="k" value="٣"/>', "bad_int"),
        ('<int key="k" value="9223372036854775808"/>', "bad_int"),
        (f'<int key="k" value="{"9" * 5000}"/>', "bad_int"),
        ('<float key="k" value="1,5"/>', "bad_float"),
        ('<float key="k" value="1_0.5"/>', "bad_float"),
        ('<boolean key="k" value="yes"/>', "bad_boolean"),
        ('<text key="k" value="v"/>', "unexpected_element"),
        ('<trace/>', "unexpected_element"),
        ('<values/>', "unexpected_element"),
        ('<list key="k"><values><values/></values></list>', "unexpected_element"),
        ('<list key="k"><values/><values/></list>', "unexpected_element"),
        ('<string key="k" value="v"><event/></string>', "unexpected_element"),
        ('<extension name="a" prefix="a" uri="a"/>', "header_after_trace"),
    ],
)  # fmt: skip
def test_a_broken_attribute_is_named_with_its_trace(content: str, code: str) -> None:
    fault = in_trace(content)

    assert (fault.code, fault.line, fault.where) == (code, 4, "trace 2")


def test_a_fault_reads_as_a_sentence_with_place_and_cure() -> None:
    fault = in_trace('<event/><event>\n<date key="time:timestamp" value="22.11.2026"/></event>')

    assert str(fault) == (
        "Trace 2, event 2, line 5, column 1: '22.11.2026' is not a date with a time (attribute 'time:timestamp'). "
        "Write it as 2026-11-22T10:00:00.000+03:00."
    )


def test_the_whole_traces_before_a_fault_are_handed_out_first() -> None:
    log = read_log(io.BytesIO(f"<log>{WHOLE}{WHOLE}<trace><oops/></trace></log>".encode()))

    assert [next(log).ordinal, next(log).ordinal] == [1, 2]
    with pytest.raises(XesInvalid, match="'oops'"):
        next(log)


@pytest.mark.parametrize(
    ("content", "limits", "code"),
    [
        ('<int key="a" value="1">' * 9 + "</int>" * 9, Limits(depth=10), "too_deep"),
        ('<list key="a">' * 9 + "</list>" * 9, Limits(depth=10), "too_deep"),
        ('<v:a xmlns:v="urn:v">' + "<v:a>" * 10 + "</v:a>" * 11, Limits(depth=10), "too_deep"),
        (f'<string key="k" value="{"x" * 101}"/>', Limits(value_characters=100), "value_too_long"),
        (f'<string key="{"x" * 101}" value="v"/>', Limits(value_characters=100), "value_too_long"),
        (f"<!-- {'x' * 200_000} -->", Limits(value_characters=100), "value_too_long"),
        (f"<event/>{' ' * 300_000}<event/>", Limits(part_bytes=100_000), "part_too_large"),
        ("".join(f'<v:a v:b{n}="" xmlns:v="urn:v"/>' for n in range(5_000)), Limits(names=1_000), "too_many_names"),
        ("".join(f'<v:a xmlns:v="urn:v" xmlns:p{n}="urn:v"/>' for n in range(5_000)), Limits(names=1_000), "too_many_names"),
    ],
)  # fmt: skip
def test_a_document_that_asks_for_too_much_is_refused(content: str, limits: Limits, code: str) -> None:
    assert in_trace(content, limits=limits).code == code


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        ('<int key="a" value="1">' * 8 + "</int>" * 8, Limits(depth=10)),
        (f'<string key="k" value="{"x" * 100}"/>', Limits(value_characters=100)),
        (f"<event/>{' ' * 50_000}<event/>", Limits(part_bytes=200_000)),
    ],
)
def test_a_document_within_its_limits_is_read(content: str, limits: Limits) -> None:
    log = read_log(io.BytesIO(f"<log><trace>{NAMED}{content}</trace>{WHOLE}</log>".encode()), limits=limits)

    assert sum(1 for _ in log) == 2


def test_the_size_of_a_part_is_counted_for_each_trace_and_each_gap_apart() -> None:
    padding = " " * 250_000
    parts = f"{padding}<trace>{NAMED}{padding}</trace>{padding}<trace>{NAMED}{padding}</trace>{padding}"

    log = read_log(io.BytesIO(f"<log>{parts}</log>".encode()), limits=Limits(part_bytes=350_000))

    assert sum(1 for _ in log) == 2


def test_a_gzip_file_that_is_cut_or_damaged_is_told_from_a_cut_document() -> None:
    packed = gzip.compress(f"<log>{WHOLE * 50}</log>".encode())

    assert fault_of(packed[:-3]).code == XesCode.TRUNCATED_GZIP
    assert fault_of(packed[:20]).code == XesCode.TRUNCATED_GZIP
    assert fault_of(packed[:-8] + b"\0" * 8).code == XesCode.BROKEN_GZIP
    assert fault_of(packed + b"rest").code == XesCode.BROKEN_GZIP
    assert fault_of(gzip.compress(f"<log>{WHOLE}".encode())).code == XesCode.TRUNCATED


def file_fault(path: Path) -> XesInvalid:
    with pytest.raises(XesInvalid) as refused, open_log(path):
        pytest.fail("the log was opened")
    return refused.value


def test_a_path_that_is_no_readable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, pipe = tmp_path / "log.xes", tmp_path / "pipe"
    log.write_text(f"<log>{WHOLE}</log>")
    os.mkfifo(pipe)

    assert file_fault(tmp_path / "none.xes").code == XesCode.FILE_NOT_FOUND
    assert file_fault(log / "inside").code == XesCode.FILE_NOT_FOUND
    assert file_fault(tmp_path).code == XesCode.NOT_A_FILE
    assert file_fault(pipe).code == XesCode.NOT_A_FILE
    assert file_fault(tmp_path / "a\0b").code == XesCode.UNREADABLE
    assert file_fault(tmp_path / ("x" * 300)).code == XesCode.UNREADABLE

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert file_fault(log).code == XesCode.NOT_PERMITTED


class Failing(io.BytesIO):
    """A disk that fails after the first chunk."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_on_the_way_is_a_typed_fault_after_the_whole_traces() -> None:
    log = read_log(Failing(f"<log>{WHOLE * 10_000}</log>".encode()))

    with pytest.raises(XesInvalid, match="Input/output error") as refused:
        list(log)

    assert refused.value.code == XesCode.UNREADABLE


def test_a_log_is_closed_when_its_reader_fails(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text(f"<log>{WHOLE * 10_000}</log>")

    with pytest.raises(KeyError), open_log(path) as log:
        raise KeyError(next(log).name)

    with pytest.raises(ValueError, match="closed file"):
        list(log)
