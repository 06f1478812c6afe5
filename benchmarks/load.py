"""A lean HTTP/1.1 client for load: prepared requests over keep-alive connections, answers read by their length."""

import asyncio
import time
from collections.abc import Sequence


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        """Send a prepared request; the body of the answer. `ValueError` for any status but 200."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._reader.readexactly(_length(head))
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError((head + body)[:600].decode())
        return body

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


def prepared(body: bytes, token: str) -> bytes:
    """The bytes of a POST to /graphql."""
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Accept: application/graphql-response+json\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(port: int, scripts: Sequence[Sequence[bytes]], expected: bytes) -> float:
    """Work scripts off at once, one connection each; seconds until all are done. `ValueError` for an unexpected answer."""
    connections = [await Connection.open(port) for _ in scripts]

    async def one(connection: Connection, script: Sequence[bytes]) -> None:
        for request in script:
            answer = await connection.ask(request)
            if expected not in answer:
                raise ValueError(answer[:600].decode())

    begun = time.perf_counter()
    await asyncio.gather(*(one(*pair) for pair in zip(connections, scripts, strict=True)))
    seconds = time.perf_counter() - begun
    for connection in connections:
        connection.close()
    return seconds


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    raise ValueError(head.decode())
