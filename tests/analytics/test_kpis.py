"""KPIs over leads told by hand: what each must answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from bpm_crm.analytics import kpi_values, measures
from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.formulas import Measurement
from bpm_crm.analytics.frames import FIRST_INSTANT, read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.measures import DimensionNotOffered, Measured, measure
from bpm_crm.analytics.members import Wanted
from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Fire, Record
from bpm_crm.operations.leads import MOST_TEXT
from tests.analytics.leads import LATER, MONDAY, assign, call, exclude, fire, force, hour, lead, lose, question, up_to
from tests.world import World, customer

FAR = LATER + timedelta(days=36_500)
HOUR = 3_600


async def kpi(world: World, key: str, by: Sequence[Dimension] = (), **asked: Any) -> Measured:
    """A KPI over the leads of the tests' week or after it."""
    times = {name: asked.pop(name) for name in ("as_of", "known_at") if name in asked}
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=None, **times)
        return await measure(connection, CATALOGUE[key], frame, question(world, by=by, **asked))


async def total(world: World, key: str, **asked: Any) -> Measurement:
    return (await kpi(world, key, **asked)).total


async def parts(world: World, key: str, **asked: Any) -> tuple[Any, Any]:
    found = await total(world, key, **asked)
    return found.numerator, found.denominator


async def test_the_response_time_censors_those_who_still_wait(world: World) -> None:
    await lead(world, 0, call(1))
    await lead(world, 0, call(3), call(5))
    await lead(world, 0, lose(4))
    await lead(world, 0)
    found = await total(world, "response_time", as_of=hour(10), known_at=FAR)
    assert (found.value, found.p90) == (3 * HOUR, None)
    assert (found.seen, found.censored, found.numerator, found.denominator) == (2, 2, 2, 4)


async def test_automatic_and_internal_acts_are_no_response_and_an_answered_call_is_one(world: World) -> None:
    note, robot = Activity("note", "internal"), Activity("email", "outbound", automated=True)
    await lead(world, 0, Record(note, occurred_at=hour(1)), Record(robot, occurred_at=hour(2)))
    assert (await total(world, "response_time")).seen == 0
    await lead(world, 0, fire("answer", 2), channel="inbound-call")
    found = await kpi(world, "response_time", [Dimension.CHANNEL])
    assert sorted((item.seen, item.censored) for item in found.segments) == [(0, 1), (1, 0)]


async def test_the_two_win_rates_differ_by_their_denominators(world: World) -> None:
    await lead(world, 0, *up_to(6))
    await lead(world, 0, lose(1))
    await lead(world, 0, lose(1))
    await lead(world, 0, fire("cancel", 1, "spam"))
    await lead(world, 0)
    await lead(world, 0, lose(2), exclude("test", 3))
    closed = await total(world, "win_rate_closed")
    assert closed.value == Fraction(1, 3)
    assert closed.interval == pytest.approx((0.0615, 0.7923), abs=1e-4)
    assert (await total(world, "win_rate_cohort")).value == Fraction(1, 4)
    assert (await total(world, "lead_to_sale")).value == Fraction(1, 5)


async def test_a_share_of_nothing_is_null_and_a_count_of_nothing_is_zero(world: World) -> None:
    for key, found in CATALOGUE.items():
        measured = await total(world, key)
        expected = 0 if found.kind in {"count", "sum", "rate"} else None
        assert (measured.value, measured.interval) == (expected, None), key


async def test_a_case_lost_reopened_and_won_is_won(world: World) -> None:
    case = await lead(world, 0, *up_to(2), lose(3))
    assert await parts(world, "lead_to_sale") == (0, 1)
    lost_then = await kpi(world, "win_rate_closed")
    moves = (*up_to(6, begins=4)[2:],)
    await world.done(case, fire("reopen", 4), *moves, by="admin")
    assert await parts(world, "lead_to_sale") == (1, 1)
    again = await kpi(world, "win_rate_closed", as_of=lost_then.frame.as_of)
    assert again.total == lost_then.total
    assert again.total.value == 0


