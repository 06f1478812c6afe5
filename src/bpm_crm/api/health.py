"""What an operator asks: is the process alive, can it work, which version is it, how is it doing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bpm_crm.records.database import Database
from bpm_crm.records.readiness import readiness

ANSWER_SECONDS = 3.0
"""How long the database has to answer before it counts as one that does not."""

PATHS = frozenset({"/livez", "/readyz", "/version", "/metrics"})


def health_routes(version: str) -> list[Route]:
    """The routes `/livez`, `/readyz`, `/version` and `/metrics`; the database is the application's `state.database`."""

    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        checks = await _checks(getattr(request.app.state, "database", None))
        return JSONResponse(checks, status_code=200 if checks["ready"] else 503)

    async def said_version(_request: Request) -> Response:
        return JSONResponse({"version": version})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    served: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/livez": live,
        "/readyz": ready,
        "/version": said_version,
        "/metrics": metrics,
    }
    return [Route(path, endpoint) for path, endpoint in served.items()]


async def _checks(database: Database | None) -> dict[str, Any]:
    """Whether the database answers, is migrated to this code's head, and a worker is at work."""
    if database is None:
        return {"ready": False, "database": False}
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            found = await readiness(database)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return {"ready": False, "database": False}
    return {
        "ready": found.is_migrated,
        "database": True,
        "migrated": found.is_migrated,
        "worker": found.has_worker,
        "changes_waiting": found.changes_waiting,
    }
