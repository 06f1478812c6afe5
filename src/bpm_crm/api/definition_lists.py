"""Lists of process definitions, and finding one."""

from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.connections import After, First, PageInfo, cut, paged
from bpm_crm.api.context import Info
from bpm_crm.api.definitions import ProcessDefinitionType, definition_type
from bpm_crm.api.exposing import expose
from bpm_crm.api.filters import Direction, StringFilter, holds
from bpm_crm.operations.access import Permission
from bpm_crm.records.reference import DefinitionRecord, Reference
from bpm_crm.records.selection import Key, Page, Slice

BY_KEY = (Key("key", "text"),)


@strawberry.type(description="A process definition in a list, with its cursor.")
class ProcessDefinitionEdge:
    """A process definition in a list."""

    cursor: str = strawberry.field(description="Cursor of the definition.")
    node: ProcessDefinitionType = strawberry.field(description="The definition.")


@strawberry.type(description="A page of process definitions.")
class ProcessDefinitionConnection:
    """A page of process definitions."""

    edges: list[ProcessDefinitionEdge] = strawberry.field(description="Definitions with their cursors.")
    nodes: list[ProcessDefinitionType] = strawberry.field(description="Definitions.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of definitions in the whole list.")


@strawberry.input(description="Which process definitions. All comparators given must hold.")
class ProcessDefinitionWhere:
    """Which process definitions."""

    and_: list["ProcessDefinitionWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["ProcessDefinitionWhere"] | None = strawberry.field(
        default=None, name="or", description="At least one of these holds."
    )
    not_: "ProcessDefinitionWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )
    key: StringFilter | None = strawberry.field(default=None, description="Key of the definition.")
    channel: StringFilter | None = strawberry.field(default=None, description="Key of a channel it handles.")


class ProcessDefinitionOrderField(Enum):
    """By what lists of process definitions are sorted."""

    KEY = "key"


expose(
    ProcessDefinitionOrderField,
    "By what lists of process definitions are sorted.",
    {
        ProcessDefinitionOrderField.KEY: "Key.",
    },
)


@strawberry.input(description="A key by which lists of process definitions are sorted.")
class ProcessDefinitionOrder:
    """A key by which lists of process definitions are sorted."""

    field: ProcessDefinitionOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


@strawberry.type
class DefinitionsQuery:
    """Queries about process definitions."""

    @strawberry.field(description="The process definitions of the company, by key.")
    async def process_definitions(
        self,
        info: Info,
        where: Annotated[ProcessDefinitionWhere | None, argument(description="Which; all unless stated.")] = None,
        order_by: Annotated[list[ProcessDefinitionOrder] | None, argument(description="In which order.")] = None,
        first: First = None,
        after: After = None,
    ) -> ProcessDefinitionConnection:
        """The process definitions of the company."""
        context = info.context
        context.require(Permission.VIEW_DEFINITIONS)
        descending = bool(order_by) and order_by[0].direction is Direction.DESC if order_by else False
        window = cut(BY_KEY, first, after)
        found = _matching(context.known, where, descending)
        rest = _after(found, window, descending)
        shown = rest[: window.limit]
        nodes = [
            definition_type(
                record, (await context.process(record.id, record.taken_version)).definition, context.language
            )
            for record in shown
        ]
        page = Page(keys=[[record.key] for record in shown], has_more=len(rest) > window.limit, total=len(found))
        return paged(ProcessDefinitionConnection, ProcessDefinitionEdge, nodes, page, window)

    @strawberry.field(description="One process definition by its key; null when there is none.")
    async def process_definition(
        self, info: Info, key: Annotated[str, argument(description="Key of the definition.")]
    ) -> ProcessDefinitionType | None:
        """One process definition."""
        context = info.context
        context.require(Permission.VIEW_DEFINITIONS)
        record = context.known.definition(key)
        if record is None:
            return None
        process = await context.process(record.id, record.taken_version)
        return definition_type(record, process.definition, context.language)


def _matching(reference: Reference, where: ProcessDefinitionWhere | None, descending: bool) -> list[DefinitionRecord]:
    records = [record for record in reference.definitions.values() if _meets(reference, record, where)]
    return sorted(records, key=lambda record: record.key, reverse=descending)


def _after(records: list[DefinitionRecord], window: Slice, descending: bool) -> list[DefinitionRecord]:
    if window.after is None:
        return records
    last = window.after[0]
    return [record for record in records if (record.key < last if descending else record.key > last)]


def _meets(reference: Reference, record: DefinitionRecord, where: ProcessDefinitionWhere | None) -> bool:
    if where is None:
        return True
    channels = [item.key for item in reference.channels.values() if item.definition_id == record.id]
    return (
        (where.key is None or holds(where.key, record.key))
        and (where.channel is None or any(holds(where.channel, channel) for channel in channels))
        and all(_meets(reference, record, part) for part in where.and_ or ())
        and (where.or_ is None or any(_meets(reference, record, part) for part in where.or_))
        and (where.not_ is None or not _meets(reference, record, where.not_))
    )
