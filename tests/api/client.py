"""The real application in this process, and clients of it by persona."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from bpm_crm.api.issuer import BuiltInIssuer, new_private_key
from bpm_crm.asgi import build
from bpm_crm.config import ISSUER_KEY, Settings
from tests.world import World


@dataclass
class Api:
    """The application over a world; `ask` sends a GraphQL request as a person and returns the whole answer."""

    world: World
    application: Starlette
    client: httpx.AsyncClient
    issuer: BuiltInIssuer

    def token(self, name: str) -> str:
        user_id = self.world.founded.users[f"{name}@example.org"]
        at = datetime.now(UTC)
        return self.issuer.issue(tenant_id=self.world.tenant_id, user_id=user_id, at=at, lifetime=timedelta(hours=1))

    async def ask(
        self, query: str, by: str | None = "admin", language: str = "en", token: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        headers = {"accept-language": language, "accept": "application/graphql-response+json"}
        if by is not None or token is not None:
            headers["authorization"] = f"Bearer {token or self.token(str(by))}"
        answer = await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        found: dict[str, Any] = answer.json()
        return found

    async def data(self, query: str, by: str = "admin", **variables: Any) -> dict[str, Any]:
        answer = await self.ask(query, by, **variables)
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]
        return found


@asynccontextmanager
async def an_api(world: World, home: Path, **options: Any) -> AsyncIterator[Api]:
    """The application over a world, with its lifespan."""
    key = new_private_key()
    (home / ISSUER_KEY).write_bytes(key)
    settings = Settings(home=home, app_database_url=world.access.app, **options)
    application = build(settings)
    issuer = BuiltInIssuer(key, issuer=settings.issuer, audience=settings.audience)
    transport = httpx.ASGITransport(application, raise_app_exceptions=True)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        yield Api(world, application, client, issuer)