async def test_forced_moves_rework_and_skipped_steps(world: World) -> None:
    await lead(world, 0, fire("contact", 1), force("offer", 2), fire("revise_offer", 3))
    await lead(world, 0, fire("contact", 1))
    await lead(world, 0)
    assert await parts(world, "forced_moves") == (1, 4)
    assert await parts(world, "rework_rate") == (1, 3)
    assert await parts(world, "skipped_steps") == (1, 2)
    assert await parts(world, "forced_moves", since=hour(3)) == (0, 1)


async def test_the_key_stage_is_reached_entered_and_worked_at(world: World) -> None:
    await lead(world, 0, call(1), *up_to(3), call(4), fire("revise_offer", 5), call(6), fire("agree", 7), call(8))
    await lead(world, 0, *up_to(2))
    assert await parts(world, "lead_to_key_stage") == (1, 2)
    found = await total(world, "time_to_key_stage", as_of=hour(20), known_at=FAR)
    assert (found.value, found.seen, found.censored) == (3 * HOUR, 1, 1)
    assert (await total(world, "key_stage_entries")).value == 2
    assert (await total(world, "key_stage_actions")).value == 2


async def test_times_to_sale_and_cycle_are_censored(world: World) -> None:
    await lead(world, 0, *up_to(6))
    await lead(world, 0, *up_to(6, every=2))
    await lead(world, 0, lose(3))
    await lead(world, 0, fire("cancel", 1, "spam"))
    times = {"as_of": hour(200), "known_at": FAR}
    sale, cycle = await total(world, "time_to_sale", **times), await total(world, "cycle_time", **times)
    assert (sale.value, sale.seen, sale.censored) == (8 * HOUR, 2, 2)
    assert (cycle.value, cycle.p90, cycle.seen, cycle.censored) == (8 * HOUR, 16 * HOUR, 3, 0)


async def test_leads_per_sale_and_sales_go_by_when_they_happened(world: World) -> None:
    await lead(world, -200, *up_to(6, begins=0))
    for _ in range(3):
        await lead(world, 0)
    assert (await total(world, "sales")).value == 1
    assert (await total(world, "new_cases")).value == 3
    assert (await total(world, "leads_per_sale")).value == 3
    assert (await total(world, "sales", until=hour(1))).value == 0


async def test_the_velocity_is_that_of_one_cohort(world: World) -> None:
    await lead(world, 0, *up_to(6, every=3))
    await lead(world, 0, lose(48))
    for _ in range(4):
        await lead(world, 0)
    found = await total(world, "velocity")
    assert found.value == 4 * Fraction(1, 2) * 1000 / ((1 + 2) / Fraction(2))


async def test_the_velocity_lists_the_cases_won_without_an_amount(world: World) -> None:
    await lead(world, 0, *up_to(6, every=3))
    await lead(world, 0, force("won", 48))
    await lead(world, 0)
    found = await kpi(world, "velocity")
    assert found.total.left_out == 1
    async with world.database.reader(world.tenant_id) as connection:
        assert (await found.members.listed(connection, [Wanted("", ("left_out",), None, 10)]))[0].total == 1
    assert (await total(world, "velocity", until=hour(0))).left_out == 0


async def test_clocks_are_attained_warn_breach_and_escalate(world: World) -> None:
    await lead(world, 6, call(6.1), lose(6.2))
    await lead(world, 6, call(9), lose(9.1))
    by = [Dimension.CLOCK]
    found = {item.segment: item for item in (await kpi(world, "attainment", by)).segments}
    response = found[("response",)]
    assert (response.value, response.numerator, response.denominator) == (Fraction(1, 2), 1, 2)
    worked = {item.segment: item for item in (await kpi(world, "clock_time", by)).segments}[("response",)]
    assert (worked.value, worked.p90, worked.seen) == (pytest.approx(360), 3 * HOUR, 2)
    for key, count in (("warnings", 2), ("breaches", 1), ("escalations", 2)):
        events = await kpi(world, key, by)
        assert [(item.segment, item.value) for item in events.segments if item.segment == ("response",)] == [
            (("response",), count)
        ]


