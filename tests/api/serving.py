"""The real application behind a real uvicorn on a port of its own, in this event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def served(application: Any, **options: Any) -> AsyncIterator[str]:
    """The base URL at which an ASGI application answers."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", ws="websockets-sansio", **options)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
