"""Faults: the closed list of codes of top-level errors, and the one form in which any error leaves the API.

Expected refusals are members of a mutation's union and never come here; a fault is authentication, a bad document, a limit, an outage
or a bug.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import asyncpg
from graphql import GraphQLError, ObjectFieldNode, SourceLocation, ValueNode
from strawberry.exceptions import StrawberryGraphQLError, StrawberryInputCoercionError

from bpm_crm.engine.definition import Title
from bpm_crm.records.outages import CommitInterrupted, is_outage

__all__ = ["STATUS", "Code", "Fault", "Problem", "Refused", "explain"]

logger = logging.getLogger("bpm_crm.api")

MESSAGE_LENGTH = 500
"""graphql-core quotes a bad value whole, and whole may be most of the request."""
MASK = Title("Internal error; quote the request id.", "Внутренняя ошибка; сообщите id запроса.")
NO_ANSWER = Title(
    "The database does not answer. Try again in a moment.", "База данных не отвечает. Повторите через минуту."
)
TOO_SLOW = Title(
    "The database took too long over this and was stopped.",
    "База данных работала над этим слишком долго и остановлена.",
)
UNCERTAIN = Title(
    "It is not known whether this was recorded; repeat it with the same idempotencyKey.",
    "Неизвестно, записано ли это; повторите с тем же idempotencyKey.",
)

# Exceptions whose message describes the program; others may quote somebody's data (a database names the value of a duplicate key).
_SPEAKABLE = (AttributeError, ImportError, NameError, NotImplementedError, RecursionError, TypeError)


class Code(StrEnum):
    """`extensions.code` of every top-level error. Clients may rely on the list being closed."""

    BAD_REQUEST = "BAD_REQUEST"
    """The HTTP request or WebSocket message is not a GraphQL request: broken JSON, no query, an unknown operation name, a batch."""
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    """Another HTTP method than GET or POST, or anything but a query by GET."""
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    """`Accept` names no media type the answer can be given in."""
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    """The body is not `application/json` in UTF-8."""
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    """The body or message is longer than the server takes."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """No credentials, or they are wrong or expired."""
    FORBIDDEN = "FORBIDDEN"
    """The credentials are good, the role does not allow this field."""
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    """The document is not GraphQL."""
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema."""
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    """A limit of the guard: `extensions` has `limit` (its name), `maximum` and `found`."""
    BAD_USER_INPUT = "BAD_USER_INPUT"
    """A variable or argument has a value its type does not allow."""
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    """The operation took longer than the server allows and was cancelled."""
    OVERLOADED = "OVERLOADED"
    """A queue or a number of subscriptions is full. Try again later."""
    UNAVAILABLE = "UNAVAILABLE"
    """Something the server depends on does not answer. Try again later."""
    INTERNAL = "INTERNAL"
    """A bug. The message is masked, the log has the rest under the request id."""


STATUS: Mapping[Code, int] = MappingProxyType(
    {
        Code.BAD_REQUEST: 400,
        Code.UNAUTHENTICATED: 401,
        Code.FORBIDDEN: 403,
        Code.METHOD_NOT_ALLOWED: 405,
        Code.NOT_ACCEPTABLE: 406,
        Code.PAYLOAD_TOO_LARGE: 413,
        Code.UNSUPPORTED_MEDIA_TYPE: 415,
        Code.GRAPHQL_PARSE_FAILED: 400,
        Code.GRAPHQL_VALIDATION_FAILED: 400,
        Code.QUERY_TOO_COMPLEX: 400,
        Code.BAD_USER_INPUT: 400,
        Code.DEADLINE_EXCEEDED: 503,
        Code.OVERLOADED: 503,
        Code.UNAVAILABLE: 503,
        Code.INTERNAL: 500,
    }
)
"""The HTTP status of an answer without `data`."""


class Fault(Exception):
    """An error that clients shall see as it is: raised by resolvers and by adapters of lower layers.

    `message` is for people, in a sentence of both languages, without personal data; `extensions` are JSON values beside `code` and `requestId`.
    """

    def __init__(self, code: Code, message: Title, **extensions: Any) -> None:
        super().__init__(message.en)
        self.code = code
        self.message = message
        self.extensions = extensions


@dataclass(frozen=True, slots=True)
class Problem:
    """One error in the form of the response, without request id and language, so that it can be kept and answered again."""

    code: Code
    message: Title
    locations: Sequence[SourceLocation] = ()
    path: Sequence[str | int] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)

    def formatted(self, request_id: str, language: str) -> dict[str, Any]:
        """The error as the GraphQL specification writes it: `message`, `locations`, `path`, `extensions`."""
        formatted: dict[str, Any] = {"message": self.message.in_language(language)}
        if self.locations:
            formatted["locations"] = [{"line": place.line, "column": place.column} for place in self.locations]
        if self.path:
            formatted["path"] = list(self.path)
        formatted["extensions"] = {**self.extensions, "code": self.code, "requestId": request_id}
        return formatted


