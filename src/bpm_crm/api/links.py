"""Links by which a browser gets a file without a token: signed, for one file of one person of one company, and short-lived."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode
from uuid import UUID

from bpm_crm.engine.definition import Title

LIFETIME = timedelta(minutes=5)
"""Long enough for a click, too short to be passed on."""
SIGNATURE = "signature"
_PURPOSE = b"bpm_crm download links 1"


class LinkRefused(Exception):
    """A link was not made here for this file, or has expired; `text` says which."""

    def __init__(self, text: Title) -> None:
        super().__init__(text.en)
        self.text = text


NOT_MADE = Title("This link was not made for this file", "Эта ссылка не на этот файл")


@dataclass(frozen=True, slots=True)
class LinkBearer:
    """For whom a link was made."""

    tenant_id: UUID
    user_id: UUID


class LinkSigner:
    """Makes and checks links with a key derived from a secret of the installation."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _PURPOSE, sha256)

    def query(self, bearer: LinkBearer, file_id: UUID, expires_at: datetime) -> str:
        """The query of a link to a file until then, to whole seconds."""
        expires = int(expires_at.timestamp())
        said = {"tenant": bearer.tenant_id.hex, "user": bearer.user_id.hex, "expires": expires}
        return urlencode({**said, SIGNATURE: self._signature(bearer, file_id, expires)})

    def bearer(self, query: Mapping[str, str], file_id: UUID, at: datetime) -> LinkBearer:
        """For whom a link to a file was made. `LinkRefused` for any that was not made here, or not for now."""
        try:
            bearer = LinkBearer(UUID(hex=query["tenant"]), UUID(hex=query["user"]))
            expires = int(query["expires"])
            ends = datetime.fromtimestamp(expires, UTC)
        except (KeyError, ValueError, OverflowError, OSError) as error:
            raise LinkRefused(Title("This link is not whole", "Эта ссылка неполна")) from error
        if not hmac.compare_digest(self._signature(bearer, file_id, expires).encode(), query[SIGNATURE].encode()):
            raise LinkRefused(NOT_MADE)
        if ends <= at:
            raise LinkRefused(Title("This link has expired", "Срок этой ссылки истёк"))
        return bearer

    def _signature(self, bearer: LinkBearer, file_id: UUID, expires: int) -> str:
        said = f"{bearer.tenant_id.hex} {bearer.user_id.hex} {file_id.hex} {expires}"
        return hmac.digest(self._key, said.encode(), sha256).hex()
