"""Who is behind a connection: a bearer token of a user, or the key of an integration."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from starlette.requests import HTTPConnection

from bpm_crm.api._bounded_cache import BoundedCache
from bpm_crm.api._negotiation import language_of
from bpm_crm.api.context import RequestContext, Services
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.tokens import Claims, TokenVerifier
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Viewer
from bpm_crm.operations.companies import parse_key
from bpm_crm.operations.viewers import user_of_token, viewer_of_key, viewer_of_user
from bpm_crm.records.reference import Reference

Revive = Callable[[Reference], Viewer | None]


class Authenticator:
    """Makes the context of a connection: a fault for wrong credentials, an anonymous context without any.

    `TimeoutError` when the database has not told who is behind credentials within `deadline_seconds`.
    """

    def __init__(self, services: Services, verifier: TokenVerifier, *, deadline_seconds: float) -> None:
        self._services = services
        self._verifier = verifier
        self._deadline = deadline_seconds
        self._identities: BoundedCache[str, Identity] = BoundedCache(entries=10_000, size=32_000_000)

    async def __call__(self, connection: HTTPConnection, payload: dict[str, Any] | None) -> RequestContext:
        """The context of a request, or of a WebSocket by the payload of its `connection_init`."""
        language = language_of(connection.headers)
        token = _token(connection, payload)
        request_id = connection.scope.get("state", {}).get("request_id", "")
        if token is None:
            return RequestContext(self._services, request_id, language)
        identity = await self._identity(token)
        async with asyncio.timeout(self._deadline):
            reference = await self._services.reference.get(identity.tenant_id)
        viewer = None if reference is None else identity.viewer(reference)
        if viewer is None:
            raise Fault(
                Code.UNAUTHENTICATED,
                Title(
                    "Sign in again: nobody active is behind these credentials.",
                    "Войдите снова: за этими учётными данными нет действующего сотрудника.",
                ),
            )
        return RequestContext(
            services=self._services,
            request_id=request_id,
            language=language,
            viewer=viewer,
            reference=reference,
            expires_at=identity.expires_at,
            revive=identity.viewer,
        )

    async def _identity(self, token: str) -> "Identity":
        """Whose credentials these are. Verified anew each time; what follows from them is remembered."""
        now = self._services.now()
        key = parse_key(token)
        claims = None if key is not None else await self._verifier.verify(token, now)
        known = self._identities.get(token)
        if known is None:
            if key is not None:
                secret = key[1]
                known = Identity(key[0], None, lambda reference: viewer_of_key(reference, secret, self._services.now()))
            elif claims is not None:
                known = Identity(claims.tenant_id, claims.expires_at, partial(_user, claims))
            else:
                raise LookupError("credentials are a key or a token")
            self._identities.put(token, known, size=len(token) + 500)
        return known


class Identity:
    """Whose credentials were sent, and who that is in the reference data of the moment; worked out once for each state of it."""

    def __init__(self, tenant_id: UUID, expires_at: datetime | None, find: Revive) -> None:
        self.tenant_id = tenant_id
        self.expires_at = expires_at
        self._find = find
        self._found: tuple[Reference, Viewer | None] | None = None

    def viewer(self, reference: Reference) -> Viewer | None:
        """The viewer these credentials stand for now. A key may expire at any moment, so it is looked up each time."""
        if self.expires_at is None:
            return self._find(reference)
        if self._found is None or self._found[0] is not reference:
            self._found = (reference, self._find(reference))
        return self._found[1]


def _user(claims: Claims, reference: Reference) -> Viewer | None:
    user_id = user_of_token(reference, claims.subject, claims.email)
    return None if user_id is None else viewer_of_user(reference, user_id)


def _token(connection: HTTPConnection, payload: dict[str, Any] | None) -> str | None:
    """The credentials of a connection: `Authorization: Bearer …`, as a header or inside the payload of `connection_init`."""
    sent = connection.headers.get("authorization")
    for name, value in (payload or {}).items():
        if name.lower() == "authorization":
            sent = value
    if not sent:
        return None
    scheme, _, token = str(sent).partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Fault(
            Code.UNAUTHENTICATED,
            Title(
                "Send credentials as `Authorization: Bearer …`.",
                "Передайте учётные данные как `Authorization: Bearer …`.",
            ),
        )
    return token.strip()
