"""Content negotiation: what a client accepts and what it sends, from the headers of an HTTP request."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from bpm_crm.engine.wording import LANGUAGES

__all__ = ["EVENTS", "GRAPHQL", "JSON", "Accepted", "accepted", "is_json_in_utf8", "preferred_language"]

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"


class Accepted(NamedTuple):
    """What the `Accept` header allows: the media type of a JSON answer or None, an event stream, and whether it rather wants a page."""

    json: str | None
    events: bool
    page: bool


@lru_cache(maxsize=256)
def accepted(header: bytes) -> Accepted:
    """Read an `Accept` header with its qualities. An empty one accepts anything.

    A wildcard means `application/json`: a client that knows `application/graphql-response+json` names it. An event stream is given only
    where it is named.
    """
    qualities = dict(_weighted(header or b"*/*"))
    graphql = qualities.get(GRAPHQL, 0.0)
    json = qualities.get(JSON, qualities.get("application/*", qualities.get("*/*", 0.0)))
    html = qualities.get(HTML, 0.0)
    media = GRAPHQL if graphql >= json else JSON
    return Accepted(
        json=media if max(graphql, json) > 0 else None,
        events=qualities.get(EVENTS, 0.0) > 0,
        page=html > 0 and html >= max(graphql, json),
    )


@lru_cache(maxsize=256)
def is_json_in_utf8(content_type: bytes) -> bool:
    """Whether a `Content-Type` header says JSON, in UTF-8 where it names a charset."""
    media, *parameters = content_type.decode("latin-1").lower().split(";")
    charsets = [
        value.strip(' "')
        for name, _, value in (item.partition("=") for item in parameters)
        if name.strip() == "charset"
    ]
    return media.strip() == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def preferred_language(header: bytes, offered: tuple[str, ...]) -> str:
    """Return the offered language that an `Accept-Language` header likes best; the first one where it names none of them.

    `*` stands for the languages that the header does not name; among equals the one offered first wins.
    """
    qualities: dict[str, float] = {}
    for tag, quality in _weighted(header):
        language = tag.partition("-")[0]
        qualities[language] = max(quality, qualities.get(language, 0.0))
    others = qualities.get("*", 0.0)
    return max(offered, key=lambda language: qualities.get(language, others))


def language_of(headers: Mapping[str, str]) -> str:
    """The language in which somebody who sends these headers is answered."""
    return preferred_language(headers.get("accept-language", "").encode("latin-1"), LANGUAGES)


def _weighted(header: bytes) -> Iterator[tuple[str, float]]:
    """Yield each item of a header with its `q`; a `q` that is no number counts as 0."""
    for item in header.decode("latin-1").lower().split(","):
        name, *parameters = item.split(";")
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = _quality(value.strip())
        if name.strip():
            yield name.strip(), quality


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