async def test_what_was_met_early_counts_when_it_is_due_as_what_was_not(world: World) -> None:
    """Two calls are due at a quarter past; at nine minutes past, one was made."""
    for moves in ((call(9.1),), ()):
        await lead(world, 9, *moves)
    for at, share in ((9.15, (0, 0)), (10, (1, 2))):
        found = await total(world, "attainment", as_of=hour(at), known_at=FAR)
        assert (found.numerator, found.denominator) == share
        assert (await total(world, "clock_time", as_of=hour(at), known_at=FAR)).denominator == share[1]


async def test_a_warning_that_a_late_record_made_untrue_does_not_count(world: World) -> None:
    case = await lead(world, 6)
    await world.done(case, call(9))
    before = await kpi(world, "breaches", [Dimension.CLOCK])
    assert ("response",) in {item.segment for item in before.segments}
    await world.done(case, call(6.1))
    after = await kpi(world, "breaches", [Dimension.CLOCK])
    assert ("response",) not in {item.segment for item in after.segments}
    again = await kpi(world, "breaches", [Dimension.CLOCK], as_of=before.frame.as_of)
    assert again.segments == before.segments


async def test_the_workload_is_that_of_the_end_of_the_period(world: World) -> None:
    await lead(world, 6, assign(world, "ann", 6.1), by="admin")
    await lead(world, 6, assign(world, "bob", 6.1), lose(20), by="admin")
    for until, count in ((hour(6), 0), (hour(7), 2), (hour(21), 1)):
        found = await kpi(world, "open_cases", [Dimension.OWNER], until=until, known_at=FAR)
        assert found.total.value == count
        assert len(found.segments) == count
    assert (await total(world, "overdue_cases", until=hour(6.2))).value == 0
    assert (await total(world, "due_today", until=hour(6.2))).value == 2
    assert (await total(world, "overdue_cases", until=hour(7))).value == 2


async def test_arrivals_and_completions_are_per_working_hour(world: World) -> None:
    for _ in range(9):
        await lead(world, 6)
    await lead(world, 6, lose(7))
    day = {"since": MONDAY, "until": hour(24)}
    arrivals, completions = (
        await total(world, "arrivals_per_hour", **day),
        await total(world, "completions_per_hour", **day),
    )
    assert (arrivals.value, arrivals.numerator, arrivals.denominator) == (Fraction(10, 9), 10, 9)
    assert (completions.value, completions.numerator) == (pytest.approx(1 / 9), 1)
    night = await total(world, "arrivals_per_hour", since=hour(5), until=hour(6))
    assert (night.value, night.left_out) == (0, 0)


async def test_without_a_beginning_arrivals_are_counted_and_no_hours_are_known(world: World) -> None:
    await lead(world, 6)
    await lead(world, 30, lose(31), channel="inbound-call")
    for key, by_channel in (("arrivals_per_hour", [1, 1]), ("completions_per_hour", [1])):
        found = await kpi(world, key, [Dimension.CHANNEL], since=FIRST_INSTANT)
        for item in (found.total, *found.segments):
            assert (item.value, item.denominator, item.left_out) == (None, None, 0)
        assert [item.numerator for item in found.segments] == by_channel
        assert found.total.numerator == sum(by_channel)
        async with world.database.reader(world.tenant_id) as connection:
            listed = await found.members.listed(connection, [Wanted("", ("numerator",), None, 10)])
        assert listed[0].total == sum(by_channel)


async def test_arrivals_in_a_period_without_working_hours_are_left_out(world: World) -> None:
    await lead(world, 1)
    found = await total(world, "arrivals_per_hour", since=MONDAY, until=hour(2))
    assert (found.value, found.numerator, found.left_out) == (None, 0, 1)


async def test_a_forecast_takes_chances_from_own_history_and_says_where_there_is_too_little(world: World) -> None:
    for _ in range(10):
        await lead(world, 0, *up_to(6))
    for _ in range(20):
        await lead(world, 0, *up_to(3), lose(4))
    await lead(world, 100, *up_to(3, begins=100))
    await lead(world, 100, *up_to(4, begins=100))
    times = {"as_of": hour(110), "known_at": FAR}
    sales, money = await total(world, "forecast_sales", **times), await total(world, "forecast_amount", **times)
    assert (sales.value, sales.left_out) == (pytest.approx(1 / 3), 1)
    assert (money.value, money.left_out) == (pytest.approx(1000 / 3), 1)
    later = await total(world, "forecast_sales", as_of=hour(200), known_at=FAR)
    assert (later.value, later.left_out) == (None, 2), "none of the past stays lasted so long"


