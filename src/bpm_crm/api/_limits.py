"""The limits of one request, connection and process, and the refusal that names the one passed."""

from dataclasses import dataclass

from graphql import GraphQLError, Node

from bpm_crm.api.faults import Code, Fault
from bpm_crm.engine.definition import Title

__all__ = ["NUL", "Limits", "exceeded", "unstorable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a client may ask. A value equal to the limit is allowed.

    Counts of a document are taken with its fragments expanded, so that a fragment spread twice counts twice.
    """

    body_bytes: int = 1_000_000
    """Bytes of an HTTP body or a WebSocket message."""
    document_characters: int = 32_000
    """Length of the query text. Long values belong into variables."""
    tokens: int = 2_000
    """Lexical tokens of the document; comments are counted apart."""
    comments: int = 200
    """Comments in the document."""
    operations: int = 20
    """Operations in one document."""
    fragments: int = 100
    """Fragment definitions in one document."""
    variables: int = 100
    """Variables that one operation declares."""
    depth: int = 16
    """Fields inside each other. The standard introspection query needs 15."""
    fields: int = 1_500
    """Selections: fields, inline fragments and spreads."""
    root_fields: int = 60
    """Fields of Query, Mutation or Subscription selected by one operation."""
    aliases: int = 200
    """Fields with an alias."""
    repeats: int = 20
    """Selections of one response key, or spreads of one fragment, side by side."""
    directives: int = 100
    """Directives applied anywhere."""
    directives_at_one_place: int = 5
    """Directives applied to one field, spread, fragment, operation or variable."""
    literal_depth: int = 16
    """Lists and objects inside each other in a value written into the document."""
    variable_depth: int = 32
    """Lists and objects inside each other in the JSON of `variables`."""
    variable_values: int = 10_000
    """Values in the JSON of `variables`, counting lists and objects too."""
    cost: int = 50_000
    """Values an operation may produce: every field costs its weight times the sizes of the lists around it."""
    page_size: int = 50
    """Items a connection is taken to have where `first` and `last` are absent: the default of the schema."""
    maximum_page_size: int = 200
    """Items a connection returns at most."""
    list_size: int = 5
    """Items a bounded list is taken to have where none is declared for it."""
    errors: int = 10
    """Validation errors reported for one document."""
    cached_documents: int = 1_000
    """Documents kept parsed and validated."""
    cached_bytes: int = 64_000_000
    """Memory those documents may take, estimated from their lengths."""
    cached_document_characters: int = 20_000
    """A longer document is prepared anew each time."""
    operations_per_connection: int = 50
    """Operations in flight on one WebSocket."""
    streams: int = 1_000
    """Operations in flight over WebSockets and event streams in one process."""


NUL = "\x00"
"""The one character that the database cannot hold."""


def unstorable(place: str, node: Node | None = None) -> GraphQLError:
    """Return the refusal BAD_USER_INPUT of a text with the character U+0000, which no text in a database can have."""
    message = Title(
        f"The text in {place} has the character U+0000, which cannot be stored; leave it out.",
        f"В тексте {place} есть символ U+0000, который нельзя сохранить; уберите его.",
    )
    return GraphQLError(message.en, node, original_error=Fault(Code.BAD_USER_INPUT, message))


def exceeded(
    limit: str, maximum: int, found: int, *, node: Node | None = None, place: str = "", cure: Title | None = None
) -> GraphQLError:
    """Return the refusal QUERY_TOO_COMPLEX that names the limit, its maximum, the value found and the place."""
    name = limit.replace("_", " ")
    where = Title(f" in {place}", f" ({place})") if place else Title("", "")
    advice = Title("", "") if cure is None else Title(f" {cure.en}", f" {cure.ru}")
    message = Title(
        f"The query is too complex: {name}{where.en} is {found}, at most {maximum} is allowed.{advice.en}",
        f"Запрос слишком сложен: {name}{where.ru} — {found}, можно не больше {maximum}.{advice.ru}",
    )
    fault = Fault(Code.QUERY_TOO_COMPLEX, message, limit=limit, maximum=maximum, found=found)
    return GraphQLError(message.en, node, original_error=fault)
