"""Channels through which customers arrive, and campaigns."""

import strawberry

from bpm_crm.api.context import Info
from bpm_crm.api.ids import to_global
from bpm_crm.api.nodes import Node
from bpm_crm.operations.access import Permission
from bpm_crm.records.reference import Reference


@strawberry.type(description="A channel through which potential customers arrive.")
class Channel(Node):
    """A channel through which potential customers arrive."""

    key: str = strawberry.field(description="Stable key: what `captureLead` names.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    process: str | None = strawberry.field(description="Key of the process that handles it; null when none does yet.")
    is_active: bool = strawberry.field(description="Whether it takes leads.")


@strawberry.type(description="A marketing campaign.")
class Campaign(Node):
    """A marketing campaign."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see.")


def channel_of(reference: Reference, channel_id: object, language: str) -> Channel:
    """The channel of that id."""
    record = reference.channels[channel_id]  # type: ignore[index]  # a case always has a channel
    definition = None if record.definition_id is None else reference.definitions.get(record.definition_id)
    return Channel(
        id=to_global("Channel", record.id),
        key=record.key,
        title=record.title_ru if language == "ru" else record.title_en,
        process=None if definition is None else definition.key,
        is_active=record.is_active,
    )


def campaign_of(reference: Reference, campaign_id: object) -> Campaign | None:
    """The campaign of that id."""
    record = reference.campaigns.get(campaign_id)  # type: ignore[call-overload]  # None is no campaign
    return None if record is None else Campaign(id=to_global("Campaign", record.id), key=record.key, title=record.title)


@strawberry.type
class ChannelsQuery:
    """Queries about channels."""

    @strawberry.field(description="The channels through which customers arrive, by key.")
    def channels(self, info: Info) -> list[Channel]:
        """The channels through which customers arrive."""
        info.context.require(Permission.VIEW_DEFINITIONS)
        reference = info.context.known
        return [channel_of(reference, channel_id, info.context.language) for channel_id in reference.channels]
