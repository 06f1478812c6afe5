"""Cases kept by the writer: taken only while the row is as it was written, and then the same as a row that is read."""

from uuid import UUID

from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Fire, NotAllowed, Record, Recorded, Work
from bpm_crm.operations.writer import Writer
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.known_cases import KnownCases
from tests.operations.test_writer import WON
from tests.operations.traffic import Traffic
from tests.world import World, customer, tamper

_ROWS = "SELECT id, xmin FROM process_instance WHERE tenant_id = $1"


async def _read(world: World) -> tuple[dict[UUID, InstanceRecord], dict[UUID, int]]:
    """The cases as they are read, and the transactions that wrote their rows."""
    async with world.database.reader(world.tenant_id) as connection:
        written_by = {row["id"]: row["xmin"] for row in await connection.fetch(_ROWS, world.tenant_id)}
        return await load(connection, world.tenant_id, written_by), written_by


async def test_what_is_kept_is_what_is_read(world: World) -> None:
    await Traffic(world, 20).run(rounds=3, arrivals=25)
    cases, written_by = await _read(world)
    kept = {
        key: found for key in cases if (found := world.writer.known.get(key)) and found.written_by == written_by[key]
    }
    assert len(kept) > len(cases) / 2
    for key, found in kept.items():
        assert found.record._replace(lead_id=None) == cases[key]
    assert any(case.state.clocks and case.state.reached and case.state.activities for case in cases.values())


async def test_two_processes_move_a_case_in_turns(world: World) -> None:
    other = Writer(world.database, world.writer.processes)
    other.start()
    case = (await world.done(None, world.capture(customer=customer(1)))).instance.id
    for number, command in enumerate(WON):
        writer = (world.writer, other)[number % 2]
        done = await writer.submit(Work(world.tenant_id, (command,), world.actor("ann"), instance_id=case))
        assert isinstance(done, Recorded)
        assert done.instance.state.sequence == number + 2
    assert isinstance(await world.do(case, Fire("contact")), NotAllowed)
    await other.stop()


async def test_a_row_that_somebody_else_wrote_is_read_anew(world: World) -> None:
    case = (await world.done(None, world.capture())).instance
    assert world.writer.known.get(case.id) is not None
    await tamper(world, f"UPDATE process_instance SET personal = '{{\"note\": \"erased\"}}' WHERE id = '{case.id}'")
    done = await world.done(case.id, Record(Activity("note")))
    assert done.instance.state.data["note"] == "erased"


async def test_a_case_of_which_nothing_was_written_is_not_kept_anew(world: World) -> None:
    case = (await world.done(None, world.capture())).instance
    before = world.writer.known.get(case.id)
    assert isinstance(await world.do(case.id, Fire("deliver")), NotAllowed)
    assert isinstance(await world.do(case.id, Record(Activity("note")), dry_run=True), Recorded)
    assert world.writer.known.get(case.id) is before


async def test_few_are_kept(world: World) -> None:
    records = [(await world.done(None, world.capture())).instance for _ in range(4)]
    known = KnownCases(most=3)
    known.keep(records[:3], 7)
    known.keep([records[0], records[3]], 8)
    found = [known.get(record.id) for record in records]
    assert [None if item is None else item.written_by for item in found] == [8, None, 7, 8]
    assert (len(known), known.get(None)) == (3, None)
