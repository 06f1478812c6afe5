"""Requests beside GraphQL: each is answered, or refused in the form that every fault of the API has."""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bpm_crm.api._negotiation import language_of
from bpm_crm.api._request import request_id_of
from bpm_crm.api.faults import STATUS, explain


async def answered(request: Request, serve: Callable[[str], Awaitable[Response]]) -> Response:
    """What `serve` answers, given the id of the request. That id and the code of a fault are left in the scope, for the access log."""
    request_id = request_id_of(dict(request.scope["headers"]))
    request.scope.setdefault("state", {})["request_id"] = request_id
    try:
        response = await serve(request_id)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception as error:  # noqa: BLE001  # every fault is explained, masked and logged by one piece
        problem = explain(error, request_id=request_id)
        request.scope["state"]["codes"] = [problem.code]
        body = orjson.dumps({"errors": [problem.formatted(request_id, language_of(request.headers))]})
        no_store = {"cache-control": "no-store"}
        response = Response(body, STATUS[problem.code], no_store, media_type="application/json")
    response.headers["x-request-id"] = request_id
    return response
