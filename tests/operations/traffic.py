"""Random traffic through a world: leads of every channel, moves, acts, assignments, exclusions, forced moves, sweeps, a new version."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bpm_crm.engine.definition import Transition
from bpm_crm.engine.step import Activity
from bpm_crm.operations.clocks import sweep_due
from bpm_crm.operations.commands import Assign, Capture, Command, Exclude, Fire, Force, Record, Recorded, Work
from bpm_crm.operations.effects import drain_effects
from bpm_crm.operations.publishing import publish
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.database import Database
from bpm_crm.records.instances import InstanceRecord
from tests.engine.build import changed
from tests.engine.walking import good_value
from tests.world import World, customer

PEOPLE = ("ann", "bob", "eve", "north", "admin")
ACTS = (
    Activity("call", "outbound"),
    Activity("call", "inbound"),
    Activity("email", "outbound", automated=True),
    Activity("email", "inbound"),
    Activity("meeting"),
    Activity("note"),
)
NEVER = timedelta(0)
PAUSES = (NEVER, NEVER, timedelta(seconds=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=15))


class Traffic:
    """What happens in a world, drawn from a seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = random.Random(seed)
        self.cases: dict[UUID, InstanceRecord] = {}
        self.last: dict[UUID, datetime] = {}
        self.acknowledged = 0

    async def run(self, *, rounds: int, arrivals: int) -> None:
        """In each round leads arrive and every case is worked on; then clocks are swept and effects done."""
        worker = await Database.connect(self.world.access.worker)
        writer = Writer(worker, self.world.writer.processes)
        writer.start()
        try:
            for number in range(rounds):
                if number == rounds // 2:
                    await self._publish()
                await self._carry_out([self._arrival() for _ in range(arrivals)])
                await self._carry_out([self._work_on(case) for case in self.cases.values()])
                while await sweep_due(worker, writer):
                    pass
                await drain_effects(worker, writer, ReferenceCache(worker))
        finally:
            await writer.stop()
            await worker.close()

    async def _publish(self) -> None:
        text = changed(shipped_text("web-form"), "title: {en: Form,", "title: {en: The form,")
        async with self.world.owner.transaction(self.world.tenant_id) as connection:
            now = await connection.fetchval("SELECT now()")
            await publish(connection, self.world.tenant_id, text, changelog="second", at=now, by=None)
        await self.world.refresh()

    async def _carry_out(self, works: list[Work]) -> None:
        for work, outcome in zip(works, await self.world.writer.submit_all(works), strict=True):
            if isinstance(outcome, Recorded):
                case = outcome.instance
                self.acknowledged += len(outcome.entries)
                self.cases[case.id] = case
                happened = max(command.occurred_at or case.recorded_at for command in work.commands)
                self.last[case.id] = max(happened, self.last.get(case.id, happened))

    def _arrival(self) -> Work:
        rng = self.rng
        at = rng.choice((None, datetime.now(UTC) - timedelta(minutes=rng.randrange(0, 30_000))))
        capture = self.world.capture(
            rng.choice(shipped_keys()),
            customer=rng.choice((None, customer(rng.randrange(50)))),
            campaign=rng.choice((None, "spring")),
            region=rng.choice((None, "Moscow", "Tula")),
            team=rng.choice(("north", "south")),
            is_test=rng.random() < 0.1,
            comment=rng.choice((None, "hello")),
            occurred_at=at,
        )
        return Work(self.world.tenant_id, (capture, *self._imported(capture)), self.world.actor("admin"))

    def _imported(self, capture: Capture) -> tuple[Command, ...]:
        """What an import tells of a case with its beginning: acts with their own times."""
        if capture.occurred_at is None or self.rng.random() < 0.5:
            return ()
        later = (capture.occurred_at + timedelta(hours=hours) for hours in (1, 30, 20))
        return tuple(Record(self.rng.choice(ACTS), occurred_at=at) for at in later)

    def _work_on(self, case: InstanceRecord) -> Work:
        commands = tuple(self._command(case) for _ in range(self.rng.choice((1, 1, 1, 2, 4))))
        return Work(self.world.tenant_id, commands, self.world.actor(self.rng.choice(PEOPLE)), instance_id=case.id)

    def _command(self, case: InstanceRecord) -> Command:
        rng = self.rng
        at = self._instant(case)
        match rng.choices(("move", "act", "approve", "assign", "exclude", "force"), (60, 20, 4, 8, 4, 4))[0]:
            case "act":
                return Record(rng.choice(ACTS), comment=rng.choice((None, "we spoke")), occurred_at=at)
            case "approve":
                asked = [item.key for item in self._open(case) if item.approval_roles] or ["none"]
                return Record(Activity("approval", transition=rng.choice(asked)), occurred_at=at)
            case "assign":
                owner = rng.choice((None, *self.world.founded.users.values()))
                return Assign(owner, rng.choice((None, *self.world.founded.teams.values())), occurred_at=at)
            case "exclude":
                return Exclude(rng.choice((None, "test", "spam")), occurred_at=at)
            case "force":
                return Force(rng.choice(list(self._stages(case))), "because", occurred_at=at)
            case _:
                return self._move(case, at)

    def _instant(self, case: InstanceRecord) -> datetime | None:
        """Now, a little later than the last thing that happened, or recorded late."""
        kind = self.rng.choices(("now", "later", "late"), (10, 70, 20))[0]
        if kind == "now":
            return None
        if kind == "late":
            return self.last[case.id] - timedelta(minutes=self.rng.randrange(0, 3_000))
        self.last[case.id] += self.rng.choice(PAUSES)
        return self.last[case.id]

    def _move(self, case: InstanceRecord, at: datetime | None) -> Command:
        moves = self._open(case)
        if not moves:
            return Record(self.rng.choice(ACTS), occurred_at=at)
        move = self.rng.choice(moves)
        fields = self._process(case).definition.fields
        asked: dict[str, Any] = {key: good_value(fields[key]) for key in move.required}
        asked |= {key: self.rng.choice((None, good_value(fields[key]))) for key in self.rng.sample(sorted(fields), 2)}
        known = (
            key
            for key, item in self._process(case).definition.reasons.items()
            if item.applies(move.key, case.state.stage)
        )
        reason = next(known, None) if move.reason.value == "required" else None
        return Fire(move.trigger, asked, reason, occurred_at=at)

    def _open(self, case: InstanceRecord) -> tuple[Transition, ...]:
        return self._process(case).open_from(case.state.stage)

    def _stages(self, case: InstanceRecord) -> list[str]:
        return list(self._process(case).definition.stages)

    def _process(self, case: InstanceRecord) -> Any:
        return self.world.writer.processes.known(case.tenant_id, case.definition_id, case.version)
