"""The question asked over the socket."""

import os
import socket
import struct
import threading

import pytest

from bpm_crm.embedded.probe import State, ask


@pytest.fixture
def answering(place):
    """A listener that gives one canned answer; returns the path of its socket."""
    listeners = []

    def answering(answer: bytes):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(place / "s"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        listeners.append((listener, thread))
        return place / "s"

    yield answering
    for listener, thread in listeners:
        thread.join()
        listener.close()


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def error(code: bytes) -> bytes:
    return message(b"E", b"SFATAL\0C" + code + b"\0Mwords\0\0")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (message(b"R", b"\0\0\0\0"), State.READY),
        (message(b"R", b"\0\0\0\5salt"), State.REFUSED),
        (error(b"57P03"), State.BUSY),
        (error(b"28000"), State.REFUSED),
        (error(b"53300"), State.READY),
        (error(b"3D000"), State.READY),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", State.SILENT),
        (b"R\0\0", State.SILENT),
        (b"", State.SILENT),
    ],
)
def test_each_answer_has_its_meaning(answering, answer, state):
    assert ask(answering(answer), role="postgres").state is state


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="only Linux tells who listens")
def test_the_kernel_tells_which_process_listens(answering):
    assert ask(answering(error(b"57P03")), role="postgres").listener == os.getpid()


def test_no_socket_and_a_socket_nobody_listens_on_are_silence(place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(place / "s"))

    assert ask(place / "s", role="postgres").state is State.SILENT
    assert ask(place / "none", role="postgres").state is State.SILENT


def test_who_accepts_and_never_answers_is_silence_after_the_patience(place, monkeypatch):
    monkeypatch.setattr("bpm_crm.embedded.probe.PATIENCE_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mute:
        mute.bind(str(place / "s"))
        mute.listen()

        assert ask(place / "s", role="postgres").state is State.SILENT
