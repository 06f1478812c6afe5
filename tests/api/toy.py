"""A toy schema with one of everything the transport has to carry, and a real server for it."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, NewType

import httpx
import strawberry
import uvicorn
from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import MaxAliasesLimiter
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from bpm_crm.api.endpoint import GraphQLEndpoint
from bpm_crm.api.faults import Code, Fault
from bpm_crm.engine.definition import Title

TOKEN = "open sesame"
SECRET = "+7 912 000-00-00"


@dataclass
class ToyContext:
    """The context of one operation. `events` records what resolvers saw."""

    actor: str = "anonymous"
    request_id: str = ""
    language: str = "en"
    expires_at: datetime | None = None
    events: list[str] = field(default_factory=list)

    def for_operation(self, request_id: str) -> "ToyContext":
        return replace(self, request_id=request_id)


async def anybody(_connection: Request | WebSocket, _payload: dict[str, Any] | None) -> ToyContext:
    return ToyContext()


async def bearer(connection: Request | WebSocket, payload: dict[str, Any] | None) -> ToyContext:
    """Lets in who brings the token, in the header or in the payload of `connection_init`."""
    given = (payload or {}).get("Authorization") or connection.headers.get("authorization")
    if given != f"Bearer {TOKEN}":
        raise Fault(Code.UNAUTHENTICATED, Title("Bring a token.", "Нужен токен."))
    return ToyContext(actor="ali")


async def broken(_connection: Request | WebSocket, _payload: dict[str, Any] | None) -> ToyContext:
    raise RuntimeError(SECRET)


def expiring(
    seconds: float, times: int = 1
) -> Callable[[Request | WebSocket, dict[str, Any] | None], Awaitable[ToyContext]]:
    """A context factory whose credentials expire, and are renewed `times - 1` times."""
    left = [times]

    async def factory(_connection: Request | WebSocket, _payload: dict[str, Any] | None) -> ToyContext:
        if not left[0]:
            raise Fault(Code.UNAUTHENTICATED, Title("The token has expired.", "Срок токена истёк."))
        left[0] -= 1
        return ToyContext(expires_at=datetime.now(UTC) + timedelta(seconds=seconds))

    return factory


def now() -> datetime:
    return datetime.now(UTC)


class Never(BasePermission):
    message = "Only for others."

    async def has_permission(self, source: Any, info: strawberry.Info, **_: Any) -> bool:
        return False


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


Money = NewType("Money", Decimal)


@strawberry.input(one_of=True)
class Reference:
    id: strawberry.Maybe[strawberry.ID]
    key: strawberry.Maybe[str]


@strawberry.input
class Patch:
    name: strawberry.Maybe[str | None]
    size: strawberry.Maybe[int]


@strawberry.type
class Part:
    name: str = "part"
    weight: int = 1

    @strawberry.field
    def parts(self) -> list["Part"]:
        return [Part(), Part()]


@strawberry.type
class Item:
    id: strawberry.ID
    name: str = "item"
    colour: Colour = Colour.RED
    price: Money = Money(Decimal("9.90"))

    @strawberry.field
    async def parts(self) -> list[Part]:
        return [Part(), Part()]

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> "ItemConnection":
        return connection(first)


@strawberry.type
class ItemEdge:
    node: Item
    cursor: str = "cursor"


@strawberry.type
class ItemConnection:
    nodes: list[Item]
    edges: list[ItemEdge]
    total_count: int = 1000


@strawberry.type
class NotFound:
    message: str = "There is none such."


def connection(first: int | None) -> ItemConnection:
    nodes = [Item(id=strawberry.ID(str(number))) for number in range(first or 2)]
    return ItemConnection(nodes=nodes, edges=[ItemEdge(node=node) for node in nodes])


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"

    @strawberry.field
    async def slow(self, seconds: float = 1) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @strawberry.field
    def boom(self) -> str:
        raise ValueError(f"the phone of the customer is {SECRET}")

    @strawberry.field
    def buggy(self) -> str | None:
        return self.no_such_attribute  # type: ignore[attr-defined,no-any-return]

    @strawberry.field
    def mistyped(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def echo(self, text: str = "", texts: list[str] | None = None, json: strawberry.scalars.JSON | None = None) -> str:
        return text

    @strawberry.field
    def whoami(self, info: strawberry.Info[ToyContext]) -> str:
        return f"{info.context.actor} {info.context.request_id}"

    @strawberry.field
    def extensions(self, info: strawberry.Info) -> strawberry.scalars.JSON:
        return strawberry.scalars.JSON(info.input_extensions | {"variables": info.variable_values})

    @strawberry.field(permission_classes=[Never])
    def forbidden(self) -> str | None:
        return SECRET

    @strawberry.field
    async def fault(self, code: str, nullable: bool = True) -> str | None:
        raise Fault(Code(code), Title("As you asked.", "Как просили."), hint=1)

    @strawberry.field
    async def failing(self, code: str) -> str:
        raise Fault(Code(code), Title("As you asked.", "Как просили."))

    @strawberry.field
    async def coded(self) -> str | None:
        raise GraphQLError("The queue is full.", extensions={"code": "OVERLOADED"})

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> ItemConnection:
        return connection(first)

    @strawberry.field
    def parts(self) -> list[Part]:
        return [Part(), Part()]

    @strawberry.field
    def find(self, ref: Reference) -> Annotated[Item | NotFound, strawberry.union("FindResult")]:
        return NotFound() if ref.key is not None else Item(id=ref.id.value if ref.id else strawberry.ID(""))

    @strawberry.field
    def patch(self, patch: Patch) -> str:
        return f"name {patch.name!r} size {patch.size!r}"

    @strawberry.field
    def paint(self, colour: Colour) -> Colour:
        return colour

    @strawberry.field
    def pay(self, amount: Money) -> Money:
        return amount


@strawberry.type
class Mutation:
    @strawberry.mutation
    def noop(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def greetings(self) -> AsyncGenerator[str, None]:
        for greeting in ("Hi", "Bonjour", "Hola", "Ciao", "Zdravo"):
            yield greeting

    @strawberry.subscription
    async def ticks(self, every: float = 0.05) -> AsyncGenerator[int, None]:
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(every)

    @strawberry.subscription
    async def throwing(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError(SECRET)

    @strawberry.subscription
    async def watched(self, info: strawberry.Info[ToyContext]) -> AsyncGenerator[int, None]:
        """Records when it is closed."""
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            info.context.events.append("closed")

    @strawberry.subscription(permission_classes=[Never])
    async def secrets(self) -> AsyncGenerator[str, None]:
        yield SECRET


MONEY = strawberry.scalar(name="Money", serialize=str, parse_value=Decimal)
schema = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map={Money: MONEY}))


def endpoint(**options: Any) -> GraphQLEndpoint:
    """The endpoint of the toy schema that lets anybody in."""
    return GraphQLEndpoint(schema, **{"context_factory": anybody, "now": now, **options})


def unguarded() -> GraphQL[Any, None]:
    """Strawberry's own view of the same schema, with its own limiter."""
    return GraphQL(strawberry.Schema(Query, config=schema.config, extensions=[lambda: MaxAliasesLimiter(100)]))


def application(app: ASGIApp, *routes: BaseRoute) -> Starlette:
    return Starlette(routes=[Route("/graphql", app, methods=None), WebSocketRoute("/graphql", app), *routes])


@asynccontextmanager
async def serving(app: ASGIApp, *routes: BaseRoute) -> AsyncIterator[str]:
    """Serve over a real socket in this event loop; yields the endpoint's URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application(app, *routes), log_level="warning", lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until(lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        finally:
            server.should_exit = True
            server.force_exit = True
            await task


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing announces."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)


def ask(query: str, **others: Any) -> Mapping[str, Any]:
    """The JSON of a GraphQL request."""
    return {"query": query, **others}


def only_error(response: httpx.Response) -> dict[str, Any]:
    """The one error of a response."""
    (error,) = response.json()["errors"]
    return error
