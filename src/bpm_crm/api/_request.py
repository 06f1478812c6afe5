"""GraphQL requests, read from HTTP bodies, query strings and WebSocket messages."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive
from uuid_utils import uuid7

from bpm_crm.api._limits import Limits
from bpm_crm.api.faults import Code, Fault
from bpm_crm.engine.definition import Title

__all__ = [
    "GraphQLRequest",
    "from_body",
    "from_mapping",
    "from_query_string",
    "has_too_many_containers",
    "new_request_id",
    "read_body",
    "request_id_of",
]

REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
MAXIMUM_PARAMETERS = 20


class GraphQLRequest(NamedTuple):
    """The parameters of a GraphQL request, of the right JSON types."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """The caller's `X-Request-Id` where it is 1 to 128 of `A-Z a-z 0-9 . _ : -`, otherwise a new one."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    """Return an id that sorts by time."""
    return str(uuid7())


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, maximum: int) -> bytes:
    """Read a body of at most `maximum` bytes. Raises Fault PAYLOAD_TOO_LARGE without reading on, ClientDisconnect."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > maximum:
        raise _too_large(maximum)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > maximum:
            raise _too_large(maximum)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def from_body(body: bytes, limits: Limits) -> GraphQLRequest:
    """Read a request from JSON. Raises Fault BAD_REQUEST, QUERY_TOO_COMPLEX."""
    if has_too_many_containers(body, limits):
        maximum = limits.variable_values
        message = Title(
            f"The request has too many lists and objects: variables may have {maximum} values.",
            f"В запросе слишком много списков и объектов: в переменных может быть {maximum} значений.",
        )
        raise Fault(Code.QUERY_TOO_COMPLEX, message, limit="variable_values", maximum=maximum)
    return from_mapping(_json("body", body))


def has_too_many_containers(text: bytes, limits: Limits) -> bool:
    """Whether JSON has more lists and objects than any allowed request, told without reading it.

    Hundreds of thousands of them are slow to make and slower for the garbage collector to walk. Brackets inside strings count, of which
    those of the query are allowed for.
    """
    return text.count(b"[") + text.count(b"{") > limits.variable_values + limits.tokens


def from_query_string(query_string: bytes) -> GraphQLRequest:
    """Read a request from a URL's query, where `variables` and `extensions` are JSON. Raises Fault BAD_REQUEST."""
    try:
        parameters: dict[str, Any] = dict(
            parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=MAXIMUM_PARAMETERS)
        )
    except ValueError as error:
        raise Fault(
            Code.BAD_REQUEST,
            Title(
                "The URL's query is not UTF-8 in percent-encoding, or has too many parameters.",
                "Параметры URL не в UTF-8 с процентным кодированием, или их слишком много.",
            ),
        ) from error
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = _json(name, parameters[name])
    return from_mapping(parameters)


def from_mapping(data: Any) -> GraphQLRequest:
    """Check the types of the parameters. Raises Fault BAD_REQUEST."""
    if isinstance(data, list):
        raise Fault(
            Code.BAD_REQUEST,
            Title(
                "Batches are not served: send one operation in each request.",
                "Пакеты не обслуживаются: отправляйте по одной операции в запросе.",
            ),
        )
    if not isinstance(data, Mapping):
        raise Fault(
            Code.BAD_REQUEST,
            Title(
                "A GraphQL request is a JSON object with `query`.", "Запрос GraphQL — это объект JSON с полем `query`."
            ),
        )
    query = data.get("query")
    if not isinstance(query, str) or not query:
        raise Fault(
            Code.BAD_REQUEST,
            Title(
                "`query` must be a string with a GraphQL document.", "`query` должно быть строкой с документом GraphQL."
            ),
        )
    name = data.get("operationName")
    if not isinstance(name, str | None):
        raise Fault(
            Code.BAD_REQUEST,
            Title("`operationName` must be a string or null.", "`operationName` должно быть строкой или null."),
        )
    return GraphQLRequest(query, name, _object(data, "variables"), _object(data, "extensions"))


def _object(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Fault(
            Code.BAD_REQUEST,
            Title(f"`{name}` must be a JSON object or null.", f"`{name}` должно быть объектом JSON или null."),
        )
    return value


def _json(name: str, text: bytes | str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Fault(
            Code.BAD_REQUEST,
            Title(
                f"The {name} is not JSON in UTF-8: {error.msg} at character {error.pos}.",
                f"Это не JSON в UTF-8 ({name}): {error.msg}, символ {error.pos}.",
            ),
        ) from error


def _too_large(maximum: int) -> Fault:
    return Fault(
        Code.PAYLOAD_TOO_LARGE,
        Title(f"The request is larger than {maximum} bytes.", f"Запрос больше {maximum} байт."),
        maximum=maximum,
    )
