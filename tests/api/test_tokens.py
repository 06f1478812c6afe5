"""Forged, foreign and outdated credentials are refused, each with 401 and a reason; good ones are not."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bpm_crm.api.issuer import BuiltInIssuer, new_private_key
from bpm_crm.api.tokens import Provider, TokenVerifier
from bpm_crm.operations.access import Role
from bpm_crm.operations.companies import issue_key
from tests.api.client import Api
from tests.api.serving import served

QUERY = {"query": "{ viewer { name } }"}
NOW = datetime.now(UTC)


async def ask(api: Api, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
    return await api.client.post("/graphql", json=QUERY, headers=headers)


async def eventually(api: Api, token: str, status: int) -> None:
    """Ask until the API has heard of a change and answers so."""
    for _ in range(500):
        if (await ask(api, token)).status_code == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the answer never became {status}")


def claims(api: Api, **changes: Any) -> dict[str, Any]:
    found = {
        "iss": api.issuer.issuer,
        "aud": api.issuer.audience,
        "sub": str(api.world.founded.users["ann@example.org"]),
        "tenant": str(api.world.tenant_id),
        "iat": NOW,
        "exp": NOW + timedelta(hours=1),
    }
    return {key: value for key, value in (found | changes).items() if value is not None}


def signed(api: Api, **changes: Any) -> str:
    return jwt.encode(claims(api, **changes), api.issuer._key, algorithm="EdDSA")


def unsigned(payload: dict[str, Any], header: dict[str, Any], signature: bytes = b"") -> str:
    def part(value: dict[str, Any]) -> str:
        return (
            base64.urlsafe_b64encode(json.dumps(value, default=lambda at: int(at.timestamp())).encode())
            .rstrip(b"=")
            .decode()
        )

    body = f"{part(header)}.{part(payload)}"
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def test_a_good_token_is_taken(api: Api) -> None:
    answer = await ask(api, signed(api))
    assert answer.json()["data"] == {"viewer": {"name": "Ann Seller"}}


FORGERIES = {
    "no algorithm": lambda api: unsigned(claims(api), {"alg": "none", "typ": "JWT"}),
    "no algorithm in capitals": lambda api: unsigned(claims(api), {"alg": "NONE", "typ": "JWT"}),
    "no signature": lambda api: signed(api).rpartition(".")[0] + ".",
    "another key": lambda api: jwt.encode(claims(api), rsa.generate_private_key(65537, 2048), algorithm="RS256"),
    "another key of the same kind": lambda api: BuiltInIssuer(
        new_private_key(), issuer=api.issuer.issuer, audience=api.issuer.audience
    ).issue(tenant_id=api.world.tenant_id, user_id=uuid4(), at=NOW, lifetime=timedelta(hours=1)),
    "expired": lambda api: signed(api, exp=NOW - timedelta(minutes=5)),
    "not valid yet": lambda api: signed(api, nbf=NOW + timedelta(days=1)),
    "issued in the future": lambda api: signed(api, iat=NOW + timedelta(days=1), nbf=NOW + timedelta(days=1)),
    "another audience": lambda api: signed(api, aud="somebody-else"),
    "no audience": lambda api: signed(api, aud=None),
    "another issuer": lambda api: signed(api, iss="https://evil.example"),
    "no issuer": lambda api: signed(api, iss=None),
    "no expiry": lambda api: signed(api, exp=None),
    "no subject": lambda api: signed(api, sub=None),
    "no tenant": lambda api: signed(api, tenant=None),
    "a tenant that is none": lambda api: signed(api, tenant="' OR 1=1 --"),
    "another tenant": lambda api: signed(api, tenant=str(uuid4())),
    "nobody": lambda api: signed(api, sub=str(uuid4())),
    "an altered payload": lambda api: signed(api)[:60] + "A" + signed(api)[61:],
    "a key as a token": lambda _: "bpm_zzz_secret",
    "an unknown key": lambda api: f"bpm_{api.world.tenant_id.hex}_c2VjcmV0",
    "a key of an unknown tenant": lambda _: f"bpm_{uuid4().hex}_c2VjcmV0",
    "nothing like a token": lambda _: "x",
    "a very long one": lambda _: "x" * 100_000,
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(api: Api, name: str) -> None:
    answer = await ask(api, FORGERIES[name](api))
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in answer.json()


async def test_the_public_key_is_not_taken_as_a_shared_secret(api: Api) -> None:
    """Key confusion: a token signed by HMAC with the public key's bytes."""
    for form in ((Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.Raw, PublicFormat.Raw)):
        secret = api.issuer.public_key.public_bytes(*form)
        unsigned_part = unsigned(claims(api), {"alg": "HS256", "typ": "JWT"}).rpartition(".")[0]
        signature = hmac.new(secret, unsigned_part.encode(), hashlib.sha256).digest()
        token = f"{unsigned_part}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        assert (await ask(api, token)).status_code == 401


