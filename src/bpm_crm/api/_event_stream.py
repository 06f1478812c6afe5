"""GraphQL over server-sent events, distinct connections mode: `next` events with responses, then `complete`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any

import orjson
from starlette.types import Receive, Send

from bpm_crm.api._negotiation import EVENTS
from bpm_crm.api._ports import Context
from bpm_crm.api.faults import Code, Problem, Refused

__all__ = ["HEADERS", "serve_events"]

KEEP_ALIVE_SECONDS = 12.0
KEEP_ALIVE = b":\n\n"
COMPLETE = b"event: complete\ndata: \n\n"
HEADERS = {
    "content-type": f"{EVENTS}; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
EXPIRED = Problem(Code.UNAUTHENTICATED, "The credentials have expired.")


async def serve_events(
    responses: AsyncGenerator[dict[str, Any], None],
    context: Context,
    *,
    receive: Receive,
    send: Send,
    now: Callable[[], datetime],
) -> None:
    """Send the responses until they end, the client leaves or the credentials expire. The response's head has been sent."""

    async def put(frame: bytes, *, more: bool = True) -> None:
        await send({"type": "http.response.body", "body": frame, "more_body": more})

    leaving = asyncio.create_task(_left(receive))
    async with aclosing(responses):
        coming = asyncio.create_task(anext(responses, None))
        try:
            while not leaving.done():
                remaining = _remaining(context, now)
                await asyncio.wait(
                    {coming, leaving}, timeout=min(KEEP_ALIVE_SECONDS, remaining), return_when="FIRST_COMPLETED"
                )
                if coming.done():
                    response = coming.result()
                    if response is None:
                        break
                    await put(_next(response))
                    coming = asyncio.create_task(anext(responses, None))
                elif _remaining(context, now) <= 0:
                    raise Refused(EXPIRED)
                else:
                    await put(KEEP_ALIVE)
        except Refused as refused:
            await put(_next({"errors": [problem.formatted(context.request_id) for problem in refused.problems]}))
        finally:
            await _cancelled(coming, leaving)
    await put(COMPLETE, more=False)


def _next(response: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(response) + b"\n\n"


def _remaining(context: Context, now: Callable[[], datetime]) -> float:
    return (context.expires_at - now()).total_seconds() if context.expires_at else float("inf")


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
