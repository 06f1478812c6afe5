"""Differences of documents: what was changed is told, all of it and nothing else; what means the same is no difference."""

import copy
import random
from collections.abc import Mapping
from typing import Any

import pytest

from bpm_crm.processes import differences as module
from bpm_crm.processes.definitions import parse_document
from bpm_crm.processes.differences import Difference, DifferenceKind, ProcessPart, differences
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.library import read_document, resolve, shipped_keys, shipped_text
from tests.engine.build import ROLES

WEB = shipped_text("web-form")
ALL_ROLES = ROLES | {"process_owner", "analyst"}
Found = list[tuple[str, str, Any, Any]]


def found(before: ProcessDocument, after: ProcessDocument) -> Found:
    return [(item.kind.value, ".".join(item.path), item.old, item.new) for item in differences(before, after)]


def edited(*changes: tuple[str, Any], key: str = "web-form") -> ProcessDocument:
    """A shipped process with other values at these places; None takes a place out."""
    data = data_of(read_document(shipped_text(key)))
    for place, value in changes:
        *path, last = place.split(".")
        part = data
        for name in path:
            part = part.setdefault(name, {})
        if value is None:
            del part[last]
        else:
            part[last] = value
    return parse_document(data)


def data_of(document: ProcessDocument) -> dict[str, Any]:
    found: dict[str, Any] = document.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return found


@pytest.mark.parametrize("key", shipped_keys())
def test_a_process_differs_in_nothing_from_itself_or_from_its_published_form(key: str) -> None:
    written = read_document(shipped_text(key))
    assert found(written, written) == []
    for years in (range(2016, 2027), range(2020, 2031)):
        published = resolve(shipped_text(key), years=years, roles=ALL_ROLES).document
        assert found(written, published) == []
        assert found(published, written) == []


def test_the_edit_of_an_owner_is_told_place_by_place() -> None:
    stage = {"kind": "open", "title": {"en": "Needs discovery", "ru": "Выявление потребностей"}}
    before = read_document(WEB)
    after = edited(
        ("stages.discovery", stage), ("transitions.qualify.to", "discovery"), ("clocks.response.target", "PT10M")
    )
    target = data_of(before)["clocks"]["response"]["target"]
    assert sorted(found(before, after)) == sorted(
        [
            ("added", "stages.discovery", None, {**stage, "silent": False}),
            ("changed", "transitions.qualify.to", "interest", "discovery"),
            ("changed", "clocks.response.target.default", target, "PT10M"),
        ]
    )
    item = next(item for item in differences(before, after) if item.path[0] == "stages")
    assert (item.part, item.key) == (ProcessPart.STAGES, "discovery")
    assert item.title is not None
    assert item.title.ru == "Выявление потребностей"


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("title.en", "Form", ("changed", "title.en")),
        ("key_stage", "contract", ("changed", "key_stage")),
        ("channels", ["web-form", "landing"], ("added", "channels")),
        ("calendar.zone", "Asia/Tomsk", ("changed", "calendar.zone")),
        ("calendar.exceptions", {"2026-03-02": "closed"}, ("added", "calendar.exceptions")),
        ("fields.amount.min", 10, ("changed", "fields.amount.min")),
        ("fields.colour", {"type": "string", "title": {"en": "C", "ru": "Ц"}}, ("added", "fields.colour")),
        ("transitions.qualify.require", ["need", "budget"], ("added", "transitions.qualify.require")),
        ("transitions.make_offer.guard.when", "data.amount > 1.0", ("changed", "transitions.make_offer.guard.when")),
        ("transitions.qualify.guard", "reached.offer", ("added", "transitions.qualify.guard")),
        ("transitions.rework.reason", "required", ("changed", "transitions.rework.reason")),
        ("checkpoints.offer.order", 40, ("changed", "checkpoints.offer.order")),
        ("reasons.price.stages", ["offer"], None),
        ("activities.visit", {"en": "Visit", "ru": "Визит"}, ("added", "activities.visit")),
    ],
)
def test_every_part_is_looked_at(place: str, value: Any, expected: tuple[str, str] | None) -> None:
    before, after = read_document(WEB), edited((place, value))
    told = [(kind, path) for kind, path, _, _ in found(before, after)]
    if expected is not None:
        assert told == [expected]
    else:
        assert {path for _, path in told} == {place}


