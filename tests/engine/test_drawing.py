"""Pictures of processes: everything is on them, nothing lies over anything else, no title breaks out."""

import re
from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.drawing.graph import ANYWHERE, graph_of
from bpm_crm.engine.drawing.lettering import width_of, wrapped
from bpm_crm.engine.drawing.marks import BARE, Heat, Marks, StageMark, Taken
from bpm_crm.engine.drawing.mermaid import mermaid
from bpm_crm.engine.drawing.picture import Picture, picture_of
from bpm_crm.engine.drawing.routing import Box, Plan, Point
from bpm_crm.engine.drawing.svg import svg
from bpm_crm.engine.drawing.wording import seconds_text
from bpm_crm.processes.definitions import definition_of, parse_document
from bpm_crm.processes.library import resolve, shipped_keys, shipped_text
from tests.engine.build import ROLES
from tests.engine.wild import texts, wild_documents

SPACE = "{http://www.w3.org/2000/svg}"
YEARS = range(2025, 2028)


def shipped(key: str) -> ProcessDefinition:
    return resolve(shipped_text(key), years=YEARS, roles=ROLES).definition


def overlapping(one: Box, other: Box, room: float = 0) -> bool:
    return (
        one.x < other.right + room
        and other.x < one.right + room
        and one.y < other.bottom + room
        and other.y < one.bottom + room
    )


def segments(plan: Plan) -> Iterator[tuple[int, Point, Point]]:
    for index, way in enumerate(plan.ways):
        for one, other in pairwise(way):
            yield index, one, other


def span(one: Point, other: Point) -> Box:
    x, y = min(one[0], other[0]), min(one[1], other[1])
    return Box(x, y, abs(one[0] - other[0]), abs(one[1] - other[1]))


def faults(picture: Picture) -> Iterator[str]:
    """What lies over something else: slow, and without any idea of how it was laid out."""
    plan, moves = picture.plan, picture.graph.moves
    for one, other in combinations(plan.nodes, 2):
        if overlapping(plan.nodes[one], plan.nodes[other], room=8):
            yield f"boxes {one} and {other}"
    labels = [box for box in plan.labels if box.width]
    for first, second in combinations(labels, 2):
        if overlapping(first, second):
            yield f"labels {first} and {second}"
    for label in labels:
        yield from (f"label {label} over {key}" for key, box in plan.nodes.items() if overlapping(label, box))
        if label.x < 0 or label.right > plan.width or label.bottom > plan.height:
            yield f"label {label} outside"
    for index, one, other in segments(plan):
        if one[0] != other[0] and one[1] != other[1]:
            yield f"slanting {moves[index]}"
        stretch = span(one, other)
        for key, box in plan.nodes.items():
            inner = Box(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1)
            if overlapping(stretch, inner):
                yield f"line {moves[index]} over {key}"
        yield from (f"line {moves[index]} over {label}" for label in labels if overlapping(stretch, label))
    for (first_index, *first_ends), (second_index, *second_ends) in combinations(segments(plan), 2):
        if moves[first_index].target != moves[second_index].target and side_by_side(
            span(*first_ends), span(*second_ends)
        ):
            yield f"lines {moves[first_index]} and {moves[second_index]} run together"


def side_by_side(one: Box, other: Box) -> bool:
    """Whether two stretches of the same direction share more than a point."""
    if one.width == other.width == 0 and one.x == other.x:
        return min(one.bottom, other.bottom) - max(one.y, other.y) > 0
    if one.height == other.height == 0 and one.y == other.y:
        return min(one.right, other.right) - max(one.x, other.x) > 0
    return False


def ends(picture: Picture) -> Iterator[str]:
    """Lines that do not begin at their source or end at their target."""
    for move, way in zip(picture.graph.moves, picture.plan.ways, strict=True):
        source, target = picture.plan.nodes[move.source], picture.plan.nodes[move.target]
        begins = way[0]
        at_side = begins[0] == source.right and source.y <= begins[1] <= source.bottom
        at_foot = begins[1] == source.bottom and source.x <= begins[0] <= source.right
        enters = way[-1][1] == target.y and target.x < way[-1][0] < target.right
        if not (at_side or at_foot) or not enters:
            yield str(move)


def path_marks(definition: ProcessDefinition) -> Marks:
    """A case that went wherever it could from the start, by transitions and by force."""
    marks = {
        key: StageMark(("12 visits, 3 h of working time",), Heat.SLOW, is_visited=True) for key in definition.stages
    }
    taken = [
        Taken(source, item.target, item.key, f"{place} · 2026-11-22 14:05")
        for place, item in enumerate(definition.transitions.values())
        for source in item.sources
    ]
    final = next(reversed(definition.stages))
    return Marks(marks, (*taken, Taken(final, definition.initial, None, "99 · 2026-11-22 14:05")), ("A legend.",))


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("key", shipped_keys())
def test_on_pictures_of_shipped_processes_nothing_lies_over_anything(key: str, language: str) -> None:
    definition = shipped(key)
    for marks in (BARE, path_marks(definition)):
        picture = picture_of(definition, marks, language)
        assert [*faults(picture), *ends(picture)] == []


