"""Files over HTTP: `POST /files` keeps one for its sender, `GET /files/<id>` gives one back to whom it belongs.

The body is the file itself, not a form: with a bearer token in a header no page of another site can send one, and nothing is parsed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
import strawberry
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket

from bpm_crm.api._request import read_body
from bpm_crm.api.context import Info, RequestContext, Services
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.ids import to_global, uuid_of
from bpm_crm.api.links import LIFETIME, NOT_MADE, SIGNATURE, LinkBearer, LinkRefused
from bpm_crm.api.plain_http import answered
from bpm_crm.engine.definition import Title
from bpm_crm.excel.limits import FILES_KEPT, LIMITS
from bpm_crm.operations.access import Permission, Viewer
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.records.files import FileInfo, FileRecord, file_info, insert_file, load_file, stored_bytes
from bpm_crm.records.identifiers import new_id

PATH = "/files"
KIND = "StoredFile"
UPLOADS_AT_ONCE = 4
MOST_STORED = 1_000_000_000
"""Bytes of files that one company may have in store."""
MOST_NAME = 200
_BYTES = "application/octet-stream"
_SENDERS = (Permission.IMPORT_LEADS, Permission.IMPORT_HISTORY)

ServicesOf = Callable[[], Services]
ContextOf = Callable[[Request | WebSocket, dict[str, Any] | None], Awaitable[RequestContext]]


@strawberry.type(description="A link to a file, which needs no token.")
class DownloadLink:
    """A link to a file."""

    path: str = strawberry.field(description="Where it leads: `GET` this path of the API's host.")
    expires_at: datetime = strawberry.field(description="Until when it leads there.")


@strawberry.type(
    description="A file kept for the viewer. Get it with the same token as everything else, or by its `link`."
)
class StoredFile:
    """A file kept for the viewer."""

    name: str = strawberry.field(description="Name under which to save it.")
    size: int = strawberry.field(description="Bytes.")
    path: str = strawberry.field(
        description="Where it is: `GET` this path of the API's host with `Authorization: Bearer …`."
    )
    expires_at: datetime = strawberry.field(description="Until when it is kept.")

    @strawberry.field(
        description="A link that a browser can follow without a token, made anew each time it is asked for. Whoever has it can get the file. Null where the installation has no secret to sign it with."
    )
    def link(self, info: Info) -> DownloadLink | None:
        """A link that a browser can follow."""
        services, viewer = info.context.services, info.context.caller
        if services.links is None or viewer.user_id is None:
            return None
        ends = min(services.now() + LIFETIME, self.expires_at)
        query = services.links.query(LinkBearer(viewer.tenant_id, viewer.user_id), self.file_id, ends)
        return DownloadLink(path=f"{self.path}?{query}", expires_at=ends)

    file_id: strawberry.Private[UUID]


def file_routes(context_of: ContextOf, services_of: ServicesOf) -> list[Route]:
    """The routes of files; `context_of` authenticates as for GraphQL, `services_of` is for links, which authenticate themselves."""
    uploading = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def send(request: Request) -> Response:
        return await answered(request, lambda _: _kept(request, context_of, uploading))

    async def get(request: Request) -> Response:
        return await answered(request, lambda _: _given(request, context_of, services_of))

    return [
        Route(PATH, send, methods=["POST"]),
        Route(PATH + "/{id}", get, methods=["GET"]),
    ]


async def load_info(context: RequestContext, file_id: Any) -> StoredFile | None:
    """A file of a job as the API shows it; None without one, or once it is gone."""
    if file_id is None:
        return None
    tenant_id = context.known.tenant.id
    async with context.services.database.reader(tenant_id) as connection:
        found = await file_info(connection, tenant_id, file_id)
    return None if found is None else _shown(found)


def _shown(info: FileInfo) -> StoredFile:
    path = f"{PATH}/{to_global(KIND, info.id)}"
    return StoredFile(name=info.name, size=info.size, path=path, expires_at=info.expires_at, file_id=info.id)


async def _kept(request: Request, context_of: ContextOf, uploading: asyncio.Semaphore) -> Response:
    """Keep the body of a request as a file of its sender."""
    context = await context_of(request, None)
    viewer = context.caller
    if viewer.user_id is None or not any(viewer.may(permission) for permission in _SENDERS):
        raise Fault(
            Code.FORBIDDEN,
            Title("Your role does not import tables.", "Ваша роль не загружает таблицы."),
            permission=_SENDERS[0].value,
        )
    if uploading.locked():
        raise Fault(
            Code.OVERLOADED,
            Title(
                "Many files come in just now; try again in a moment.",
                "Сейчас загружается много файлов; повторите через минуту.",
            ),
        )
    async with uploading:
        content = await read_body(dict(request.scope["headers"]), request.receive, LIMITS.file_bytes)
        if not content:
            raise Fault(
                Code.BAD_REQUEST,
                Title(
                    "The body is empty; send the file itself as the body.",
                    "Тело запроса пусто; передайте в нём сам файл.",
                ),
            )
        file_id, name = new_id(), _name(request.query_params.get("name", ""))
        async with context.services.database.transaction(viewer.tenant_id) as connection:
            if await stored_bytes(connection, viewer.tenant_id) + len(content) > MOST_STORED:
                raise Fault(
                    Code.PAYLOAD_TOO_LARGE,
                    Title(
                        f"Your company has {MOST_STORED} bytes of files in store already; they go after seven days.",
                        f"У вашей компании уже хранится {MOST_STORED} байт файлов; они удаляются через семь дней.",
                    ),
                    maximum=MOST_STORED,
                )
            expires_at = await insert_file(
                connection,
                viewer.tenant_id,
                file_id,
                name=name,
                media_type=_BYTES,
                content=content,
                by=viewer.user_id,
                kept=FILES_KEPT,
            )
    said = {"id": to_global(KIND, file_id), "name": name, "size": len(content), "expiresAt": expires_at.isoformat()}
    return Response(orjson.dumps(said), 201, media_type="application/json")


async def _given(request: Request, context_of: ContextOf, services_of: ServicesOf) -> Response:
    """Give a file to whom it belongs, or to who has their link; for anyone else it does not exist."""
    file_id = uuid_of(request.path_params["id"], KIND)
    if SIGNATURE in request.query_params:
        services = services_of()
        viewer = await _linked(request, services, file_id)
    else:
        context = await context_of(request, None)
        services, viewer = context.services, context.caller
    found: FileRecord | None = None
    if file_id is not None and viewer.user_id is not None:
        async with services.database.reader(viewer.tenant_id) as connection:
            found = await load_file(connection, viewer.tenant_id, file_id)
    if found is None or found.created_by != viewer.user_id:
        return Response(
            orjson.dumps({"errors": [{"message": "There is no such file."}]}), 404, media_type="application/json"
        )
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(found.name)}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    return Response(found.content, media_type=found.media_type, headers=headers)


async def _linked(request: Request, services: Services, file_id: UUID | None) -> Viewer:
    """The person whose link to a file was followed, as they are now; a fault UNAUTHENTICATED for a link that is not good."""
    try:
        if services.links is None or file_id is None:
            raise LinkRefused(NOT_MADE)
        bearer = services.links.bearer(request.query_params, file_id, services.now())
        reference = await services.reference.get(bearer.tenant_id)
        viewer = None if reference is None else viewer_of_user(reference, bearer.user_id)
        if viewer is None:
            raise LinkRefused(Title("Nobody active is behind this link", "За этой ссылкой нет действующего сотрудника"))
    except LinkRefused as error:
        told = Title(
            f"{error.text.en}; ask for the `link` of the file again.", f"{error.text.ru}; запросите `link` файла снова."
        )
        raise Fault(Code.UNAUTHENTICATED, told) from error
    return viewer


def _name(text: str) -> str:
    """A name that a file may have anywhere."""
    kept = "".join(letter for letter in text if letter.isprintable() and letter not in '/\\:*?"<>|')
    return kept[-MOST_NAME:].strip() or "table"
