"""One log line and one measurement per request: id, operation, codes, duration; never variables or personal data."""

import logging
from collections.abc import Callable
from functools import lru_cache

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter(
    "bpm_crm_requests_total", "HTTP requests by path, status and first error code.", ["path", "status", "code"]
)
SECONDS = Histogram("bpm_crm_request_seconds", "Duration of HTTP requests by path.", ["path"])

logger = logging.getLogger("bpm_crm.access")


class AccessLog:
    """ASGI middleware around the whole application. `clock` counts seconds monotonically."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float], paths: frozenset[str]) -> None:
        self._app = app
        self._clock = clock
        self._paths = paths
        self._seconds = {path: SECONDS.labels(path) for path in (*paths, "other")}
        self._requests = lru_cache(maxsize=256)(REQUESTS.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, then log and measure."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        begun, status = self._clock(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            self._note(scope, status, self._clock() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        state = scope["state"]
        path = scope["path"] if scope["path"] in self._paths else "other"
        codes = [str(code) for code in state.get("codes", ())]
        self._requests(path, str(status), codes[0] if codes else "").inc()
        self._seconds[path].observe(seconds)
        if not logger.isEnabledFor(logging.INFO):
            return
        said = {
            "request_id": state.get("request_id", ""),
            "path": path,
            "status": status,
            "operation": state.get("operation") or "",
            "codes": codes,
            "ms": round(seconds * 1000, 1),
        }
        logger.info("%s %s", path, status, extra=said)
