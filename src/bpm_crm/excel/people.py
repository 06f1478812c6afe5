"""Names of things of the company as people write them in tables: by key, title, name or address."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from bpm_crm.engine.state import Actor
from bpm_crm.operations.access import ROLES
from bpm_crm.records.reference import Reference, UserRecord

ANYBODY = Actor(None, "system", ROLES)
"""Who did what a table names nobody for: it may have been anybody."""


class Directory:
    """Finds users, teams and campaigns by what tables call them."""

    def __init__(self, reference: Reference) -> None:
        self._users: dict[str, UserRecord] = {}
        for user in reference.users.values():
            self._users.setdefault(user.name.casefold(), user)
        self._users |= {user.email.casefold(): user for user in reference.users.values()}
        self._teams = _named((item.key, item.name) for item in reference.teams.values())
        self._campaigns = _named((item.key, item.title) for item in reference.campaigns.values())

    def user(self, text: str, *, also_inactive: bool = False) -> UserRecord | None:
        """A user by e-mail address or name."""
        found = self._users.get(text.casefold())
        return found if found is not None and (found.is_active or also_inactive) else None

    def user_id(self, text: str) -> UUID | None:
        """The id of an active user by e-mail address or name."""
        found = self.user(text)
        return None if found is None else found.id

    def team(self, text: str) -> str:
        """The key of a team by key or name; the text itself where there is none."""
        return self._teams.get(text.casefold(), text)

    def campaign(self, text: str) -> str:
        """The key of a campaign by key or title; the text itself where there is none."""
        return self._campaigns.get(text.casefold(), text)


def actor_of(user: UserRecord) -> Actor:
    """A user as who acted, in or out of office now."""
    team = str(user.team_ids[0]) if user.team_ids else None
    return Actor(str(user.id), "user", frozenset(user.roles), team)


def _named(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    listed = list(pairs)
    return {title.casefold(): key for key, title in listed} | {key.casefold(): key for key, _ in listed}
