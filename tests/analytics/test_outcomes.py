"""Stage outcomes, rule by rule."""

from fractions import Fraction
from typing import Any

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.members import Wanted
from bpm_crm.analytics.outcomes import OutcomeFigures, read_outcomes
from tests.analytics.leads import assign, database_now, exclude, fire, force, hour, lead, lose, question, up_to
from tests.analytics.reference_stages import FATES
from tests.world import World


async def outcomes(world: World, asked: Question | None = None, **options: Any) -> OutcomeFigures:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request", **options)
        return await read_outcomes(connection, frame, asked or question(world))


def fates(figures: OutcomeFigures, step: int) -> dict[str, int]:
    """The numbers of a step that are not nothing, over all segments."""
    found: dict[str, int] = {}
    for item in figures.outcomes:
        for name, count in item.counts.items() if item.number == step else ():
            found[name] = found.get(name, 0) + count
    return found


async def test_each_case_that_entered_a_step_has_one_fate(world: World) -> None:
    await lead(world, 0, *up_to(3))
    await lead(world, 0, *up_to(2), force("invoicing", 5), fire("send_invoice", 6), fire("pay", 7), by="north")
    await lead(world, 0, *up_to(3), force("interest", 9), by="north")
    await lead(world, 0, *up_to(2), lose(5, "price"))
    await lead(world, 0, *up_to(2), fire("cancel", 5, "spam"))
    await lead(world, 0, *up_to(2), force("won", 5), by="north")
    await lead(world, 0, *up_to(2))
    figures = await outcomes(world)
    interested = {"entered": 7, "next": 2, "skipped": 1, "lost": 2, "cancelled": 1, "won": 1, "open": 1}
    assert fates(figures, 2) == {**interested, "reworked": 1}
    assert fates(figures, 3) == {"entered": 2, "back": 1, "open": 1}
    assert fates(figures, 5) == {"entered": 1, "open": 1}
    for item in figures.outcomes:
        assert sum(item.count(name) for name in FATES) == item.count("entered")


async def test_shares_are_of_those_that_entered(world: World) -> None:
    for end in ((), (lose(5, "price"),), (fire("make_offer", 5),), (fire("make_offer", 6),)):
        await lead(world, 0, *up_to(2), *end)
    interested = (await outcomes(world)).outcomes[1]
    assert [interested.share(name) for name in ("next", "lost", "open")] == [
        Fraction(1, 2),
        Fraction(1, 4),
        Fraction(1, 4),
    ]
    assert (await outcomes(world, question(world, since=hour(100)))).outcomes[1].share("next") is None


async def test_the_last_step_is_won_not_still_there(world: World) -> None:
    await lead(world, 0, *up_to(6))
    assert fates(await outcomes(world), 6) == {"entered": 1, "won": 1}


async def test_touching_the_same_step_again_is_no_way_out_of_it(world: World) -> None:
    await lead(world, 0, *up_to(3), fire("revise_offer", 6), fire("agree", 7), fire("sign", 8))
    figures = await outcomes(world)
    assert fates(figures, 3) == {"entered": 1, "next": 1, "reworked": 1}
    assert figures.outcomes[2].visits == 2


async def test_the_period_is_that_of_the_entry_and_what_came_after_counts_whenever_it_was(world: World) -> None:
    await lead(world, 0, *up_to(2), fire("make_offer", 30))
    first_day = question(world, until=hour(24))
    assert fates(await outcomes(world, first_day), 2) == {"entered": 1, "next": 1}
    assert fates(await outcomes(world, first_day), 3) == {}
    then = await outcomes(world, first_day, as_of=hour(29), known_at=await database_now(world))
    assert fates(then, 2) == {"entered": 1, "open": 1}


async def test_a_case_that_came_back_in_the_period_entered_in_it_once(world: World) -> None:
    await lead(world, 0, *up_to(3), force("interest", 30), force("new", 31), force("interest", 32), by="north")
    second_day = question(world, since=hour(24), until=hour(48))
    figures = await outcomes(world, second_day)
    assert fates(figures, 2) == {"entered": 1, "open": 1, "reworked": 1}
    assert fates(figures, 1) == {}


async def test_lost_reopened_and_gone_on_is_not_lost(world: World) -> None:
    await lead(world, 0, *up_to(3), lose(6, "price"), fire("reopen", 7), by="north")
    figures = await outcomes(world)
    assert fates(figures, 3) == {"entered": 1, "back": 1}
    then = await outcomes(world, as_of=hour(6), known_at=await database_now(world))
    assert fates(then, 3) == {"entered": 1, "lost": 1}


async def test_segments_add_up_and_are_of_whoever_had_the_case_at_the_entry(world: World) -> None:
    await lead(world, 0, assign(world, "ann", 0), *up_to(2), assign(world, "bob", 9), lose(10, "price"), by="north")
    await lead(world, 0, *up_to(2), exclude("test"))
    figures = await outcomes(world, question(world, by=[Dimension.OWNER]))
    ann = str(world.founded.users["ann@example.org"])
    assert {item.segment for item in figures.outcomes if item.count("entered")} == {(ann,), (None,)}
    assert fates(figures, 2) == {"entered": 1, "lost": 1}
    assert fates(figures, 1) == {"entered": 1, "next": 1}


async def test_the_cases_of_a_fate_are_listed(world: World) -> None:
    lost = [await lead(world, 0, *up_to(2), lose(5, "price")) for _ in range(3)]
    await lead(world, 0, *up_to(2))
    figures = await outcomes(world)
    async with world.database.reader(world.tenant_id) as connection:
        (listed,) = await figures.members.listed(connection, [Wanted("2", ("lost",), (), 2)])
    assert (listed.total, list(listed.ids)) == (3, sorted(lost, reverse=True)[:2])
