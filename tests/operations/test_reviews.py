"""Review schedules, and what is frozen at the end of each period."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.snapshots import kpis_of, read
from bpm_crm.engine.blockers import InputCode
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.freezing import freeze_due
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.review_journal import Saved
from bpm_crm.operations.review_periods import SETTLING, ReviewRhythm, following, review_period
from bpm_crm.operations.reviews import MOST_PAST, ScheduleDraft, set_review_period, stop_reviews
from bpm_crm.records.database import Database
from bpm_crm.records.reviews import ReviewRecord, load_changes, load_schedules
from tests.analytics.leads import database_now, fire, hour, lead, lose, up_to
from tests.reviews import PROCESS, as_owner, frozen, request, reviews_of, scheduled, settle
from tests.world import World

ZONE = "Europe/Moscow"
MONDAY = date(2026, 9, 7)


def today() -> date:
    return datetime.now(ZoneInfo(ZONE)).date()


async def asked_again(world: World, review: ReviewRecord) -> dict[str, object]:
    """The KPIs of a review, asked now for its instants."""
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(
            connection, world.tenant_id, process=PROCESS, as_of=review.as_of, known_at=review.known_at
        )
        question = Question(world.tenant_id, since=review.since, until=review.until)
        kpis = await kpis_of(connection, world.tenant_id, PROCESS)
        return {key: (await measure(connection, kpi, frame, question)).total for key, kpi in kpis.items()}


def told(review: ReviewRecord) -> dict[str, object]:
    return {stored.key: stored.measurement for stored in read(review.results)}


@pytest.mark.parametrize(
    ("begin", "rhythm", "end"),
    [
        ("2026-09-07", ReviewRhythm.WEEKLY, "2026-09-14"),
        ("2026-12-28", ReviewRhythm.WEEKLY, "2027-01-04"),
        ("2026-11-15", ReviewRhythm.MONTHLY, "2026-12-15"),
        ("2026-12-28", ReviewRhythm.MONTHLY, "2027-01-28"),
        ("2026-11-01", ReviewRhythm.QUARTERLY, "2027-02-01"),
        ("2026-10-01", ReviewRhythm.QUARTERLY, "2027-01-01"),
    ],
)
def test_a_period_ends_where_the_next_begins(begin: str, rhythm: ReviewRhythm, end: str) -> None:
    assert following(date.fromisoformat(begin), rhythm) == date.fromisoformat(end)


def test_days_of_a_period_begin_in_the_zone_also_when_clocks_are_put_back_in_it() -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    period = review_period(date(2026, 10, 19), ReviewRhythm.WEEKLY, "Europe/Berlin", early)
    assert period.since == datetime(2026, 10, 18, 22, tzinfo=UTC)
    assert period.until == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert (period.known_at, period.due_at) == (period.until, period.until + SETTLING)


def test_a_period_that_had_ended_before_is_frozen_as_known_when_the_rhythm_was_set() -> None:
    late = datetime(2026, 11, 1, 12, tzinfo=UTC)
    period = review_period(MONDAY, ReviewRhythm.WEEKLY, ZONE, late)
    assert (period.known_at, period.due_at) == (late, late + SETTLING)


async def test_every_period_that_has_ended_is_frozen_once_and_the_next_one_waits(world: World) -> None:
    begin = today() - timedelta(days=20)
    await scheduled(world, begin)
    await frozen(world)
    reviews = await reviews_of(world)
    days = [review.since.astimezone(ZoneInfo(ZONE)).date() for review in reviews]
    assert days == [begin, begin + timedelta(days=7)]
    assert [review.until for review in reviews[:-1]] == [review.since for review in reviews[1:]]
    assert await frozen(world) == 0
    async with world.database.reader(world.tenant_id) as connection:
        schedule = (await load_schedules(connection, world.tenant_id))[0]
    assert schedule.next_from == begin + timedelta(days=14)


async def test_a_period_is_not_frozen_before_it_has_settled(world: World) -> None:
    await scheduled(world, today() - timedelta(days=9))
    database = await Database.connect(world.access.worker, size=2)
    assert await freeze_due(database, ReferenceCache(database)) == 0
    await database.close()
    assert await reviews_of(world) == []


async def test_many_workers_freeze_each_period_once(world: World) -> None:
    """Even without leases: those of a crashed worker are lost, so two may do the same."""
    await scheduled(world, today() - timedelta(days=7 * 6 + 1))
    databases = [await Database.connect(world.access.worker, size=2) for _ in range(4)]
    references = [ReferenceCache(database) for database in databases]
    for _ in range(12):
        await settle(world)
        async with as_owner(world) as connection:
            await connection.execute("DELETE FROM lease WHERE tenant_id = $1", world.tenant_id)
        both = zip(databases, references, strict=True)
        workers = [asyncio.create_task(freeze_due(database, reference)) for database, reference in both]
        await asyncio.sleep(0.01)
        async with as_owner(world) as connection:
            await connection.execute("DELETE FROM lease WHERE tenant_id = $1", world.tenant_id)
        workers += [
            asyncio.create_task(freeze_due(database, reference))
            for database, reference in zip(databases, references, strict=True)
        ]
        await asyncio.gather(*workers)
    for database in databases:
        await database.close()
    reviews = await reviews_of(world)
    assert len(reviews) == 6
    assert len({review.since for review in reviews}) == 6


async def test_a_frozen_review_says_what_the_same_question_says_later_whatever_was_recorded_meanwhile(
    world: World,
) -> None:
    for number in range(4):
        await lead(world, number, *up_to(number + 1, number))
    await lead(world, 5, fire("contact", 6), lose(7))
    await scheduled(world, MONDAY)
    await settle(world)
    await frozen(world)
    first = (await reviews_of(world))[0]
    assert told(first)["new_cases"] == (await asked_again(world, first))["new_cases"]
    assert (first.as_of, first.until) == (hour(7 * 24 - 3), hour(7 * 24 - 3))
    before = told(first)
    assert await asked_again(world, first) == before
    for number in range(10):
        await lead(world, number, *up_to(6, number, 0.25))
        await lead(world, number + 40, fire("contact", number + 41), lose(number + 42))
    assert await asked_again(world, first) == before
    assert told((await reviews_of(world))[0]) == before
    now = await database_now(world)
    async with world.database.reader(world.tenant_id) as connection:
        kpi = (await kpis_of(connection, world.tenant_id, PROCESS))["new_cases"]
        frame = await read_frame(connection, world.tenant_id, process=PROCESS, as_of=first.as_of, known_at=now)
        restated = await measure(
            connection, kpi, frame, Question(world.tenant_id, since=first.since, until=first.until)
        )
    assert (before["new_cases"].value, restated.total.value) == (5, 25)  # type: ignore[attr-defined]


async def test_a_review_holds_every_kpi_of_the_process(world: World) -> None:
    await scheduled(world, today() - timedelta(days=8))
    await frozen(world)
    async with world.database.reader(world.tenant_id) as connection:
        known = set(await kpis_of(connection, world.tenant_id, PROCESS))
    (review,) = await reviews_of(world)
    assert set(told(review)) == known
    assert review.versions == {"numbers": [1]}


async def test_a_review_can_be_neither_changed_nor_removed(world: World) -> None:
    await scheduled(world, today() - timedelta(days=8))
    await frozen(world)
    for url in (world.access.app, world.access.worker, world.access.owner):
        connection = await asyncpg.connect(url)
        await connection.execute(f"SET app.tenant_id = '{world.tenant_id}'")
        for table in ("review", "review_change"):
            for statement in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        await connection.close()


async def test_reviews_that_were_stopped_are_not_frozen_and_begin_again_where_they_ended(world: World) -> None:
    await scheduled(world, today() - timedelta(days=15))
    await frozen(world)
    assert isinstance(await stop_reviews(world.database, world.reference, request(world), PROCESS), Saved)
    assert await stop_reviews(world.database, world.reference, request(world), PROCESS) == Missing()
    assert await frozen(world) == 0
    schedule = await scheduled(world, today() - timedelta(days=1), ReviewRhythm.WEEKLY)
    async with world.database.reader(world.tenant_id) as connection:
        changes = (await load_changes(connection, world.tenant_id, [schedule]))[schedule]
    assert [change.kind for change in changes] == ["added", "stopped", "changed"]
    assert [change.revision for change in changes] == [1, 2, 3]


async def refused(world: World, draft: ScheduleDraft) -> list[tuple[InputCode, tuple[str, ...]]]:
    before = await world.counts(("review_schedule", "review_change"))
    answer = await set_review_period(world.database, world.reference, request(world), draft)
    assert isinstance(answer, NotUnderstood), answer
    assert await world.counts(("review_schedule", "review_change")) == before
    return [(problem.code, problem.path) for problem in answer.problems]


async def test_what_cannot_be_reviewed_is_refused_with_place_and_cure(world: World) -> None:
    me = request(world).actor_id
    weekly, monthly = ReviewRhythm.WEEKLY, ReviewRhythm.MONTHLY
    assert await refused(world, ScheduleDraft("nowhere", weekly, MONDAY, me)) == [
        (InputCode.UNKNOWN_PROCESS, ("process",))
    ]
    assert await refused(world, ScheduleDraft(PROCESS, weekly, MONDAY, world.tenant_id)) == [
        (InputCode.UNKNOWN_USER, ("owner",))
    ]
    assert await refused(world, ScheduleDraft(PROCESS, monthly, date(2026, 1, 31), me)) == [
        (InputCode.NOT_EVERY_MONTH, ("startsOn",))
    ]
    long_ago = today() - timedelta(days=7 * MOST_PAST + 1)
    assert await refused(world, ScheduleDraft(PROCESS, weekly, long_ago, me)) == [(InputCode.TOO_EARLY, ("startsOn",))]
    far = today() + timedelta(days=367)
    assert await refused(world, ScheduleDraft(PROCESS, weekly, far, me)) == [(InputCode.TOO_LATE, ("startsOn",))]


async def test_a_period_that_was_reviewed_is_not_reviewed_again(world: World) -> None:
    begin = today() - timedelta(days=15)
    await scheduled(world, begin)
    await frozen(world)
    again = ScheduleDraft(PROCESS, ReviewRhythm.WEEKLY, begin + timedelta(days=13), request(world).actor_id)
    assert await refused(world, again) == [(InputCode.TOO_EARLY, ("startsOn",))]
    await scheduled(world, begin + timedelta(days=14))


async def test_a_repetition_gets_the_first_answer_and_another_request_with_the_key_is_refused(world: World) -> None:
    first = request(world, idempotency_key="k", fingerprint=b"one")
    draft = ScheduleDraft(PROCESS, ReviewRhythm.WEEKLY, today(), first.actor_id)

    async def ask(fingerprint: bytes) -> object:
        asked = request(world, idempotency_key="k", fingerprint=fingerprint)
        return await set_review_period(world.database, world.reference, asked, draft)

    answers = await asyncio.gather(*(ask(b"one") for _ in range(5)))
    assert sorted(answer.is_repeated for answer in answers if isinstance(answer, Saved)) == [False] + [True] * 4
    assert await ask(b"two") == KeyReused("k")
    assert await world.counts(("review_schedule", "review_change")) == {"review_schedule": 1, "review_change": 1}


async def test_two_who_set_the_first_schedule_at_once_both_succeed(world: World) -> None:
    one, two = await asyncio.gather(scheduled(world, today()), scheduled(world, today(), ReviewRhythm.QUARTERLY))
    assert one == two
