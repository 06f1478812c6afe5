"""One question to a server over its socket, in the few words of PostgreSQL's protocol that need no driver.

Message formats: PostgreSQL documentation, "Frontend/Backend Protocol", StartupMessage, Authentication*, ErrorResponse, Terminate.
"""

import socket
import struct
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

PROTOCOL_3_0 = 196608
PATIENCE_SECONDS = 5.0
CANNOT_CONNECT_NOW = "57P03"
INVALID_AUTHORIZATION = "28"


class State(Enum):
    """What a socket says of its server."""

    READY = "accepts sessions"
    BUSY = "is starting, recovering or shutting down"
    REFUSED = "is alive but does not let this OS user in"
    SILENT = "does not answer"


@dataclass(frozen=True)
class Answer:
    """The state, the number of the process that listens (None where the OS does not tell, 0 if invisible from here), and its words."""

    state: State
    listener: int | None = None
    words: str = ""


def ask(socket_path: Path, *, role: str) -> Answer:
    """Return the answer of the server behind a socket to a session as `role` on the database `postgres`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            connection.connect(str(socket_path))
            return _converse(connection, role)
    except PermissionError as reason:
        return Answer(State.REFUSED, words=str(reason))
    except OSError as reason:
        return Answer(State.SILENT, words=str(reason))


def _converse(connection: socket.socket, role: str) -> Answer:
    listener = _listener(connection)
    parameters = b"".join(
        word.encode() + b"\0" for word in ("user", role, "database", "postgres", "application_name", "bpm_crm probe")
    )
    connection.sendall(struct.pack("!ii", len(parameters) + 9, PROTOCOL_3_0) + parameters + b"\0")
    kind, length = struct.unpack("!ci", _receive(connection, 5))
    body = _receive(connection, length - 4)
    if kind == b"R" and body[:4] == b"\0\0\0\0":
        connection.sendall(b"X\0\0\0\4")
        return Answer(State.READY, listener)
    if kind == b"R":
        return Answer(State.REFUSED, listener, "it asks for a password")
    if kind != b"E":
        return Answer(State.SILENT, words=f"unexpected message {kind!r}")
    fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    return Answer(_state_of_error(fields.get(b"C", "")), listener, fields.get(b"M", ""))


def _state_of_error(code: str) -> State:
    if code == CANNOT_CONNECT_NOW:
        return State.BUSY
    if code.startswith(INVALID_AUTHORIZATION):
        return State.REFUSED
    # Any other refusal (all sessions taken, no such database) is the answer of a server that is up.
    return State.READY


def _listener(connection: socket.socket) -> int | None:
    if sys.platform != "linux":
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    listener: int = struct.unpack("3i", credentials)[0]
    return listener


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        received += piece
    return received
