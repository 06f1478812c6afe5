"""From a typed document to the engine's definition: shorthands written out, durations and hours read, faults collected."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from bpm_crm.engine.calendar_spec import CalendarSpec
from bpm_crm.engine.definition import (
    AssignOwner,
    Checkpoint,
    Claim,
    Effect,
    Escalation,
    Field,
    Guard,
    Pause,
    ProcessDefinition,
    Reason,
    SetField,
    SlaPolicy,
    SlaWarning,
    Span,
    Stage,
    StartProcess,
    Title,
    Transition,
)
from bpm_crm.engine.duration import DurationInvalid, WorkingTime, parse_span
from bpm_crm.engine.occasions import Condition
from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.engine.weekly_hours import Hours
from bpm_crm.processes.conditions import condition_of, names_of, stages_of
from bpm_crm.processes.document import (
    AssignEffect,
    CalendarPart,
    ClockPart,
    Conditions,
    FieldPart,
    PausePart,
    ProcessDocument,
    ReasonPart,
    SetEffect,
    Titles,
    TransitionPart,
)
from bpm_crm.processes.hours import exceptions_of, week_of
from bpm_crm.processes.shapes import shape_problems

T = TypeVar("T")

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%")


def restore(data: Mapping[str, Any]) -> ProcessDefinition:
    """The definition of a published document, which was proved when it was published."""
    return definition_of(parse_document(data))


def parse_document(data: Any) -> ProcessDocument:
    """The typed document of plain data; `DefinitionInvalid` with a `SHAPE` problem for every place that does not fit."""
    try:
        return ProcessDocument.model_validate(data)
    except ValidationError as error:
        raise DefinitionInvalid(shape_problems(error, data)) from error


def data_of(document: ProcessDocument) -> dict[str, Any]:
    """A document as plain JSON data, without what it leaves at its default: what is stored, hashed and returned."""
    return document.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def definition_of(document: ProcessDocument) -> ProcessDefinition:
    """The engine's definition of a document; `DefinitionInvalid` for durations and hours that cannot be read."""
    return _Builder(document).build()


