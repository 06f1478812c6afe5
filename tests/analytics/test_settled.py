"""Sums of large bodies that a process keeps: taken for just the bodies they are made of, of one tenant, and bounded."""

import random
from dataclasses import replace
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from bpm_crm.analytics.cells import reading, settled
from bpm_crm.analytics.cells.bodies import Body, pack_columns, parted, unpack
from bpm_crm.analytics.cells.columns import chosen, distinct
from bpm_crm.analytics.cells.gathering import Gathering, Grouped
from bpm_crm.analytics.cells.growing import GrowingLengths
from bpm_crm.analytics.cells.lengths import Rows
from bpm_crm.analytics.cells.settled import Asked, SettledBodies, SettledSums, settle
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import FIRST_GROWING, Ints, growing_keys
from bpm_crm.analytics.dimensions import Dimension, Grouping, Segment
from bpm_crm.analytics.frames import Question
from bpm_crm.operations.compactor import compact
from bpm_crm.records.cell_bodies import StoredBody
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from tests.analytics.kept_answers import compare
from tests.analytics.test_cell_units import as_columns, random_columns
from tests.analytics.test_cells import settle as fold_all
from tests.analytics.test_cells import worker
from tests.analytics.walks import Walks
from tests.world import World

__all__ = ["worker"]
NOW = 1.7e9 + 50.0
LATER = [lambda _slot, _axis: NOW, lambda _slot, axis: NOW + 3e5 * (1 + 2 * axis), lambda _slot, axis: NOW + 3e8 + axis]
"""How far axes have come, from question to question: one gains on the other."""
ROWS = [Rows({1: 0, 2: 0, 5: 1}, 2), Rows({0: 0, 3: 1, 4: 2}, 3)]


def test_a_body_is_parted_into_what_grows_and_what_does_not() -> None:
    rng = random.Random(1)
    for size in (0, 5, 200):
        body = unpack(pack_columns(as_columns(random_columns(rng, size))))
        plain, growing = parted(body, FIRST_GROWING)
        assert (plain.lengths.keys < FIRST_GROWING).all()
        assert (growing.lengths.keys >= FIRST_GROWING).all()
        assert not len(growing.numbers.amounts)
        both = [plain.columns(), growing.columns()]
        for name in ("places", "keys", "amounts"):
            assert np.concatenate([getattr(some, name) for some in both]).tolist() == (
                getattr(body.columns(), name).tolist()
            )


@pytest.mark.parametrize("seed", range(8))
def test_what_is_settled_and_what_is_not_add_up_to_all(seed: int) -> None:
    """Also where a segment comes later, or nothing is left of one."""
    rng = random.Random(seed)
    names = rng.sample(WHOLE, 1 + seed % 3)
    groups: dict[Segment, int] = {}
    bodies = [body_by(names, rng, size) for size in (120, 80, 30, 0, 9)]
    removed = replace(bodies[1].columns(), amounts=-bodies[1].columns().amounts)
    bodies.append(unpack(pack_columns(removed)))
    places = [groups_of(body, groups) for body in bodies]
    wholes = [Gathering(axes) for axes in LATER]
    for whole in wholes:
        whole.add(bodies, places)
    for count in (1, 2, 4, len(bodies)):
        first = max((int(some.max(initial=-1)) for some in places[:count]), default=-1) + 1
        plain, growing = zip(*(parted(body, FIRST_GROWING) for body in bodies[:count]), strict=True)
        once = Gathering()
        once.add(plain, places[:count])
        sums = once.settled(first, GrowingLengths.of(first, growing, places[:count]))
        for axes, whole in zip(LATER, wholes, strict=True):
            again = Gathering(axes, sums)
            again.add(bodies[count:], places[count:])
            same(again.grouped(list(groups)), whole.grouped(list(groups)))
        assert sums.nbytes > 0


def same(ours: Grouped, other: Grouped) -> None:
    assert (ours.segments, ours.numbers) == (other.segments, other.numbers)
    for is_whole in (False, True):
        for rows in ROWS:
            found, expected = (grouped.slots(is_whole=is_whole).rows(rows) for grouped in (ours, other))
            assert found.pairs.tolist() == expected.pairs.tolist()
            assert found.counts.tolist() == expected.counts.tolist()
            assert found.totals.tolist() == expected.totals.tolist()


