"""Verification of access tokens: those of an identity provider and those of the built-in issuer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from bpm_crm.api._bounded_cache import BoundedCache
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.issuer import TENANT_CLAIM, BuiltInIssuer
from bpm_crm.engine.definition import Title

LEEWAY = timedelta(seconds=30)
LONGEST_TOKEN = 8_192
_EXPIRED = Title("the token has expired", "срок токена истёк")
REQUIRED = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: whose it is, of which tenant, and until when."""

    tenant_id: UUID
    subject: str
    email: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Provider:
    """An OIDC identity provider whose tokens are accepted; its keys are fetched from `jwks_url`, cached, and refetched at a limited rate."""

    issuer: str
    jwks_url: str
    algorithms: Sequence[str]
    tenant_claim: str


class TokenVerifier:
    """Verifies tokens: fixed algorithms per issuer; issuer, audience, expiry and subject required. Verified ones are remembered."""

    def __init__(self, *, audience: str, built_in: BuiltInIssuer | None, provider: Provider | None) -> None:
        self._audience = audience
        self._built_in = built_in
        self._provider = provider
        self._keys = None if provider is None else jwt.PyJWKClient(provider.jwks_url, timeout=5)
        self._verified: BoundedCache[str, Claims] = BoundedCache(entries=10_000, size=64_000_000)

    async def verify(self, token: str, at: datetime) -> Claims:
        """The claims of a token at an instant; a fault UNAUTHENTICATED for anything but a valid one."""
        known = self._verified.get(token)
        if known is None:
            if len(token) > LONGEST_TOKEN:
                raise _refused(Title("the token is too long", "токен слишком длинный"))
            known = await self._checked(token)
            self._verified.put(token, known, size=len(token) + 300)
        if known.expires_at + LEEWAY <= at:
            raise _refused(_EXPIRED)
        return known

    async def _checked(self, token: str) -> Claims:
        try:
            key, algorithms, issuer, tenant_claim = await self._key_of(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=list(algorithms),
                audience=self._audience,
                issuer=issuer,
                leeway=LEEWAY,
                # Expiry is judged by `verify`, at the caller's instant, for remembered tokens and new ones alike.
                options={"require": REQUIRED, "verify_exp": False},
            )
            return _claims(claims, tenant_claim)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise _refused(_said(error)) from error

    async def _key_of(self, token: str) -> tuple[Any, Sequence[str], str, str]:
        """The key that must have signed a token, by the issuer it names (not yet believed)."""
        named = jwt.decode(token, options={"verify_signature": False}).get("iss")
        if self._built_in is not None and named == self._built_in.issuer:
            return self._built_in.public_key, ("EdDSA",), self._built_in.issuer, TENANT_CLAIM
        provider = self._provider
        if provider is not None and self._keys is not None and named == provider.issuer:
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            return key.key, provider.algorithms, provider.issuer, provider.tenant_claim
        raise jwt.InvalidIssuerError("the issuer is not known here")


def _claims(claims: dict[str, Any], tenant_claim: str) -> Claims:
    verified = claims.get("email") if claims.get("email_verified") is True else None
    return Claims(
        tenant_id=UUID(str(claims[tenant_claim])),
        subject=str(claims["sub"]),
        email=verified,
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def _said(error: Exception) -> Title:
    return {
        jwt.ImmatureSignatureError: Title("the token is not valid yet", "токен ещё не действует"),
        jwt.InvalidAudienceError: Title("the token is for another audience", "токен выдан для другого получателя"),
        jwt.InvalidIssuerError: Title("the issuer is not known here", "издатель здесь неизвестен"),
        jwt.MissingRequiredClaimError: Title("the token lacks a claim", "в токене нет нужного поля"),
    }.get(type(error), Title("the token is not valid", "токен недействителен"))


def _refused(why: Title) -> Fault:
    return Fault(Code.UNAUTHENTICATED, Title(f"Sign in again: {why.en}.", f"Войдите снова: {why.ru}."))
