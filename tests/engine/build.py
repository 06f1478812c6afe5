"""Small definitions from YAML text, people, instants of Moscow, and ways to take steps that must succeed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from bpm_crm.engine import step as engine
from bpm_crm.engine.blockers import Blocker, InputProblem, Malformed, Refused
from bpm_crm.engine.clock import ClockEvent, ClockEventKind
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.instants import MICROSECOND, instant_of
from bpm_crm.engine.problems import DefinitionInvalid, Problem
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import Activity, Outcome, Step
from bpm_crm.engine.validate import validate
from bpm_crm.processes.definitions import definition_of, parse_document
from bpm_crm.processes.library import ResolvedProcess, resolve, shipped_text
from bpm_crm.processes.yaml_reader import read_yaml

ROLES = frozenset({"admin", "manager", "salesperson"})
YEARS = range(2026, 2028)
MOSCOW = ZoneInfo("Europe/Moscow")

SELLER = Actor("ann", "user", frozenset({"salesperson"}), "north")
COLLEAGUE = Actor("bob", "user", frozenset({"salesperson"}), "north")
MANAGER = Actor("mira", "user", frozenset({"manager"}), "north")
ROBOT = Actor("key", "integration", frozenset({"manager"}))
SYSTEM = Actor(None, "system", frozenset())

MINUTE = 60 * 10**6
HOUR = 60 * MINUTE

CALL = Activity("call", "outbound")

SMALL = """
process: small
title: {en: Small, ru: Малый}
channels: [small]
calendar:
  zone: Europe/Moscow
  week: {mon-fri: 09:00-18:00}
fields:
  amount: {type: decimal, title: {en: Amount, ru: Сумма}, min: 0, max: 1000}
stages:
  new: {kind: initial, title: {en: New, ru: Новый}, waiver: {en: Tried here, ru: Проба}}
  work: {kind: open, title: {en: Work, ru: Работа}, waiver: {en: Tried here, ru: Проба}}
  waiting: {kind: waiting, title: {en: Waiting, ru: Ожидание}}
  won: {kind: won, title: {en: Won, ru: Успех}}
  lost: {kind: lost, title: {en: Lost, ru: Проигрыш}}
transitions:
  begin: {title: {en: Begin, ru: Начать}, from: new, to: work}
  wait: {title: {en: Wait, ru: Ждать}, from: work, to: waiting}
  resume: {title: {en: Resume, ru: Продолжить}, from: waiting, to: work}
  win: {title: {en: Win, ru: Выиграть}, from: work, to: won}
  lose: {title: {en: Lose, ru: Проиграть}, from: "*", to: lost, reason: required}
  reopen: {title: {en: Reopen, ru: Вернуть}, from: lost, to: work}
checkpoints:
  lead: {title: {en: Lead, ru: Обращение}, order: 1, reached: {started: true}}
  worked: {title: {en: Worked, ru: Взят}, order: 2, reached: {entering: work}}
pauses:
  customer: {title: {en: Customer, ru: Клиент}, during: waiting}
reasons:
  price: {title: {en: Price, ru: Цена}, for: lose}
"""

CLOCK = """
clocks:
  task:
    title: {en: Task, ru: Задача}
    start: {started: true}
    stop: {activity: response}
    target: PT2H
"""


def with_clock(clock: str, text: str = SMALL) -> str:
    """The small process with one clock `task`, given by the lines of its part after the title."""
    lines = "\n".join(f"    {line}" for line in clock.strip().splitlines())
    return f"{text}clocks:\n  task:\n    title: {{en: Task, ru: Задача}}\n{lines}\n"


def small(clock: str = "", **changes: str) -> Process:
    """The small process, with one clock where its lines are given, and places of its text exchanged."""
    text = with_clock(clock) if clock else SMALL
    for old, new in changes.items():
        text = changed(text, old, new)
    return process_of(text)


def changed(text: str, old: str, new: str) -> str:
    """The text with one place exchanged, which must be there once."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


def definition_from(text: str) -> ProcessDefinition:
    """The definition of a document, proved or not."""
    return definition_of(parse_document(read_yaml(text).data))


