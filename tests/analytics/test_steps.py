"""How steps are made of the checkpoints of versions and processes."""

from typing import Any
from uuid import UUID, uuid5

from bpm_crm.analytics.frames import Version
from bpm_crm.analytics.steps import steps_of

SPACE = UUID(int=7)


def version(process: str, number: int, **orders: int | None) -> Version:
    """A version with these checkpoints: an order, or None for one that is no step."""
    parts: dict[str, Any] = {
        key: {"title": {"en": f"{key} {number}", "ru": f"{key} {number}"}} | ({} if order is None else {"order": order})
        for key, order in orders.items()
    }
    return Version(uuid5(SPACE, process), process, number, parts, {}, {}, {}, {})


def test_steps_are_the_checkpoints_with_an_order_in_that_order() -> None:
    steps = steps_of([version("a", 1, paid=2, lead=1, called=None)])
    assert steps.checkpoints == ["lead", "paid"]


def test_order_and_title_are_those_of_the_newest_version_that_has_the_step() -> None:
    steps = steps_of([version("a", 1, lead=1, offer=2, paid=3), version("a", 2, lead=1, paid=2, offer=3)])
    assert steps.checkpoints == ["lead", "paid", "offer"]
    assert steps.steps[1].titles["en"] == "paid 2"


def test_a_step_that_the_newest_version_has_no_more_stays_and_is_unmapped_there() -> None:
    steps = steps_of([version("a", 1, lead=1, demo=2, paid=3), version("a", 2, lead=1, paid=3)])
    assert steps.checkpoints == ["lead", "demo", "paid"]
    assert steps.steps[1].titles["en"] == "demo 1"
    assert steps.unmapped == [(uuid5(SPACE, "a"), 2, 2)]


def test_a_checkpoint_that_was_no_step_in_an_older_version_is_mapped_there() -> None:
    steps = steps_of([version("a", 1, lead=1, called=None), version("a", 2, lead=1, called=2)])
    assert (steps.checkpoints, steps.unmapped) == (["lead", "called"], [])


def test_processes_that_begin_as_most_do_share_a_funnel_and_the_others_are_named() -> None:
    versions = [
        version("a", 1, lead=1, offer=2),
        version("b", 1, lead=1, offer=3, shown=2),
        version("c", 1, paid=1, thanked=2),
        version("d", 1, called=None),
    ]
    steps = steps_of(versions)
    assert steps.checkpoints == ["lead", "offer", "shown"]
    assert steps.left_out == ("c", "d")
    assert steps.definitions == [uuid5(SPACE, "a"), uuid5(SPACE, "b")]


def test_of_equally_many_beginnings_the_first_in_the_alphabet_wins() -> None:
    assert steps_of([version("a", 1, visit=1), version("b", 1, lead=1)]).checkpoints == ["lead"]


def test_a_process_without_steps_has_a_funnel_without_rows() -> None:
    steps = steps_of([version("a", 1, called=None)])
    assert (steps.checkpoints, steps.left_out) == ([], ())
