"""The one role table: what each role may do, and over which cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.records.identifiers import as_uuid


class Role(StrEnum):
    """The roles there are."""

    ADMIN = "admin"
    PROCESS_OWNER = "process_owner"
    MANAGER = "manager"
    SALESPERSON = "salesperson"
    ANALYST = "analyst"
    CHANNEL_INTEGRATION = "channel_integration"


ROLES = frozenset(role.value for role in Role)


class Permission(StrEnum):
    """What can be permitted. Each field and mutation of the API names one of these."""

    VIEW_CASES = "view_cases"
    VIEW_CUSTOMERS = "view_customers"
    VIEW_PEOPLE = "view_people"
    VIEW_DEFINITIONS = "view_definitions"
    VIEW_FIGURES = "view_figures"
    CAPTURE_LEAD = "capture_lead"
    FIRE_TRANSITION = "fire_transition"
    FORCE_TRANSITION = "force_transition"
    RECORD_ACTIVITY = "record_activity"
    ASSIGN_OWNER = "assign_owner"
    EXCLUDE_CASE = "exclude_case"
    DEFINE_KPIS = "define_kpis"
    VIEW_REVIEWS = "view_reviews"
    SCHEDULE_REVIEWS = "schedule_reviews"
    VIEW_CORRECTIVE_ACTIONS = "view_corrective_actions"
    MANAGE_CORRECTIVE_ACTIONS = "manage_corrective_actions"
    IMPORT_LEADS = "import_leads"
    IMPORT_HISTORY = "import_history"
    MANAGE_PROCESSES = "manage_processes"
    CHOOSE_VERSION = "choose_version"
    MIGRATE_CASES = "migrate_cases"


class Reach(StrEnum):
    """Over which cases a permission holds, narrowest first."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"


_ORDER = (Reach.OWN, Reach.TEAM, Reach.ALL)
_EVERYTHING = dict.fromkeys(Permission, Reach.ALL)

