"""What an exported event log calls things: activities, people, channels, and the values of data fields."""

from collections.abc import Mapping
from uuid import UUID

from bpm_crm.analytics.event_log import activities_of, activity_titles
from bpm_crm.analytics.log_pages import LoggedEvent, LogRequest
from bpm_crm.records.reference import Reference


class Words:
    """The names of one log, in its language. What the request does not permit has no name."""

    def __init__(self, request: LogRequest, reference: Reference) -> None:
        self._request = request
        self._reference = reference
        self._performer_fields = {
            key
            for version in request.frame.versions
            for key, part in version.fields.items()
            if part.get("binds") == "performer"
        }
        self.activities = self._unique_titles()

    def activity(self, key: str) -> str:
        """The name of an activity; no two activities share one."""
        return self.activities.get(key, key)

    def resource(self, event: LoggedEvent) -> str | None:
        """Who did an event, if that may be told."""
        if event.performer is None or not self._request.people:
            return None
        kind, _, key = event.performer.partition(":")
        if kind == "name":
            return key
        user = self._reference.users.get(UUID(key))
        return key if user is None else user.name

    def group(self, event: LoggedEvent) -> str | None:
        """The team that had the case."""
        team = None if event.team_id is None else self._reference.teams.get(event.team_id)
        return None if team is None or not self._request.people else team.key

    def channel(self, key: UUID) -> str:
        """The key of a channel."""
        found = self._reference.channels.get(key)
        return str(key) if found is None else found.key

    def campaign(self, key: UUID | None) -> str | None:
        """The key of a campaign."""
        found = None if key is None else self._reference.campaigns.get(key)
        return None if found is None else found.key

    def data(self, values: Mapping[str, object]) -> dict[str, object]:
        """The data fields that may be told: a field that names who did something is told as the resource, or not at all."""
        return {
            key: value
            for key, value in values.items()
            if key not in self._performer_fields and isinstance(value, str | int | float | bool)
        }

    def _unique_titles(self) -> dict[str, str]:
        versions, classifier = self._request.frame.versions, self._request.classifier
        language = "ru" if self._request.language == "ru" else "en"
        keys = activities_of(versions, classifier)
        titles = {key: activity_titles(versions, classifier, key)[language] for key in keys}
        shared = list(titles.values())
        return {key: title if shared.count(title) == 1 else f"{title} ({key})" for key, title in titles.items()}
