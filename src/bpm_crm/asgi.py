"""The API's entry point: `uvicorn --factory bpm_crm.asgi:application`. Wires and runs; no logic."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bpm_crm import __version__
from bpm_crm.api.access_log import AccessLog
from bpm_crm.api.authentication import Authenticator
from bpm_crm.api.context import RequestContext, Services
from bpm_crm.api.costs import COSTS
from bpm_crm.api.endpoint import GraphQLEndpoint
from bpm_crm.api.files import PATH, file_routes
from bpm_crm.api.graphiql import GraphiQL
from bpm_crm.api.guard import Limits
from bpm_crm.api.health import PATHS, health_routes
from bpm_crm.api.issuer import BuiltInIssuer
from bpm_crm.api.links import LinkSigner
from bpm_crm.api.log_export import Format, LogExport
from bpm_crm.api.schema import CircularViews, build_schema
from bpm_crm.api.tokens import Provider, TokenVerifier
from bpm_crm.config import Settings, app_url, link_secret, listen_url, read_issuer_key
from bpm_crm.exchange import ocel_export, xes_export
from bpm_crm.garbage import calm
from bpm_crm.logs import set_up_logs
from bpm_crm.operations.events import EventHub
from bpm_crm.operations.job_watch import JobWatch
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.notices import Listener

LOG_FORMATS = {
    "xes": Format(xes_export.write_xes, xes_export.MEDIA_TYPE, "xes"),
    "ocel": Format(ocel_export.write_ocel, ocel_export.MEDIA_TYPE, "ocel.json"),
}


def application() -> Starlette:
    """The application with the settings of the environment."""
    settings = Settings()
    set_up_logs(settings.log_format)
    built = build(settings)
    calm()
    return built


def build(settings: Settings) -> Starlette:
    """The application with these settings."""
    running: dict[str, Any] = {}
    graphiql = GraphiQL() if settings.graphiql else None

    async def context(connection: Request | WebSocket, payload: dict[str, Any] | None) -> RequestContext:
        authenticator: Authenticator = running["authenticator"]
        return await authenticator(connection, payload)

    endpoint = GraphQLEndpoint(
        build_schema(),
        context_factory=context,
        now=utc_now,
        limits=Limits(body_bytes=settings.max_body_bytes),
        costs=COSTS,
        allowed_origins=settings.cors_origins,
        deadline_seconds=settings.deadline_seconds,
        graphiql=graphiql,
    )

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        async with _services(settings) as services:
            running["services"] = services
            running["authenticator"] = Authenticator(
                services, _verifier(settings), deadline_seconds=settings.deadline_seconds
            )
            application.state.database = services.database
            yield
            application.state.database = None
        running.clear()

    routes: list[BaseRoute] = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Route("/", _to_graphql),
        Route("/event-logs/{process}", LogExport(context, LOG_FORMATS).answer, methods=["GET"]),
        *health_routes(__version__),
        *file_routes(context, lambda: running["services"]),
    ]
    if graphiql is not None:
        routes.append(Mount("/graphiql", graphiql.files))
    return Starlette(routes=routes, lifespan=lifespan, middleware=_middleware(settings))


def utc_now() -> datetime:
    """The wall clock of this process."""
    return datetime.now(UTC)


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    """What the requests of this process share, from the first to the last."""
    url = app_url(settings, os.environ)
    database = await Database.connect(url, size=settings.pool_size, through_pooler=settings.through_pooler)
    reference, hub, jobs = ReferenceCache(database), EventHub(database), JobWatch()
    writer = Writer(database, ProcessCache())

    def missed() -> None:
        reference.forget_all()
        hub.gap()
        jobs.gap()

    listener = Listener(
        listen_url(settings, url),
        on_notice=hub.heard,
        on_reference=reference.forget,
        on_job=jobs.heard,
        on_gap=missed,
    )
    writer.start()
    await listener.start()
    try:
        secret = link_secret(settings, os.environ)
        links = None if secret is None else LinkSigner(secret)
        yield Services(database, writer, reference, hub, jobs, CircularViews(), utc_now, links)
    finally:
        await listener.stop()
        await hub.stop()
        await writer.stop()
        await database.close()


def _verifier(settings: Settings) -> TokenVerifier:
    key = read_issuer_key(settings, os.environ)
    built_in = None if key is None else BuiltInIssuer(key, issuer=settings.issuer, audience=settings.audience)
    provider = None
    if settings.oidc_issuer is not None and settings.oidc_jwks_url is not None:
        provider = Provider(
            settings.oidc_issuer, settings.oidc_jwks_url, settings.oidc_algorithms, settings.oidc_tenant_claim
        )
    return TokenVerifier(audience=settings.audience, built_in=built_in, provider=provider)


def _middleware(settings: Settings) -> list[Middleware]:
    found = [Middleware(AccessLog, clock=time.perf_counter, paths=PATHS | {"/graphql", PATH})]
    if settings.cors_origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type", "accept-language", "x-request-id"],
                expose_headers=["x-request-id", "content-disposition"],
            )
        )
    return found


async def _to_graphql(_request: Request) -> Response:
    return RedirectResponse("/graphql")
