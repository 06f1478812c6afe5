"""Users, teams, and the viewer: who asks and what they may do."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.ids import to_global
from bpm_crm.api.nodes import Node
from bpm_crm.api.scalars import EmailAddress
from bpm_crm.operations.access import Permission, Reach, Role
from bpm_crm.records.reference import Reference, TeamRecord, TenantRecord, UserRecord


@strawberry.type(description="A team of users.")
class Team(Node):
    """A team of users."""

    key: str = strawberry.field(description="Stable key people know.")
    name: str = strawberry.field(description="Name.")
    lead: Annotated["User", strawberry.lazy("bpm_crm.api.people")] | None = strawberry.field(
        description="Who leads the team and gets its escalations."
    )


@strawberry.type(description="A person who works with the system.")
class User(Node):
    """A person who works with the system."""

    name: str = strawberry.field(description="Name.")
    email: EmailAddress = strawberry.field(description="E-mail address at work.")
    is_active: bool = strawberry.field(description="Whether the user may sign in.")
    roles: list[Role] = strawberry.field(description="Roles.")
    teams: list[Team] = strawberry.field(description="Teams the user belongs to.")


@strawberry.type(description="A permission of the viewer and how far it reaches.")
class Grant:
    """A permission of the viewer and how far it reaches."""

    permission: Permission = strawberry.field(description="What is permitted.")
    reach: Reach = strawberry.field(description="Over which cases.")


@strawberry.type(description="The company whose data the viewer sees; nothing of any other company can be seen.")
class Tenant(Node):
    """The company whose data the viewer sees."""

    key: str = strawberry.field(description="Stable key people know.")
    title: str = strawberry.field(description="Name of the company.")
    zone: str = strawberry.field(description="Time zone in which its days and periods begin.")
    currency: str = strawberry.field(description="Currency of its amounts unless stated otherwise, ISO 4217.")


@strawberry.type(
    name="Viewer", description="Who asks: the user or integration behind the token, with roles and permissions."
)
class ViewerType:
    """Who asks."""

    name: str = strawberry.field(description="Name of the user or integration.")
    user: User | None = strawberry.field(description="The user; null for an integration.")
    tenant: Tenant = strawberry.field(description="The company.")
    roles: list[Role] = strawberry.field(description="Roles.")
    permissions: list[Grant] = strawberry.field(description="What the viewer may do.")
    teams: list[Team] = strawberry.field(description="Teams the viewer belongs to or leads.")


class UserView(User):
    """A user over its record; teams are made when they are asked for."""

    def __init__(self, record: UserRecord, reference: Reference) -> None:
        self.record = record
        self.reference = reference
        self.id = to_global("User", record.id)
        self.name = record.name
        self.email = EmailAddress(record.email)
        self.is_active = record.is_active

    @property
    def roles(self) -> list[Role]:  # type: ignore[override]  # made when asked for
        """Roles."""
        return sorted(Role(role) for role in self.record.roles)

    @property
    def teams(self) -> list[Team]:  # type: ignore[override]  # made when asked for
        """Teams."""
        return teams_of(self.reference, self.record.team_ids)


class TeamView(Team):
    """A team over its record."""

    def __init__(self, record: TeamRecord, reference: Reference) -> None:
        self.record = record
        self.reference = reference
        self.id = to_global("Team", record.id)
        self.key = record.key
        self.name = record.name

    @property
    def lead(self) -> User | None:  # type: ignore[override]  # made when asked for
        """Who leads the team."""
        return user_of(self.reference, self.record.lead_id)


def user_of(reference: Reference, user_id: object) -> User | None:
    """The user of that id."""
    record = reference.users.get(user_id)  # type: ignore[call-overload]  # None is nobody
    return None if record is None else UserView(record, reference)


def shown_user(context: RequestContext, user_id: UUID | None) -> User | None:
    """The user of that id where the viewer may see people, made once for all that refer to it."""
    if user_id is None:
        return None
    found = context.memo.get((User, user_id), UNSET)
    if found is UNSET:
        found = context.memo[User, user_id] = user_of(context.people, user_id)
    shown: User | None = found
    return shown


def team_of(reference: Reference, team_id: object) -> Team | None:
    """The team of that id."""
    record = reference.teams.get(team_id)  # type: ignore[call-overload]  # None is no team
    return None if record is None else TeamView(record, reference)


def teams_of(reference: Reference, team_ids: Iterable[object]) -> list[Team]:
    """The teams of those ids, by name."""
    found = (team_of(reference, team_id) for team_id in team_ids)
    return sorted((team for team in found if team is not None), key=lambda team: team.name)


def tenant_of(record: TenantRecord) -> Tenant:
    """The tenant of a record."""
    return Tenant(
        id=to_global("Tenant", record.id),
        key=record.key,
        title=record.title,
        zone=record.zone,
        currency=record.currency,
    )


@strawberry.type
class PeopleQuery:
    """Queries about people."""

    @strawberry.field(description="Who asks, and what they may do.")
    def viewer(self, info: Info) -> ViewerType:
        """Who asks."""
        context = info.context
        reference, viewer = context.known, context.caller
        user = user_of(reference, viewer.user_id)
        return ViewerType(
            name=viewer.name,
            user=user,
            tenant=tenant_of(reference.tenant),
            roles=sorted(viewer.roles),
            permissions=[Grant(permission=key, reach=reach) for key, reach in sorted(viewer.permissions.items())],
            teams=teams_of(reference, viewer.team_ids),
        )

    @strawberry.field(description="The people of the company, by name.")
    def users(self, info: Info) -> list[User]:
        """The people of the company."""
        info.context.require(Permission.VIEW_PEOPLE)
        reference = info.context.known
        return [UserView(record, reference) for record in reference.users.values()]

    @strawberry.field(description="The teams of the company, by name.")
    def teams(self, info: Info) -> list[Team]:
        """The teams of the company."""
        info.context.require(Permission.VIEW_PEOPLE)
        reference = info.context.known
        return [TeamView(record, reference) for record in reference.teams.values()]
