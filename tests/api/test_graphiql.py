"""GraphiQL in a real browser, and the page shown where it is not installed."""

import asyncio
import base64
import itertools
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.routing import Mount
from websockets.asyncio.client import ClientConnection, connect

from bpm_crm.api.graphiql import ASSETS, INSTALL, GraphiQL
from tests.api import toy

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--disable-default-apps",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
]
PATIENCE_SECONDS = 30.0
EDITOR = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror"
BROWSER_HEADERS = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PICTURES = os.environ.get("BPM_CRM_TEST_PICTURES")
"""A folder for screenshots, for a person to look at."""


class Tab:
    """A page of a headless Chromium, driven over its DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.urls: list[str] = []
        self.sent_headers: list[dict[str, str]] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        async for text in self._socket:
            message = orjson.loads(text)
            match message:
                case {"id": int(number)}:
                    self._answers.pop(number).set_result(message)
                case {"method": "Network.requestWillBeSent", "params": {"request": request}}:
                    self.urls.append(request["url"])
                    self.sent_headers.append(request["headers"])
                case {"method": "Network.webSocketCreated", "params": {"url": url}}:
                    self.urls.append(url)
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error"} as entry}}:
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                    self.complaints.append(str(details))

    async def call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(orjson.dumps({"id": number, "method": method, "params": parameters}).decode())
        message = await asyncio.wait_for(answer, PATIENCE_SECONDS)
        assert "error" not in message, message
        return message["result"]

    async def value(self, expression: str) -> Any:
        return (await self.call("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def wait_until(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.value(expression):  # noqa: ASYNC110  # the page announces nothing
                await asyncio.sleep(0.05)

    async def open(self, url: str, scheme: str = "light") -> None:
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=url)
        await self.wait_until("!!document.querySelector('.graphiql-query-editor .CodeMirror')")

    async def run(self, query: str) -> None:
        """Put a query into the editor, wait until it is read, press Ctrl-Enter."""
        await self.write(query)
        await self.wait_until(f"{EDITOR}.documentAST?.loc.source.body === {EDITOR}.getValue()")
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, modifiers=2
            )

    async def write(self, query: str) -> None:
        await self.value(f"{EDITOR}.setValue({orjson.dumps(query).decode()}); {EDITOR}.focus()")

    async def wait_for_response(self, text: str) -> None:
        await self.wait_until(
            f"document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue().includes({orjson.dumps(text).decode()})"
        )

    async def picture(self, name: str) -> None:
        if PICTURES:
            shot = await self.call("Page.captureScreenshot", format="png")
            await asyncio.to_thread(Path(PICTURES, f"{name}.png").write_bytes, base64.b64decode(shot["data"]))


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Tab]:
    assert CHROMIUM
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank", stdout=null, stderr=null
    )
    try:
        port_file = profile / "DevToolsActivePort"
        await toy.until(lambda: port_file.exists() and bool(port_file.read_text().strip()))
        async with httpx.AsyncClient(trust_env=False) as client:
            targets = (await client.get(f"http://127.0.0.1:{port_file.read_text().split()[0]}/json")).json()
        url = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
        async with connect(url, proxy=None, max_size=None, ping_interval=None) as socket:
            tab = Tab(socket)
            listening = asyncio.create_task(tab.listen())
            for domain in ("Network", "Page", "Runtime", "Log"):
                await tab.call(f"{domain}.enable")
            yield tab
            listening.cancel()
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="module")
async def installed() -> None:
    """GraphiQL, installed as `make` does it."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed")
    output = await run_node()
    if not (ASSETS / "version.txt").is_file():
        pytest.skip(f"GraphiQL cannot be installed here: {output[-300:]}")


async def run_node() -> str:
    pipe, stdout = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec("node", ROOT / INSTALL.split()[1], stdout=pipe, stderr=stdout)
    return (await process.communicate())[0].decode()


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[str]:
    graphiql = GraphiQL()
    async with toy.serving(toy.endpoint(graphiql=graphiql, **options), Mount("/graphiql", graphiql.files)) as url:
        yield url


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
async def test_in_a_browser_graphiql_runs_queries_and_subscriptions_without_any_outside_host(
    installed: None, tmp_path: Path
) -> None:
    async with serving(context_factory=toy.bearer) as url, chromium(tmp_path) as tab:
        backgrounds = {}
        for scheme in ("light", "dark"):
            await tab.open(f"{url}#token={toy.TOKEN.replace(' ', '%20')}", scheme)
            await tab.run("{ whoami }")
            await tab.wait_for_response('"ali ')
            backgrounds[scheme] = await tab.value(
                "getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor"
            )
            await tab.picture(f"query-{scheme}")
        await tab.run("subscription { greetings }")
        await tab.wait_for_response('"Zdravo"')
        await tab.picture("subscription")
        await tab.value("document.querySelector('[aria-label=\"Show Documentation Explorer\"]').click()")
        await tab.wait_until("document.body.innerText.includes('Root Types')")
        await tab.value("document.querySelector('[aria-label=\"Open settings dialog\"]').click()")
        await tab.wait_until("document.body.innerText.includes('Theme')")
        await tab.picture("settings")
        address = await tab.value("location.href")
    outside = [
        other
        for other in tab.urls
        if not other.startswith((url.removesuffix("graphql"), "data:", "about:", url.replace("http", "ws")))
    ]
    assert outside == []
    assert url.replace("http", "ws") in tab.urls
    assert tab.complaints == []
    assert backgrounds["light"] != backgrounds["dark"]
    assert address == url
    assert any(headers.get("Authorization") == f"Bearer {toy.TOKEN}" for headers in tab.sent_headers)


async def test_the_page_allows_no_script_or_style_but_its_own(installed: None) -> None:
    async with serving() as url, httpx.AsyncClient() as client:
        first, second = [await client.get(url, headers=BROWSER_HEADERS) for _ in range(2)]
        files = [
            await client.get(f"{url.removesuffix('graphql')}graphiql/{name}")
            for name in ("graphiql.js", "graphiql.css", "page.js")
        ]
    policy = first.headers["content-security-policy"]
    assert first.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy != second.headers["content-security-policy"]
    assert [file.status_code for file in files] == [200, 200, 200]


async def test_installing_again_does_nothing(installed: None) -> None:
    assert "up to date" in await run_node()


@pytest.mark.parametrize(
    ("languages", "language", "title"),
    [
        ("", "en", "not installed"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru", "не установлен"),
        ("de, en;q=0.5, ru;q=0.3", "en", "not installed"),
    ],
)
async def test_where_graphiql_is_not_installed_a_page_says_how_to_get_it(
    languages: str, language: str, title: str, tmp_path: Path
) -> None:
    headers = {**BROWSER_HEADERS, "accept-language": languages}
    async with toy.serving(toy.endpoint(graphiql=GraphiQL(assets=tmp_path))) as url, httpx.AsyncClient() as client:
        page = await client.get(url, headers=headers)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<html lang="{language}">' in page.text
    assert title in page.text
    assert INSTALL in page.text
    assert "https:" not in page.text


async def test_a_client_that_does_not_ask_for_html_gets_no_page(tmp_path: Path) -> None:
    async with toy.serving(toy.endpoint(graphiql=GraphiQL(assets=tmp_path))) as url, httpx.AsyncClient() as client:
        nothing = await client.get(url)
        answer = await client.get(url, params={"query": "{hello}"}, headers=BROWSER_HEADERS)
    assert nothing.status_code == 400
    assert nothing.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert answer.json()["data"] == {"hello": "world"}


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "graphiql" / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "integrity" in lock
