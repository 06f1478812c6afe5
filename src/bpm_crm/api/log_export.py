"""`GET /event-logs/{process}`: the event log of a process as a download, under the same credentials and reach as figures."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import NamedTuple, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bpm_crm.analytics.dimensions import UNGROUPED
from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.log_cases import LOG_FILTERS
from bpm_crm.analytics.log_pages import LogRequest
from bpm_crm.api.context import RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_frames import frame_of, question_over
from bpm_crm.api.figure_inputs import PeriodInput
from bpm_crm.api.log_filters import log_cases
from bpm_crm.api.plain_http import answered
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference

AT_ONCE = 4
"""Logs that one process writes at a time."""
PARAMETERS = frozenset({"format", "classifier", "from", "to", "fromDate", "toDate", "asOf", "knownAt", *LOG_FILTERS})

_INSTANT = Title(
    "an instant with its offset, as 2026-09-01T00:00:00Z", "момент со смещением, например 2026-09-01T00:00:00Z"
)
_DAY = Title("a day, as 2026-09-01", "день, например 2026-09-01")

T = TypeVar("T")
ContextFactory = Callable[[Request, None], Awaitable[RequestContext]]


class Write(Protocol):
    """Writes a log in one format."""

    def __call__(self, database: Database, request: LogRequest, reference: Reference) -> AsyncIterator[bytes]:
        """The document in pieces."""


class Format(NamedTuple):
    """A format of event logs: what writes it, its media type, the ending of its files."""

    write: Write
    media_type: str
    ending: str


class LogExport:
    """The endpoint. A page of cases is read at a time, and no connection is held while the client is slow."""

    def __init__(self, context: ContextFactory, formats: Mapping[str, Format]) -> None:
        self._context = context
        self._formats = formats
        self._running = 0

    async def answer(self, request: Request) -> Response:
        """Begin the download; a refusal has the form of the errors of the API."""

        async def serve(request_id: str) -> Response:
            context = (await self._context(request, None)).for_operation(request_id)
            return await self._download(request, context)

        return await answered(request, serve)

    async def _download(self, request: Request, context: RequestContext) -> Response:
        asked = await _log_request(request, context)
        form = self._formats[_one_of(request, "format", {key: key for key in self._formats}, "xes")]
        if self._running >= AT_ONCE:
            raise Fault(
                Code.OVERLOADED,
                Title(
                    f"{AT_ONCE} event logs are being written already; try again in a minute.",
                    f"Уже пишется {AT_ONCE} журнала событий; повторите через минуту.",
                ),
            )
        pieces = form.write(context.services.database, asked, context.known)
        first = await anext(aiter(pieces))
        name = f"{request.path_params['process']}.{form.ending}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return StreamingResponse(self._counted(first, pieces), media_type=form.media_type, headers=headers)

    async def _counted(self, first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._running += 1
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            self._running -= 1


async def _log_request(request: Request, context: RequestContext) -> LogRequest:
    """Which log is asked for, over the cases that figures of the viewer are made of."""
    unknown = sorted(set(request.query_params) - PARAMETERS)
    if unknown:
        known = ", ".join(sorted(PARAMETERS))
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"There is no parameter “{unknown[0][:40]}”; there are: {known}.",
                f"Параметра «{unknown[0][:40]}» нет; есть: {known}.",
            ),
        )
    classifier = _one_of(
        request, "classifier", {item.name: item for item in EventClassifier}, EventClassifier.STAGE.name
    )
    given = {name: request.query_params.getlist(name) for name in LOG_FILTERS}
    question = question_over(context, _period(request), log_cases(given, context.known), UNGROUPED)
    process = request.path_params["process"]
    async with context.services.database.reader(question.tenant_id) as connection:
        times = {"as_of": _instant(request, "asOf"), "known_at": _instant(request, "knownAt")}
        frame = await frame_of(context, connection, question, process, **times)
    may = context.caller.may
    return LogRequest(
        frame=frame,
        question=question,
        classifier=classifier,
        language=context.language,
        people=may(Permission.VIEW_PEOPLE),
        customers=may(Permission.VIEW_CUSTOMERS),
    )


def _period(request: Request) -> PeriodInput | None:
    period = PeriodInput(
        from_=_instant(request, "from"),
        to=_instant(request, "to"),
        from_date=_day(request, "fromDate"),
        to_date=_day(request, "toDate"),
    )
    return None if period == PeriodInput() else period


def _instant(request: Request, name: str) -> datetime | None:
    def read(text: str) -> datetime:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        return found

    return _read(request, name, read, _INSTANT)


def _day(request: Request, name: str) -> date | None:
    return _read(request, name, date.fromisoformat, _DAY)


def _read(request: Request, name: str, read: Callable[[str], T], expected: Title) -> T | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        told = Title(f"`{name}` is {expected.en}.", f"`{name}` — это {expected.ru}.")
        raise Fault(Code.BAD_USER_INPUT, told) from error


def _one_of(request: Request, name: str, known: Mapping[str, T], default: str) -> T:
    text = request.query_params.get(name, default)
    if text not in known:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(f"`{name}` is one of {', '.join(known)}.", f"`{name}` — одно из {', '.join(known)}."),
        )
    return known[text]
