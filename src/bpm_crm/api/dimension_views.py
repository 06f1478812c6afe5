"""What a case and its deal show alike: whether it runs, and by what figures count it."""

from typing import Generic, Protocol, TypeVar
from uuid import UUID

from bpm_crm.api.channels import Campaign, Channel, campaign_of, channel_of
from bpm_crm.api.context import RequestContext
from bpm_crm.api.instance_filters import InstanceStatus
from bpm_crm.api.instances import Outcome
from bpm_crm.api.people import Team, User, shown_user, team_of


class _Record(Protocol):
    """A record of a case or a deal."""

    @property
    def outcome(self) -> str | None: ...

    @property
    def channel_id(self) -> UUID: ...

    @property
    def campaign_id(self) -> UUID | None: ...

    @property
    def owner_id(self) -> UUID | None: ...

    @property
    def team_id(self) -> UUID | None: ...


R = TypeVar("R", bound=_Record)


class DimensionsView(Generic[R]):
    """The outcome and the dimensions of a record, made when asked for."""

    record: R
    context: RequestContext

    @property
    def status(self) -> InstanceStatus:
        """Whether it runs, or how it ended."""
        return InstanceStatus(self.record.outcome or "running")

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        return None if self.record.outcome is None else Outcome(self.record.outcome)

    @property
    def channel(self) -> Channel:
        """Channel through which it came."""
        return channel_of(self.context.known, self.record.channel_id, self.context.language)

    @property
    def campaign(self) -> Campaign | None:
        """Campaign that brought it."""
        return campaign_of(self.context.known, self.record.campaign_id)

    @property
    def owner(self) -> User | None:
        """Who is responsible."""
        return shown_user(self.context, self.record.owner_id)

    @property
    def team(self) -> Team | None:
        """Team in whose queue it is."""
        return team_of(self.context.people, self.record.team_id)
