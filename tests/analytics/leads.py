"""Leads told in one line each: what happened to them, at which hour of a week long past."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Frame, Question, read_frame
from bpm_crm.analytics.funnel import FunnelFigures, read_funnel
from bpm_crm.analytics.funnel_figures import SegmentFigures
from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Assign, Capture, Command, Exclude, Fire, Force, Record, Recorded, Work
from tests.world import World

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
LATER = datetime(2026, 10, 1, tzinfo=UTC)
STEPS = ("lead", "interested", "offer", "contract", "paid", "delivered")

DATA: dict[str, dict[str, str]] = {
    "qualify": {"need": "a roof"},
    "make_offer": {"amount": "1000"},
    "revise_offer": {"amount": "1200.50"},
    "postpone": {"next_contact_on": "2026-10-01"},
    "agree_with_discount": {"discount_percent": "20"},
    "sign": {"contract_number": "7"},
    "send_invoice": {"invoice_number": "7", "invoice_due_on": "2026-10-01"},
    "pay": {"paid_amount": "1000000"},
    "deliver": {"delivered_on": "2026-10-01"},
}
TO_STEP = (
    (),
    ("contact", "qualify"),
    ("make_offer",),
    ("agree", "sign"),
    ("send_invoice", "pay"),
    ("deliver",),
)


def hour(number: float) -> datetime:
    """An hour of the week the tests live in."""
    return MONDAY + timedelta(hours=number)


def fire(trigger: str, at: float, reason: str | None = None) -> Fire:
    """A move with all the data it needs."""
    return Fire(trigger, DATA.get(trigger, {}), reason, occurred_at=hour(at))


def lose(at: float, reason: str = "no_need") -> Fire:
    return fire("lose", at, reason)


def force(stage: str, at: float) -> Force:
    return Force(stage, "because", occurred_at=hour(at))


def call(at: float) -> Record:
    return Record(Activity("call", "outbound"), occurred_at=hour(at))


def assign(world: World, name: str | None, at: float) -> Assign:
    owner = None if name is None else world.founded.users[f"{name}@example.org"]
    return Assign(owner, None, occurred_at=hour(at))


def exclude(exclusion: str | None, at: float = 0) -> Exclude:
    return Exclude(exclusion, occurred_at=hour(at))


def up_to(step: int, begins: float = 0, every: float = 1) -> tuple[Fire, ...]:
    """The moves that bring a lead to a step (from 1), the first an hour after it arrived, one an hour."""
    triggers = [trigger for moves in TO_STEP[:step] for trigger in moves]
    return tuple(fire(trigger, begins + every * number) for number, trigger in enumerate(triggers, 1))


async def lead(world: World, at: float, *commands: Command, by: str = "ann", **capture: Any) -> UUID:
    """A lead that arrived at an hour, and what happened to it."""
    done = await world.done(None, world.capture(occurred_at=hour(at), **capture), *commands, by=by)
    return done.instance.id


async def leads(world: World, many: Iterable[Sequence[Command]], by: str = "ann") -> list[UUID]:
    """Many leads at once, each as its capture and what happened to it."""
    works = [Work(world.tenant_id, tuple(commands), world.actor(by)) for commands in many]
    outcomes = await world.writer.submit_all(works)
    assert all(isinstance(outcome, Recorded) for outcome in outcomes), outcomes
    return [outcome.instance.id for outcome in outcomes if isinstance(outcome, Recorded)]


def arrival(world: World, at: float, **capture: Any) -> Capture:
    return world.capture(occurred_at=hour(at), **capture)


async def frame_of(world: World, process: str | None = "callback-request", **options: Any) -> Frame:
    async with world.database.reader(world.tenant_id) as connection:
        return await read_frame(connection, world.tenant_id, process=process, **options)


def question(
    world: World,
    since: datetime = MONDAY,
    until: datetime = LATER,
    by: Sequence[Dimension] = (),
    basis: OwnerBasis = OwnerBasis.AT_ENTRY,
) -> Question:
    return Question(world.tenant_id, since=since, until=until, grouping=Grouping(by, basis))


async def funnel(
    world: World,
    *,
    process: str | None = "callback-request",
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    asked: Question | None = None,
    **options: Any,
) -> FunnelFigures:
    """The funnel of the cases that arrived in the tests' week or after it."""
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process, as_of=as_of, known_at=known_at)
        return await read_funnel(connection, frame, asked or question(world), **options)


def counts(segment: SegmentFigures, name: str = "reached") -> list[int]:
    """One number of every step."""
    return [step.count(name) for step in segment.steps]


async def database_now(world: World) -> datetime:
    async with world.database.reader(world.tenant_id) as connection:
        found: datetime = await connection.fetchval("SELECT clock_timestamp()")
        return found