ROLE_TABLE: Mapping[Role, Mapping[Permission, Reach]] = {
    Role.ADMIN: _EVERYTHING,
    Role.PROCESS_OWNER: {
        Permission.VIEW_CASES: Reach.ALL,
        Permission.VIEW_PEOPLE: Reach.ALL,
        Permission.VIEW_DEFINITIONS: Reach.ALL,
        Permission.VIEW_FIGURES: Reach.ALL,
        Permission.FORCE_TRANSITION: Reach.ALL,
        Permission.EXCLUDE_CASE: Reach.ALL,
        Permission.DEFINE_KPIS: Reach.ALL,
        Permission.VIEW_REVIEWS: Reach.ALL,
        Permission.SCHEDULE_REVIEWS: Reach.ALL,
        Permission.VIEW_CORRECTIVE_ACTIONS: Reach.ALL,
        Permission.MANAGE_CORRECTIVE_ACTIONS: Reach.ALL,
        Permission.IMPORT_HISTORY: Reach.ALL,
        Permission.MANAGE_PROCESSES: Reach.ALL,
        Permission.CHOOSE_VERSION: Reach.ALL,
        Permission.MIGRATE_CASES: Reach.ALL,
    },
    Role.MANAGER: {
        Permission.VIEW_CASES: Reach.TEAM,
        Permission.VIEW_CUSTOMERS: Reach.TEAM,
        Permission.VIEW_PEOPLE: Reach.ALL,
        Permission.VIEW_DEFINITIONS: Reach.ALL,
        Permission.VIEW_FIGURES: Reach.TEAM,
        Permission.CAPTURE_LEAD: Reach.ALL,
        Permission.FIRE_TRANSITION: Reach.TEAM,
        Permission.FORCE_TRANSITION: Reach.TEAM,
        Permission.RECORD_ACTIVITY: Reach.TEAM,
        Permission.ASSIGN_OWNER: Reach.TEAM,
        Permission.EXCLUDE_CASE: Reach.TEAM,
        Permission.VIEW_CORRECTIVE_ACTIONS: Reach.TEAM,
        Permission.MANAGE_CORRECTIVE_ACTIONS: Reach.TEAM,
        Permission.IMPORT_LEADS: Reach.ALL,
        Permission.CHOOSE_VERSION: Reach.ALL,
    },
    Role.SALESPERSON: {
        Permission.VIEW_CASES: Reach.OWN,
        Permission.VIEW_CUSTOMERS: Reach.OWN,
        Permission.VIEW_PEOPLE: Reach.ALL,
        Permission.VIEW_DEFINITIONS: Reach.ALL,
        Permission.VIEW_FIGURES: Reach.OWN,
        Permission.CAPTURE_LEAD: Reach.ALL,
        Permission.FIRE_TRANSITION: Reach.OWN,
        Permission.RECORD_ACTIVITY: Reach.OWN,
    },
    Role.ANALYST: {
        Permission.VIEW_CASES: Reach.ALL,
        Permission.VIEW_PEOPLE: Reach.ALL,
        Permission.VIEW_DEFINITIONS: Reach.ALL,
        Permission.VIEW_FIGURES: Reach.ALL,
        Permission.VIEW_REVIEWS: Reach.ALL,
        Permission.VIEW_CORRECTIVE_ACTIONS: Reach.ALL,
    },
    Role.CHANNEL_INTEGRATION: {
        Permission.VIEW_CASES: Reach.OWN,
        Permission.VIEW_DEFINITIONS: Reach.ALL,
        Permission.CAPTURE_LEAD: Reach.OWN,
        Permission.RECORD_ACTIVITY: Reach.OWN,
    },
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The cases a viewer may touch under one permission.

    Own cases of a person are those they own and the unowned ones in the queues of their teams; own cases of an integration are those
    of its channels (none listed: every channel).
    """

    reach: Reach
    user_id: UUID | None = None
    team_ids: frozenset[UUID] = frozenset()
    channel_ids: frozenset[UUID] | None = None

    def covers(self, *, owner_id: UUID | None, team_id: UUID | None, channel_id: UUID) -> bool:
        """Whether a case with this owner, team and channel is inside."""
        if self.reach is Reach.ALL:
            return True
        if self.user_id is None:
            return self.channel_ids is None or channel_id in self.channel_ids
        if owner_id == self.user_id:
            return True
        if self.reach is Reach.TEAM:
            return team_id in self.team_ids
        return owner_id is None and team_id in self.team_ids

    def covers_state(self, state: InstanceState, channel_id: UUID) -> bool:
        """Whether a case in this state is inside."""
        owner_id = None if state.owner is None else as_uuid(state.owner)
        team_id = None if state.team is None else as_uuid(state.team)
        return self.covers(owner_id=owner_id, team_id=team_id, channel_id=channel_id)


EVERYTHING = Scope(Reach.ALL)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a user or an integration of a tenant, with roles, teams and, for an integration, its channels."""

    tenant_id: UUID
    actor: Actor
    roles: frozenset[Role]
    team_ids: frozenset[UUID] = frozenset()
    channel_ids: frozenset[UUID] | None = None
    name: str = ""
    email: str | None = None
    permissions: Mapping[Permission, Reach] = field(default_factory=dict)

    @property
    def user_id(self) -> UUID | None:
        """The user; None for an integration."""
        return as_uuid(self.actor.id) if self.actor.kind == "user" and self.actor.id else None

    def may(self, permission: Permission) -> bool:
        """Whether the viewer has the permission at all."""
        return permission in self.permissions

    def scope(self, permission: Permission) -> Scope | None:
        """The cases over which the viewer has the permission; None without it."""
        reach = self.permissions.get(permission)
        if reach is None:
            return None
        return Scope(reach, self.user_id, self.team_ids, self.channel_ids)


def permissions_of(roles: frozenset[Role]) -> dict[Permission, Reach]:
    """The permissions of a set of roles: the widest reach of each."""
    granted: dict[Permission, Reach] = {}
    for role in roles:
        for permission, reach in ROLE_TABLE[role].items():
            known = granted.get(permission)
            if known is None or _ORDER.index(reach) > _ORDER.index(known):
                granted[permission] = reach
    return granted
