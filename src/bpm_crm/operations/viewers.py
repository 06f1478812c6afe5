"""Who asks, out of the reference data: a user with roles and teams, or an integration with its channels."""

from datetime import datetime
from uuid import UUID

from bpm_crm.engine.state import Actor
from bpm_crm.operations.access import Role, Viewer, permissions_of
from bpm_crm.records.reference import ApiKeyRecord, Reference, UserRecord


def viewer_of_user(reference: Reference, user_id: UUID) -> Viewer | None:
    """The viewer a user is now; None when there is no such active user."""
    user = reference.users.get(user_id)
    return None if user is None or not user.is_active else _viewer(reference, user)


def user_of_token(reference: Reference, subject: str, email: str | None) -> UUID | None:
    """The user a token speaks of: by the identity provider's subject, our own id, or a verified e-mail address."""
    for user in reference.users.values():
        if subject in {str(user.id), user.subject}:
            return user.id
    matches = [user.id for user in reference.users.values() if email is not None and user.email == email.lower()]
    return matches[0] if matches else None


def viewer_of_key(reference: Reference, secret_hash: bytes, at: datetime) -> Viewer | None:
    """The viewer an integration's key stands for at an instant; None when it is unknown, expired or revoked."""
    key = reference.api_keys.get(secret_hash)
    if key is None or key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at):
        return None
    return _integration(reference, key)


def _viewer(reference: Reference, user: UserRecord) -> Viewer:
    roles = frozenset(Role(role) for role in user.roles)
    led = {team.id for team in reference.teams.values() if team.lead_id == user.id}
    teams = (*user.team_ids, *sorted(led - set(user.team_ids)))
    actor = Actor(str(user.id), "user", frozenset(role.value for role in roles), str(teams[0]) if teams else None)
    return Viewer(
        tenant_id=reference.tenant.id,
        actor=actor,
        roles=roles,
        team_ids=frozenset(teams),
        name=user.name,
        email=user.email,
        permissions=permissions_of(roles),
    )


def _integration(reference: Reference, key: ApiKeyRecord) -> Viewer:
    roles = frozenset({Role(key.role)})
    return Viewer(
        tenant_id=reference.tenant.id,
        actor=Actor(str(key.id), "integration", frozenset({key.role})),
        roles=roles,
        channel_ids=frozenset(key.channel_ids) or None,
        name=key.name,
        permissions=permissions_of(roles),
    )
