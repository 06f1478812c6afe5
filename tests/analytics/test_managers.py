"""Managers compared: by hand, by simulation, and as figures of cases."""

import random
from collections.abc import Iterator
from math import comb

import pytest

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.frames import read_frame
from bpm_crm.analytics.managers import (
    Counts,
    ManagerFigures,
    ManagerStep,
    StepVerdict,
    judge,
    read_managers,
    standardised,
)
from bpm_crm.analytics.members import Wanted
from bpm_crm.analytics.stratified import FAMILY_ERROR, FEWEST_CASES, Stratum, holm, p_value, surplus
from tests.analytics.leads import arrival, assign, database_now, fire, hour, lead, leads, lose, question
from tests.world import World

# The test


def test_one_stratum_is_the_test_of_fisher_with_its_tail_doubled() -> None:
    # Of 8 cases of each, 7 and 2 converted: all 9 converted fall on the first 8 in 7 or 8 ways of so many.
    tail = sum(comb(9, number) * comb(7, 8 - number) for number in (7, 8)) / comb(16, 8)
    assert p_value([Stratum(8, 7, 8, 2)]) == pytest.approx(2 * tail)
    assert p_value([Stratum(8, 2, 8, 7)]) == pytest.approx(2 * tail)


def test_strata_are_added_as_numbers_not_as_shares() -> None:
    # Each stratum has 1 of 2 cases converted, by chance the manager's: 1/2 each, so all eight by 1/256, and none likewise.
    assert p_value([Stratum(1, 1, 1, 0)] * 8) == pytest.approx(2 / 256)
    assert surplus([Stratum(1, 1, 1, 0)] * 8) == pytest.approx(4)


def test_a_manager_of_easy_channels_is_no_better_for_it() -> None:
    easy, hard = Stratum(90, 81, 10, 9), Stratum(10, 1, 90, 9)
    assert p_value([easy, hard]) == 1
    assert p_value([Stratum(100, 82, 100, 18)]) < 1e-9


def test_without_anybody_to_compare_with_there_is_no_evidence() -> None:
    assert p_value([Stratum(50, 50, 0, 0)]) == 1
    assert p_value([]) == 1