def test_notation_is_no_difference() -> None:
    target = data_of(read_document(WEB))["clocks"]["response"]["target"]
    guard = data_of(read_document(WEB))["transitions"]["resume_offer"]["guard"]
    same = edited(
        ("clocks.response.target", {"default": target}),
        ("transitions.resume_offer.guard", {"when": guard} if isinstance(guard, str) else guard["when"]),
        ("transitions.qualify.from", ["qualification"]),
        ("transitions.qualify.trigger", "qualify"),
    )
    assert found(read_document(WEB), same) == []


def test_order_counts_where_it_means_something() -> None:
    before = read_document(WEB)
    data = data_of(before)

    def reordered(part: str, first: str) -> ProcessDocument:
        changed = copy.deepcopy(data)
        changed[part] = {first: changed[part][first], **changed[part]}
        return parse_document(changed)

    assert [item[:2] for item in found(before, reordered("stages", "lost"))] == [("moved", "stages")]
    assert found(before, reordered("transitions", "resume_interest")) == [
        ("moved", "transitions", ["resume_offer", "resume_interest"], ["resume_interest", "resume_offer"])
    ]
    assert found(before, reordered("transitions", "lose")) == []
    assert found(before, reordered("clocks", list(data["clocks"])[-1])) == []
    effects = [{"set": {"need": "'x'"}}, {"assign": "actor"}]
    one, other = (
        edited(("transitions.qualify.effects", effects)),
        edited(("transitions.qualify.effects", effects[::-1])),
    )
    assert [item[:2] for item in found(one, other)] == [("changed", "transitions.qualify.effects")]


@pytest.mark.parametrize("key", shipped_keys())
@pytest.mark.parametrize("seed", range(5))
def test_the_differences_lead_from_one_document_to_the_other_and_back(key: str, seed: int) -> None:
    """Against a patch by hand: whatever is told is applied, and gives the other document; nothing more is told than was changed."""
    rng = random.Random(f"{key} {seed}")
    before = read_document(shipped_text(key))
    data, edits = data_of(before), rng.randint(1, 6)
    for _ in range(edits):
        scramble(rng, data)
    after = parse_document(data)
    told, back = differences(before, after), differences(after, before)
    assert patched(module._plain(before), told) == sorted_lists(module._plain(after))
    assert patched(module._plain(after), back) == sorted_lists(module._plain(before))
    swapped = {DifferenceKind.ADDED: DifferenceKind.REMOVED, DifferenceKind.REMOVED: DifferenceKind.ADDED}
    assert sorted((swapped.get(item.kind, item.kind), item.path) for item in told) == sorted(
        (item.kind, item.path) for item in back
    )


def scramble(rng: random.Random, data: dict[str, Any]) -> None:
    """One edit somewhere: a title, a part taken out, a part copied, a target, a required field."""
    part = rng.choice(["stages", "transitions", "checkpoints", "clocks", "reasons", "fields"])
    if not data.get(part):
        return
    key = rng.choice(list(data[part]))
    what = rng.choice(["title", "remove", "copy", "more"])
    if what == "title":
        data[part][key]["title"]["en"] = f"Title {rng.random()}"
    elif what == "remove":
        del data[part][key]
    elif what == "copy":
        data[part][f"{key[:40]}_{rng.randint(0, 10**6)}"] = copy.deepcopy(data[part][key])
    elif part == "clocks":
        data[part][key]["target"] = f"PT{rng.randint(1, 50)}M"
    elif part == "transitions":
        data[part][key]["require"] = rng.sample(["need", "amount", "budget", "product"], rng.randint(0, 4))


def patched(document: Mapping[str, Any], told: tuple[Difference, ...]) -> Any:
    """A document with differences applied, one by one."""
    result = copy.deepcopy(dict(document))
    for item in told:
        *path, last = item.path
        place: Any = result
        for name in path:
            place = place.setdefault(name, {})
        known = place.get(last)
        if item.kind is DifferenceKind.MOVED:
            continue
        if isinstance(known, list) and not (isinstance(item.old, list) or isinstance(item.new, list)):
            known.remove(item.old) if item.kind is DifferenceKind.REMOVED else known.append(item.new)
        elif item.kind is DifferenceKind.REMOVED:
            assert known == item.old
            del place[last]
        else:
            assert known == item.old
            place[last] = copy.deepcopy(item.new)
    return sorted_lists(result)


def sorted_lists(value: Any) -> Any:
    """A document in which lists without an order have one, and what is empty is gone."""
    if isinstance(value, Mapping):
        return {key: kept for key, item in value.items() if (kept := sorted_lists(item)) not in ({}, [])}
    return sorted(map(sorted_lists, value), key=repr) if isinstance(value, list) else value
