"""The XES reader over damaged logs: a valid read or a typed fault, whatever the damage."""

import gzip
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpm_crm.exchange.xes import Trace, XesInvalid, read_log

ROOT = Path(__file__).parents[2]
LOG = Path(os.environ.get("BPM_CRM_TEST_DATA", ROOT / "../shared/data")) / "eventlogs" / "running-example.xes"

pytestmark = pytest.mark.skipif(not LOG.is_file(), reason="the public event logs are not here (BPM_CRM_TEST_DATA)")

damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=8)
share = st.floats(0, 1, exclude_max=True)
form = st.sampled_from(["plain", "gzip", "utf-16"])
many = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class InPieces(io.BytesIO):
    """A stream that gives 97 bytes at a time."""

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(97)


def document(form: str) -> bytes:
    plain = LOG.read_bytes()
    if form == "utf-16":
        return plain.decode().replace("'UTF-8'", "'UTF-16'").encode("utf-16")
    return gzip.compress(plain, mtime=0) if form == "gzip" else plain


def outcome(stream: io.BytesIO) -> tuple[list[Trace], XesInvalid | None]:
    """The traces that were read, and the fault, if any; every other error is let through."""
    traces: list[Trace] = []
    try:
        traces.extend(iter(read_log(stream)))
    except XesInvalid as fault:
        return traces, fault
    return traces, None


@given(form=form, damage=damage)
@many
def test_flipped_bytes_give_a_valid_read_or_a_typed_fault(form: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(document(form))
    for place, flip in damage:
        data[int(place * len(data))] ^= flip

    traces, fault = outcome(io.BytesIO(bytes(data)))

    assert fault is not None or traces
    assert all(trace.name for trace in traces)


@given(form=form, share=share)
@many
def test_a_log_that_is_cut_gives_a_typed_fault_and_no_more_than_its_whole_traces(form: str, share: float) -> None:
    whole, _ = outcome(io.BytesIO(document(form)))
    data = document(form)[: int(share * len(document(form)))]

    traces, fault = outcome(io.BytesIO(data))

    assert traces == whole[: len(traces)]
    assert fault is not None or traces == whole


@given(damage=damage)
@settings(max_examples=100, deadline=None)
def test_a_damaged_log_reads_the_same_in_one_piece_and_in_many(damage: list[tuple[float, int]]) -> None:
    data = bytearray(document("plain"))
    for place, flip in damage:
        data[int(place * len(data))] ^= flip

    traces, fault = outcome(io.BytesIO(bytes(data)))
    same_traces, same_fault = outcome(InPieces(bytes(data)))

    assert traces == same_traces
    assert (fault and str(fault)) == (same_fault and str(same_fault))


@given(data=st.binary(max_size=200) | st.text(alphabet="<>/='\"& logtracevnstringkeyvalue\n").map(str.encode))
@many
def test_any_bytes_give_a_typed_fault(data: bytes) -> None:
    _, fault = outcome(io.BytesIO(data))

    assert fault is not None
