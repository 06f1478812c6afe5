"""One WebSocket that speaks `graphql-transport-ws`."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any

import orjson
from graphql import OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from bpm_crm.api._negotiation import language_of
from bpm_crm.api._ports import Context
from bpm_crm.api._request import GraphQLRequest, from_mapping, has_too_many_containers, new_request_id
from bpm_crm.api._service import Service
from bpm_crm.api.faults import Code, Fault, Problem, Refused, explain
from bpm_crm.engine.definition import Title

__all__ = ["Connection"]

GONE = (WebSocketDisconnect, WebSocketDisconnected)
REASON_LENGTH = 120
"""A close frame holds 123 bytes of reason."""


class Connection:
    """Serves one accepted socket until either side closes it.

    Close codes: 1009 message too big, 4400 bad message, 4401 not yet acknowledged, 4403 refused or expired, 4408 no `connection_init`
    in time, 4409 id in use, 4429 second `connection_init`, 4500 the server failed.
    """

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket = socket
        self._language = language_of(socket.headers)
        self._service = service
        self._context: Context | None = None
        self._has_init = False
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Read messages until the socket closes; then cancel what still runs, and wait for it."""
        self._timer = self._start(self._await_init())
        reading = asyncio.create_task(self._read())
        closing = asyncio.create_task(self._closed.wait())
        try:
            await asyncio.wait({reading, closing}, return_when="FIRST_COMPLETED")
        finally:
            tasks = [reading, closing, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if reading.done() and not reading.cancelled():
            with suppress(*GONE):
                reading.result()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _read(self) -> None:
        while not self._closed.is_set():
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            text, limits = received.get("text"), self._service.limits
            if text is None:
                await self._close(4400, "Messages are text")
            elif len(text) > limits.body_bytes or has_too_many_containers(text.encode(), limits):
                await self._close(
                    1009, f"Messages have at most {limits.body_bytes} characters, {limits.variable_values} values"
                )
            else:
                await self._handle(text)

    async def _handle(self, text: str) -> None:
        try:
            message: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        match message:
            case {"type": "connection_init"} if isinstance(message.get("payload"), dict | None):
                await self._init(message.get("payload"))
            case {"type": "ping"}:
                await self._send({**message, "type": "pong"})
            case {"type": "pong"}:
                pass
            case {"type": "subscribe", "id": str(id_), "payload": dict(payload)} if id_:
                await self._subscribe(id_, payload)
            case {"type": "complete", "id": str(id_)}:
                if task := self._operations.pop(id_, None):
                    task.cancel()
            case _:
                await self._close(4400, "Invalid message")

    async def _await_init(self) -> None:
        await asyncio.sleep(self._service.init_seconds)
        await self._close(4408, "Connection initialisation timeout")

    async def _init(self, payload: dict[str, Any] | None) -> None:
        if self._has_init:
            return await self._close(4429, "Too many initialisation requests")
        self._has_init = True
        if self._timer:
            self._timer.cancel()
        if await self._authenticate(payload):
            await self._send({"type": "connection_ack"})
            self._timer = self._start(self._watch_expiry(payload))
        return None

    async def _authenticate(self, payload: dict[str, Any] | None) -> bool:
        """Take a context; where it is refused, or has expired already, close the socket."""
        try:
            context = await self._service.context_factory(self._socket, payload)
        except Exception as error:  # noqa: BLE001  # whatever fails, it is logged and the client is told by a close code
            problem = explain(error, request_id=new_request_id())
            refused = problem.code in (Code.UNAUTHENTICATED, Code.FORBIDDEN)
            await self._close(*((4403, "Forbidden") if refused else (4500, problem.message.en)))
            return False
        if context.expires_at and context.expires_at <= self._service.now():
            await self._close(4403, "Forbidden")
            return False
        self._context = context
        return True

    async def _watch_expiry(self, payload: dict[str, Any] | None) -> None:
        """Authenticate again whenever the credentials expire."""
        while self._context and (expires_at := self._context.expires_at):
            remaining = (expires_at - self._service.now()).total_seconds()
            if remaining > 0:
                await asyncio.sleep(remaining)
            elif not await self._authenticate(payload):
                return

    async def _subscribe(self, id_: str, payload: dict[str, Any]) -> None:
        if self._context is None:
            return await self._close(4401, "Unauthorized")
        if id_ in self._operations:
            return await self._close(4409, f"Subscriber for {id_[: REASON_LENGTH // 2]} already exists")
        try:
            request = from_mapping(payload)
        except Fault as fault:
            return await self._close(4400, fault.message.en)
        request_id = new_request_id()
        if len(self._operations) >= self._service.limits.operations_per_connection:
            problem = Problem(
                Code.OVERLOADED,
                Title(
                    "This connection has as many operations in flight as it may have.",
                    "В этом соединении уже столько операций, сколько можно.",
                ),
            )
            return await self._send(_error(id_, [problem], request_id, self._language))
        self._operations[id_] = self._start(self._operate(id_, request, request_id, self._context))
        return None

    async def _operate(self, id_: str, request: GraphQLRequest, request_id: str, context: Context) -> None:
        """Run one operation and send what comes of it; its id is free before the last message is sent."""
        last: dict[str, Any] = {"id": id_, "type": "complete"}
        with suppress(*GONE):
            try:
                with self._service.streams.claim():
                    await self._run(id_, request, context.for_operation(request_id))
            except GONE:
                return
            except Refused as refused:
                last = _error(id_, refused.problems, request_id, self._language)
            except Exception as error:  # noqa: BLE001  # whatever fails, it is logged and the client is told
                last = _error(id_, [explain(error, request_id=request_id)], request_id, self._language)
            self._operations.pop(id_, None)
            await self._send(last)

    async def _run(self, id_: str, request: GraphQLRequest, context: Context) -> None:
        execution = self._service.execution
        plan = execution.plan(request, request_id=context.request_id)
        if plan.operation.kind is not OperationType.SUBSCRIPTION:
            return await self._send({"id": id_, "type": "next", "payload": await execution.answer(plan, context)})
        async with aclosing(execution.events(plan, context)) as responses:
            async for response in responses:
                await self._send({"id": id_, "type": "next", "payload": response})
        return None

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(orjson.dumps(message).decode())

    async def _close(self, code: int, reason: str) -> None:
        if not self._closed.is_set():
            self._closed.set()
            with suppress(*GONE):
                await self._socket.close(code, reason.encode()[:REASON_LENGTH].decode(errors="ignore"))


def _error(id_: str, problems: Sequence[Problem], request_id: str, language: str) -> dict[str, Any]:
    return {"id": id_, "type": "error", "payload": [problem.formatted(request_id, language) for problem in problems]}
