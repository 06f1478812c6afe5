"""What clocks, pauses and checkpoints hang on: moments inside a step, recorded activities, and conditions made of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OccasionKind(StrEnum):
    """What happened inside a step; clocks, pauses and checkpoints hang on occasions."""

    STARTED = "started"
    LEAVING = "leaving"
    TRANSITION = "transition"
    ENTERING = "entering"
    CHECKPOINT = "checkpoint"
    ENDED = "ended"


STANDARD_ACTIVITIES: Mapping[str, tuple[str, str]] = {
    "call": ("Call", "Звонок"),
    "email": ("E-mail", "Письмо"),
    "message": ("Message", "Сообщение"),
    "meeting": ("Meeting", "Встреча"),
    "visit": ("Visit", "Визит"),
    "note": ("Note", "Заметка"),
    "task": ("Task done", "Задача выполнена"),
    "approval": ("Approval", "Согласование"),
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """A moment inside a step: a stage entered or left, a transition, a checkpoint, the start or the end of the case."""

    kind: OccasionKind
    key: str = ""


@dataclass(frozen=True, slots=True)
class ActivityMatch:
    """Which recorded activities count; None accepts anything."""

    kind: str | None = None
    direction: str | None = None
    automated: bool | None = None

    def accepts(self, kind: str, direction: str, automated: bool) -> bool:
        """Whether an activity of this kind and direction, by a human or not, counts."""
        return (
            self.kind in {None, kind}
            and self.direction in {None, direction}
            and (self.automated is None or self.automated == automated)
        )


# A response is the first outbound contact by a human: `semantics.md` §4.
RESPONSE = ActivityMatch(direction="outbound", automated=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """Any of these occasions or activities."""

    occasions: tuple[Occasion, ...] = ()
    activities: tuple[ActivityMatch, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can ever meet the condition."""
        return not self.occasions and not self.activities


NEVER = Condition()
