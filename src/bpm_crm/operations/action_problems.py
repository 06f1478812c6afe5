"""What is wrong with a corrective action as asked for: each fault with its place and what would be accepted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import Version, read_frame
from bpm_crm.analytics.snapshots import kpis_of
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.texts import shown
from bpm_crm.operations.access import Reach, Scope
from bpm_crm.records.database import Connection
from bpm_crm.records.reference import Reference
from bpm_crm.records.reviews import ActionRecord, has_review

MOST_TITLE, MOST_DESCRIPTION, MOST_REGION = 200, 4_000, 200
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
MOST_SIZE = Decimal(10) ** 15
_NOT_EMPTY = {"expected": "text that is not empty"}


class ExpectedDirection(StrEnum):
    """Where a KPI is expected to move."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Draft:
    """An action as asked for: places and people by the names the caller knows them by, `owner_id` being the caller unless stated."""

    process: str
    title: str
    kpi: str
    expected_direction: ExpectedDirection
    starts_on: date
    owner_id: UUID
    description: str | None = None
    expected_size: Decimal | None = None
    ends_on: date | None = None
    stage: str | None = None
    checkpoint: str | None = None
    team: str | None = None
    channel: str | None = None
    campaign: str | None = None
    region: str | None = None
    case_owner_id: UUID | None = None
    review_id: UUID | None = None

    def columns(self, known: Reference) -> dict[str, Any]:
        """The columns of the row, once there is no problem with any of it."""
        campaign, channel = known.campaign(self.campaign or ""), known.channel(self.channel or "")
        same = ("title", "description", "stage", "checkpoint", "region", "case_owner_id", "owner_id", "kpi")
        terms = ("expected_size", "starts_on", "ends_on", "review_id")
        return {
            **{name: getattr(self, name) for name in (*same, *terms)},
            "expected_direction": self.expected_direction.value,
            "team_id": next((item.id for item in known.teams.values() if item.key == self.team), None),
            "channel_id": None if channel is None else channel.id,
            "campaign_id": None if campaign is None else campaign.id,
        }


async def draft_problems(
    connection: Connection, known: Reference, scope: Scope, definition_id: UUID, asked: Draft
) -> tuple[InputProblem, ...]:
    """The faults of a new action of a process."""
    frame = await read_frame(connection, known.tenant.id, process=asked.process)
    found = [*_text_problems(asked.title, asked.description), *_day_problems(asked.starts_on, asked.ends_on)]
    kpis = await kpis_of(connection, known.tenant.id, asked.process)
    found += [*_place_problems(frame.versions[-1], sorted(kpis), asked), *_size_problems(asked.expected_size)]
    found += _segment_problems(known, scope, asked)
    found += [*_user_problems(known, "owner", asked.owner_id), *_user_problems(known, "caseOwner", asked.case_owner_id)]
    if asked.review_id is not None and not await has_review(
        connection, known.tenant.id, definition_id, asked.review_id
    ):
        found.append(InputProblem(InputCode.UNKNOWN_REVIEW, ("review",)))
    return tuple(found)


def term_problems(known: Reference, before: ActionRecord, after: ActionRecord) -> tuple[InputProblem, ...]:
    """The faults of an action after a change."""
    found = [*_text_problems(after.title, after.description), *_day_problems(after.starts_on, after.ends_on)]
    found += _size_problems(after.expected_size)
    if after.owner_id != before.owner_id:
        found += _user_problems(known, "owner", after.owner_id)
    return tuple(found)


def _place_problems(version: Version, kpis: Sequence[str], asked: Draft) -> list[InputProblem]:
    """The stage and checkpoint are those of the newest version; the KPI is one of the process."""
    places: tuple[tuple[str, str | None, InputCode, Iterable[str]], ...] = (
        ("kpi", asked.kpi, InputCode.UNKNOWN_KPI, kpis),
        ("stage", asked.stage, InputCode.UNKNOWN_STAGE, version.stages),
        ("checkpoint", asked.checkpoint, InputCode.UNKNOWN_CHECKPOINT, version.checkpoints),
    )
    return [_unknown(name, value, code, known) for name, value, code, known in places if not _is_one_of(value, known)]


def _segment_problems(known: Reference, scope: Scope, asked: Draft) -> list[InputProblem]:
    """Who reaches a team only must name one of theirs: it is its cases the action is about."""
    mine = [item.key for item in known.teams.values() if scope.reach is Reach.ALL or item.id in scope.team_ids]
    places: tuple[tuple[str, str | None, InputCode, Iterable[str]], ...] = (
        ("team", asked.team, InputCode.UNKNOWN_TEAM, mine),
        ("channel", asked.channel, InputCode.UNKNOWN_CHANNEL, [item.key for item in known.channels.values()]),
        ("campaign", asked.campaign, InputCode.UNKNOWN_CAMPAIGN, [item.key for item in known.campaigns.values()]),
    )
    found = [_unknown(name, value, code, keys) for name, value, code, keys in places if not _is_one_of(value, keys)]
    if asked.team is None and scope.reach is not Reach.ALL:
        found.append(_unknown("team", "", InputCode.UNKNOWN_TEAM, mine))
    if asked.region is not None and len(asked.region) > MOST_REGION:
        found.append(_too_long("region", MOST_REGION))
    return found


def _text_problems(title: str, description: str | None) -> list[InputProblem]:
    found = []
    if not title.strip():
        found.append(InputProblem(InputCode.WRONG_TYPE, ("title",), title, params=_NOT_EMPTY))
    if len(title) > MOST_TITLE:
        found.append(_too_long("title", MOST_TITLE))
    if description is not None and len(description) > MOST_DESCRIPTION:
        found.append(_too_long("description", MOST_DESCRIPTION))
    return found


def _day_problems(starts_on: date, ends_on: date | None) -> list[InputProblem]:
    found = []
    for name, day, first in (("startsOn", starts_on, FIRST_DAY), ("endsOn", ends_on, starts_on)):
        if day is not None and day < first:
            limit = {"limit": first.isoformat()}
            found.append(InputProblem(InputCode.TOO_EARLY, (name,), day.isoformat(), params=limit))
        if day is not None and day > LAST_DAY:
            limit = {"limit": LAST_DAY.isoformat()}
            found.append(InputProblem(InputCode.TOO_LATE, (name,), day.isoformat(), params=limit))
    return found


def _size_problems(size: Decimal | None) -> list[InputProblem]:
    """How far the KPI moves is a distance; the direction says which way."""
    if size is None or 0 < size <= MOST_SIZE:
        return []
    code, limit = (InputCode.TOO_SMALL, "0.000001") if size <= 0 else (InputCode.TOO_LARGE, str(MOST_SIZE))
    return [InputProblem(code, ("expectedSize",), shown(str(size)), params={"limit": limit})]


def _user_problems(known: Reference, name: str, user_id: UUID | None) -> list[InputProblem]:
    user = None if user_id is None else known.users.get(user_id)
    if user_id is None or (user is not None and user.is_active):
        return []
    return [InputProblem(InputCode.UNKNOWN_USER, (name,))]


def _is_one_of(value: str | None, known: Iterable[str]) -> bool:
    return value is None or value in known


def _unknown(name: str, value: str | None, code: InputCode, known: Iterable[str]) -> InputProblem:
    return InputProblem(code, (name,), shown(value or ""), tuple(known))


def _too_long(name: str, most: int) -> InputProblem:
    return InputProblem(InputCode.TOO_LONG, (name,), params={"limit": str(most)})