def body_by(names: list[str], rng: random.Random, size: int) -> Body:
    entries = random_columns(rng, size)
    if entries:
        segment = entries[0][0]
        for _ in range(8):
            slot, axis, began = rng.choice((1, 2, 5)), rng.randrange(2), NOW - rng.random() * 1e6
            entries.append((segment, int(growing_keys([slot], [axis], [began])[0]), 1))
    return unpack(pack_columns(chosen(as_columns(entries), [WHOLE.index(name) for name in names])))


def groups_of(body: Body, groups: dict[Segment, int]) -> Ints:
    kinds, places = distinct(body.columns(), range(len(body.values)))
    segments = [
        tuple(known[code] for known, code in zip(body.values, codes, strict=True)) for codes in kinds.T.tolist()
    ]
    return np.asarray([groups.setdefault(segment, len(groups)) for segment in segments], np.int64)[places]


def asked(tenant: UUID | None = None, sheet: UUID | None = None) -> Asked:
    return Asked(tenant or new_id(), sheet or new_id(), "process", (), (), (("month", None, None),))


def stored(number: int, written_by: str = "7") -> frozenset[StoredBody]:
    return frozenset({StoredBody("month", date(2026, 9, 1), number, written_by)})


def settled_bodies(of: frozenset[StoredBody], rng: random.Random) -> SettledBodies:
    body, groups = body_by(["region"], rng, 200), dict[Segment, int]()
    gathering, places = Gathering(), [groups_of(body, groups)]
    plain, growing = parted(body, FIRST_GROWING)
    gathering.add([plain], places)
    return SettledBodies(
        of, list(groups), gathering.settled(len(groups), GrowingLengths.of(len(groups), [growing], places))
    )


def test_sums_are_taken_for_just_their_bodies_of_their_tenant() -> None:
    sums, mine = SettledSums(), asked()
    kept = settled_bodies(stored(0), random.Random(1))
    sums.keep(mine, kept)
    assert sums.get(mine, stored(0)) is kept
    assert sums.get(mine, stored(0, "8")) is None
    assert sums.get(mine, stored(1)) is None
    assert sums.get(mine, stored(0) | stored(1)) is None
    assert sums.get(asked(sheet=mine.sheet_id), stored(0)) is None
    for other in (mine._replace(told="process,owner"), mine._replace(definitions=(new_id(),)), mine._replace(spans=())):
        assert sums.get(other, stored(0)) is None


def test_never_more_bytes_are_kept_than_allowed_whatever_is_worked_out_of_them() -> None:
    rng = random.Random(2)
    one = settled_bodies(stored(0), rng).nbytes
    most = 100 * one
    sums, known = SettledSums(most), [asked() for _ in range(30)]
    for place in range(300):
        mine = rng.choice(known)
        kept = sums.get(mine, stored(0))
        if kept is None:
            kept = settled_bodies(stored(0), rng)
            sums.keep(mine, kept)
        kept.sums.lengths.rows(Rows({slot: slot for slot in range(place % 9)}, 9), lambda _slot, _axis: NOW)
        sums.get(mine, stored(0))
        assert sums.nbytes <= most
    assert 2 < len(sums) < 30
    large = SettledSums(one // 2)
    large.keep(known[0], settled_bodies(stored(0), rng))
    assert (len(large), large.nbytes) == (0, 0)


@pytest.mark.parametrize("least", [(1, 1), (600, 600), (300, 900)])
async def test_kept_sums_answer_what_history_answers(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch, least: tuple[int, int]
) -> None:
    """While cases come, move, are corrected, backdated and excluded, and bodies are added and put together; all or some of them are settled."""
    sums, added_up = SettledSums(), 0

    async def counting(*arguments: object) -> SettledBodies:
        nonlocal added_up
        added_up += 1
        return await settle(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(reading, "_SETTLED", sums)
    monkeypatch.setattr(settled, "SETTLED_FROM", least)
    monkeypatch.setattr(settled, "settle", counting)
    walks, rng = Walks(world, 20 + sum(least)), random.Random(sum(least))
    groupings = [Grouping((item,)) for item in (Dimension.OWNER, Dimension.CHANNEL)]
    for number in range(8):
        if number % 4 == 0:
            for _ in range(12):
                await walks._arrive()
            await fold_all(world, worker)
        await walks._step_all()
        if number % 2:
            await compact(worker, world.tenant_id, most=rng.choice((2, 9)))
        before = added_up
        for _ in range(2):
            question = Question(world.tenant_id, grouping=groupings[number % 2])
            await compare(world, question, None, slice(number, None, 8))
            known, before = added_up - before, added_up
        assert known == 0
    assert added_up > len(sums) > 1
