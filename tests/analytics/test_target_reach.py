"""Questions about what is due in a period look at a part of history: little of it, and nothing is missed."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bpm_crm.analytics.frames import FIRST_INSTANT, Question, read_frame
from bpm_crm.analytics.target_reach import targets_set_since
from bpm_crm.engine.calendar import AlwaysOpen
from bpm_crm.engine.definition import SlaPolicy
from bpm_crm.engine.duration import BusinessDays
from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.engine.process import Process
from tests.world import World


def due_instants(process: Process, policy: SlaPolicy, at: int) -> Iterator[int]:
    """When the targets of a clock that starts then are due."""
    calendar = AlwaysOpen() if policy.always_open else process.calendar
    for span in policy.targets.values():
        yield (
            calendar.add_days(at, span.days) if isinstance(span, BusinessDays) else calendar.add(at, span.microseconds)
        )


async def test_no_cycle_due_in_a_period_was_given_that_instant_before_what_is_looked_at(world: World) -> None:
    rng = random.Random(1)
    async with world.database.reader(world.tenant_id) as connection:
        for definition in world.reference.definitions.values():
            process = await world.writer.processes.get(connection, world.tenant_id, definition.id, 1)
            frame = await read_frame(connection, world.tenant_id, process=definition.key)
            for policy in process.definition.policies.values():
                at = instant_of(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=rng.uniform(0, 8_000)))
                for due in due_instants(process, policy, at):
                    question = Question(world.tenant_id, since=moment_of(due))
                    since = await targets_set_since(connection, question, frame.versions)
                    assert moment_of(due) - timedelta(days=60) < since <= moment_of(at), (definition.key, policy.key)
            ever = await targets_set_since(connection, Question(world.tenant_id), frame.versions)
            assert ever == FIRST_INSTANT
