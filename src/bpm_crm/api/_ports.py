"""What the transport needs of the context of resolvers, and who makes it."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol, Self

from starlette.requests import Request
from starlette.websockets import WebSocket

from bpm_crm.api.faults import Code, Fault
from bpm_crm.engine.definition import Title

__all__ = ["Context", "ContextFactory", "Streams"]


class Context(Protocol):
    """Who asks, authenticated once for an HTTP request or a WebSocket connection; resolvers see it as `info.context`."""

    @property
    def request_id(self) -> str:
        """The id in `X-Request-Id` and in each error."""

    @property
    def language(self) -> str:
        """The language in which errors are told."""

    @property
    def expires_at(self) -> datetime | None:
        """When the credentials expire, aware; None: never."""

    def for_operation(self, request_id: str) -> Self:
        """Return the context of one operation, with loaders and caches of its own: a WebSocket runs many, for hours."""


ContextFactory = Callable[[Request | WebSocket, dict[str, Any] | None], Awaitable[Context]]
"""Authenticates a connection; for a WebSocket with the payload of `connection_init`. Raises Fault UNAUTHENTICATED."""


class Streams:
    """Counts the operations in flight over WebSockets and event streams in this process."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self.count = 0

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold one place. Raises Fault OVERLOADED where all are taken."""
        if self.count >= self._maximum:
            raise Fault(
                Code.OVERLOADED,
                Title(
                    "The server has as many subscriptions as it can serve. Try again later.",
                    "Сервер обслуживает столько подписок, сколько может. Повторите позже.",
                ),
            )
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