@given(wild_documents(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_on_pictures_of_any_process_nothing_lies_over_anything(data: dict[str, object], is_path: bool) -> None:
    definition = definition_of(parse_document(data))
    picture = picture_of(definition, path_marks(definition) if is_path else BARE, "en")
    assert [*faults(picture), *ends(picture)] == []


def test_the_search_for_overlaps_finds_them() -> None:
    """Negative control."""
    picture = picture_of(shipped("callback-request"), BARE, "en")
    plan = picture.plan
    offer = plan.nodes["offer"]
    grown = {**plan.nodes, "offer": Box(offer.x, offer.y, offer.width + 300, offer.height + 300)}
    wrong = Plan(plan.width, plan.height, grown, plan.ways, plan.labels)
    found = list(faults(Picture(picture.graph, wrong, picture.stands, picture.labels)))
    for beginning in ("boxes", "line ", "label "):
        assert any(fault.startswith(beginning) for fault in found)
    shifted = Plan(plan.width, plan.height, plan.nodes, [plan.ways[0]] * len(plan.ways), plan.labels)
    found = list(faults(Picture(picture.graph, shifted, picture.stands, picture.labels)))
    assert any(fault.endswith("run together") for fault in found)


@given(wild_documents(), st.sampled_from(["en", "ru"]))
@settings(max_examples=25, deadline=None)
def test_an_svg_is_well_formed_and_shows_every_stage_and_move(data: dict[str, object], language: str) -> None:
    definition = definition_of(parse_document(data))
    text = svg(definition, 3, language, path_marks(definition))
    root = fromstring(text)
    assert {element.tag.removeprefix(SPACE) for element in root.iter()} <= {
        "svg", "title", "style", "rect", "g", "path", "circle", "text"
    }  # fmt: skip
    shown = {element.get("data-stage") for element in root.iter() if element.get("data-stage")}
    assert set(definition.stages) <= shown
    drawn = {(element.get("data-from"), element.get("data-to")) for element in root.iter() if element.get("data-from")}
    for transition in definition.transitions.values():
        assert all((source, transition.target) in drawn for source in transition.sources)
    assert not any(name.startswith("on") or name.endswith("href") for element in root.iter() for name in element.attrib)
    assert text == svg(definition, 3, language, path_marks(definition))


@pytest.mark.parametrize("key", shipped_keys())
def test_a_bare_picture_has_all_titles_and_names_every_transition_once_per_line(key: str) -> None:
    definition = shipped(key)
    words = re.sub(r"\s+", " ", " ".join(fromstring(svg(definition, 1, "ru")).itertext()))
    for stage in definition.stages.values():
        assert stage.title.ru in words
    for transition in definition.transitions.values():
        assert transition.title.ru in words
    for number, step in enumerate(definition.funnel, 1):
        assert f"{number} {step.title.ru}" in words


def test_moves_out_of_every_stage_are_drawn_once() -> None:
    graph = graph_of(shipped("callback-request"))
    assert [(move.source, move.target) for move in graph.moves if move.source == ANYWHERE] == [
        (ANYWHERE, "lost"),
        (ANYWHERE, "cancelled"),
    ]


def test_dark_and_light_have_the_same_colours_to_set() -> None:
    text = svg(shipped("email"), 1, "en")
    light, dark = (set(re.findall(r"(--[a-z-]+):", part)) for part in text.split("@media")[:2])
    assert light
    assert light == dark
    assert set(re.findall(r"var\((--[a-z-]+)\)", text)) <= light


def test_an_overlay_is_written_on_the_picture() -> None:
    definition = shipped("callback-request")
    marks = Marks(
        {"offer": StageMark(("7 now",), Heat.SLOW), "won": StageMark(is_current=True)}, legend=("Red is slow.",)
    )
    root = fromstring(svg(definition, 1, "en", marks))
    offer = next(element for element in root.iter() if element.get("data-stage") == "offer")
    assert "heat-slow" in str(offer.get("class"))
    assert "7 now" in list(offer.itertext())
    assert "Red is slow." in list(root.itertext())
    won = next(element for element in root.iter() if element.get("data-stage") == "won")
    assert "current" in str(won.get("class")).split()


@given(wild_documents())
@settings(max_examples=25, deadline=None)
def test_no_title_is_syntax_of_mermaid(data: dict[str, object]) -> None:
    definition = definition_of(parse_document(data))
    lines = mermaid(definition, "en", path_marks(definition)).splitlines()
    form = re.compile(
        r'stateDiagram-v2|  (accTitle: [^;{}%"]*(?:#\d+;[^;{}%"]*)*|state "[^"]*" as \w+|(\[\*\]|\w+) --> (\[\*\]|\w+)( : .*)?'
        r"|classDef \w+ \S+( \S+)?|class [\w,]+ \w+)"
    )
    assert [line for line in lines if not form.fullmatch(line)] == []
    named = [line for line in lines if line.startswith("  state ")]
    assert len(named) == len(definition.stages) + any("as any_stage" in line for line in named)
    for line in lines:
        said = line.partition(" : ")[2] or line.partition('"')[2].rpartition('"')[0]
        assert not re.search(r"[<>\"'`:{}%\[\]\\*]", re.sub(r"#\d+;|<br/>", "", said))


@given(texts, st.integers(40, 400), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_nothing_but_what_is_cut(text: str, width: int, most: int) -> None:
    lines = wrapped(text, width, 12, most=most)
    assert len(lines) <= most
    assert all(width_of(line, 12) <= width for line in lines)
    if not lines[-1].endswith("…"):
        assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_600, "1 h"),
        (3_659, "1 h"),
        (3_660, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_lengths_of_time_are_said_in_two_units(seconds: int, said: str) -> None:
    assert seconds_text(seconds, "en") == said


def test_without_days_hours_are_the_greatest_unit() -> None:
    assert seconds_text(90_000, "ru", days=False) == "25 ч"
