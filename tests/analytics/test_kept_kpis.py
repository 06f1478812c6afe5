"""KPIs from cells are those of history: by clock, by parts of the calendar, by the version of a step, as time passes; and what cells cannot answer."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.analytics import counted_members
from bpm_crm.analytics.dimensions import OF_TIME, Dimension, Grouping
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.analytics.kept_kpis import KEPT_KPIS, is_kept
from bpm_crm.analytics.kept_measurements import MOST_PARTS, kept_measurements
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.kpi_kinds import KpiSubject
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.members import Listed, Members, Wanted
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.operations.commands import Fire
from bpm_crm.records import cells
from bpm_crm.records.database import Connection, Database
from tests.analytics.kept_answers import compare, compare_kpis
from tests.analytics.leads import MONDAY, database_now
from tests.analytics.test_cells import settle
from tests.analytics.walks import Walks
from tests.world import World

ZONE = ZoneInfo("Europe/Moscow")


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=2)
    yield database
    await database.close()


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def whole_days(world: World, rng: random.Random) -> Question:
    """A question about some days of those in which cases walk."""
    first = MONDAY.astimezone(ZONE).date() + timedelta(days=rng.randrange(-2, 6))
    period = midnight(first), midnight(first + timedelta(days=rng.choice((1, 3, 9, 60))))
    return Question(world.tenant_id, since=period[0], until=period[1])


@pytest.mark.parametrize("seed", [1, 2])
async def test_periods_by_clock_and_parts_of_the_calendar(world: World, worker: Database, seed: int) -> None:
    """With everything folded, and with cases that have changed since."""
    walks, rng = Walks(world, 50 + seed), random.Random(seed)
    for number in range(3):
        for _ in range(10):
            await walks._arrive()
        for _ in range(3):
            await walks._step_all()
        if number < 2:
            await settle(world, worker)
        async with world.database.reader(world.tenant_id) as connection:
            frame = await read_frame(connection, world.tenant_id)
            for _ in range(2):
                question = whole_days(world, rng)
                some = rng.choice(((), (Dimension.OWNER,), (Dimension.CHANNEL, Dimension.TEAM)))
                more = rng.choice(((Dimension.CLOCK,), (rng.choice(OF_TIME),), (rng.choice(OF_TIME), Dimension.CLOCK)))
                asked = replace(question, grouping=Grouping(some))
                await compare_kpis(connection, frame, asked, more)


async def test_a_step_counts_in_the_version_under_which_it_was_taken(world: World, worker: Database) -> None:
    """For every kept report: cases are migrated, and what they did before stays where it was."""
    walks = Walks(world, 5)
    await walks.run(4, 10, 2)
    await settle(world, worker)
    for dimensions in ((Dimension.VERSION,), (Dimension.VERSION, Dimension.OWNER)):
        await compare(world, Question(world.tenant_id, grouping=Grouping(dimensions)), None)


async def test_what_time_makes_of_clocks_counts_from_then_on(world: World, worker: Database) -> None:
    """Clocks fall due while nothing is recorded, and what goes on grows: asked some time after all was folded."""
    walks = Walks(world, 77)
    for _ in range(8):
        await walks._arrive()
    await walks._step_all()
    at = await database_now(world)
    case = (await world.done(None, world.capture(occurred_at=at), Fire("contact"))).instance.id
    await settle(world, worker)
    attainments = []
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        for hours in (0, 1, 30, 24 * 9, 24 * 40):
            later = frame.as_of + timedelta(hours=hours)
            known = replace(frame, as_of=later, known_at=later)
            await compare_kpis(connection, known, Question(world.tenant_id))
            found = await kept_measurements(connection, CATALOGUE["attainment"], known, Question(world.tenant_id))
            assert found is not None
            attainments.append(found[None][0].denominator)
        assert await cells.dirty_cases(connection, world.tenant_id, frame.as_of) == []
        assert case in await cells.dirty_cases(connection, world.tenant_id, later)
    assert attainments == sorted(attainments)
    assert attainments[0] != attainments[-1]


async def test_lists_are_those_of_history_however_few_cases_are_looked_at_at_once(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted_members, "FIRST_LOOKED_AT", 2)
    monkeypatch.setattr(counted_members, "MOST_LOOKED_AT", 5)
    walks, rng = Walks(world, 31), random.Random(31)
    for _ in range(25):
        await walks._arrive()
    for _ in range(6):
        await walks._step_all()
    await settle(world, worker)
    await walks._step_all()
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        for question in (Question(world.tenant_id), whole_days(world, rng), whole_days(world, rng)):
            await compare_kpis(connection, frame, replace(question, grouping=Grouping((Dimension.OWNER,))))
        cases = CaseFilter("k.region = $2::text", ["Tula"])
        await compare_kpis(connection, frame, Question(world.tenant_id, cases))


async def test_a_page_looks_at_as_many_cases_as_fill_it(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at none to tell how many there are."""
    monkeypatch.setattr(counted_members, "FIRST_LOOKED_AT", 4)
    for _ in range(12):
        await world.done(None, world.capture())
    await settle(world, worker)
    looked_at: list[int] = []
    read = Members.read

    async def counting(self: Members, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        looked_at.append(len(self.values["cases"]))
        return await read(self, connection, wanted)

    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        members = (await measure(connection, CATALOGUE["new_cases"], frame, Question(world.tenant_id))).members
        monkeypatch.setattr(Members, "read", counting)
        for most, expected in ((0, []), (3, [4]), (4, [4]), (5, [4, 8]), (50, [4, 8])):
            looked_at.clear()
            (page,) = await members.listed(connection, [Wanted("", ("numerator",), None, most)])
            assert (page.total, len(page.ids), looked_at) == (12, min(most, 12), expected)


async def test_what_cells_cannot_answer_is_asked_of_history(world: World, worker: Database) -> None:
    await world.done(None, world.capture())
    await settle(world, worker)
    sales, open_cases = CATALOGUE["sales"], CATALOGUE["open_cases"]
    month = Question(world.tenant_id, since=midnight(date(2026, 9, 1)), until=midnight(date(2026, 10, 1)))
    long = replace(month, since=midnight(date(2026, 10, 1) - timedelta(days=MOST_PARTS + 1)))

    def by(*dimensions: Dimension, question: Question = month) -> Question:
        return replace(question, grouping=Grouping(dimensions))

    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        answered = [(sales, month), (sales, by(Dimension.WEEK)), (open_cases, Question(world.tenant_id))]
        asked = [
            (sales, by(Dimension.WEEK, Dimension.MONTH)),
            (sales, by(Dimension.DAY, question=long)),
            (sales, by(Dimension.DAY, question=Question(world.tenant_id))),
            (sales, by(Dimension.PRODUCT)),
            (sales, replace(month, since=month.since + timedelta(hours=1))),
            (sales, replace(month, cases=CaseFilter("i.deal_id IS NOT NULL"))),
            (sales, replace(month, grouping=Grouping((), stratum="c.region"))),
            (open_cases, month),
            (open_cases, by(Dimension.STAGE, question=Question(world.tenant_id))),
            *((kpi, month) for kpi in CATALOGUE.values() if not is_kept(kpi)),
        ]
        for are_kept, questions in ((True, answered), (False, asked)):
            for kpi, question in questions:
                found = await kept_measurements(connection, kpi, frame, question)
                assert (found is not None) is are_kept, (kpi.key, question)
        past = replace(frame, is_current=False)
        assert await kept_measurements(connection, sales, past, month) is None


def test_no_kpi_of_cases_is_left_to_history_unnoticed() -> None:
    """Whoever adds a KPI decides: an `instant` in its header, and cells keep it."""
    left = {kpi.key for kpi in CATALOGUE.values() if not is_kept(kpi) and kpi.subject is KpiSubject.CASES}
    assert left == {"forecast_amount", "forecast_sales"}


def test_sheets_are_told_apart_by_what_fills_them() -> None:
    """A program whose SQL says something else fills sheets of its own."""
    other = replace(KEPT_KPIS, contributions=(*KEPT_KPIS.contributions[:-1], KEPT_KPIS.contributions[-1] + " "))
    assert KEPT_KPIS.report != other.report
    assert KEPT[KEPT_KPIS.report] is KEPT_KPIS
    assert len(KEPT) == 6
