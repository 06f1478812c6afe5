"""The timers of a stage: when which clock warns, is breached and escalates, as BPMN boundary events name it."""

from collections.abc import Iterator
from dataclasses import dataclass

from bpm_crm.engine.definition import ProcessDefinition, SlaPolicy, Span
from bpm_crm.engine.drawing.picture import clocks_at
from bpm_crm.engine.duration import WorkingTime, format_duration


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment of a clock that can start in a stage: the duration from its start, and who hears of it."""

    stage: str
    clock: str
    number: int
    title: str
    duration: str
    told: str

    @property
    def id(self) -> str:
        """The id of its boundary event."""
        return f"Timer_{self.stage}.{self.clock}.{self.number}"

    @property
    def end_id(self) -> str:
        """The id of the end event that it leads to."""
        return f"Told_{self.stage}.{self.clock}.{self.number}"

    @property
    def flow_id(self) -> str:
        """The id of the flow between them."""
        return f"Tells_{self.stage}.{self.clock}.{self.number}"


def timers_at(definition: ProcessDefinition, stage: str) -> list[Timer]:
    """The timers of a stage, clock by clock in the order of the document, each clock's in the order of time."""
    return [timer for policy in clocks_at(definition, stage) for timer in _timers(policy, stage)]


def _timers(policy: SlaPolicy, stage: str) -> Iterator[Timer]:
    target = policy.target(stage)
    if target is None:
        return
    for number, (duration, told) in enumerate(_moments(policy, target), 1):
        yield Timer(stage, policy.key, number, policy.title.en, duration, told)


def _moments(policy: SlaPolicy, target: Span) -> Iterator[tuple[str, str]]:
    budget = target.microseconds if isinstance(target, WorkingTime) else None
    for warning in policy.warnings:
        if budget is not None:
            yield format_duration(warning.threshold(budget)), "warning"
        elif warning.share is not None:
            yield f"{(warning.share * 100).normalize():f}% of {target}", "warning"
        else:
            yield f"{format_duration(warning.before or 0)} before {target}", "warning"
    at_once = [step.to for step in policy.escalations if not step.after]
    yield str(target), ", ".join(["breach", *at_once])
    for step in policy.escalations:
        if step.after and budget is not None:
            yield format_duration(budget + step.after), step.to
        elif step.after:
            yield f"{target} and {format_duration(step.after)}", step.to
