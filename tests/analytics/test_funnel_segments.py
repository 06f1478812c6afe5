"""Funnels of periods, snapshots, segments, versions and several processes, rule by rule."""

from datetime import timedelta
from fractions import Fraction

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.funnel_figures import FunnelMode, SegmentFigures
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import (
    STEPS,
    assign,
    counts,
    database_now,
    fire,
    force,
    funnel,
    hour,
    lead,
    lose,
    question,
    up_to,
)
from tests.world import World


def of(segments: tuple[SegmentFigures, ...], *key: str | None) -> SegmentFigures:
    """The segment of these values."""
    return next(segment for segment in segments if segment.segment == key)


async def test_a_period_counts_first_entries_and_its_ratios_may_pass_one(world: World) -> None:
    await lead(world, 0, fire("contact", 30), fire("qualify", 40))
    await lead(world, 0, fire("contact", 31), fire("qualify", 41), force("new", 42), force("interest", 43), by="north")
    await lead(world, 30, lose(50))
    await lead(world, 30)
    second_day = question(world, since=hour(24), until=hour(48))
    figures = (await funnel(world, mode=FunnelMode.PERIOD, asked=second_day)).total
    assert counts(figures)[:2] == [2, 2]
    interested = figures.steps[1]
    assert [interested.count(name) for name in ("lost", "open", "dropped")] == [1, 1, 2]
    later = question(world, since=hour(40), until=hour(48))
    figures = (await funnel(world, mode=FunnelMode.PERIOD, asked=later)).total
    assert (counts(figures)[:2], figures.steps[1].step_conversion, figures.steps[1].loss) == ([0, 2], None, -2)
    longer = question(world, since=hour(30), until=hour(48))
    await lead(world, 0, fire("contact", 30), fire("qualify", 45))
    figures = (await funnel(world, mode=FunnelMode.PERIOD, asked=longer)).total
    assert (counts(figures)[:2], figures.steps[1].step_conversion) == ([2, 3], Fraction(3, 2))


async def test_a_snapshot_says_at_which_step_each_case_stands(world: World) -> None:
    await lead(world, 0, *up_to(3), fire("agree", 20), fire("rework", 21))
    await lead(world, 0, *up_to(4), force("interest", 30), by="north")
    await lead(world, 0, *up_to(2), lose(9))
    await lead(world, 0, *up_to(6))
    figures = (await funnel(world, mode=FunnelMode.SNAPSHOT)).total
    assert counts(figures) == [0, 2, 1, 0, 0, 1]
    assert counts(figures, "open") == [0, 1, 1, 0, 0, 0]
    assert counts(figures, "lost") == [0, 1, 0, 0, 0, 0]
    assert figures.entered == 4
    then = (await funnel(world, mode=FunnelMode.SNAPSHOT, as_of=hour(1), known_at=await database_now(world))).total
    assert counts(then, "open") == [4, 0, 0, 0, 0, 0]


async def test_segments_add_up_to_the_whole_with_one_for_those_without_a_value(world: World) -> None:
    await lead(world, 0, *up_to(2), region="Tula")
    await lead(world, 0, *up_to(3), region="Tula")
    await lead(world, 0, *up_to(2))
    figures = await funnel(world, asked=question(world, by=[Dimension.REGION]))
    assert {segment.segment for segment in figures.segments} == {("Tula",), (None,)}
    assert counts(of(figures.segments, "Tula"))[:3] == [2, 2, 1]
    assert counts(of(figures.segments, None))[:3] == [1, 1, 0]
    assert counts(figures.total)[:3] == [3, 3, 1]


