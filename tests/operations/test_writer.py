"""The write path: what is acknowledged is written once, in order, and a bad item never fails its neighbours."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bpm_crm.engine.blockers import BlockerCode, InputCode
from bpm_crm.engine.step import Activity
from bpm_crm.operations.access import Permission, Reach, Scope
from bpm_crm.operations.commands import (
    AlreadyCaptured,
    Assign,
    Exclude,
    Fire,
    Force,
    KeyReused,
    Missing,
    NotAllowed,
    NotUnderstood,
    Outdated,
    Record,
    Recorded,
    Work,
)
from bpm_crm.operations.writer import WORTH_WHILE, Overloaded, Writer
from tests.world import World, customer

_USED_KEY = """
SELECT u.sequence FROM unnest('{{01a204a8-0227-76e0-982c-88e123e5584a}}'::uuid[]) AS wanted (actor_id)
CROSS JOIN LATERAL (
    SELECT * FROM idempotency_key AS k WHERE k.tenant_id = '{}' AND k.actor_id = wanted.actor_id AND k.key = 'a' LIMIT 1
) AS u
"""
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

WON = (
    Fire("contact"),
    Fire("qualify", {"need": "a roof"}),
    Fire("make_offer", {"amount": "1000.50"}),
    Fire("agree"),
    Fire("sign", {"contract_number": "1"}),
    Fire("send_invoice", {"invoice_number": "1", "invoice_due_on": "2026-12-24"}),
    Fire("pay", {"paid_amount": "1000.50"}),
    Fire("deliver", {"delivered_on": "2026-12-01"}),
)


async def test_a_lead_becomes_a_case_with_a_deal_a_customer_and_running_clocks(world: World) -> None:
    captured = await world.done(None, world.capture(customer=customer(1), data={"page": "/prices"}))
    assert captured.instance.state.stage == "new"
    assert captured.entries[0].checkpoints == ("lead",)
    assert {"response", "stuck"} == set(captured.instance.state.clocks)
    assert await world.counts() == {"process_instance": 1, "history": 1, "deal": 1, "customer": 1, "outbox": 0}


async def test_a_case_moves_to_won_and_its_deal_follows(world: World) -> None:
    done = await world.done(None, world.capture(customer=customer(1)), *WON)
    assert (done.instance.state.stage, done.instance.outcome) == ("won", "won")
    assert [entry.sequence for entry in done.entries] == list(range(1, 10))
    async with world.database.reader(world.tenant_id) as connection:
        deal = await connection.fetchrow("SELECT * FROM deal WHERE tenant_id = $1", world.tenant_id)
        effect = await connection.fetchrow("SELECT * FROM outbox WHERE tenant_id = $1", world.tenant_id)
    assert (str(deal["amount"]), deal["outcome"], deal["key"][:2]) == ("1000.500000", "won", "D-")
    assert effect["payload"]["process"] == "post-payment"


async def test_a_deal_follows_its_case_step_by_step(world: World) -> None:
    case = (await world.done(None, world.capture(customer=customer(1)))).instance
    for command in WON[:3]:
        await world.done(case.id, command)
    async with world.database.reader(world.tenant_id) as connection:
        deal = await connection.fetchrow("SELECT * FROM deal WHERE tenant_id = $1", world.tenant_id)
    assert str(deal["amount"]) == "1000.500000"
    assert deal["owner_id"] == world.founded.users["ann@example.org"]
    assert deal["outcome"] is None


async def test_a_refused_move_names_every_cause_and_writes_nothing(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    before = await world.counts()
    refused = await world.do(case, Fire("make_offer"))
    assert isinstance(refused, NotAllowed)
    assert [blocker.code for blocker in refused.blockers] == [BlockerCode.WRONG_STAGE]
    assert await world.counts() == before


async def test_several_commands_happen_together_or_not_at_all(world: World) -> None:
    before = await world.counts()
    refused = await world.do(None, world.capture(customer=customer(1)), Fire("contact"), Fire("deliver"))
    assert isinstance(refused, NotAllowed)
    assert refused.command == 2
    assert await world.counts() == before


@pytest.mark.parametrize(
    ("command", "code", "path"),
    [
        (Fire("fly"), InputCode.UNKNOWN_TRANSITION, ("transition",)),
        (Fire("contact", {"colour": "red"}), InputCode.UNKNOWN_FIELD, ("data", "colour")),
        (Fire("contact", {"amount": "many"}), InputCode.WRONG_TYPE, ("data", "amount")),
        (Fire("lose", reason="bad_weather"), InputCode.UNKNOWN_REASON, ("reason",)),
        (Force("heaven", "because"), InputCode.UNKNOWN_STAGE, ("stage",)),
        (Record(Activity("dance")), InputCode.UNKNOWN_ACTIVITY, ("kind",)),
        (Fire("contact", occurred_at=datetime(2999, 1, 1, tzinfo=UTC)), InputCode.IN_THE_FUTURE, ("occurredAt",)),
        (Fire("contact", occurred_at=datetime(1812, 9, 7, tzinfo=UTC)), InputCode.OUT_OF_RANGE, ("occurredAt",)),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place_and_writes_nothing(
    world: World, command: object, code: InputCode, path: tuple[str, ...]
) -> None:
    case = (await world.done(None, world.capture())).instance.id
    before = await world.counts()
    refused = await world.do(case, command)  # type: ignore[arg-type]
    assert isinstance(refused, NotUnderstood)
    assert [(problem.code, problem.path) for problem in refused.problems] == [(code, path)]
    assert await world.counts() == before


async def test_a_case_of_another_tenant_is_not_there(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    stranger = Work(uuid4(), (Fire("contact"),), world.actor("ann"), instance_id=case)
    assert isinstance(await world.writer.submit(stranger), Missing)


async def test_a_case_outside_the_scope_is_not_there(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    scope = world.viewer("eve").scope(Permission.FIRE_TRANSITION)
    assert scope == Scope(Reach.OWN, world.founded.users["eve@example.org"], frozenset({world.founded.teams["south"]}))
    before = await world.counts()
    assert isinstance(await world.do(case, Fire("contact"), by="eve", scope=scope), Missing)
    assert await world.counts() == before


async def test_a_stale_sequence_is_refused_with_the_current_one(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    await world.done(case, Fire("contact"), expected_sequence=1)
    before = await world.counts()
    stale = await world.do(case, Fire("qualify", {"need": "x"}), expected_sequence=1)
    assert isinstance(stale, Outdated)
    assert (stale.expected, stale.instance.state.sequence) == (1, 2)
    assert await world.counts() == before


async def test_a_retry_with_the_same_key_returns_the_first_answer(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    first = await world.done(case, Fire("contact"), idempotency_key="k", fingerprint=b"a")
    again = await world.done(case, Fire("contact"), idempotency_key="k", fingerprint=b"a")
    assert again.repeated
    assert not first.repeated
    assert again.entries == first.entries
    assert (await world.counts())["history"] == 2


async def test_the_same_key_with_another_payload_is_an_error(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    await world.done(case, Fire("contact"), idempotency_key="k", fingerprint=b"a")
    before = await world.counts()
    assert await world.do(case, Fire("lose"), idempotency_key="k", fingerprint=b"b") == KeyReused("k")
    assert await world.counts() == before


async def test_the_same_key_of_another_person_is_another_key(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    await world.done(case, Fire("contact"), idempotency_key="k", fingerprint=b"a")
    other = await world.done(case, Fire("qualify", {"need": "x"}), by="bob", idempotency_key="k", fingerprint=b"b")
    assert not other.repeated


async def test_one_key_sent_many_times_at_once_is_one_step(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    tries = [world.done(case, Fire("contact"), idempotency_key="k", fingerprint=b"a") for _ in range(20)]
    answers = await asyncio.gather(*tries)
    assert sum(not answer.repeated for answer in answers) == 1
    assert {answer.entries[0].sequence for answer in answers} == {2}
    assert (await world.counts())["history"] == 2


async def test_one_key_through_two_writers_at_once_is_one_step(world: World) -> None:
    other = Writer(world.database, world.writer.processes)
    other.start()
    case = (await world.done(None, world.capture())).instance.id

    async def through(writer: Writer) -> Recorded:
        work = Work(
            world.tenant_id, (Fire("contact"),), world.actor("ann"), case, idempotency_key="k", fingerprint=b"a"
        )
        outcome = await writer.submit(work)
        assert isinstance(outcome, Recorded), outcome
        return outcome

    answers = await asyncio.gather(*(through(writer) for writer in (world.writer, other) * 10))
    await other.stop()
    assert sum(not answer.repeated for answer in answers) == 1
    assert (await world.counts())["history"] == 2


async def test_a_retry_that_waited_for_the_first_try_to_commit_finds_its_key(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    other = Writer(world.database, world.writer.processes)
    other.start()
    work = {"instance_id": case, "idempotency_key": "k", "fingerprint": b"a"}
    tries = [Work(world.tenant_id, (Fire("contact"),), world.actor("ann"), **work) for _ in range(2)]  # type: ignore[arg-type]
    async with world.database.transaction(world.tenant_id) as connection:
        await connection.execute(
            "SELECT FROM process_instance WHERE tenant_id = $1 AND id = $2 FOR UPDATE", world.tenant_id, case
        )
        submitted = [
            asyncio.create_task(writer.submit(item)) for writer, item in zip((world.writer, other), tries, strict=True)
        ]
        async with world.database.across_tenants() as watching:
            async with asyncio.timeout(20):
                while await watching.fetchval(_WAITING) < 2:  # noqa: ASYNC110  # the event is in another process
                    await asyncio.sleep(0.01)
    answers = await asyncio.gather(*submitted)
    await other.stop()
    assert sorted(isinstance(answer, Recorded) and answer.repeated for answer in answers) == [False, True]
    assert (await world.counts())["history"] == 2


async def test_a_lead_reported_twice_is_captured_once(world: World) -> None:
    lead = world.capture(external_id="L-1", customer=customer(1))
    first, again = await world.done(None, lead), await world.done(None, lead)
    assert again.repeated
    assert again.instance.id == first.instance.id
    assert await world.counts() == {"process_instance": 1, "history": 1, "deal": 1, "customer": 1, "outbox": 0}


async def test_a_lead_reported_again_with_other_content_is_refused(world: World) -> None:
    first = await world.done(None, world.capture(external_id="L-1", customer=customer(1)))
    before = await world.counts()
    again = await world.do(None, world.capture(external_id="L-1", customer=customer(2)))
    assert isinstance(again, AlreadyCaptured)
    assert again.instance.id == first.instance.id
    assert await world.counts() == before


async def test_many_reports_of_one_lead_at_once_are_one_case(world: World) -> None:
    lead = world.capture(external_id="L-1", customer=customer(1))
    answers = await asyncio.gather(*(world.done(None, lead) for _ in range(30)))
    assert len({answer.instance.id for answer in answers}) == 1
    assert sum(not answer.repeated for answer in answers) == 1
    assert (await world.counts())["process_instance"] == 1


async def test_a_known_phone_or_address_recognises_the_customer(world: World) -> None:
    first = await world.done(None, world.capture(customer=customer(1)))
    second = await world.done(None, world.capture("web-form", customer=customer(1)))
    assert second.instance.customer_id == first.instance.customer_id
    assert (await world.counts())["customer"] == 1


async def test_new_leads_of_one_new_customer_at_once_share_the_customer(world: World) -> None:
    answers = await asyncio.gather(*(world.done(None, world.capture(customer=customer(1))) for _ in range(30)))
    assert len({answer.instance.customer_id for answer in answers}) == 1
    assert (await world.counts())["customer"] == 1


async def test_two_writers_meeting_a_new_customer_at_once_share_the_customer(world: World) -> None:
    other = Writer(world.database, world.writer.processes)
    other.start()
    works = [Work(world.tenant_id, (world.capture(customer=customer(1)),), world.actor("ann")) for _ in range(20)]
    outcomes = await asyncio.gather(*((world.writer, other)[n % 2].submit(work) for n, work in enumerate(works)))
    await other.stop()
    assert all(isinstance(outcome, Recorded) for outcome in outcomes)
    assert (await world.counts())["customer"] == 1


async def test_deals_are_numbered_without_gaps_or_repetitions(world: World) -> None:
    answers = await asyncio.gather(*(world.done(None, world.capture(external_id=str(n))) for n in range(40)))
    async with world.database.reader(world.tenant_id) as connection:
        keys = await connection.fetch("SELECT key FROM deal WHERE tenant_id = $1 ORDER BY key", world.tenant_id)
    year = answers[0].instance.recorded_at.year
    assert [row["key"] for row in keys] == [f"D-{year}-{number:06}" for number in range(1, 41)]


async def test_a_bad_item_never_fails_its_neighbours(world: World) -> None:
    cases = [(await world.done(None, world.capture(external_id=str(n)))).instance.id for n in range(10)]
    works = [Work(world.tenant_id, (Fire("contact"),), world.actor("ann"), case) for case in cases]
    works.insert(3, Work(world.tenant_id, (Fire("nonsense"),), world.actor("ann"), uuid4()))
    works.insert(5, Work(world.tenant_id, (Fire("deliver"),), world.actor("ann"), cases[0]))
    outcomes = await world.writer.submit_all(works)
    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert kinds == ["Recorded"] * 3 + ["Missing", "Recorded", "NotAllowed"] + ["Recorded"] * 6


async def test_an_item_that_the_database_refuses_never_fails_its_neighbours(world: World) -> None:
    bad = world.capture(external_id="bad", title="a\x00b")
    good = [world.capture(external_id=str(n)) for n in range(5)]
    works = [Work(world.tenant_id, (lead,), world.actor("ann")) for lead in (*good, bad)]
    outcomes = await asyncio.gather(*map(world.writer.submit, works), return_exceptions=True)
    assert [isinstance(outcome, Recorded) for outcome in outcomes] == [True] * 5 + [False]
    assert (await world.counts())["process_instance"] == 5


async def test_moves_of_one_case_keep_their_order(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    works = [Work(world.tenant_id, (command,), world.actor("ann"), case) for command in WON]
    outcomes = await world.writer.submit_all(works)
    assert all(isinstance(outcome, Recorded) for outcome in outcomes), outcomes
    assert outcomes[-1].instance.state.stage == "won"  # type: ignore[union-attr]


async def test_concurrent_moves_of_one_case_are_linear(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    outcomes = await asyncio.gather(*(world.do(case, Fire("contact")) for _ in range(10)))
    assert sum(isinstance(outcome, Recorded) for outcome in outcomes) == 1
    assert (await world.counts())["history"] == 2


async def test_a_full_queue_refuses_more_work(world: World) -> None:
    writer = Writer(world.database, world.writer.processes, most_waiting=5)
    works = [Work(world.tenant_id, (Fire("contact"),), world.actor("ann"), uuid4()) for _ in range(6)]
    with pytest.raises(Overloaded):
        await writer.submit_all(works)


async def test_a_third_flusher_takes_only_what_is_worth_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, taken, done = Writer(world.database, world.writer.processes), list[int](), asyncio.Event()

    async def held(works: Sequence[Work]) -> Sequence[Work]:
        taken.append(len(works))
        await done.wait()
        return works

    monkeypatch.setattr(writer, "_move", held)
    writer.start()
    waiting = []
    for arrivals, expected in ((1, [1]), (2, [1, 2]), (WORTH_WHILE - 1, [1, 2]), (1, [1, 2, WORTH_WHILE])):
        works = [Work(world.tenant_id, (Fire("contact"),), world.actor("ann"), uuid4()) for _ in range(arrivals)]
        waiting.append(asyncio.create_task(writer.submit_all(works)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert taken == expected
    done.set()
    await asyncio.gather(*waiting)
    await writer.stop()


async def test_tenants_take_turns(world: World) -> None:
    order: list[str] = []
    writer = Writer(world.database, world.writer.processes, flushers=1, most_in_batch=4)

    async def submit(tenant: str, tenant_id: object) -> None:
        await writer.submit(Work(tenant_id, (Fire("contact"),), world.actor("ann"), uuid4()))  # type: ignore[arg-type]
        order.append(tenant)

    other = uuid4()
    waiting = [asyncio.create_task(submit("busy", world.tenant_id)) for _ in range(40)]
    waiting += [asyncio.create_task(submit("quiet", other)) for _ in range(4)]
    await asyncio.sleep(0.01)
    writer.start()
    await asyncio.gather(*waiting)
    await writer.stop()
    assert order.index("quiet") < 12


async def test_an_assignment_keeps_what_it_does_not_name(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    bob = world.founded.users["bob@example.org"]
    assigned = await world.done(case, Assign(bob, None), by="north")
    assert (assigned.instance.owner_id, assigned.instance.team_id) == (bob, world.founded.teams["north"])
    moved = await world.done(case, Assign(None, world.founded.teams["south"], keep_owner=True), by="north")
    assert (moved.instance.owner_id, moved.instance.team_id) == (bob, world.founded.teams["south"])
    assert moved.entries[0].kind == "assignment"


async def test_a_forced_move_is_its_own_kind_and_an_exclusion_is_a_step(world: World) -> None:
    case = (await world.done(None, world.capture())).instance.id
    forced = await world.done(case, Force("contract", "imported from paper"), by="admin")
    assert (forced.entries[0].kind, forced.entries[0].comment) == ("forced", "imported from paper")
    excluded = await world.done(case, Exclude("spam"), by="admin")
    assert (excluded.entries[0].kind, excluded.instance.state.exclusion) == ("exclusion", "spam")


async def test_a_dry_run_decides_and_writes_nothing(world: World) -> None:
    before = await world.counts()
    captured = await world.done(None, world.capture(customer=customer(1)), dry_run=True)
    assert captured.instance.state.stage == "new"
    assert await world.counts() == before


async def test_what_happened_earlier_is_recorded_now(world: World) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    captured = await world.done(None, world.capture(occurred_at=yesterday))
    assert captured.entries[0].occurred_at == yesterday
    assert captured.entries[0].recorded_at > yesterday + timedelta(hours=23)


async def test_personal_data_and_free_text_stay_out_of_the_chained_history(world: World) -> None:
    planted = "planted secret 4711"
    data = {"delivery_address": planted, "page": "/"}
    captured = await world.done(None, world.capture(customer=customer(7), data=data, comment=planted))
    assert captured.instance.state.data["delivery_address"] == planted
    assert captured.entries[0].comment == planted
    async with world.owner.reader(world.tenant_id) as connection:
        history = await connection.fetchval(
            "SELECT string_agg(h::text, '') FROM history AS h WHERE h.tenant_id = $1", world.tenant_id
        )
        apart = await connection.fetchrow("SELECT * FROM history_text WHERE tenant_id = $1", world.tenant_id)
    assert not any(secret in history for secret in (planted, "+7999", "Customer 7"))
    assert (apart["comment"], apart["personal"]) == (planted, {"delivery_address": planted})


async def test_nothing_is_scanned_though_statistics_were_gathered_while_a_table_was_empty(world: World) -> None:
    await world.owner.analyse()
    plans = []
    for by_key in (False, True):
        async with world.database.transaction(world.tenant_id, by_key=by_key) as connection:
            rows = await connection.fetch("EXPLAIN " + _USED_KEY.format(world.tenant_id))
            plans.append("\n".join(row[0] for row in rows))
    assert "Seq Scan on idempotency_key" in plans[0]
    assert "idempotency_key_pkey" in plans[1]
    assert "Seq Scan" not in plans[1]
