"""Who is behind a connection: a bearer token of a user, or the key of an integration."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.requests import HTTPConnection

from bpm_crm.api._negotiation import preferred_language
from bpm_crm.api.context import RequestContext, Services
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.tokens import TokenVerifier
from bpm_crm.engine.wording import LANGUAGES
from bpm_crm.operations.access import Viewer
from bpm_crm.operations.companies import parse_key
from bpm_crm.operations.viewers import user_of_token, viewer_of_key, viewer_of_user
from bpm_crm.records.reference import Reference

Revive = Callable[[Reference], Viewer | None]


class Authenticator:
    """Makes the context of a connection: a fault for wrong credentials, an anonymous context without any."""

    def __init__(self, services: Services, verifier: TokenVerifier) -> None:
        self._services = services
        self._verifier = verifier

    async def __call__(self, connection: HTTPConnection, payload: dict[str, Any] | None) -> RequestContext:
        """The context of a request, or of a WebSocket by the payload of its `connection_init`."""
        language = preferred_language(connection.headers.get("accept-language", "").encode(), LANGUAGES)
        token = _token(connection, payload)
        request_id = connection.scope.get("request_id", "")
        if token is None:
            return RequestContext(self._services, request_id, language)
        tenant_id, revive, expires_at = await self._identity(token)
        reference = await self._services.reference.get(tenant_id)
        viewer = None if reference is None else revive(reference)
        if viewer is None:
            raise Fault(Code.UNAUTHENTICATED, "Sign in again: nobody active is behind these credentials.")
        return RequestContext(
            services=self._services,
            request_id=request_id,
            language=language,
            viewer=viewer,
            reference=reference,
            expires_at=expires_at,
            revive=revive,
        )

    async def _identity(self, token: str) -> tuple[UUID, Revive, datetime | None]:
        """The tenant behind credentials, how to find the caller in its reference data, and until when they hold."""
        key = parse_key(token)
        if key is not None:
            tenant_id, secret = key
            return tenant_id, lambda reference: viewer_of_key(reference, secret, self._services.now()), None
        claims = await self._verifier.verify(token, self._services.now())

        def revive(reference: Reference) -> Viewer | None:
            user_id = user_of_token(reference, claims.subject, claims.email)
            return None if user_id is None else viewer_of_user(reference, user_id)

        return claims.tenant_id, revive, claims.expires_at


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
        raise Fault(Code.UNAUTHENTICATED, "Send credentials as `Authorization: Bearer …`.")
    return token.strip()