class _Builder:
    def __init__(self, document: ProcessDocument) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def build(self) -> ProcessDefinition:
        document = self.document
        definition = ProcessDefinition(
            key=document.process,
            title=_title(document.title),
            description=None if document.description is None else _title(document.description),
            channels=tuple(document.channels),
            calendar=self._calendar(document.calendar),
            fields={key: _field(key, part) for key, part in document.fields.items()},
            activities={key: _title(titles) for key, titles in document.activities.items()},
            stages={
                key: Stage(
                    key, part.kind, _title(part.title), order, None if part.waiver is None else _title(part.waiver)
                )
                for order, (key, part) in enumerate(document.stages.items(), 1)
            },
            transitions={key: self._transition(key, part) for key, part in document.transitions.items()},
            checkpoints={
                key: Checkpoint(key, _title(part.title), part.order, self._condition(part.reached))
                for key, part in document.checkpoints.items()
            },
            pauses={key: self._pause(key, part) for key, part in document.pauses.items()},
            policies={key: self._policy(key, part) for key, part in document.clocks.items()},
            reasons={key: _reason(key, part) for key, part in document.reasons.items()},
            key_stage=document.key_stage,
            alternatives={
                trigger: frozenset([claims] if isinstance(claims, Claim) else claims)
                for trigger, claims in document.alternatives.items()
            },
        )
        if self.problems:
            raise DefinitionInvalid(self.problems)
        return definition

    def _calendar(self, part: CalendarPart) -> CalendarSpec:
        return CalendarSpec(part.zone, self._read(week_of, part), self._read(exceptions_of, part))

    def _read(self, read: Callable[[CalendarPart], dict[T, Hours]], part: CalendarPart) -> dict[T, Hours]:
        try:
            return read(part)
        except DefinitionInvalid as error:
            self.problems.extend(error.problems)
            return {}

    def _transition(self, key: str, part: TransitionPart) -> Transition:
        return Transition(
            key=key,
            trigger=part.trigger or key,
            title=_title(part.title),
            sources=tuple(stages_of(part.sources, self.document.stages)),
            target=part.to,
            guard=_guard(part),
            required=tuple(dict.fromkeys(part.require)),
            reason=part.reason,
            roles=frozenset(part.roles),
            approval_roles=None if part.approval is None else frozenset(part.approval.roles),
            effects=tuple(_effects(part)),
        )

    def _policy(self, key: str, part: ClockPart) -> SlaPolicy:
        at = ("clocks", key)
        targets = {"": part.target} if isinstance(part.target, str) else part.target
        spans = {stage: self._span(text, (*at, "target")) for stage, text in targets.items()}
        return SlaPolicy(
            key=key,
            title=_title(part.title),
            checkpoint=part.checkpoint,
            start=self._condition(part.start),
            stop=self._condition(part.stop),
            cancel=self._condition(part.cancel),
            pauses=frozenset(names_of(part.pause)),
            targets={"" if stage == "default" else stage: span for stage, span in spans.items() if span is not None},
            always_open=part.calendar == "always",
            warnings=tuple(self._warning(text, (*at, "warnings")) for text in part.warnings),
            escalations=tuple(
                Escalation(self._working_time(step.after, (*at, "escalate")), step.to) for step in part.escalate
            ),
            reopening=part.reopen,
        )

    def _pause(self, key: str, part: PausePart) -> Pause:
        begins, ends = self._condition(part.begins), self._condition(part.until)
        return Pause(key, _title(part.title), frozenset(names_of(part.during)), begins, ends)

    def _condition(self, part: Conditions | None) -> Condition:
        return condition_of(part, self.document.stages)

    def _span(self, text: str, path: tuple[str, ...]) -> Span | None:
        try:
            return parse_span(text)
        except DurationInvalid as error:
            self.problems.append(Problem(ProblemCode.DURATION_INVALID, path, {"value": text, "fault": str(error)}))
            return None

    def _warning(self, text: str, path: tuple[str, ...]) -> SlaWarning:
        percent = _PERCENT.fullmatch(text)
        if percent is not None:
            return SlaWarning(Decimal(percent.group(1)) / 100, None)
        return SlaWarning(None, self._working_time(text, path))

    def _working_time(self, text: str | None, path: tuple[str, ...]) -> int:
        span = None if text is None else self._span(text, path)
        if span is not None and not isinstance(span, WorkingTime):
            fault = "count it in working time, for example PT4H"
            self.problems.append(Problem(ProblemCode.DURATION_INVALID, path, {"value": str(text), "fault": fault}))
            return 0
        return 0 if span is None else span.microseconds


def _title(titles: Titles) -> Title:
    return Title(titles.en, titles.ru)


def _field(key: str, part: FieldPart) -> Field:
    return Field(
        key=key,
        type=part.type,
        title=_title(part.title),
        options={name: _title(titles) for name, titles in part.options.items()},
        minimum=part.min,
        maximum=part.max,
        max_length=part.max_length,
        personal=part.personal,
        binds=part.binds,
    )


def _guard(part: TransitionPart) -> Guard | None:
    if part.guard is None:
        return None
    if isinstance(part.guard, str):
        return Guard(part.guard, None, None)
    message, unblock = part.guard.message, part.guard.unblock
    return Guard(
        part.guard.when, None if message is None else _title(message), None if unblock is None else _title(unblock)
    )


def _effects(part: TransitionPart) -> Iterable[Effect]:
    for effect in part.effects:
        if isinstance(effect, SetEffect):
            yield from (SetField(field, expression) for field, expression in effect.set.items())
        elif isinstance(effect, AssignEffect):
            yield AssignOwner(keep=effect.assign == "actor_if_unowned")
        else:
            yield StartProcess(effect.start)


def _reason(key: str, part: ReasonPart) -> Reason:
    return Reason(key, _title(part.title), frozenset(names_of(part.transitions)), frozenset(names_of(part.stages)))
