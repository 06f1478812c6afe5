"""Losses, rule by rule."""

from decimal import Decimal
from typing import Any

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.losses import LossFigures, read_losses
from bpm_crm.analytics.members import Wanted
from tests.analytics.leads import assign, database_now, exclude, fire, force, hour, lead, lose, question, up_to
from tests.world import World


async def losses(
    world: World, asked: Question | None = None, process: str | None = "callback-request", **options: Any
) -> LossFigures:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=process, **options)
        return await read_losses(connection, frame, asked or question(world))


def cells(figures: LossFigures) -> list[tuple[str, str | None, int]]:
    return [(loss.stage, loss.reason, loss.cases) for loss in figures.losses]


async def test_losses_are_counted_by_stage_and_reason_with_their_share_of_the_stage(world: World) -> None:
    await lead(world, 0, *up_to(2), lose(9, "price"))
    await lead(world, 0, *up_to(2), lose(9, "price"))
    await lead(world, 0, *up_to(2), lose(9, "no_need"))
    await lead(world, 0, lose(9, "no_need"))
    await lead(world, 0, *up_to(2))
    figures = await losses(world)
    assert cells(figures) == [("interest", "price", 2), ("interest", "no_need", 1), ("new", "no_need", 1)]
    assert [loss.of_stage for loss in figures.losses] == [3, 3, 1]
    first = figures.losses[0]
    assert (first.stage_titles["ru"], (first.reason_titles or {})["en"]) == ("Интерес", "Too expensive")


async def test_money_lost_is_the_amount_known_when_the_case_was_lost(world: World) -> None:
    await lead(world, 0, *up_to(3), fire("revise_offer", 20), lose(21, "price"))
    await lead(world, 0, *up_to(3), lose(21, "price"))
    await lead(world, 0, *up_to(3), force("qualification", 20), lose(21, "no_budget"), by="north")
    await lead(world, 0, lose(21))
    figures = await losses(world)
    money = {(loss.stage, loss.reason): (loss.priced, dict(loss.amounts)) for loss in figures.losses}
    assert money == {
        ("offer", "price"): (2, {"RUB": Decimal("2200.50")}),
        ("qualification", "no_budget"): (1, {"RUB": Decimal(1000)}),
        ("new", "no_need"): (0, {}),
    }


async def test_the_period_is_that_of_the_loss(world: World) -> None:
    await lead(world, 0, lose(5))
    await lead(world, 0, lose(10))
    figures = await losses(world, question(world, since=hour(5), until=hour(10)))
    assert cells(figures) == [("new", "no_need", 1)]


async def test_a_case_lost_twice_counts_at_its_last_loss_and_a_reopened_one_not_at_all(world: World) -> None:
    await lead(world, 0, lose(5), fire("reopen", 6), lose(7, "price"), by="north")
    await lead(world, 0, lose(5), fire("reopen", 8), by="north")
    assert cells(await losses(world)) == [("interest", "price", 1)]
    then = await losses(world, as_of=hour(5), known_at=await database_now(world))
    assert cells(then) == [("new", "no_need", 2)]
    between = await losses(world, as_of=hour(6), known_at=await database_now(world))
    assert cells(between) == [("new", "no_need", 1)]
    early = question(world, until=hour(6))
    assert cells(await losses(world, early)) == []


async def test_cancelled_won_and_excluded_cases_are_no_losses(world: World) -> None:
    await lead(world, 0, fire("cancel", 5, "spam"))
    await lead(world, 0, *up_to(6))
    await lead(world, 0, lose(5), exclude("test"))
    assert cells(await losses(world)) == []


async def test_a_forced_loss_has_no_reason(world: World) -> None:
    await lead(world, 0, force("lost", 5), by="north")
    figures = await losses(world)
    assert (cells(figures), figures.losses[0].reason_titles) == ([("new", None, 1)], None)


async def test_losses_are_split_by_who_had_the_case_who_lost_it_and_who_has_it_now(world: World) -> None:
    await lead(world, 0, assign(world, "bob", 1), lose(5), assign(world, "eve", 9), by="ann")
    ann, bob, eve = (str(world.founded.users[f"{name}@example.org"]) for name in ("ann", "bob", "eve"))
    found = []
    for basis in OwnerBasis:
        figures = await losses(world, question(world, by=[Dimension.OWNER], basis=basis))
        found.extend(loss.segment for loss in figures.losses)
    assert found == [(bob,), (ann,), (eve,)]


async def test_the_cases_of_a_cell_are_listed_newest_first_page_by_page(world: World) -> None:
    cases = [await lead(world, 0, lose(5, "no_need")) for _ in range(3)]
    await lead(world, 0, lose(5, "competitor"))
    figures = await losses(world)
    cell = next(loss for loss in figures.losses if loss.reason == "no_need")
    newest = sorted(cases, reverse=True)
    wanted = [Wanted(cell.key, ("lost",), (), 2), Wanted(cell.key, ("lost",), None, 2, after=newest[1])]
    async with world.database.reader(world.tenant_id) as connection:
        first, second = await figures.members.listed(connection, wanted)
    assert (first.total, list(first.ids)) == (3, newest[:2])
    assert (second.total, list(second.ids)) == (3, newest[2:])


async def test_losses_of_all_processes_include_those_outside_the_funnel(world: World) -> None:
    await lead(world, 0, fire("refund", 5, "quality"), channel="post-payment")
    await lead(world, 0, lose(5))
    figures = await losses(world, process=None)
    assert sorted(cells(figures)) == [("new", "no_need", 1), ("paid", "quality", 1)]
