"""The built-in issuer of access tokens, for zero set-up."""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

TENANT_CLAIM = "tenant"


class BuiltInIssuer:
    """Makes tokens for zero set-up, signed with an Ed25519 key of this installation."""

    def __init__(self, private_key: bytes, *, issuer: str, audience: str) -> None:
        key = load_pem_private_key(private_key, None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("the key of the built-in issuer is an Ed25519 key in PEM")
        self._key = key
        self.public_key: Ed25519PublicKey = key.public_key()
        self.issuer = issuer
        self.audience = audience
        raw = self.public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = sha256(raw).hexdigest()[:16]

    def issue(self, *, tenant_id: UUID, user_id: UUID, at: datetime, lifetime: timedelta) -> str:
        """A token of a user, valid from `at` for `lifetime`."""
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(user_id),
            TENANT_CLAIM: str(tenant_id),
            "iat": at,
            "nbf": at,
            "exp": at + lifetime,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.key_id})


def new_private_key() -> bytes:
    """A fresh key for the built-in issuer, PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
