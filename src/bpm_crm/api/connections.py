"""Relay connections: cursors, slices and page information, the same for every list."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
import strawberry
from strawberry import argument

from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.selections import selects
from bpm_crm.engine.definition import Title
from bpm_crm.records.database import Database
from bpm_crm.records.selection import Key, Page, Query, Slice, read_page

DEFAULT_FIRST = 50
MOST = 200
MOST_NUMBER = 2**31 - 1 - 2 * MOST
"""The largest whole number a cursor may hold: a page after it is still within 32 bits."""
MOST_DIGITS = 18

C = TypeVar("C")

First = Annotated[
    int | None,
    argument(description=f"How many items from the beginning: {DEFAULT_FIRST} unless stated, at most {MOST}."),
]
After = Annotated[str | None, argument(description="Cursor of the item after which the page begins.")]
Last = Annotated[int | None, argument(description=f"How many items from the end, at most {MOST}; not with `first`.")]
Before = Annotated[str | None, argument(description="Cursor of the item before which the page ends.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = strawberry.field(description="Whether there are items after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are items before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item: pass it as `before`.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item: pass it as `after`.")


def cut(
    keys: Sequence[Key], first: int | None, after: str | None, last: int | None = None, before: str | None = None
) -> Slice:
    """The slice that paging arguments ask for. A fault for both `first` and `last`, a negative or too large one, a bad cursor."""
    if first is not None and last is not None:
        raise Fault(
            Code.BAD_USER_INPUT, Title("Give `first` or `last`, not both.", "Задайте `first` или `last`, но не оба.")
        )
    limit = first if first is not None else last if last is not None else DEFAULT_FIRST
    if not 0 <= limit <= MOST:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(f"`first` and `last` are from 0 to {MOST}.", f"`first` и `last` — от 0 до {MOST}."),
            maximum=MOST,
        )
    return Slice(
        limit=limit,
        after=None if after is None else read_cursor(after, keys),
        before=None if before is None else read_cursor(before, keys),
        backwards=last is not None,
    )


async def fetch_page(info: Any, database: Database, tenant_id: UUID, query: Query, slice_: Slice) -> Page:
    """Read the page of a connection: its rows unless only the total was selected, its total only where it was."""
    wanted = selects(info)
    rows = any(wanted.has(name) for name in ("edges", "nodes", "pageInfo"))
    async with database.reader(tenant_id) as connection:
        return await read_page(connection, tenant_id, query, slice_, rows=rows, total=wanted.has("totalCount"))


async def fetch_branch(info: Any, query: Query, parent: str, parent_id: UUID, window: Slice) -> Page:
    """Read the page of a connection that hangs on an object, together with those of the objects beside it.

    `parent` is the SQL of that object's id in a row of the list; what `query` asks is the same for all of them.
    """
    wanted = selects(info)
    rows = any(wanted.has(name) for name in ("edges", "nodes", "pageInfo"))
    loader = info.context.loader
    page: Page = await loader.branch(query, parent, parent_id, window, rows=rows, total=wanted.has("totalCount"))
    return page


def page_info(page: Page, slice_: Slice) -> PageInfo:
    """The page information of a page that was read."""
    return PageInfo(
        has_next_page=slice_.before is not None if slice_.backwards else page.has_more,
        has_previous_page=page.has_more if slice_.backwards else slice_.after is not None,
        start_cursor=write_cursor(page.keys[0]) if page.keys else None,
        end_cursor=write_cursor(page.keys[-1]) if page.keys else None,
    )


class _Paged:
    """The parts of a connection; edges and cursors are made when they are asked for."""

    def __init__(self, edge: Callable[..., Any], nodes: Sequence[Any], page: Page, slice_: Slice) -> None:
        self.nodes = nodes
        self.total_count = page.total or 0
        self._edge = edge
        self._page = page
        self._slice = slice_

    @property
    def edges(self) -> list[Any]:
        """The nodes with their cursors."""
        pairs = zip(self._page.keys, self.nodes, strict=True)
        return [self._edge(cursor=write_cursor(keys), node=node) for keys, node in pairs]

    @property
    def page_info(self) -> PageInfo:
        """Where the page lies in its list."""
        return page_info(self._page, self._slice)


@cache
def _page_of(kind: Any) -> Any:
    """The class of the connections of a type that were read by page."""
    return type(f"{kind.__name__}Page", (_Paged, kind), {})


def paged(kind: type[C], edge: Callable[..., Any], nodes: Sequence[Any], page: Page, slice_: Slice) -> C:
    """The connection of a page that was read; `nodes` are its rows as the API shows them."""
    found: C = _page_of(kind)(edge, nodes, page, slice_)  # type: ignore[arg-type]  # classes are hashable
    return found


def write_cursor(values: Sequence[Any]) -> str:
    """The cursor of a row: the values of the order's keys."""
    return urlsafe_b64encode(orjson.dumps(list(values), default=str)).rstrip(b"=").decode()


def read_cursor(cursor: str, keys: Sequence[Key]) -> list[Any]:
    """The values inside a cursor; a fault when it is not a cursor of a list in this order."""
    try:
        values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(keys):
            raise ValueError(cursor)
        return [_bound(key, value) for key, value in zip(keys, values, strict=True)]
    except (Error, ValueError, TypeError, ArithmeticError, orjson.JSONDecodeError) as error:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title("This is not a cursor of this list in this order.", "Это не курсор этого списка в этом порядке."),
        ) from error


def _bound(key: Key, value: Any) -> Any:
    if value is not None:
        return _READERS[key.type](value)
    if not key.nullable:
        raise ValueError(key.expression)
    return None


def _instant(value: Any) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


def _number(value: Any) -> int:
    if type(value) is not int or abs(value) > MOST_NUMBER:
        raise TypeError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError(value)
    return value


def _decimal(value: Any) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or not -MOST_DIGITS <= number.adjusted() <= MOST_DIGITS:
        raise TypeError(value)
    return number


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "uuid": lambda value: UUID(_text(value)),
    "text": _text,
    "int": _number,
    "bool": _truth,
    "timestamptz": _instant,
    "numeric": _decimal,
    "date": date.fromisoformat,
}
