"""The process map over random walks against its plain statement, and rule by rule over cases told by hand."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest

from bpm_crm.analytics.event_log import EventClassifier, activities_of, activity_titles
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.members import Members, Wanted
from bpm_crm.analytics.process_map import DeviationKind, MapFigures, Section, read_process_map
from bpm_crm.analytics.variants import Variant, read_variants
from bpm_crm.api.figure_filters import FactWhere
from tests.analytics import reference, reference_map
from tests.analytics import reference_statistics as statistics
from tests.analytics.cases import Ask, Case, Row
from tests.analytics.checking import Walked, asks, frame_of, question_of
from tests.analytics.leads import assign, call, database_now, exclude, fire, force, hour, lead, lose, question, up_to
from tests.analytics.reference_map import Map, Parts, process_map
from tests.analytics.walks import CHANNELS
from tests.world import World

ALL = tuple(Section)


async def documents(connection: Any, world: World, process: str) -> dict[int, dict[str, Any]]:
    rows = await connection.fetch(
        "SELECT v.version, v.document FROM process_version v JOIN process_definition d ON d.id = v.definition_id WHERE d.key = $1 AND v.tenant_id = $2",
        process,
        world.tenant_id,
    )
    return {row["version"]: {"checkpoints": {}, **row["document"]} for row in rows}


async def check_map(
    walked: Walked, ask: Ask, where: FactWhere | None, classifier: EventClassifier, process: str
) -> None:
    """Every number of a map, the cases behind each, every time, and the variants page by page."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await frame_of(connection, world, ask, process)
        expected = process_map(walked.cases, ask, classifier.value, await documents(connection, world, process))
        asked = question_of(world, replace(ask, by=()), where)
        figures = await read_process_map(connection, frame, asked, classifier, ALL)
        check_numbers(figures, expected)
        await check_lists(connection, figures, expected)
        check_seconds(figures, expected)
        await check_variants(connection, figures, expected)


def check_numbers(figures: MapFigures, expected: Map) -> None:
    cells = [cell for section, some in figures.cells.items() if section is not Section.VARIANTS for cell in some]
    counts = {(cell.parts, number): count for cell in cells for number, count in cell.cases.items()}
    times = {(cell.parts, number): count for cell in cells for number, count in cell.events.items()}
    assert counts == {key: len(found) for key, found in expected.members.items()}
    assert times == {key: sum(found.values()) for key, found in expected.members.items()}


async def check_lists(connection: Any, figures: MapFigures, expected: Map) -> None:
    steps = {cell.parts: cell.step for some in figures.cells.values() for cell in some}
    wanted: dict[Section, list[tuple[Parts, str]]] = defaultdict(list)
    for parts, number in expected.members:
        section = Section.DEVIATIONS if parts[0] == "conformance" else Section(str(parts[0]))
        wanted[section].append((parts, number))
    for section, keys in wanted.items():
        lists = await figures.members(section).listed(
            connection, [Wanted(steps[parts], (number,), None, 1_000) for parts, number in keys]
        )
        for key, found in zip(keys, lists, strict=True):
            assert found.total == len(found.ids)
            assert set(found.ids) == set(expected.members[key])


def check_seconds(figures: MapFigures, expected: Map) -> None:
    spans = {cell.parts: cell.spans for some in figures.cells.values() for cell in some if cell.spans is not None}
    assert spans.keys() == expected.seconds.keys()
    for parts, found in spans.items():
        seconds = expected.seconds[parts]
        assert float(found.mean) == pytest.approx(sum(seconds) / len(seconds))
        wanted = [statistics.percentile(seconds, share) for share in (0.5, 0.9)]
        assert [found.median, found.p90] == pytest.approx(wanted)
        assert (found.least, found.greatest) == (min(seconds), max(seconds))
    cases = figures.one(Section.CASES, "case")
    shares = (Fraction(1, 2), Fraction(9, 10))
    assert list(cases.expected) == [statistics.kaplan_meier(expected.waits, share) for share in shares]


async def all_variants(connection: Any, members: Members, page: int) -> list[Variant]:
    found: list[Variant] = []
    after = None
    while True:
        some = await read_variants(connection, members, page, after)
        found += some.variants
        if len(some.variants) < page:
            assert some.total == len(found)
            return found
        after = (found[-1].cases, found[-1].key)