@pytest.mark.parametrize("more", [12, 15, 20])
def test_the_normal_approximation_is_near_the_exact_value(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    strata = [Stratum(80, 40 + more, 240, 110), Stratum(100, 30, 300, 90)]
    exact = p_value(strata)
    monkeypatch.setattr("bpm_crm.analytics.stratified._MOST_EXACT", 0)
    assert p_value(strata) == pytest.approx(exact, rel=0.1)
    assert p_value(strata) != exact


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_adjusted_rate_is_that_of_everybodys_channels() -> None:
    counts, mix = {"web": (50, 25), "shop": (10, 1)}, {"web": (100, 40), "shop": (300, 60), "fair": (100, 1)}
    rate, (lower, upper), covered = standardised(counts, mix)
    assert rate == pytest.approx(0.25 * 0.5 + 0.75 * 0.1)
    assert covered == pytest.approx(0.8)
    assert lower < 0.2 < upper
    assert standardised({"web": (0, 0)}, mix) == (None, (0.0, 1.0), 0.0)


# Families of simulated managers

MANAGERS, STEPS = 8, 4
CHANNELS = {"web": 0.6, "shop": 0.35, "fair": 0.15}
"""How easily each channel converts."""

Row = tuple[str | None, Counts, Counts]


def family(rng: random.Random, cases: int, weak: float = 0.0) -> list[Row]:
    """Managers of different channel mixes who convert alike, but for manager 0 at the first step, who is worse by `weak`."""
    rows: list[Row] = []
    for step in range(STEPS):
        own: list[dict[str | None, tuple[int, int]]] = []
        for manager in range(MANAGERS):
            mix = rng.choices(list(CHANNELS), [rng.random() + 0.05 for _ in CHANNELS], k=cases)
            worse = weak if (manager, step) == (0, 0) else 0.0
            counts: dict[str | None, tuple[int, int]] = {}
            for channel in mix:
                known = counts.get(channel, (0, 0))
                counts[channel] = (known[0] + 1, known[1] + (rng.random() < CHANNELS[channel] * (1 - worse)))
            own.append(counts)
        rows.extend((str(manager), counts, others_of(own, manager)) for manager, counts in enumerate(own))
    return rows


def others_of(own: list[dict[str | None, tuple[int, int]]], manager: int) -> Counts:
    found: dict[str | None, tuple[int, int]] = {}
    for place, counts in enumerate(own):
        for channel, (cases, converted) in counts.items() if place != manager else ():
            known = found.get(channel, (0, 0))
            found[channel] = (known[0] + cases, known[1] + converted)
    return found


def verdicts(number: int, cases: int, seed: int, weak: float = 0.0) -> Iterator[list[StepVerdict | None]]:
    rng = random.Random(seed)
    for _ in range(number):
        yield [verdict for _, verdict in judge(family(rng, cases, weak))]


FLAGS = {StepVerdict.STRONG, StepVerdict.WEAK}


@pytest.mark.parametrize("cases", [25, 120])
def test_equal_managers_are_flagged_in_at_most_one_family_of_twenty(cases: int) -> None:
    flagged = [bool(FLAGS.intersection(family)) for family in verdicts(200, cases, seed=11)]
    assert sum(flagged) / len(flagged) <= FAMILY_ERROR


@pytest.mark.slow
@pytest.mark.parametrize("cases", [25, 120, 400])
def test_equal_managers_are_flagged_in_at_most_one_of_twenty_of_many_families(cases: int) -> None:
    flagged = [bool(FLAGS.intersection(family)) for family in verdicts(3_000, cases, seed=12)]
    assert sum(flagged) / len(flagged) <= FAMILY_ERROR


def test_without_the_correction_equal_managers_would_be_flagged_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpm_crm.analytics.stratified.holm", list)
    flagged = [bool(FLAGS.intersection(family)) for family in verdicts(40, 120, seed=11)]
    assert sum(flagged) / len(flagged) > 0.5


def test_a_step_worse_by_half_is_found_with_a_power_of_nine_in_ten() -> None:
    found = [family[0] for family in verdicts(100, 150, seed=13, weak=0.5)]
    assert found.count(StepVerdict.WEAK) >= 90
    assert StepVerdict.STRONG not in found


def test_a_step_of_few_cases_is_not_judged_and_not_counted_into_the_family() -> None:
    few: Counts = {"web": (FEWEST_CASES - 1, 0)}
    many: Counts = {"web": (500, 400)}
    assert judge([("a", few, many), ("b", many, few), (None, many, many)]) == [
        (None, StepVerdict.NOT_ENOUGH),
        (None, StepVerdict.NOT_ENOUGH),
        (None, None),
    ]
    elsewhere: Counts = {"shop": (500, 400)}
    assert judge([("a", elsewhere, many)]) == [(None, StepVerdict.NOT_ENOUGH)]


# Over cases


async def managers(
    world: World, by: Dimension = Dimension.OWNER, basis: OwnerBasis = OwnerBasis.AT_ENTRY, **options: object
) -> ManagerFigures:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request", **options)  # type: ignore[arg-type]  # instants
        return await read_managers(connection, frame, question(world), by=by, basis=basis)


async def crowd(world: World, name: str, converted: int, failed: int, pending: int = 0) -> None:
    """Leads of one seller from the first hour on, so many of which show interest, are lost before, or are still open."""
    owned = assign(world, name, 0)
    ends = (
        [[fire("contact", 1), fire("qualify", 2)]] * converted + [[lose(1)]] * failed + [[fire("contact", 1)]] * pending
    )
    await leads(world, ((arrival(world, 0), owned, *end) for end in ends), by="north")


async def first_steps(world: World, **options: object) -> dict[str | None, ManagerStep]:
    names = {str(world.founded.users[f"{name}@example.org"]): name for name in ("ann", "bob")}
    found = await managers(world, basis=OwnerBasis.CURRENT, **options)  # type: ignore[arg-type]  # instants
    return {names.get(manager or ""): steps[0] for manager, steps in found.managers.items()}


async def test_open_cases_are_neither_converted_nor_failed(world: World) -> None:
    await crowd(world, "ann", 30, 10, pending=5)
    await crowd(world, "bob", 12, 28)
    steps = await first_steps(world)
    ann, bob = steps["ann"], steps["bob"]
    assert (ann.step.checkpoint, ann.cases, ann.converted, ann.pending, ann.rate) == ("interested", 40, 30, 5, 0.75)
    assert (bob.cases, bob.converted, bob.pending) == (40, 12, 0)
    assert (ann.verdict, bob.verdict) == (StepVerdict.STRONG, StepVerdict.WEAK)
    assert (ann.expected, ann.adjusted, ann.covered) == (21, 0.75, 1)
    before = await first_steps(world, as_of=hour(1.5), known_at=await database_now(world))
    assert (before["ann"].cases, before["ann"].converted, before["ann"].pending) == (10, 0, 35)


async def young_and_old(world: World, name: str, begins: float, number: int) -> None:
    """Half of them show interest after two hours, the others are lost after ten days."""
    owned = assign(world, name, begins)
    ends = ([fire("contact", begins + 1), fire("qualify", begins + 2)], [lose(begins + 240)])
    now = 24 * 17
    stories = ([move for move in end if move.occurred_at <= hour(now)] for end in ends for _ in range(number))
    await leads(world, ((arrival(world, begins), owned, *moves) for moves in stories), by="north")


async def test_managers_whose_cases_are_of_another_age_are_not_told_apart_by_it(world: World) -> None:
    await young_and_old(world, "ann", 0, 30)
    await young_and_old(world, "bob", 24 * 15, 30)
    steps = await first_steps(world, as_of=hour(24 * 17), known_at=await database_now(world))
    ann, bob = steps["ann"], steps["bob"]
    assert (ann.cases, ann.converted, ann.pending) == (60, 30, 0)
    assert (bob.cases, bob.converted, bob.pending) == (30, 30, 30)
    assert (ann.verdict, bob.verdict) == (StepVerdict.NOT_ENOUGH,) * 2
    assert (ann.expected, bob.expected) == (30, 30), "everybody's of that age are their own"


async def test_managers_are_compared_among_cases_of_one_age_and_among_the_settled(world: World) -> None:
    for begins in (0, 24 * 15):
        await young_and_old(world, "ann", begins, 15)
        await young_and_old(world, "bob", begins, 15)
    steps = await first_steps(world, as_of=hour(24 * 17), known_at=await database_now(world))
    assert [(item.cases, item.expected, item.verdict) for item in (steps["ann"], steps["bob"])] == [
        (45, 30, StepVerdict.NO_EVIDENCE)
    ] * 2


async def test_a_small_difference_is_no_evidence_and_few_cases_are_not_enough(world: World) -> None:
    await crowd(world, "ann", 22, 18)
    await crowd(world, "bob", 20, 20)
    steps = await managers(world, basis=OwnerBasis.CURRENT)
    verdicts = [[step.verdict for step in found] for found in steps.managers.values()]
    # 22 and 20 showed interest, so both have enough cases at the step to the offer, too; nobody got there.
    assert verdicts == [[StepVerdict.NO_EVIDENCE, *[StepVerdict.NOT_ENOUGH] * 4]] * 2
    assert steps.family == 2


async def test_cases_nobody_owned_are_shown_and_compared_with_nobody(world: World) -> None:
    await lead(world, 0, fire("contact", 1), fire("qualify", 2))
    step = (await managers(world)).managers[None][0]
    assert (step.cases, step.converted, step.adjusted_p, step.verdict) == (1, 1, None, None)


async def test_the_cases_of_a_step_are_listed_over_all_channels(world: World) -> None:
    await crowd(world, "ann", 3, 2, pending=1)
    figures = await managers(world, basis=OwnerBasis.CURRENT)
    ann = str(world.founded.users["ann@example.org"])
    wanted = [Wanted("2", numbers, (ann,), 50) for numbers in (("advanced", "failed"), ("advanced",), ("pending",))]
    async with world.database.reader(world.tenant_id) as connection:
        listed = await figures.members.listed(connection, wanted)
    assert [page.total for page in listed] == [5, 3, 1]