class Refused(Exception):
    """A request that is answered with errors and without `data`."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems[0].message.en)
        self.problems = problems

    @property
    def status(self) -> int:
        """The HTTP status, that of the first problem."""
        return STATUS[self.problems[0].code]


def explain(error: Exception, *, request_id: str, code: Code = Code.INTERNAL) -> Problem:
    """Turn any error into the form in which clients see it; mask and log what was not expected.

    `code` is what an error of graphql-core means where it was met: parsing, validation, coercion of variables; INTERNAL inside a resolver.
    """
    cause = _cause(error)
    located = error if isinstance(error, GraphQLError) else GraphQLError("")
    problem = _known(cause) or _outage(cause, request_id) or _meant(located, cause, code)
    if problem is None:
        _log(cause, request_id, located.path or ())
        problem = Problem(Code.INTERNAL, MASK)
    message = Title(_cut(problem.message.en), _cut(problem.message.ru))
    return replace(problem, message=message, locations=tuple(located.locations or ()), path=tuple(located.path or ()))


def _cause(error: Exception) -> Exception:
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def _known(cause: Exception) -> Problem | None:
    """The problem of an error that names its code itself."""
    if isinstance(cause, Fault):
        return Problem(cause.code, cause.message, extensions=cause.extensions)
    if isinstance(cause, GraphQLError) and cause.extensions and cause.extensions.get("code") in Code.__members__:
        return Problem(Code(cause.extensions["code"]), _untranslated(cause), extensions=cause.extensions)
    return None


def _outage(cause: Exception, request_id: str) -> Problem | None:
    """The problem of an error by which the database cannot be reached or is too slow; it heals by itself, so the log has one line of it."""
    if isinstance(cause, CommitInterrupted):
        problem = Problem(Code.UNAVAILABLE, UNCERTAIN, extensions={"uncertain": True})
    elif isinstance(cause, asyncpg.QueryCanceledError):
        problem = Problem(Code.DEADLINE_EXCEEDED, TOO_SLOW)
    elif is_outage(cause):
        problem = Problem(Code.UNAVAILABLE, NO_ANSWER)
    else:
        return None
    kind = type(cause).__name__
    logger.warning("the database does not serve a request: %s", kind, extra={"request_id": request_id})
    return problem


def _meant(located: GraphQLError, cause: Exception, code: Code) -> Problem | None:
    """The problem of an error whose code follows from its place; None for an unexpected one."""
    if code is not Code.INTERNAL:
        return Problem(code, _untranslated(located))
    if isinstance(cause, StrawberryInputCoercionError) or _is_about_a_value(located):
        return Problem(Code.BAD_USER_INPUT, _untranslated(located))
    if isinstance(cause, StrawberryGraphQLError):  # what Strawberry's permission classes raise
        unsaid = Title("Your role does not allow this field.", "Ваша роль не позволяет это поле.")
        return Problem(Code.FORBIDDEN, Title(cause.message, cause.message) if cause.message else unsaid)
    return None


def _cut(message: str) -> str:
    """A message, no longer than anybody reads."""
    return message if len(message) <= MESSAGE_LENGTH else message[:MESSAGE_LENGTH] + "…"


def _untranslated(error: GraphQLError) -> Title:
    """The message of graphql-core, which speaks English to everybody."""
    return Title(error.message, error.message)


def _is_about_a_value(error: Exception) -> bool:
    """Whether graphql-core points at a value in the document: it does for arguments, and never for a resolver's result."""
    while isinstance(error, GraphQLError):
        if any(isinstance(node, ValueNode | ObjectFieldNode) for node in error.nodes or ()):
            return True
        error = error.original_error  # type: ignore[assignment]  # the loop ends at None
    return False


class _Concealed(Exception):
    """Stands in the log for an exception whose message may hold personal data."""


def _log(cause: Exception, request_id: str, path: Sequence[str | int]) -> None:
    kinds: list[str] = []
    link: BaseException | None = cause
    while link is not None and len(kinds) < 10:
        kinds.append(type(link).__module__ + "." + type(link).__qualname__)
        link = link.__cause__ or link.__context__
    said = f": {cause}" if isinstance(cause, _SPEAKABLE) else ""
    concealed = _Concealed(" from ".join(kinds) + said)
    logger.error(
        "Unexpected error in a GraphQL request",
        exc_info=(_Concealed, concealed, cause.__traceback__),
        extra={"request_id": request_id, "exception": kinds[0], "path": ".".join(map(str, path))},
    )
