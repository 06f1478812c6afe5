"""Links to files: what they open, for how long, and that nothing else opens anything."""

import urllib.parse
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bpm_crm.api import files
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.links import LinkBearer, LinkRefused, LinkSigner
from bpm_crm.config import ISSUER_KEY, Settings, link_secret
from bpm_crm.records.identifiers import new_id
from tests.api.client import Api
from tests.api.test_imports import ROWS, mutate, send
from tests.excel.desk import Desk, a_desk, xlsx

FILE = "query ($id: ID!) { importJob(id: $id) { errorFile { size path link { path expiresAt } } } }"
NOW = datetime(2026, 11, 16, 7, tzinfo=UTC)
BEARER, FILE_ID = LinkBearer(new_id(), new_id()), new_id()


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[Desk]:
    """The worker's side of the same company."""
    async with a_desk(api.world) as found:
        yield found


async def error_file(api: Api, desk: Desk) -> dict[str, Any]:
    file = await send(api, xlsx(ROWS))
    job = (await mutate(api, "importLeads", file=file, channel="callback-request"))["job"]["id"]
    await desk.runner.drain()
    return await again(api, job) | {"job": job}


async def again(api: Api, job: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(FILE, id=job))["importJob"]["errorFile"]
    return found


def changed(path: str, **parts: str) -> str:
    """A link with parts of its query replaced."""
    parsed = urllib.parse.urlsplit(path)
    query = dict(urllib.parse.parse_qsl(parsed.query)) | parts
    return urllib.parse.urlunsplit(parsed._replace(query=urllib.parse.urlencode(query)))


def is_refused(answer: httpx.Response, why: str) -> bool:
    (error,) = answer.json()["errors"]
    return (answer.status_code, error["extensions"]["code"]) == (401, "UNAUTHENTICATED") and why in error["message"]


async def test_a_link_opens_its_file_without_a_token(api: Api, desk: Desk) -> None:
    found = await error_file(api, desk)
    lasts = datetime.fromisoformat(found["link"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < lasts <= timedelta(minutes=5)
    answer = await api.client.get(found["link"]["path"])
    assert (answer.status_code, len(answer.content)) == (200, found["size"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await api.client.get(found["path"])).status_code == 401, "without its signature it is no link"


async def test_an_altered_link_opens_nothing(api: Api, desk: Desk) -> None:
    found = await error_file(api, desk)
    link = found["link"]["path"]
    north = api.world.founded.users["north@example.org"].hex
    far = str(int((datetime.now(UTC) + timedelta(days=1)).timestamp()))
    for parts in (
        {"expires": far},
        {"user": north},
        {"tenant": new_id().hex},
        {"signature": "0" * 64},
        {"signature": "é"},
    ):
        assert is_refused(await api.client.get(changed(link, **parts)), "not made for this file"), parts
    for parts in ({"expires": "soon"}, {"expires": "9" * 40}, {"user": "x"}, {"tenant": ""}):
        assert is_refused(await api.client.get(changed(link, **parts)), "not whole"), parts
    mine = await send(api, b"a,b\n1,2\n")
    query = urllib.parse.urlsplit(link).query
    assert is_refused(await api.client.get(f"/files/{mine}?{query}"), "not made for this file")
    assert is_refused(await api.client.get(f"/files/x?{query}"), "not made for this file")


async def test_an_expired_link_opens_nothing(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await error_file(api, desk)
    monkeypatch.setattr(files, "LIFETIME", timedelta(seconds=-1))
    expired = await again(api, found["job"])
    assert is_refused(await api.client.get(expired["link"]["path"]), "has expired")


async def test_a_link_of_another_company_or_person_opens_nothing(api: Api, desk: Desk, tmp_path: Path) -> None:
    found = await error_file(api, desk)
    signer = LinkSigner((tmp_path / ISSUER_KEY).read_bytes())
    file_id = uuid_of(found["path"].removeprefix("/files/"), "StoredFile")
    assert isinstance(file_id, UUID)
    ends, world = datetime.now(UTC) + timedelta(minutes=1), api.world
    admin, north = (world.founded.users[f"{name}@example.org"] for name in ("admin", "north"))
    link = f"{found['path']}?{signer.query(LinkBearer(world.tenant_id, admin), file_id, ends)}"
    assert (await api.client.get(link)).status_code == 200, "the negative control"
    link = f"{found['path']}?{signer.query(LinkBearer(world.tenant_id, north), file_id, ends)}"
    assert (await api.client.get(link)).status_code == 404, "well signed, but the file is another person's"
    link = f"{found['path']}?{signer.query(LinkBearer(new_id(), admin), file_id, ends)}"
    assert is_refused(await api.client.get(link), "Nobody active")


async def test_the_link_of_somebody_who_has_left_opens_nothing(api: Api, desk: Desk) -> None:
    found, world = await error_file(api, desk), api.world
    async with world.owner.transaction(world.tenant_id) as connection:
        admin = world.founded.users["admin@example.org"]
        await connection.execute("UPDATE app_user SET is_active = false WHERE id = $1", admin)
        await connection.execute("SELECT pg_notify('bpm_crm_reference', $1)", str(world.tenant_id))
    for _ in range(100):
        answer = await api.client.get(found["link"]["path"])
        if answer.status_code != 200:
            break
    assert is_refused(answer, "Nobody active")


@given(
    st.sampled_from(["tenant", "user", "expires", "signature"]),
    st.text(max_size=70),
    st.binary(min_size=16, max_size=16),
)
def test_only_what_was_signed_is_believed(part: str, text: str, other: bytes) -> None:
    signer = LinkSigner(b"a secret of the installation, long enough")
    ends = NOW + timedelta(minutes=5)
    query = dict(urllib.parse.parse_qsl(signer.query(BEARER, FILE_ID, ends)))
    assert signer.bearer(query, FILE_ID, NOW) == BEARER
    with pytest.raises(LinkRefused):
        signer.bearer(query, UUID(bytes=other), NOW)
    with pytest.raises(LinkRefused):
        signer.bearer(query, FILE_ID, ends)
    with pytest.raises(LinkRefused):
        LinkSigner(other).bearer(query, FILE_ID, NOW)
    if text != query[part]:
        with pytest.raises(LinkRefused):
            signer.bearer({**query, part: text}, FILE_ID, NOW)


def test_the_secret_is_the_one_that_is_set_or_the_key_of_the_installation(tmp_path: Path) -> None:
    assert link_secret(Settings(home=tmp_path), {}) is None
    (tmp_path / ISSUER_KEY).write_bytes(b"key")
    assert link_secret(Settings(home=tmp_path), {}) == b"key"
    assert link_secret(Settings(home=tmp_path, link_secret=SecretStr("s" * 32)), {}) == b"s" * 32
    with pytest.raises(ValueError, match="32"):
        Settings(home=tmp_path, link_secret=SecretStr("short"))
