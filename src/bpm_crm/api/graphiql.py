"""GraphiQL, served without any outside host; where it is not installed, a page that says how to get it."""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import NamedTuple

from starlette.staticfiles import StaticFiles

from bpm_crm.api._negotiation import preferred_language

__all__ = ["ASSETS", "INSTALL", "GraphiQL", "Page"]

ASSETS = Path(__file__).parent / "assets" / "graphiql"
INSTALL = "node graphiql/assets.mjs"
"""Installs GraphiQL from the root of the repository; a no-op where it is up to date."""
NONCE_BYTES = 16


class Page(NamedTuple):
    """A page and the headers that go with it."""

    body: bytes
    headers: Mapping[str, str]


class GraphiQL:
    """Makes the page; `files` serves what the page loads and is to be mounted at `assets_url`."""

    def __init__(self, *, assets_url: str = "/graphiql", assets: Path = ASSETS) -> None:
        self._url = assets_url.rstrip("/")
        self._assets = assets
        self.files = StaticFiles(directory=assets, check_dir=False)

    def page(self, accept_language: bytes = b"") -> Page:
        """Return GraphiQL; where it is not installed, how to get it, in English or Russian by `Accept-Language`."""
        version = self._assets / "version.txt"
        if version.is_file():
            nonce = secrets.token_urlsafe(NONCE_BYTES)
            return _page(
                _graphiql(self._url, version.read_text("ascii"), nonce), APPLICATION_POLICY.format(nonce=nonce)
            )
        return _page(_advice(preferred_language(accept_language, tuple(ADVICE))), ADVICE_POLICY)


# 'self' in connect-src covers the WebSocket of the same host too.
APPLICATION_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
    "font-src data:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
APPLICATION = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>bpm_crm: GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{url}/graphiql.css?{version}">
<link rel="stylesheet" href="{url}/page.css?{version}">
</head>
<body>
<div id="graphiql">Loading GraphiQL…</div>
<noscript>GraphiQL needs JavaScript.</noscript>
{scripts}
</body>
</html>
"""
SCRIPTS = ("react.js", "react-dom.js", "graphiql.js", "page.js")

ADVICE_STYLE = (
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1f2328;background:#fff}"
    "pre{padding:1rem;overflow:auto;background:#eff1f3;border-radius:.4rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#21262d}}"
)
ADVICE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(ADVICE_STYLE.encode()).digest()).decode()}'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ADVICE: Mapping[str, tuple[str, str, str, str]] = {
    "en": (
        "GraphQL works here; GraphiQL is not installed",
        (
            "This address answers GraphQL requests of programs. To explore the schema in the browser, install GraphiQL. "
            "It needs Node.js 18 or newer. Run this in the project's folder, then reload the page:"
        ),
        "Without it, any GraphQL client will do, for instance:",
        "Put your token in place of TOKEN.",
    ),
    "ru": (
        "GraphQL работает; GraphiQL не установлен",
        (
            "Этот адрес отвечает на запросы GraphQL от программ. Чтобы изучать схему в браузере, установите GraphiQL. "
            "Нужен Node.js 18 или новее. Выполните в папке проекта и обновите страницу:"
        ),
        "Без него подойдёт любой клиент GraphQL, например:",
        "Вместо TOKEN подставьте свой токен.",
    ),
}
EXAMPLE = """curl http://localhost:8000/graphql \\
  -H 'Content-Type: application/json' \\
  -H 'Authorization: Bearer TOKEN' \\
  -d '{"query": "{ __typename }"}'"""


def _graphiql(url: str, version: str, nonce: str) -> str:
    scripts = "\n".join(f'<script nonce="{nonce}" src="{escape(url)}/{name}?{version}"></script>' for name in SCRIPTS)
    return APPLICATION.format(url=escape(url), version=version, scripts=scripts)


def _advice(language: str) -> str:
    title, how, otherwise, token = (escape(text) for text in ADVICE[language])
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f'<title>{title}</title>\n<link rel="icon" href="data:,">\n<style>{ADVICE_STYLE}</style>\n</head>\n<body>\n<main>\n'
        f"<h1>{title}</h1>\n<p>{how}</p>\n<pre><code>{INSTALL}</code></pre>\n"
        f"<p>{otherwise}</p>\n<pre><code>{escape(EXAMPLE)}</code></pre>\n<p>{token}</p>\n</main>\n</body>\n</html>\n"
    )


def _page(text: str, policy: str) -> Page:
    return Page(
        text.encode(),
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "vary": "accept, accept-language",
            "x-content-type-options": "nosniff",
        },
    )