@cache
def process_of(text: str) -> Process:
    """The sound process of a document."""
    definition = definition_from(text)
    assert validate(definition, ROLES) == (), [problem.text() for problem in validate(definition, ROLES)]
    return Process(definition)


@cache
def shipped(key: str) -> ResolvedProcess:
    """A shipped process, resolved."""
    return resolve(shipped_text(key), years=YEARS, roles=ROLES)


@cache
def shipped_process(key: str) -> Process:
    """A shipped process, ready to run."""
    return Process(shipped(key).definition)


def problems_of(text: str) -> tuple[Problem, ...]:
    """Everything that publishing the document would complain of."""
    try:
        resolve(text, years=YEARS, roles=ROLES)
    except DefinitionInvalid as error:
        return error.problems
    return ()


def at(text: str) -> int:
    """The instant of a wall time in Moscow, such as `2026-11-16 09:00` (a Monday)."""
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=MOSCOW))


def wall(instant: int | None) -> str | None:
    """The wall time in Moscow of an instant."""
    if instant is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(microseconds=instant)
    return moment.astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M")


def begun(process: Process, when: str = "2026-11-16 09:00", **data: Any) -> InstanceState:
    """A case that began then."""
    return began(process, at(when), data).state


def began(process: Process, when: int, data: Mapping[str, Any] | None = None) -> Step:
    """The first step of a case."""
    found = engine.start(
        process,
        data=data or {},
        owner=None,
        team="north",
        subject={"channel": "small", "region": "moscow"},
        exclusion=None,
        at=when,
    )
    assert isinstance(found, Step), found
    return found


def fired(
    process: Process,
    state: InstanceState,
    trigger: str,
    when: str | int,
    *,
    reason: str | None = None,
    actor: Actor = SELLER,
    **data: Any,
) -> Outcome:
    """What firing a trigger answers."""
    return engine.fire(process, state, trigger, data, reason, actor, _instant(when))


def moved(process: Process, state: InstanceState, trigger: str, when: str | int, **options: Any) -> InstanceState:
    """The state after a move that must succeed."""
    return taken(fired(process, state, trigger, when, **options)).state


def acted(
    process: Process, state: InstanceState, when: str | int, activity: Activity = CALL, actor: Actor = SELLER
) -> Step:
    """The step of an act that must be recorded."""
    return taken(engine.record(process, state, activity, actor, _instant(when)))


def ticked(process: Process, state: InstanceState, when: str | int) -> Step | None:
    """What the passing of time brings."""
    return engine.tick(process, state, _instant(when))


def taken(outcome: Outcome) -> Step:
    """The step that must have been taken."""
    assert isinstance(outcome, Step), outcome
    return outcome


def blockers(outcome: Outcome) -> tuple[Blocker, ...]:
    """The blockers of a refusal."""
    assert isinstance(outcome, Refused), outcome
    return outcome.blockers


def codes(outcome: Outcome) -> list[str]:
    """The codes of a refusal, in order."""
    return [blocker.code.value for blocker in blockers(outcome)]


def faults(outcome: Outcome) -> tuple[InputProblem, ...]:
    """The faults of a malformed input."""
    assert isinstance(outcome, Malformed), outcome
    return outcome.problems


def clock_events(step: Step | None, key: str = "task") -> list[tuple[str, str | None]]:
    """What happened to a clock in a step: kind (with the step of a warning or escalation) and wall time."""
    events = () if step is None else step.events
    found = [event for event in events if isinstance(event, ClockEvent) and event.clock.policy == key]
    return [(_named(event), wall(event.at)) for event in found]


def minutes(microseconds: int) -> int:
    """Whole minutes."""
    whole, rest = divmod(microseconds * MICROSECOND, timedelta(minutes=1))
    assert not rest
    return whole


def _named(event: ClockEvent) -> str:
    name = event.kind.value if event.withdrawn is None else f"{event.kind.value} {event.withdrawn.value}"
    return f"{name} {event.step}" if event.step and event.kind is not ClockEventKind.STOPPED else name


def _instant(when: str | int) -> int:
    return at(when) if isinstance(when, str) else when
