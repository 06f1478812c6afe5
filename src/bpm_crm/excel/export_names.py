"""How a workbook names things: stages, reasons, people, segments, cases, in the language of who asked."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bpm_crm.analytics.dimensions import Dimension, Segment
from bpm_crm.analytics.frames import Version, titles_of
from bpm_crm.analytics.segment_titles import key_and_title
from bpm_crm.excel.export_words import Words
from bpm_crm.records.reference import Reference


class Names:
    """The names of one company's things. Without `people` users and teams are left out."""

    def __init__(self, reference: Reference, versions: Sequence[Version], words: Words, *, people: bool) -> None:
        self._reference = reference
        self._versions = versions
        self._words = words
        self._people = people
        self._keys: dict[UUID, str] = {}

    def know_cases(self, cases: Sequence[Mapping[str, Any]]) -> None:
        """Remember what people call the cases."""
        for case in cases:
            self._keys[case["instance_id"]] = case["deal_key"] or case["external_id"] or str(case["instance_id"])

    def case(self, instance_id: UUID) -> str:
        """A case by the key of its deal, else by the id its channel gave it."""
        return self._keys.get(instance_id, str(instance_id))

    def stage(self, key: str | None) -> str | None:
        """A stage."""
        return None if key is None else self._title((version.stages for version in self._versions), key)

    def reason(self, key: str | None) -> str | None:
        """A reason."""
        return None if key is None else self._title((version.reasons for version in self._versions), key)

    def checkpoint(self, key: str) -> str:
        """A checkpoint."""
        return self._title((version.checkpoints for version in self._versions), key)

    def user(self, user_id: UUID | None) -> str | None:
        """A user."""
        found = None if user_id is None or not self._people else self._reference.users.get(user_id)
        return None if found is None else found.name

    def team(self, team_id: UUID | None) -> str | None:
        """A team."""
        found = None if team_id is None or not self._people else self._reference.teams.get(team_id)
        return None if found is None else found.name

    def channel(self, channel_id: UUID) -> str:
        """A channel."""
        return self._value(Dimension.CHANNEL, str(channel_id))

    def campaign(self, campaign_id: UUID | None) -> str | None:
        """A campaign."""
        found = None if campaign_id is None else self._reference.campaigns.get(campaign_id)
        return None if found is None else found.title

    def segment(self, dimensions: Sequence[Dimension], segment: Segment) -> str:
        """A segment: the names of its values."""
        if not segment:
            return self._words["all"]
        return " · ".join(self._value(dimension, value) for dimension, value in zip(dimensions, segment, strict=True))

    def in_order(self, dimensions: Sequence[Dimension], segment: Segment) -> list[tuple[bool, str, str]]:
        """Sorts segments by the names of their values, those without one last."""
        pairs = zip(dimensions, segment, strict=True)
        return [(value is None, self._value(item, value).casefold(), value or "") for item, value in pairs]

    def _value(self, dimension: Dimension, value: str | None) -> str:
        if value is not None and dimension in {Dimension.OWNER, Dimension.TEAM} and not self._people:
            return value
        return key_and_title(self._reference, self._versions, dimension, value, self._words.language)[1]

    def _title(self, parts: Any, key: str) -> str:
        return titles_of(parts, key)[self._words.language]
