"""Capturing leads: from what a caller says of a lead to the command that begins its case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.texts import shown
from bpm_crm.operations.access import Reach, Scope, Viewer
from bpm_crm.operations.commands import Capture, CustomerDetails, NotUnderstood
from bpm_crm.operations.requests import digest_of
from bpm_crm.records.reference import ChannelRecord, DefinitionRecord, Reference

MOST_TEXT = 400
"""Characters of a text that identifies or places a case: an index holds it whole, at four bytes each."""
MOST_VERSIONS_NAMED = 20
TEST = "test"


@dataclass(frozen=True, slots=True)
class Lead:
    """What a caller says of a lead; channel, campaign and team by their keys. `version` is that of the process; None: as is due."""

    channel: str
    external_id: str | None = None
    customer: CustomerDetails | None = None
    title: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    campaign: str | None = None
    region: str | None = None
    team: str | None = None
    owner_id: UUID | None = None
    is_test: bool = False
    comment: str | None = None
    occurred_at: datetime | None = None
    version: int | None = None


def capture_of(reference: Reference, viewer: Viewer, scope: Scope, lead: Lead) -> Capture | NotUnderstood:
    """The command that captures a lead, under the version of its channel's process that is due or stated; or all that is wrong with it.

    Without a team it goes into the queue of the caller's own; its region is the customer's unless stated.
    """
    problems = [*_reference_problems(reference, scope, lead), *_length_problems(lead)]
    channel = reference.channel(lead.channel)
    if problems or channel is None or channel.definition_id is None:
        return NotUnderstood(tuple(problems))
    customer = lead.customer if lead.customer and (lead.customer.name or lead.customer.contacts) else None
    definition = reference.definitions[channel.definition_id]
    campaign = None if lead.campaign is None else reference.campaign(lead.campaign)
    return Capture(
        definition_id=channel.definition_id,
        version=lead.version or definition.taken_version,
        rollout_id=definition.rollout_id if lead.version is None else None,
        channel_id=channel.id,
        channel_key=channel.key,
        data=lead.data,
        external_id=lead.external_id,
        fingerprint=fingerprint_of(lead),
        customer=customer,
        title=lead.title,
        currency=reference.tenant.currency,
        campaign_id=None if campaign is None else campaign.id,
        region=lead.region or (None if customer is None else customer.region),
        owner_id=lead.owner_id,
        team_id=_team_of(reference, viewer, lead),
        exclusion=TEST if lead.is_test else None,
        comment=lead.comment,
        occurred_at=lead.occurred_at,
    )


def fingerprint_of(lead: Lead) -> bytes:
    """The digest of a lead's content, by which a repetition is told from another lead under the same external id."""
    customer = lead.customer or CustomerDetails()
    said: list[Any] = [
        lead.channel,
        lead.external_id,
        customer.name,
        customer.phone,
        customer.email,
        customer.region,
        lead.title,
    ]
    said += [lead.data, lead.campaign, lead.region, lead.is_test, lead.occurred_at]
    said += [] if lead.version is None else [lead.version]
    return digest_of(said)


def _reference_problems(reference: Reference, scope: Scope, lead: Lead) -> list[InputProblem]:
    found = _channel_problems(reference, scope, lead)
    if lead.campaign is not None and reference.campaign(lead.campaign) is None:
        keys = tuple(item.key for item in reference.campaigns.values())
        found.append(InputProblem(InputCode.UNKNOWN_CAMPAIGN, ("campaign",), shown(lead.campaign), keys))
    teams = tuple(item.key for item in reference.teams.values())
    if lead.team is not None and lead.team not in teams:
        found.append(InputProblem(InputCode.UNKNOWN_TEAM, ("team",), shown(lead.team), teams))
    owner = None if lead.owner_id is None else reference.users.get(lead.owner_id)
    if lead.owner_id is not None and (owner is None or not owner.is_active):
        found.append(InputProblem(InputCode.UNKNOWN_USER, ("owner",), str(lead.owner_id)))
    return found


def _channel_problems(reference: Reference, scope: Scope, lead: Lead) -> list[InputProblem]:
    channel = reference.channel(lead.channel)
    if channel is None or not _takes(channel, scope):
        return [InputProblem(InputCode.UNKNOWN_CHANNEL, ("channel",), shown(lead.channel), _taking(reference, scope))]
    definition = _definition(reference, channel)
    if definition.retired_at is not None:
        return [InputProblem(InputCode.PROCESS_RETIRED, ("channel",), definition.key, _taking(reference, scope))]
    if lead.version is not None and not 1 <= lead.version <= definition.latest_version:
        return [unknown_version(lead.version, definition.latest_version, ("version",))]
    return []


def _taking(reference: Reference, scope: Scope) -> tuple[str, ...]:
    """The keys of the channels that take leads from a caller with this scope."""
    channels = (item for item in reference.channels.values() if _takes(item, scope))
    return tuple(item.key for item in channels if _definition(reference, item).retired_at is None)


def unknown_version(version: int, latest: int, path: tuple[str, ...]) -> InputProblem:
    """The problem of a version that a process with so many versions has not."""
    known = tuple(str(number) for number in range(max(1, latest - MOST_VERSIONS_NAMED + 1), latest + 1))
    return InputProblem(InputCode.UNKNOWN_VERSION, path, str(version), known)


def _definition(reference: Reference, channel: ChannelRecord) -> DefinitionRecord:
    """The process that handles a channel which takes leads."""
    if channel.definition_id is None:
        raise LookupError(f"channel {channel.key} has no process")
    return reference.definitions[channel.definition_id]


def _takes(channel: ChannelRecord, scope: Scope) -> bool:
    """Whether a channel takes leads from a caller with this scope."""
    mine = scope.reach is Reach.ALL or scope.channel_ids is None or channel.id in scope.channel_ids
    return channel.is_active and channel.definition_id is not None and mine


def _length_problems(lead: Lead) -> list[InputProblem]:
    customer = lead.customer or CustomerDetails()
    texts: dict[tuple[str, ...], str | None] = {
        ("externalId",): lead.external_id,
        ("title",): lead.title,
        ("region",): lead.region,
    }
    texts |= {("customer", "name"): customer.name, ("customer", "region"): customer.region}
    found = [
        InputProblem(InputCode.TOO_LONG, path, params={"limit": str(MOST_TEXT)})
        for path, text in texts.items()
        if text is not None and len(text) > MOST_TEXT
    ]
    if lead.external_id is not None and not lead.external_id.strip():
        expected = {"expected": "text that is not empty"}
        found.append(InputProblem(InputCode.WRONG_TYPE, ("externalId",), lead.external_id, params=expected))
    return found


def _team_of(reference: Reference, viewer: Viewer, lead: Lead) -> UUID | None:
    if lead.team is not None:
        return next(item.id for item in reference.teams.values() if item.key == lead.team)
    owner = None if lead.owner_id is None else reference.users.get(lead.owner_id)
    if owner is not None and owner.team_ids:
        return owner.team_ids[0]
    return None if viewer.actor.team is None else UUID(viewer.actor.team)