async def test_other_schemes_than_bearer_are_refused(api: Api) -> None:
    for header in ("Basic YTpi", "Bearer", "Bearer   ", "Token x"):
        answer = await api.client.post("/graphql", json=QUERY, headers={"authorization": header})
        assert answer.status_code == 401, header


async def test_a_deactivated_user_is_refused_with_a_token_that_was_good(api: Api) -> None:
    token = signed(api)
    assert (await ask(api, token)).status_code == 200
    world = api.world
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE app_user SET is_active = false WHERE tenant_id = $1", world.tenant_id)
        await connection.execute("SELECT pg_notify('bpm_crm_reference', $1)", str(world.tenant_id))
    await eventually(api, token, 401)


async def test_a_key_of_an_integration_works_until_it_is_revoked_or_expires(api: Api) -> None:
    world = api.world
    async with world.owner.transaction(world.tenant_id) as connection:
        common = {"role": Role.CHANNEL_INTEGRATION, "channels": [], "at": NOW}
        good = await issue_key(connection, world.tenant_id, name="good", **common)  # type: ignore[arg-type]
        old = await issue_key(connection, world.tenant_id, name="old", expires_at=NOW - timedelta(1), **common)  # type: ignore[arg-type]
        revoked = await issue_key(connection, world.tenant_id, name="revoked", **common)  # type: ignore[arg-type]
        await connection.execute(
            "UPDATE api_key SET revoked_at = now() WHERE tenant_id = $1 AND name = 'revoked'", world.tenant_id
        )
        stored = await connection.fetch("SELECT secret_hash::text FROM api_key WHERE tenant_id = $1", world.tenant_id)
    assert not any(good.rpartition("_")[2] in row["secret_hash"] for row in stored)
    await eventually(api, good, 200)
    assert (await ask(api, good)).json()["data"] == {"viewer": {"name": "good"}}
    assert (await ask(api, old)).status_code == 401
    assert (await ask(api, revoked)).status_code == 401


class IdentityProvider:
    """An OIDC provider that publishes its keys and counts how often they are fetched."""

    def __init__(self) -> None:
        self.keys = {"one": rsa.generate_private_key(65537, 2048)}
        self.fetched = 0
        self.application = Starlette(routes=[Route("/jwks", self._jwks)])

    async def _jwks(self, _request: Request) -> JSONResponse:
        self.fetched += 1
        keys = [
            json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            | {"kid": name, "use": "sig", "alg": "RS256"}
            for name, key in self.keys.items()
        ]
        return JSONResponse({"keys": keys})

    def token(self, kid: str = "one", key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        said = {
            "iss": "https://id.example",
            "aud": "api",
            "sub": "u-1",
            "org": str(uuid4()),
            "exp": NOW + timedelta(hours=1),
        }
        return jwt.encode(said | changes, key or self.keys[kid], algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
async def provider() -> AsyncIterator[tuple[IdentityProvider, TokenVerifier]]:
    found = IdentityProvider()
    async with served(found.application) as url:
        accepted = Provider("https://id.example", f"{url}/jwks", ("RS256",), "org")
        yield found, TokenVerifier(audience="api", built_in=None, provider=accepted)


async def test_a_token_of_the_identity_provider_is_taken(provider: tuple[IdentityProvider, TokenVerifier]) -> None:
    idp, verifier = provider
    tenant = uuid4()
    found = await verifier.verify(idp.token(org=str(tenant), email="a@b.c", email_verified=True), NOW)
    assert (found.tenant_id, found.subject, found.email) == (tenant, "u-1", "a@b.c")
    unverified = await verifier.verify(idp.token(org=str(tenant), email="a@b.c"), NOW)
    assert unverified.email is None


async def test_keys_are_fetched_once_and_refetched_at_a_limited_rate(
    provider: tuple[IdentityProvider, TokenVerifier],
) -> None:
    idp, verifier = provider
    for _ in range(5):
        await verifier.verify(idp.token(org=str(uuid4())), NOW)
    assert idp.fetched == 1
    stranger = rsa.generate_private_key(65537, 2048)
    for number in range(20):
        with pytest.raises(Exception, match="Sign in again"):
            await verifier.verify(idp.token(kid=f"unknown-{number}", key=stranger), NOW)
    assert idp.fetched <= 2


async def test_a_token_of_another_algorithm_of_the_provider_is_refused(
    provider: tuple[IdentityProvider, TokenVerifier],
) -> None:
    idp, verifier = provider
    with pytest.raises(Exception, match="Sign in again"):
        await verifier.verify(idp.token(algorithm="RS512"), NOW)


async def test_a_remembered_token_is_refused_once_it_has_expired(api: Api) -> None:
    verifier = TokenVerifier(audience=api.issuer.audience, built_in=api.issuer, provider=None)
    token = signed(api, exp=NOW + timedelta(minutes=10))
    await verifier.verify(token, NOW)
    with pytest.raises(Exception, match="expired"):
        await verifier.verify(token, NOW + timedelta(minutes=11))
