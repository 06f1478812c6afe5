"""A trace: what to do with a case, step by step, to see for oneself what the prover found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bpm_crm.engine.instants import instant_of, moment_of


class Act(StrEnum):
    """What a step of a trace does."""

    START = "start"
    FIRE = "fire"
    RECORD = "record"
    ASSIGN = "assign"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step: what is done, with which input, by whom and when (microseconds), and the stage it leads to.

    `name` is the trigger fired or the kind of activity recorded. `transition` is the one that a trigger takes, or that an approval is for;
    a trigger that is refused takes none, and `stage` is then the one in which the case stays.
    """

    act: Act
    at: int
    stage: str
    name: str = ""
    transition: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    actor: str | None = None
    roles: tuple[str, ...] = ()
    direction: str = "internal"
    automated: bool = False
    subject: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None

    def text(self) -> str:
        """The step in one line."""
        said = [self.act.value, *([self.name] if self.name else [])]
        if self.act is Act.RECORD:
            said.append(self.direction)
        said.extend(f"{key}={value!r}" for key, value in {**self.subject, **self.data}.items())
        if self.reason is not None:
            said.append(f"reason={self.reason}")
        if self.roles:
            said.append(f"as {'+'.join(self.roles)}")
        return f"{' '.join(said)} → {self.stage}"


Trace = tuple[TraceStep, ...]


def trace_data(trace: Sequence[TraceStep]) -> list[dict[str, Any]]:
    """A trace as plain JSON data; what says nothing is left out."""
    return [_plain(step) for step in trace]


def trace_of(data: Sequence[Mapping[str, Any]]) -> Trace:
    """The trace of its plain data."""
    return tuple(_step(item) for item in data)


def _plain(step: TraceStep) -> dict[str, Any]:
    found: dict[str, Any] = {
        "act": step.act.value,
        "at": moment_of(step.at).isoformat().replace("+00:00", "Z"),
        "stage": step.stage,
        "name": step.name,
        "transition": step.transition,
        "data": dict(step.data),
        "reason": step.reason,
        "actor": step.actor,
        "roles": list(step.roles),
        "direction": step.direction if step.act is Act.RECORD else None,
        "automated": step.automated,
        "subject": dict(step.subject),
        "owner": step.owner,
    }
    return {key: value for key, value in found.items() if value or key in {"act", "at", "stage"}}


def _step(data: Mapping[str, Any]) -> TraceStep:
    return TraceStep(
        act=Act(data["act"]),
        at=instant_of(datetime.fromisoformat(data["at"])),
        stage=data["stage"],
        name=data.get("name", ""),
        transition=data.get("transition"),
        data=data.get("data", {}),
        reason=data.get("reason"),
        actor=data.get("actor"),
        roles=tuple(data.get("roles", ())),
        direction=data.get("direction", "internal"),
        automated=data.get("automated", False),
        subject=data.get("subject", {}),
        owner=data.get("owner"),
    )
