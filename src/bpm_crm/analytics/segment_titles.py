"""The names of the values that segments are made of, in either language: the same in the API and in workbooks."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import Version, titles_of
from bpm_crm.records.reference import ChannelRecord, DefinitionRecord, Reference

NONE: Final = {"en": "None", "ru": "Не указано"}
"""What cases without a value are called."""


def key_and_title(
    known: Reference, versions: Sequence[Version], dimension: Dimension, value: str | None, language: str
) -> tuple[str | None, str]:
    """The stable key of a value (of an owner the id) and the name people see; the value itself where nothing names it.

    `versions` give stages and clocks their titles: those of the newest version that has them.
    """
    chosen = "ru" if language == "ru" else "en"
    if value is None:
        return None, NONE[chosen]
    match dimension:
        case Dimension.STAGE | Dimension.CLOCK:
            parts = (item.stages if dimension is Dimension.STAGE else item.clocks for item in versions)
            return value, titles_of(parts, value)[chosen]
        case Dimension.VERSION:
            definition, _, number = value.partition("@")
            process, title = _keyed(known.definitions.get(UUID(definition)), definition, chosen)
            return f"{process}@{number}", f"{title} {number}"
        case Dimension.OWNER:
            user = known.users.get(UUID(value))
            return value, value if user is None else user.name
        case Dimension.TEAM:
            team = known.teams.get(UUID(value))
            return (value, value) if team is None else (team.key, team.name)
        case Dimension.CAMPAIGN:
            campaign = known.campaigns.get(UUID(value))
            return (value, value) if campaign is None else (campaign.key, campaign.title)
        case Dimension.CHANNEL:
            return _keyed(known.channels.get(UUID(value)), value, chosen)
        case Dimension.PROCESS:
            return _keyed(known.definitions.get(UUID(value)), value, chosen)
        case _:
            return value, value


def _keyed(record: ChannelRecord | DefinitionRecord | None, value: str, language: str) -> tuple[str, str]:
    """The key and the title of a channel or definition; the id of one that was made a moment ago."""
    if record is None:
        return value, value
    return record.key, record.title_ru if language == "ru" else record.title_en