async def check_variants(connection: Any, figures: MapFigures, expected: Map) -> None:
    members = figures.members(Section.VARIANTS)
    found = await all_variants(connection, members, 7)
    assert {tuple(item.activities): item.cases for item in found} == {
        way: len(cases) for way, cases in expected.ways.items()
    }
    assert [(-item.cases, item.key) for item in found] == sorted((-item.cases, item.key) for item in found)
    lists = await members.listed(connection, [Wanted(item.step, ("cases",), None, 1_000) for item in found])
    total, so_far = sum(len(cases) for cases in expected.ways.values()), 0
    for rank, (item, listed) in enumerate(zip(found, lists, strict=True), 1):
        cases = expected.ways[tuple(item.activities)]
        assert set(listed.ids) == {case for case, _ in cases}
        so_far += len(cases)
        assert (item.rank, item.share, item.cumulative_share) == (
            rank,
            Fraction(len(cases), total),
            Fraction(so_far, total),
        )
        seconds = [length for _, length in cases if length is not None]
        assert item.ended == len(seconds)
        if seconds:
            assert item.mean is not None
            assert float(item.mean) == pytest.approx(sum(seconds) / len(seconds))
            assert item.median == pytest.approx(statistics.percentile(seconds, 0.5))
        else:
            assert (item.mean, item.median, item.p90) == (None, None, None)


async def check_maps(walked: Walked, seed: int, number: int = 24) -> None:
    rng = random.Random(seed)
    for _, ask, where in asks(walked, seed, number):
        await check_map(walked, ask, where, rng.choice(list(EventClassifier)), rng.choice(CHANNELS))


async def test_every_map_agrees_with_its_plain_statement(walked: Walked) -> None:
    await check_maps(walked, seed=11)


def _any_order(row: Row) -> tuple[Any, ...]:
    return (-row["sequence"],)


def _stage_alone(row: Row, _classifier: str) -> list[str]:
    return [row["to_stage"]] if row["to_stage"] is not None else []


def _owner(row: Row) -> str | None:
    return None if row["owner_id"] is None else f"user:{row['owner_id']}"


def _always(_document: Any, _source: str, _target: str) -> bool:
    return True


def _none(_case: Case, _ask: Ask, _document: Any) -> list[str]:
    return []


def _without_as_of(case: Case, ask: Ask) -> list[Row]:
    return reference.known(case, ask)


def _by_recording(one: Row, other: Row) -> float:
    found: float = (other["recorded_at"] - one["recorded_at"]).total_seconds()
    return found


PLANTED = {
    (reference_map, "moment"): _any_order,
    (reference_map, "activities_of"): _stage_alone,
    (reference_map, "performer"): _owner,
    (reference_map, "leads"): _always,
    (reference_map, "skipped"): _none,
    (reference_map, "elapsed"): _by_recording,
    (reference_map, "seen"): _without_as_of,
}