async def test_a_forecast_goes_by_the_cases_that_ended_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(30):
        await lead(world, 0, *up_to(3), lose(4))
    for _ in range(30):
        await lead(world, 0, *up_to(6))
    await lead(world, 100, *up_to(3, begins=100))
    times = {"as_of": hour(110), "known_at": FAR}
    assert (await total(world, "forecast_sales", **times)).value == pytest.approx(1 / 2)
    monkeypatch.setattr(kpi_values, "MOST_SETTLED", 30)
    assert (await total(world, "forecast_sales", **times)).value == 1


async def test_segments_are_those_of_the_owner_at_entry_the_actor_or_the_owner_now(world: World) -> None:
    case = await lead(world, 0, assign(world, "ann", 0.1), *up_to(6), by="admin")
    await world.done(case, assign(world, "bob", 20), by="admin")
    users = {key: str(user) for key, user in world.founded.users.items()}
    for basis, name in ((OwnerBasis.AT_ENTRY, "ann"), (OwnerBasis.ACTOR, "admin"), (OwnerBasis.CURRENT, "bob")):
        found = await kpi(world, "sales", [Dimension.OWNER], basis=basis)
        assert [item.segment for item in found.segments] == [(users[f"{name}@example.org"],)]


async def test_time_dimensions_are_parts_of_the_calendar_of_the_company(world: World) -> None:
    await lead(world, -4)
    await lead(world, -2)
    by = [Dimension.DAY, Dimension.WEEK, Dimension.MONTH, Dimension.QUARTER, Dimension.YEAR]
    found = await kpi(world, "new_cases", by, since=hour(-24))
    assert {item.segment for item in found.segments} == {
        ("2026-09-06", "2026-W36", "2026-09", "2026-Q3", "2026"),
        ("2026-09-07", "2026-W37", "2026-09", "2026-Q3", "2026"),
    }


async def test_the_product_is_the_field_bound_to_it(world: World) -> None:
    await lead(world, 0, Fire("contact", {"product": "roof"}, None, occurred_at=hour(1)))
    await lead(world, 0)
    found = await kpi(world, "new_cases", [Dimension.PRODUCT])
    assert {item.segment: item.value for item in found.segments} == {("roof",): 1, (None,): 1}


async def test_a_dimension_that_a_kpi_lacks_is_refused_with_those_it_has(world: World) -> None:
    with pytest.raises(DimensionNotOffered, match="open_cases cannot be grouped by CLOCK; it can by CHANNEL"):
        await kpi(world, "open_cases", [Dimension.CLOCK])


@pytest.mark.parametrize("key", CATALOGUE)
async def test_a_stored_answer_stays_whatever_is_recorded_later(world: World, key: str) -> None:
    cases = [await lead(world, number, *up_to(number % 6 + 1, begins=number)) for number in range(8)]
    by = [dimension for dimension in CATALOGUE[key].dimensions if dimension is not Dimension.OWNER][:2]
    stored = await kpi(world, key, by)
    for case in cases[::2]:
        await world.done(case, call(9), exclude("test"), by="admin")
    for case in cases[1::2]:
        await world.done(case, force("offer", 30), lose(40), by="admin")
    await lead(world, 1, *up_to(4, begins=2))
    again = await kpi(world, key, by, as_of=stored.frame.as_of)
    assert (again.total, set(again.segments)) == (stored.total, set(stored.segments))
    assert replace(again.frame, versions=()) == replace(stored.frame, versions=())


