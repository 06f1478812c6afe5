"""By what a repeated request is told from another one with the same idempotency key."""

import hashlib
from typing import Any

import orjson


def digest_of(asked: Any) -> bytes:
    """The digest of what was asked."""
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)).digest()
