"""The comparison of two versions: right where the truth is known, silent about noise however often it is looked at."""

import random

import pytest

from bpm_crm.analytics.rollouts import Z_OF_CHECKS, ArmFigures, ArmVerdict, compared, has_fallen, judged

LOOKS = 40
CHANNELS = {"calls": (0.9, 60), "forms": (0.6, 40)}
"""By channel: the rate of both versions, and cases of each version between two looks, in tens."""


def grown(rng: random.Random, counts: dict[str | None, tuple[int, int]], fall: float) -> None:
    """Add the cases of one more period."""
    for channel, (rate, cases) in CHANNELS.items():
        known = counts.get(channel, (0, 0))
        met = sum(rng.random() < rate - fall for _ in range(cases // 10))
        counts[channel] = (known[0] + cases // 10, known[1] + met)


def trips(rng: random.Random, fall: float, drop: float) -> bool:
    """Whether a rollout is stopped at any of many looks."""
    a: dict[str | None, tuple[int, int]] = {}
    b: dict[str | None, tuple[int, int]] = {}
    for _ in range(LOOKS):
        grown(rng, a, 0.0)
        grown(rng, b, fall)
        if has_fallen(ArmFigures("response", a, b, *compared(a, b, Z_OF_CHECKS)), drop):
            return True
    return False


def test_equal_versions_are_hardly_ever_stopped_however_often_they_are_looked_at() -> None:
    rng = random.Random(1)
    assert sum(trips(rng, 0.0, 0.01) for _ in range(400)) <= 4


def test_a_version_as_bad_as_allowed_is_hardly_ever_stopped() -> None:
    rng = random.Random(2)
    assert sum(trips(rng, 0.05, 0.05) for _ in range(400)) <= 8


def test_a_version_that_is_much_worse_is_stopped() -> None:
    rng = random.Random(3)
    assert sum(trips(rng, 0.25, 0.05) for _ in range(100)) >= 95


def test_a_single_ordinary_look_would_stop_equal_versions_too_often() -> None:
    """The negative control: the interval of 95 % is not enough for what is looked at again and again."""
    rng, stopped = random.Random(4), 0
    for _ in range(200):
        a: dict[str | None, tuple[int, int]] = {}
        b: dict[str | None, tuple[int, int]] = {}
        for _ in range(LOOKS):
            grown(rng, a, 0.0)
            grown(rng, b, 0.0)
            if has_fallen(ArmFigures("response", a, b, *compared(a, b)), 0.0):
                stopped += 1
                break
    assert stopped > 20


def test_a_mix_of_channels_is_not_taken_for_a_difference() -> None:
    """Simpson's paradox: each channel converts alike, but B has more of the poor one."""
    a = {"good": (900, 810), "poor": (100, 20)}
    b = {"good": (100, 90), "poor": (900, 180)}
    difference, interval = compared(a, b)
    assert difference == pytest.approx(0.0)
    assert interval is not None
    assert interval[0] < 0 < interval[1]
    crude = 270 / 1000 - 830 / 1000
    assert crude == pytest.approx(-0.56), "what it would look like without the channels"


def test_only_channels_that_both_have_are_compared() -> None:
    difference, interval = compared({"x": (100, 50), "y": (50, 50)}, {"x": (100, 60), "z": (50, 0)})
    assert difference == pytest.approx(0.1)
    assert interval is not None
    assert compared({"x": (10, 5)}, {"y": (10, 5)}) == (None, None)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held = random.Random(5), 0
    for _ in range(1_000):
        a = {"x": draw(rng, 0.8, 120), "y": draw(rng, 0.4, 60)}
        b = {"x": draw(rng, 0.7, 40), "y": draw(rng, 0.3, 80)}
        _, interval = compared(a, b)
        assert interval is not None
        held += interval[0] <= -0.1 <= interval[1]
    assert 930 <= held <= 985


def draw(rng: random.Random, rate: float, cases: int) -> tuple[int, int]:
    return cases, sum(rng.random() < rate for _ in range(cases))


def test_verdicts_are_of_the_whole_family() -> None:
    clear = ArmFigures(None, {"x": (200, 100)}, {"x": (200, 150)}, *compared({"x": (200, 100)}, {"x": (200, 150)}))
    worse = ArmFigures("k", {"x": (200, 150)}, {"x": (200, 100)}, *compared({"x": (200, 150)}, {"x": (200, 100)}))
    same = ArmFigures("l", {"x": (200, 100)}, {"x": (200, 101)}, *compared({"x": (200, 100)}, {"x": (200, 101)}))
    few = ArmFigures("m", {"x": (5, 5)}, {"x": (200, 0)}, *compared({"x": (5, 5)}, {"x": (200, 0)}))
    assert [item.verdict for item in judged([clear, worse, same, few])] == [
        ArmVerdict.BETTER,
        ArmVerdict.WORSE,
        ArmVerdict.NO_EVIDENCE,
        ArmVerdict.NOT_ENOUGH,
    ]
    twins = [
        ArmFigures(str(n), {"x": (60, 30)}, {"x": (60, 41)}, *compared({"x": (60, 30)}, {"x": (60, 41)}))
        for n in range(5)
    ]
    alone = judged(twins[:1])[0].adjusted_p
    assert alone is not None
    assert judged(twins)[0].adjusted_p == pytest.approx(min(1.0, 5 * alone))