async def test_the_owner_at_entry_the_actor_and_the_owner_now_are_told_apart(world: World) -> None:
    await lead(world, 0, assign(world, "bob", 0), *up_to(2), assign(world, "eve", 9), by="ann")
    ann, bob, eve = (str(world.founded.users[f"{name}@example.org"]) for name in ("ann", "bob", "eve"))
    found = {}
    for basis in OwnerBasis:
        figures = await funnel(world, asked=question(world, by=[Dimension.OWNER], basis=basis))
        found[basis] = {segment.segment: counts(segment)[:2] for segment in figures.segments}
    assert found == {
        OwnerBasis.AT_ENTRY: {(None,): [1, 0], (bob,): [0, 1]},
        OwnerBasis.ACTOR: {(ann,): [1, 1]},
        OwnerBasis.CURRENT: {(eve,): [1, 1]},
    }


async def test_a_case_that_did_not_reach_a_step_belongs_to_its_owner_at_the_last_step_before(world: World) -> None:
    await lead(world, 0, *up_to(2), assign(world, "bob", 9), fire("make_offer", 10), assign(world, "eve", 11))
    ann, bob = (str(world.founded.users[f"{name}@example.org"]) for name in ("ann", "bob"))
    figures = await funnel(world, asked=question(world, by=[Dimension.OWNER]))
    assert {segment.segment for segment in figures.segments} == {(None,), (ann,), (bob,)}
    offer = of(figures.segments, ann).steps[2]
    assert (offer.base, offer.count("advanced"), offer.step_conversion, offer.loss) == (1, 1, Fraction(1), 0)
    assert (offer.entered, offer.seconds) == (0, [8 * 3_600, 8 * 3_600])
    assert of(figures.segments, bob).steps[2].entered == 1
    assert [step.count("open") for step in of(figures.segments, bob).steps] == [0, 0, 0, 1, 1, 1]
    assert of(figures.segments, bob).steps[3].count("dropped") == 1


async def test_a_version_without_a_step_is_reported_in_its_row(world: World) -> None:
    await lead(world, 0, *up_to(3))
    head, _, tail = shipped_text("callback-request").partition("\ncheckpoints:\n")
    met = """
  met:
    title: {en: Met the customer, ru: Встретились}
    reached: {activity: meeting}
    order: 3
  offer: {order: 4}
  contract: {order: 5}
  paid: {order: 6}
  delivered: {order: 7, title: {en: Handed over, ru: Вручили}}
"""
    async with world.owner.transaction(world.tenant_id) as connection:
        now = await connection.fetchval("SELECT now()")
        await publish(connection, world.tenant_id, f"{head}\ncheckpoints:{met}{tail}", changelog="met", at=now, by=None)
    before = await database_now(world)
    await world.refresh()
    await lead(world, 0, *up_to(2))
    figures = await funnel(world)
    assert [step.step.checkpoint for step in figures.total.steps] == [*STEPS[:2], "met", *STEPS[2:]]
    assert counts(figures.total, "unmapped") == [0, 0, 1, 0, 0, 0, 0]
    assert counts(figures.total) == [2, 2, 0, 1, 0, 0, 0]
    assert figures.total.steps[-1].step.titles["en"] == "Handed over"
    assert [version.number for version in figures.frame.versions] == [1, 2]
    then = await funnel(world, as_of=now - timedelta(microseconds=1))
    assert [step.step.checkpoint for step in then.total.steps] == list(STEPS)
    assert (await funnel(world, as_of=before)).total.entered == 1


async def test_all_processes_share_a_funnel_but_for_those_that_begin_otherwise(world: World) -> None:
    await lead(world, 0, *up_to(2))
    await lead(world, 0, fire("answer", 1), channel="inbound-call")
    await lead(world, 0, fire("welcome", 1), channel="post-payment")
    figures = await funnel(world, process=None, asked=question(world, by=[Dimension.PROCESS]))
    assert counts(figures.total)[:2] == [2, 1]
    assert [step.step.checkpoint for step in figures.total.steps] == list(STEPS)
    assert figures.steps.left_out == ("post-payment",)
    assert len(figures.segments) == 2
    alone = await funnel(world, process="post-payment")
    assert counts(alone.total) == [1, 1, 0, 0]
