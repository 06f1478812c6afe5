"""Random walks of cases through two processes: moves, forced moves, activities, assignments, exclusions, late records, a new version."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.process import Process
from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Assign, Command, Exclude, Fire, Force, Migrate, Record, Recorded, Tick, Work
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import DATA, MONDAY, arrival, call, database_now, leads, lose, up_to
from tests.world import World, customer

CHANNELS = ("callback-request", "inbound-call")
PEOPLE = ("ann", "bob", "eve", "north", "admin")
REASONS = ("no_need", "no_response", "competitor", "price", "spam")
AMOUNTS = ("500", "750.25", "2000")
PRODUCTS = {"500": "door", "750.25": "roof", "2000": None}

SECOND_VERSION = """
checkpoints:
  spoken:
    title: {en: Spoke, ru: Поговорили}
    reached: {transition: contact}
    order: 2
  met:
    title: {en: Met, ru: Встретились}
    reached: {activity: meeting}
    order: 4
  interested: {order: 3}
  offer: {order: 5}
  contract: {order: 6}
  paid: {order: 7}
  delivered: {order: 8}
"""


async def lose_some(world: World, seed: int, number: int = 40) -> None:
    """Cases that come far, in time or late, called soon, late or never, and are then lost: the walks hardly ever do."""
    rng = random.Random(seed)
    stories: list[list[Command]] = []
    for _ in range(number):
        begins, every = 6 + 3 * rng.random(), rng.choice((0.3, 1, 20, 50))
        moves = up_to(rng.randrange(1, 6), begins, every)[: rng.randrange(8)]
        calls = [call(begins + wait) for wait in rng.choice(((), (0.1,), (0.1,), (0.2,)))]
        last = begins + max(0.2, every * len(moves))
        stories.append([arrival(world, begins), *calls, *moves, lose(last + rng.choice((0.1, 1, 40, 90)))])
    await leads(world, stories, by="north")


class Walks:
    """A world in which cases walk at random, in rounds; `instants` are when each round had been recorded."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = random.Random(seed)
        self.people = random.Random(seed + 1_000)
        self.movers = random.Random(seed + 2_000)
        self.cases: dict[UUID, tuple[str, datetime]] = {}
        self.instants: list[datetime] = []
        self.versions: dict[UUID, tuple[UUID, int]] = {}

    async def run(self, rounds: int, arrivals: int, steps: int) -> None:
        """In each round some cases arrive, and each known case takes some steps; before the third a new version is published, to which some
        cases are migrated."""
        for number in range(rounds):
            if number == 2:
                await self._publish()
                await self._migrate()
            for _ in range(arrivals):
                await self._arrive()
            for _ in range(steps):
                await self._step_all()
            self.instants.append(await database_now(self.world))

    async def _publish(self) -> None:
        text = shipped_text("callback-request")
        head, _, tail = text.partition("\ncheckpoints:\n")
        rest = tail[tail.index("\nclocks:") :]
        async with self.world.owner.transaction(self.world.tenant_id) as connection:
            await publish(
                connection,
                self.world.tenant_id,
                head + SECOND_VERSION + rest,
                changelog="second",
                at=await connection.fetchval("SELECT now()"),
                by=None,
            )
        await self.world.refresh()

    async def _migrate(self) -> None:
        """Take some of the running cases of the first version to the second."""
        world = self.world
        definition = next(item for item in world.reference.definitions.values() if item.key == CHANNELS[0])
        async with world.database.reader(world.tenant_id) as connection:
            target = await world.writer.processes.get(connection, world.tenant_id, definition.id, 2)
        first = [case for case, version in self.versions.items() if version == (definition.id, 1)]
        for case in self.movers.sample(first, len(first) // 2):
            outcome = await world.do(case, Migrate(1, 2, target, MigrationMapping()), by="admin")
            if isinstance(outcome, Recorded):
                self._note(outcome, self.cases[case][1])

    async def _arrive(self) -> None:
        rng = self.rng
        at = MONDAY + timedelta(minutes=rng.randrange(0, 6_000))
        options: dict[str, Any] = {
            "campaign": rng.choice((None, "spring")),
            "region": rng.choice((None, "Moscow", "Tula")),
            "team": rng.choice(("north", "south")),
            "customer": self.people.choice((None, *map(customer, range(9)))),
        }
        capture = self.world.capture(rng.choice(CHANNELS), occurred_at=at, **options)
        done = await self.world.done(None, capture, by="admin")
        self._note(done, at)

    async def _step_all(self) -> None:
        works = []
        for case in self.cases:
            command = self._command(case)
            if command is not None:
                actor = self.world.actor(self.rng.choice(PEOPLE))
                works.append(Work(self.world.tenant_id, (command,), actor, instance_id=case))
        outcomes = await self.world.writer.submit_all(works)
        for work, outcome in zip(works, outcomes, strict=True):
            if isinstance(outcome, Recorded):
                self._note(outcome, work.commands[0].occurred_at or self.cases[outcome.instance.id][1])

    def _note(self, done: Recorded, at: datetime) -> None:
        instance = done.instance
        known = self.cases.get(instance.id)
        self.cases[instance.id] = (instance.state.stage, at if known is None else max(at, known[1]))
        self.versions[instance.id] = (instance.definition_id, instance.version)

    def _command(self, case: UUID) -> Command | None:
        rng = self.rng
        stage, last = self.cases[case]
        at = last + timedelta(minutes=rng.choice((0, 0, 1, 10, 60, 300, 1_500)))
        if rng.random() < 0.15:
            at = last - timedelta(minutes=rng.randrange(0, 2_000))
        kinds = ("move", "force", "act", "assign", "exclude", "tick", "nothing")
        match rng.choices(kinds, (62, 4, 12, 8, 3, 3, 8))[0]:
            case "move":
                return self._move(stage, at, case)
            case "force":
                return Force(rng.choice(("interest", "offer", "invoicing", "won", "lost")), "because", occurred_at=at)
            case "act":
                kind = rng.choice(("call", "meeting", "note"))
                direction = "internal" if kind == "note" else "outbound"
                return Record(Activity(kind, direction, automated=rng.random() < 0.2), occurred_at=at)
            case "assign":
                return self._assign(at)
            case "exclude":
                return Exclude(rng.choice((None, None, "test", "spam", "duplicate")), occurred_at=at)
            case "tick":
                return Tick()
            case _:
                return None

    def _move(self, stage: str, at: datetime, case: UUID) -> Command | None:
        """A move out of the stage, mostly one that goes on."""
        process = self._process(case)
        triggers = [item.trigger for item in process.open_from(stage)]
        onward = [trigger for trigger in triggers if trigger not in {"lose", "cancel", "postpone"}]
        triggers = onward if onward and self.rng.random() < 0.7 else triggers
        if not triggers:
            return None
        trigger = self.rng.choice(triggers)
        reason = None
        if trigger in {"lose", "cancel"}:
            reason = self.rng.choice(REASONS)
        amount = self.rng.choice(AMOUNTS)
        data = {**DATA.get(trigger, {}), "amount": amount, "product": PRODUCTS[amount]}
        return Fire(trigger, data, reason, occurred_at=at)

    def _assign(self, at: datetime) -> Assign:
        name = self.rng.choice((None, "ann", "bob", "eve"))
        owner = None if name is None else self.world.founded.users[f"{name}@example.org"]
        team = self.rng.choice((None, *self.world.founded.teams.values()))
        return Assign(owner, team, occurred_at=at)

    def _process(self, case: UUID) -> Process:
        definition_id, version = self.versions[case]
        found = self.world.writer.processes.known(self.world.tenant_id, definition_id, version)
        assert found is not None
        return found
