"""Loads the demo: founds the company, publishes its processes, and carries a year of stories out."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.operations.access import EVERYTHING, Role
from bpm_crm.operations.clocks import SYSTEM
from bpm_crm.operations.commands import Capture, Recorded, Work
from bpm_crm.operations.companies import found_company, issue_key, parse_key
from bpm_crm.operations.demo.company import COMPANY, TENANT_KEY
from bpm_crm.operations.demo.simulation import LeadStory, Seller, aftermath
from bpm_crm.operations.effects import drain_effects
from bpm_crm.operations.leads import capture_of
from bpm_crm.operations.publishing import INSTALLED, publish
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.viewers import viewer_of_key, viewer_of_user
from bpm_crm.operations.writer import Writer
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.companies import find_tenant, is_marked, mark
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.instances import load_by_channel
from bpm_crm.records.reference import Reference

LEADS = 1_500
DAYS = 365
AT_ONCE = 64
DONE = "demo loaded"

Progress = Callable[[int, int], None]

_TRAITS = ((1.25, 0.9, 1.0), (1.0, 1.0, 20.0), (0.95, 1.1, 1.2), (1.0, 0.8, 1.0), (0.85, 1.5, 1.5))
"""Skill, pace and slowness with invoices of the five sellers."""


async def ensure_company(owner: Database, at: datetime) -> UUID:
    """The demo tenant, founded with its published processes if it is not there yet."""
    async with owner.across_tenants() as connection:
        tenant_id = await find_tenant(connection, TENANT_KEY)
    if tenant_id is not None:
        return tenant_id
    tenant_id = new_id()
    async with owner.transaction(tenant_id) as connection:
        await found_company(connection, tenant_id, COMPANY, at)
        for key in shipped_keys():
            await publish(connection, tenant_id, shipped_text(key), changelog=INSTALLED, at=at, by=None)
    return tenant_id


async def integration_key(owner: Database, reference: Reference, known: str | None, at: datetime) -> str:
    """A key for the demo's channel integration: the `known` one while the company accepts it, else a new one."""
    parsed = None if known is None else parse_key(known)
    if known is not None and parsed is not None and viewer_of_key(reference, parsed[1], at) is not None:
        return known
    tenant_id = reference.tenant.id
    async with owner.transaction(tenant_id) as connection:
        return await issue_key(
            connection, tenant_id, name="Demo integration", role=Role.CHANNEL_INTEGRATION, channels=[], at=at
        )


async def is_loaded(owner: Database, tenant_id: UUID) -> bool:
    """Whether the year was loaded to its end."""
    async with owner.reader(tenant_id) as connection:
        return await is_marked(connection, tenant_id, DONE)


async def load_year(
    worker: Database, writer: Writer, tenant_id: UUID, now: datetime, *, leads: int = LEADS, progress: Progress
) -> None:
    """Carry the stories out. Interrupted, it goes on where it stopped: a lead captured already is left alone."""
    reference = ReferenceCache(worker)
    known = await reference.get(tenant_id)
    if known is None:
        raise LookupError("the demo company is not founded")
    total = leads + leads // 10
    for done in range(0, leads, AT_ONCE):
        numbers = range(done + 1, min(done + AT_ONCE, leads) + 1)
        await writer.submit_all([await _work(writer, worker, known, number, leads, now) for number in numbers])
        progress(numbers.stop - 1, total)
    while await drain_effects(worker, writer, reference):
        pass
    await _live_through_payments(worker, writer, known, now)
    async with worker.transaction(tenant_id) as connection:
        await mark(connection, tenant_id, DONE)
    progress(total, total)


async def _work(writer: Writer, worker: Database, known: Reference, number: int, leads: int, now: datetime) -> Work:
    admin = next(user for user in known.users.values() if Role.ADMIN in user.roles)
    viewer = viewer_of_user(known, admin.id)
    if viewer is None:
        raise LookupError("the demo company has no administrator")
    calendar = await _calendar(writer, worker, known)
    story = LeadStory(number, _arrival(number, leads, now, calendar), now, _sellers(known), calendar)
    capture = capture_of(known, viewer, EVERYTHING, story.lead())
    if not isinstance(capture, Capture):
        raise TypeError(f"the story of lead {number} is told wrongly: {capture}")
    seller = viewer_of_user(known, story.seller.user_id)
    return Work(known.tenant.id, (capture, *story.commands()), SYSTEM if seller is None else seller.actor)


async def _calendar(writer: Writer, worker: Database, known: Reference) -> BusinessCalendar:
    definition = known.definition("callback-request")
    if definition is None:
        raise LookupError("callback-request is not published")
    found = writer.processes.known(known.tenant.id, definition.id, definition.taken_version)
    if found is None:
        async with worker.reader(known.tenant.id) as connection:
            found = await writer.processes.get(connection, known.tenant.id, definition.id, definition.taken_version)
    return found.calendar


def _arrival(number: int, leads: int, now: datetime, calendar: BusinessCalendar) -> datetime:
    """When a lead arrives: evenly over the year, a little at random, most of them in working hours."""
    rng = random.Random(f"arrival {number}")  # noqa: S311  # a story, not a secret
    share = (number - rng.random()) / leads
    at = instant_of(now - timedelta(days=DAYS) + timedelta(days=DAYS) * share)
    at = calendar.add(at, rng.randrange(0, 8 * 3_600_000_000)) if rng.random() < 0.85 else at
    return min(moment_of(at), now - timedelta(minutes=1))


def _sellers(known: Reference) -> list[Seller]:
    people = sorted(
        (user for user in known.users.values() if Role.SALESPERSON in user.roles), key=lambda user: user.email
    )
    return [
        Seller(user.id, known.teams[user.team_ids[0]].key, *traits)
        for user, traits in zip(people, _TRAITS, strict=True)
    ]


async def _live_through_payments(worker: Database, writer: Writer, known: Reference, now: datetime) -> None:
    """Let the cases that payments started run their course."""
    channel = known.channel("post-payment")
    if channel is None:
        raise LookupError("there is no channel post-payment")
    async with worker.reader(known.tenant.id) as connection:
        cases = await load_by_channel(connection, known.tenant.id, channel.id)
    works: list[Work] = []
    for number, case in enumerate(cases):
        seller = None if case.owner_id is None else viewer_of_user(known, case.owner_id)
        commands = tuple(aftermath(number, moment_of(case.state.started_at), now))
        if commands and case.state.sequence == 1:
            works.append(Work(known.tenant.id, commands, SYSTEM if seller is None else seller.actor, case.id))
    for chunk in _chunks(works):
        for outcome in await writer.submit_all(chunk):
            if not isinstance(outcome, Recorded):
                raise TypeError(f"the aftermath is told wrongly: {outcome}")


def _chunks(works: Sequence[Work]) -> Iterator[Sequence[Work]]:
    for begin in range(0, len(works), AT_ONCE):
        yield works[begin : begin + AT_ONCE]
