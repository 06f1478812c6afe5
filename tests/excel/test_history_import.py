"""History comes in from tables: each case replayed in the order of time by those who did it, all of it or nothing."""

import asyncio
from datetime import UTC, datetime

from bpm_crm.excel.targets import ImportKind
from bpm_crm.operations.audit import verify
from bpm_crm.operations.processes import ProcessCache
from tests.excel.desk import Desk, xlsx

HEADERS = ["Сделка", "Событие", "Дата", "Сотрудник", "Причина", "Телефон", "need", "amount"]
ROWS = [
    HEADERS,
    ["h1", "qualify", "02.11.2026 12:00", "Bob Seller", None, None, "A roof", None],
    ["h1", "Нужно перезвонить", "02.11.2026 09:00", None, None, "8 916 123-45-67", None, None],
    ["h1", "contact", "02.11.2026 10:00", "ann@example.org", None, None, None, None],
    ["h2", "created", "03.11.2026 09:00", None, None, None, None, None],
    ["h2", "lose", "03.11.2026 10:00", "Ann Seller", "competitor", None, None, None],
    ["h3", "created", "03.11.2026 09:00", None, None, None, None, None],
    ["h3", "delivered to the moon", "03.11.2026 10:00", None, None, None, None, None],
    ["h4", "created", "03.11.2026 09:00", None, None, None, None, None],
    ["h4", "make_offer", "03.11.2026 10:00", "Nobody Known", None, None, None, None],
    [None, "contact", "03.11.2026 10:00", None, None, None, None, None],
    ["h5", "created", "03.11.2026 09:00", None, None, None, None, None],
    ["h5", "contact", "03.11.2999 10:00", "ann@example.org", None, None, None, None],
]


async def test_cases_are_replayed_in_the_order_of_time_by_those_who_did_it(desk: Desk) -> None:
    job = await desk.imported(xlsx(ROWS), kind=ImportKind.HISTORY)
    assert job.failure is None
    assert dict(job.counts) == {"accepted": 2, "refused": 4}
    assert sorted(await desk.problems(job), key=str) == sorted(
        [("B8", "UNKNOWN_EVENT"), ("D10", "UNKNOWN_PERSON"), ("A11", "EMPTY_ROW_VALUE"), ("C13", "IN_THE_FUTURE")],
        key=str,
    )
    first, second = await desk.cases()
    assert (first["external_id"], first["phone"], first["data"]["need"]) == ("h1", "+79161234567", "A roof")
    assert second["stage"] == "lost"
    async with desk.world.owner.reader(desk.world.tenant_id) as connection:
        steps = await connection.fetch(
            "SELECT transition, occurred_at, actor_id, actor_kind FROM history WHERE tenant_id = $1 AND instance_id = $2 "
            "AND to_stage IS NOT NULL ORDER BY sequence",
            desk.world.tenant_id,
            first["id"],
        )
    assert [(step["transition"], step["occurred_at"], step["actor_id"], step["actor_kind"]) for step in steps] == [
        (None, datetime(2026, 11, 2, 6, tzinfo=UTC), None, "system"),
        ("contact", datetime(2026, 11, 2, 7, tzinfo=UTC), desk.user("ann"), "user"),
        ("qualify", datetime(2026, 11, 2, 9, tzinfo=UTC), desk.user("bob"), "user"),
    ]


async def test_the_same_history_again_begins_nothing_and_what_came_in_is_sound(desk: Desk) -> None:
    await desk.imported(xlsx(ROWS), kind=ImportKind.HISTORY)
    before = await desk.world.counts()
    again = await desk.imported(xlsx(ROWS), kind=ImportKind.HISTORY)
    assert dict(again.counts) == {"duplicate": 2, "refused": 4}
    assert await desk.world.counts() == before
    assert [
        fault async for fault in verify(desk.worker, ProcessCache(), desk.world.tenant_id, progress=lambda _: None)
    ] == []


async def test_more_history_of_a_known_case_is_refused_by_name(desk: Desk) -> None:
    await desk.imported(xlsx(ROWS[:4]), kind=ImportKind.HISTORY)
    longer = [*ROWS[:4], ["h1", "lose", "05.11.2026 10:00", "Ann Seller", "competitor", None, None, None]]
    job = await desk.imported(xlsx(longer), kind=ImportKind.HISTORY)
    assert await desk.problems(job) == [("A2", "OTHER_CONTENT")]


async def test_an_import_of_history_is_undone_as_one_of_leads(desk: Desk) -> None:
    job = await desk.imported(xlsx(ROWS), kind=ImportKind.HISTORY)
    undoing = await desk.undone(job)
    assert dict(undoing.counts) == {"excluded": 2}
    assert {case["exclusion"] for case in await desk.cases()} == {"undone"}


async def test_jobs_are_carried_out_by_a_runner_that_is_woken(desk: Desk) -> None:
    job = await desk.ask(xlsx([["ID", "Name"], ["1", "Ann"]]))
    finished = False
    desk.runner.start()
    desk.runner.wake()
    for _ in range(200):
        finished = (await desk.job(job.id)).done_at is not None
        if finished:
            break
        await _moment()
    await desk.runner.stop()
    assert finished


async def _moment() -> None:
    await asyncio.sleep(0.05)
