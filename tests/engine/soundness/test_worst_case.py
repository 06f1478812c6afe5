"""How long a case may take by its clocks: small processes with the answer known."""

import pytest

from bpm_crm.engine.instants import SECOND
from bpm_crm.engine.soundness import worst_case as bound
from bpm_crm.engine.soundness.certify import certify
from bpm_crm.engine.soundness.worst_case import WorstCase
from tests.engine.build import ROLES, SMALL, changed, definition_from

HOUR = 3_600 * SECOND
CLOCKS = """clocks:
  new: {title: {en: N, ru: Н}, start: {started: true}, stop: {leaving: new}, target: PT2H}
  work: {title: {en: W, ru: Р}, start: {entering: work}, stop: {leaving: work}, target: 3 business days}
  waiting: {title: {en: P, ru: О}, start: {entering: waiting}, stop: {leaving: waiting}, target: PT30H, calendar: always}
"""


def worst(text: str) -> WorstCase:
    certificate = certify(definition_from(text), ROLES)
    assert certificate.problems == ()
    return certificate.worst_case


def parts(found: WorstCase) -> tuple[int, int, int]:
    return found.business_days, found.working_time, found.elapsed_time


def test_the_targets_along_the_longest_way_without_a_round_are_added_up() -> None:
    found = worst(SMALL + CLOCKS)

    assert [(item.stage, item.clock) for item in found.limits] == [("new", "new"), ("work", "work")]
    assert parts(found) == (3, 2 * HOUR, 0)
    assert (found.unbounded, found.is_exact) == ((), True)


def test_a_way_round_another_stage_counts_where_it_is_longer() -> None:
    text = changed(SMALL, "from: new, to: work", "from: new, to: waiting")

    assert parts(worst(text + CLOCKS)) == (3, 2 * HOUR, 30 * HOUR)


def test_the_tightest_of_several_clocks_counts() -> None:
    tight = "  task: {title: {en: T, ru: З}, start: {entering: work}, stop: {leaving: work}, target: PT5H}\n"

    assert parts(worst(SMALL + CLOCKS + tight)) == (0, 7 * HOUR, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("start: {entering: work}, stop: {leaving: work}", "start: {entering: work}, stop: [{leaving: work}, {activity: call}]"),
        ("start: {entering: work}", "start: {activity: call}"),
        ("target: 3 business days", "target: 3 business days, pause: held"),
        ("stop: {leaving: work}", "stop: {leaving: work}, cancel: {activity: note}"),
    ],
)  # fmt: skip
def test_a_stay_that_no_clock_surely_bounds_makes_it_unbounded(old: str, new: str) -> None:
    text = changed(SMALL, "reasons:", "  held: {title: {en: H, ru: С}, from: {activity: note}, until: {activity: call}}\nreasons:")  # fmt: skip
    found = worst(text + changed(CLOCKS, old, new))

    assert found.unbounded == ("work",)
    assert found.limits == ()


def test_a_clock_that_pauses_elsewhere_still_bounds() -> None:
    clocks = changed(CLOCKS, "target: 3 business days", "target: 3 business days, pause: customer")

    assert worst(SMALL + clocks).unbounded == ()


def test_too_many_ways_are_bounded_by_all_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "MOST_STEPS", 1)
    found = worst(SMALL + CLOCKS)

    assert not found.is_exact
    assert parts(found) == (3, 2 * HOUR, 30 * HOUR)