@pytest.mark.parametrize(
    ("module", "name"), PLANTED, ids=lambda item: str(getattr(item, "__name__", item)).split(".")[-1]
)
async def test_an_error_planted_into_the_plain_statement_is_noticed(
    walked: Walked, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    monkeypatch.setattr(module, name, PLANTED[module, name])
    with pytest.raises(AssertionError):
        await check_maps(walked, number=60, seed=11)


# By hand


async def a_map(
    world: World,
    classifier: EventClassifier = EventClassifier.STAGE,
    asked: Question | None = None,
    sections: Sequence[Section] = ALL,
    **options: Any,
) -> MapFigures:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request", **options)
        return await read_process_map(connection, frame, asked or question(world), classifier, sections)


def edges(figures: MapFigures) -> dict[tuple[str, ...], tuple[int, int, float]]:
    return {
        (str(cell.parts[1]), str(cell.parts[2])): (
            cell.count(),
            cell.times(),
            0.0 if cell.spans is None else float(cell.spans.mean),
        )
        for cell in figures.cells[Section.EDGES]
    }


async def test_activities_and_edges_are_counted_by_events_and_by_cases(world: World) -> None:
    await lead(world, 0, *up_to(2))
    await lead(world, 0, fire("contact", 3), lose(4))
    figures = await a_map(world)
    assert edges(figures) == {
        ("new", "qualification"): (2, 2, 7200.0),
        ("qualification", "interest"): (1, 1, 3600.0),
        ("qualification", "lost"): (1, 1, 3600.0),
    }
    activities = {
        cell.parts[1]: (
            cell.times(),
            *(cell.count(name) for name in ("cases", "starts", "ends", "standing", "reworked")),
        )
        for cell in figures.cells[Section.ACTIVITIES]
    }
    assert activities == {
        "new": (2, 2, 2, 0, 0, 0),
        "qualification": (2, 2, 0, 0, 0, 0),
        "interest": (1, 1, 0, 0, 1, 0),
        "lost": (1, 1, 0, 1, 0, 0),
    }


async def test_loops_are_of_one_activity_or_of_two(world: World) -> None:
    await lead(world, 0, *up_to(3), fire("revise_offer", 10), fire("revise_offer", 11))
    await lead(world, 0, lose(5), fire("reopen", 6), lose(7, "price"), fire("reopen", 8), lose(9, "price"), by="north")
    loops = {cell.parts[1:]: (cell.count(), cell.times()) for cell in (await a_map(world)).cells[Section.LOOPS]}
    assert loops[("interest", "lost")] == (1, 1)
    assert loops[("lost", "interest")] == (1, 2)
    assert loops[("offer",)] == (1, 2)


async def test_calls_are_the_activities_of_the_classifier_for_them(world: World) -> None:
    await lead(world, 0, call(1), call(3), fire("contact", 4))
    await lead(world, 0)
    figures = await a_map(world, EventClassifier.ACTIVITY)
    assert edges(figures) == {("call", "call"): (1, 1, 7200.0)}
    whole = figures.one(Section.CASES, "case")
    assert (whole.count(), whole.count("eventless"), whole.count("reworked")) == (2, 1, 1)


async def test_work_is_handed_over_between_people_whoever_owns_the_case(world: World) -> None:
    case = await lead(world, 0, fire("contact", 1), by="ann")
    await world.done(case, assign(world, "bob", 2), by="north")
    await world.done(case, fire("qualify", 3), by="bob")
    await world.done(case, fire("make_offer", 5), by="bob")
    users = world.founded.users
    (found,) = (await a_map(world)).cells[Section.HANDOVERS]
    assert found.parts == ("handover", f"user:{users['ann@example.org']}", f"user:{users['bob@example.org']}")
    assert (found.count(), found.times(), found.spans and float(found.spans.mean)) == (1, 1, 7200.0)


async def test_forced_moves_undefined_moves_and_skipped_steps_are_deviations(world: World) -> None:
    await lead(world, 0, *up_to(6))
    await lead(world, 0, force("offer", 2), by="north")
    await lead(world, 0, *up_to(2), force("lost", 9), by="north")
    figures = await a_map(world)
    conformance = figures.one(Section.DEVIATIONS, "conformance")
    assert (conformance.count("conforming"), conformance.count("deviating")) == (1, 2)
    kinds = {kind: figures.one(Section.DEVIATIONS, "deviation", kind.value).count() for kind in DeviationKind}
    assert kinds == {
        DeviationKind.FORCED_MOVE: 2,
        DeviationKind.UNDEFINED_MOVE: 1,
        DeviationKind.SKIPPED_STEP: 1,
    }
    places = {cell.parts[1:]: cell.count() for cell in figures.cells[Section.DEVIATIONS] if len(cell.parts) == 4}
    assert places[("forced_move", "interest", "lost")] == 1
    assert places[("undefined_move", "new", "offer")] == 1
    assert {place[2] for place in places if place[0] == "skipped_step"} == {"interested"}


async def test_a_map_as_of_a_moment_knows_nothing_later_and_leaves_excluded_cases_out(world: World) -> None:
    case = await lead(world, 0, fire("contact", 1), fire("qualify", 5))
    await lead(world, 0, fire("contact", 1), exclude("test"))
    now = await database_now(world)
    then = await a_map(world, as_of=hour(4), known_at=now)
    assert edges(then) == {("new", "qualification"): (1, 1, 3600.0)}
    await world.done(case, fire("make_offer", 6))
    assert edges(await a_map(world, as_of=hour(10), known_at=now)) == {
        ("new", "qualification"): (1, 1, 3600.0),
        ("qualification", "interest"): (1, 1, 14400.0),
    }


async def test_of_nothing_there_is_an_empty_map(world: World) -> None:
    figures = await a_map(world)
    whole = figures.one(Section.CASES, "case")
    assert (whole.count(), whole.share("reworked"), whole.spans) == (0, None, None)
    assert not any(some for section, some in figures.cells.items())
    async with world.database.reader(world.tenant_id) as connection:
        page = await read_variants(connection, figures.members(Section.VARIANTS), 5)
    assert (page.variants, page.total) == ((), 0)


async def test_only_the_sections_asked_for_are_computed(world: World) -> None:
    await lead(world, 0, *up_to(2))
    figures = await a_map(world, sections=(Section.EDGES,))
    assert set(figures.cells) == {Section.EDGES}


async def test_activities_have_the_titles_of_the_newest_version(world: World) -> None:
    figures = await a_map(world)
    versions = figures.frame.versions
    assert activity_titles(versions, EventClassifier.STAGE, "lost")["en"] == "Lost"
    assert activity_titles(versions, EventClassifier.TRANSITION, "force") == {
        "en": "Forced move",
        "ru": "Принудительный переход",
    }
    assert activity_titles(versions, EventClassifier.ACTIVITY, "call") == {"en": "Call", "ru": "Звонок"}
    assert activities_of(versions, EventClassifier.STAGE)[0] == "new"
