"""One HTTP request and its answer: GraphQL over HTTP, an event stream, or the GraphiQL page."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from types import MappingProxyType
from typing import Any

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from bpm_crm.api._event_stream import HEADERS as EVENT_HEADERS
from bpm_crm.api._event_stream import serve_events
from bpm_crm.api._execution import Plan
from bpm_crm.api._negotiation import EVENTS, GRAPHQL, JSON, Accepted, accepted, is_json_in_utf8, language_of
from bpm_crm.api._ports import Context
from bpm_crm.api._request import GraphQLRequest, from_body, from_query_string, read_body, request_id_of
from bpm_crm.api._service import Service
from bpm_crm.api.faults import STATUS, Code, Fault, Problem, Refused, explain
from bpm_crm.engine.definition import Title

__all__ = ["Exchange"]

ABOUT_DOCUMENTS = (
    Code.GRAPHQL_PARSE_FAILED,
    Code.GRAPHQL_VALIDATION_FAILED,
    Code.QUERY_TOO_COMPLEX,
    Code.BAD_USER_INPUT,
)
"""Answered with 200 to a client that knows only `application/json`, as GraphQL over HTTP has it for such clients."""
OPERATION_NAME_LENGTH = 100
LINGER_MESSAGES = 64
LINGER_SECONDS = 2.0
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REFUSAL_HEADERS: Mapping[Code, Mapping[str, str]] = MappingProxyType(
    {
        Code.UNAUTHENTICATED: {"www-authenticate": "Bearer"},
        Code.PAYLOAD_TOO_LARGE: {"connection": "close"},
        Code.OVERLOADED: {"retry-after": "1"},
        Code.UNAVAILABLE: {"retry-after": "1"},
        Code.DEADLINE_EXCEEDED: {"retry-after": "1"},
    }
)


class Exchange:
    """Serves one request. Leaves `request_id`, `operation` and `codes` in the scope's state, for an access log around it."""

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self._service = service
        self._scope = scope
        self._receive = receive
        self._send = send
        self._method: str = scope["method"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._request_id = request_id_of(self._headers)
        self._media = JSON
        self._has_begun = False
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self._state["request_id"] = self._request_id

    async def serve(self) -> None:
        """Answer, whatever happens: refusals and bugs are answered in one form."""
        try:
            await self._answer()
        except ClientDisconnect:
            return
        except Refused as refused:
            await self._refuse(refused.problems)
        except Exception as error:
            if self._has_begun:
                raise
            await self._refuse([explain(error, request_id=self._request_id)])

    async def _answer(self) -> None:
        accept = accepted(self._headers.get(b"accept", b""))
        if self._method not in ("GET", "POST"):
            raise Fault(
                Code.METHOD_NOT_ALLOWED, Title("GraphQL is served by GET and POST.", "GraphQL отвечает на GET и POST.")
            )
        if accept.page and self._service.graphiql and self._asks_for_page():
            page = self._service.graphiql.page(self._headers.get(b"accept-language", b""))
            return await self._put(200, page.body, page.headers)
        self._media = self._check_media(accept)
        context = await self._authenticate()
        request = await self._read()
        if accept.json is None:
            return await self._stream(self._responses(request, context), context)
        plan = self._plan(request)
        if plan.operation.kind is not OperationType.SUBSCRIPTION:
            return await self._respond(200, await self._service.execution.answer(plan, context))
        if not accept.events:
            raise Fault(
                Code.NOT_ACCEPTABLE,
                Title(
                    f"Subscriptions are served over WebSocket, or over HTTP as {EVENTS}.",
                    f"Подписки отдаются по WebSocket или по HTTP как {EVENTS}.",
                ),
            )
        return await self._stream(self._service.execution.events(plan, context), context)

    def _asks_for_page(self) -> bool:
        return self._method == "GET" and "query" not in Request(self._scope).query_params

    def _check_media(self, accept: Accepted) -> str:
        if accept.json is None and not accept.events:
            raise Fault(
                Code.NOT_ACCEPTABLE,
                Title(
                    f"Answers are given as {GRAPHQL}, {JSON} or {EVENTS}.",
                    f"Ответы отдаются как {GRAPHQL}, {JSON} или {EVENTS}.",
                ),
            )
        if self._method == "POST" and not is_json_in_utf8(self._headers.get(b"content-type", b"")):
            raise Fault(
                Code.UNSUPPORTED_MEDIA_TYPE,
                Title(f"Send the request as {JSON} in UTF-8.", f"Отправьте запрос как {JSON} в UTF-8."),
            )
        return accept.json or JSON

    async def _authenticate(self) -> Context:
        context = await self._service.context_factory(Request(self._scope, self._receive), None)
        return context.for_operation(self._request_id)

    async def _read(self) -> GraphQLRequest:
        if self._method == "GET":
            return from_query_string(self._scope["query_string"])
        limits = self._service.limits
        return from_body(await read_body(self._headers, self._receive, limits.body_bytes), limits)

    def _plan(self, request: GraphQLRequest) -> Plan:
        plan = self._service.execution.plan(request, request_id=self._request_id)
        self._state["operation"] = (plan.operation.name or "")[:OPERATION_NAME_LENGTH]
        if self._method == "GET" and plan.operation.kind is not OperationType.QUERY:
            raise Fault(
                Code.METHOD_NOT_ALLOWED,
                Title(
                    f"A {plan.operation.kind.value} is sent by POST.",
                    f"Операция {plan.operation.kind.value} отправляется методом POST.",
                ),
            )
        return plan

    async def _responses(self, request: GraphQLRequest, context: Context) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what comes of any operation; a refusal of the document comes as an event as well."""
        plan = self._plan(request)
        if plan.operation.kind is not OperationType.SUBSCRIPTION:
            yield await self._service.execution.answer(plan, context)
            return
        async with aclosing(self._service.execution.events(plan, context)) as responses:
            async for response in responses:
                yield response

    async def _stream(self, responses: AsyncGenerator[dict[str, Any], None], context: Context) -> None:
        with self._service.streams.claim():
            await self._begin(200, EVENT_HEADERS)
            await serve_events(responses, context, receive=self._receive, send=self._send, now=self._service.now)

    async def _refuse(self, problems: Sequence[Problem]) -> None:
        code = problems[0].code
        status = 200 if self._media == JSON and code in ABOUT_DOCUMENTS else STATUS[code]
        headers = REFUSAL_HEADERS.get(code, NO_HEADERS)
        if code is Code.METHOD_NOT_ALLOWED:
            headers = {"allow": "POST" if self._method == "GET" else "GET, POST"}
        language = language_of(Headers(scope=self._scope))
        errors = [problem.formatted(self._request_id, language) for problem in problems]
        await self._respond(status, {"errors": errors}, headers, linger=code is Code.PAYLOAD_TOO_LARGE)

    async def _respond(
        self, status: int, response: dict[str, Any], headers: Mapping[str, str] = NO_HEADERS, *, linger: bool = False
    ) -> None:
        body = orjson.dumps(response)
        self._state["codes"] = [error["extensions"]["code"] for error in response.get("errors", ())]
        await self._put(status, body, {"content-type": f"{self._media}; charset=utf-8", **headers}, linger=linger)

    async def _put(self, status: int, body: bytes, headers: Mapping[str, str], *, linger: bool = False) -> None:
        await self._begin(status, {"content-length": str(len(body)), "cache-control": "no-store", **headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": linger})
        if linger:
            await self._linger()
            await self._send({"type": "http.response.body", "body": b""})

    async def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._has_begun = True
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        raw.append((b"x-request-id", self._request_id.encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _linger(self) -> None:
        """Read on for a moment: a client that is still sending when the connection closes may never see the answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                for _ in range(LINGER_MESSAGES):
                    message = await self._receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
