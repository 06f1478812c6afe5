"""The GraphQL endpoint: GraphQL over HTTP, over server-sent events and over WebSocket at one URL."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import strawberry
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from bpm_crm.api._connection import Connection
from bpm_crm.api._exchange import Exchange
from bpm_crm.api._execution import Execution
from bpm_crm.api._limits import Limits
from bpm_crm.api._ports import Context, ContextFactory, Streams
from bpm_crm.api._service import Service
from bpm_crm.api.documents import Documents
from bpm_crm.api.graphiql import GraphiQL
from bpm_crm.api.guard import FieldCost

__all__ = ["Context", "ContextFactory", "GraphQLEndpoint"]

NO_COSTS: Mapping[str, FieldCost] = MappingProxyType({})


class GraphQLEndpoint(GraphQL[Any, None]):
    """An ASGI application that serves a schema; mount it with `Route("/graphql", endpoint)` and a `WebSocketRoute` of the same path.

    `context_factory` authenticates (see `ContextFactory`); `now` is the clock it is measured by. `allowed_origins` are the other origins
    whose pages may open a WebSocket. An operation longer than `deadline_seconds` is cancelled. `costs` declares fields that weigh more
    and the sizes of bounded lists, by `Type.field`. `graphiql` is shown to browsers; None: nothing is.

    Raises TypeError for a schema with Strawberry extensions, ValueError for costs of unknown fields or a bad origin.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        context_factory: ContextFactory,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        costs: Mapping[str, FieldCost] = NO_COSTS,
        allowed_origins: Sequence[str] = (),
        deadline_seconds: float = 10.0,
        init_seconds: float = 10.0,
        graphiql: GraphiQL | None = None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            allowed_origins=allowed_origins,
        )
        limits = limits or Limits()
        self.documents = Documents(schema._schema, limits, costs)  # noqa: SLF001  # Strawberry offers no other way to graphql-core's schema
        self.streams = Streams(limits.streams)
        self._service = Service(
            execution=Execution(schema, self.documents, limits, deadline_seconds),
            context_factory=context_factory,
            limits=limits,
            streams=self.streams,
            now=now,
            init_seconds=init_seconds,
            graphiql=graphiql,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or one WebSocket."""
        if scope["type"] == "websocket":
            await self._serve_socket(WebSocket(scope, receive, send))
        else:
            await Exchange(self._service, scope, receive, send).serve()

    async def _serve_socket(self, socket: WebSocket) -> None:
        if not self._check_websocket_origin(socket):
            await self.reject_websocket(socket)
            return
        protocol = await self.pick_websocket_subprotocol(socket)
        await socket.accept(protocol)
        if protocol is None:
            await socket.close(4406, "Subprotocol not acceptable")
        else:
            await Connection(socket, self._service).serve()