async def test_purchases_are_made_by_customers_again_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four customers: one buys on day 0 and 4, one on day 0 and 10, one on day 0 alone, one first on day 6; somebody unknown on day 0."""
    monkeypatch.setattr(measures, "REPEAT_WITHIN", timedelta(days=9))
    days = {1: (0, 4), 2: (0, 10), 3: (0,), 4: (6,), None: (0,)}
    for number, bought in days.items():
        for day in bought:
            asked = {} if number is None else {"customer": customer(number)}
            await lead(world, 24 * day, *up_to(6, 24 * day, every=0.01), **asked)
    first = {"since": hour(0), "until": hour(72)}
    second = {"since": hour(72), "until": hour(144)}

    async def seen(key: str, day: float, period: dict[str, Any]) -> tuple[Any, Any, int]:
        found = await total(world, key, as_of=hour(24 * day), known_at=FAR, **period)
        return found.numerator, found.denominator, found.left_out

    assert (await total(world, "revenue", **first)).value == 4_000
    assert (await total(world, "average_check", **first)).value == 1_000
    assert await parts(world, "purchase_frequency", until=hour(24 * 20)) == (6, 4)
    assert await seen("repeat_conversion", 9.5, first) == (1, 3, 0)
    assert await seen("repeat_conversion", 8.5, first) == (0, 0, 3)
    assert await seen("revenue_per_customer", 5, first) == (4_000, 3, 0)
    assert await seen("revenue_per_customer", 11, first) == (5_000, 3, 0)
    assert await parts(world, "churn", **second) == (2, 3)
    assert await parts(world, "churn", since=hour(144), until=hour(216)) == (1, 1)
    assert (await total(world, "churn", **second, as_of=hour(48), known_at=FAR)).value is None, "it has not begun"
    assert (await total(world, "churn")).value is None, "nothing is before ever"


async def test_the_workload_of_the_past_is_that_of_who_had_the_cases_then(world: World) -> None:
    await lead(world, 0, assign(world, "ann", 1), assign(world, "bob", 24 * 10))
    ann, bob = (str(world.founded.users[f"{name}@example.org"]) for name in ("ann", "bob"))
    for day, owner in ((5, ann), (12, bob)):
        for asked in ({"until": hour(24 * day)}, {"as_of": hour(24 * day), "known_at": FAR}):
            found = await kpi(world, "open_cases", (Dimension.OWNER,), **asked)
            assert [(item.segment, item.value) for item in found.segments] == [((owner,), 1)]


@pytest.mark.parametrize("key", ["purchase_frequency", "revenue_per_customer"])
async def test_customers_are_listed_as_they_were_counted(world: World, key: str) -> None:
    for number in range(2):
        await lead(world, 0, *up_to(6), customer=customer(number))
    found = await kpi(world, key)
    assert found.total.denominator == 2
    lists = [Wanted("", (number,), None, 50) for number in ("numerator", "denominator")]
    async with world.database.reader(world.tenant_id) as connection:
        before = await found.members.listed(connection, lists)
    await lead(world, 0, *up_to(6), customer=customer(2))
    async with world.database.reader(world.tenant_id) as connection:
        assert await found.members.listed(connection, lists) == before
    assert before[1].total == 2


async def test_a_purchase_is_counted_however_long_its_region_is_called(world: World) -> None:
    """The index of the won holds it: of four bytes a character, none like another."""
    region = "".join(map(chr, range(0x10000, 0x10000 + MOST_TEXT)))
    await lead(world, 0, *up_to(6, every=1), customer=customer(1), region=region)
    found = await kpi(world, "purchase_frequency", (Dimension.REGION,))
    assert [(item.segment, item.value) for item in found.segments] == [((region,), 1)]


async def test_a_process_that_follows_on_a_deal_sells_nothing_more(world: World) -> None:
    await lead(world, 0, *up_to(6, every=1), customer=customer(1))
    async with world.database.reader(world.tenant_id) as connection:
        deal = await connection.fetchval("SELECT id FROM deal WHERE tenant_id = $1", world.tenant_id)
    again = replace(world.capture(occurred_at=hour(0), customer=customer(1)), deal_id=deal, opens_deal=False)
    await world.done(None, again, *up_to(6, every=1), by="admin")
    assert (await total(world, "sales")).value == 2
    assert (await total(world, "revenue")).value == 1_000
    assert await parts(world, "purchase_frequency") == (1, 1)
    assert (await total(world, "repeat_conversion", until=LATER)).numerator == 0
