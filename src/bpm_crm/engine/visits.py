"""A stay of a case in a stage, measured: its business time, and how much of that it was paused for."""

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.events import StageLeft
from bpm_crm.engine.state import Hold


def paused_by(calendar: BusinessCalendar, hold: Hold, entered_at: int, at: int) -> int:
    """The paused business time, by `at`, of the visit that began at `entered_at`."""
    if not hold.reasons:
        return hold.paused
    since = max(hold.since, entered_at)
    return hold.paused + (calendar.between(since, at) if at > since else 0)


def visit_left(
    calendar: BusinessCalendar, stage: str, visit: int, *, entered_at: int, hold: Hold, at: int
) -> StageLeft:
    """The end of a visit at `at`."""
    business = calendar.between(entered_at, at)
    paused = paused_by(calendar, hold, entered_at, at)
    return StageLeft(stage, visit, entered_at, business, max(0, business - paused))
