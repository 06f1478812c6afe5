"""GraphQL over server-sent events, distinct connections mode: `next` events with responses, then `complete`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import orjson
from starlette.types import Receive, Send

from bpm_crm.api._negotiation import EVENTS
from bpm_crm.api._ports import Context
from bpm_crm.api.faults import Code, Problem, Refused, explain
from bpm_crm.engine.definition import Title

__all__ = ["HEADERS", "serve_events"]

KEEP_ALIVE_SECONDS = 12.0
KEEP_ALIVE = b":\n\n"
COMPLETE = b"event: complete\ndata: \n\n"
HEADERS = {
    "content-type": f"{EVENTS}; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
EXPIRED = Problem(Code.UNAUTHENTICATED, Title("The credentials have expired.", "Срок учётных данных истёк."))


async def serve_events(
    responses: AsyncGenerator[dict[str, Any], None],
    context: Context,
    *,
    receive: Receive,
    send: Send,
    now: Callable[[], datetime],
) -> None:
    """Send the responses until they end, the client leaves or the credentials expire. The response's head has been sent."""
    leaving = asyncio.create_task(_left(receive))
    try:
        async with aclosing(responses), aclosing(_frames(responses, context, leaving, now)) as frames:
            async for frame in frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": COMPLETE, "more_body": False})
    except OSError:  # the client left while something was sent
        return
    finally:
        await _cancelled(leaving)


async def _frames(
    responses: AsyncGenerator[dict[str, Any], None],
    context: Context,
    leaving: asyncio.Task[None],
    now: Callable[[], datetime],
) -> AsyncGenerator[bytes, None]:
    """Yield a frame for each response, comments while there is none, and a last one where something is refused or fails."""
    coming = asyncio.create_task(anext(responses, None))
    try:
        while not leaving.done():
            remaining = (context.expires_at - now()).total_seconds() if context.expires_at else KEEP_ALIVE_SECONDS
            if remaining <= 0:
                raise Refused(EXPIRED)
            await asyncio.wait(
                {coming, leaving}, timeout=min(KEEP_ALIVE_SECONDS, remaining), return_when="FIRST_COMPLETED"
            )
            if not coming.done():
                yield KEEP_ALIVE
                continue
            response = coming.result()
            if response is None:
                return
            yield _next(response)
            coming = asyncio.create_task(anext(responses, None))
    except Refused as refused:
        yield _refusal(refused.problems, context)
    except Exception as error:  # noqa: BLE001  # whatever fails, it is logged and the client is told
        yield _refusal([explain(error, request_id=context.request_id)], context)
    finally:
        await _cancelled(coming)


def _next(response: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(response) + b"\n\n"


def _refusal(problems: Sequence[Problem], context: Context) -> bytes:
    return _next({"errors": [problem.formatted(context.request_id, context.language) for problem in problems]})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
