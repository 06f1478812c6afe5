"""The measured effect of a corrective action: charts and regressions worked by hand, nulls and planted effects simulated."""

from collections.abc import Mapping

import numpy as np
import pytest

from bpm_crm.analytics.autocorrelation import STRENGTHS, _drawn, estimate
from bpm_crm.analytics.behaviour_charts import ChartSignal, chart
from bpm_crm.analytics.effects import FEWEST, EffectMethod, EffectVerdict, measured
from bpm_crm.analytics.interruptions import Design, Model
from bpm_crm.analytics.student import quantile, two_sided_p
from tests.analytics.simulated import NULLS, autoregression, found, series_of

OUTSIDE, NEAR, RUN, WIDE = (
    ChartSignal.OUTSIDE_LIMITS,
    ChartSignal.NEAR_LIMIT,
    ChartSignal.LONG_RUN,
    ChartSignal.WIDE_RANGE,
)


@pytest.mark.parametrize(
    ("freedom", "value"),
    [(1, 12.7062047), (2, 4.3026527), (3, 3.1824463), (10, 2.2281389), (30, 2.0422725), (100, 1.9839715)],
)
def test_quantiles_of_student_are_those_of_the_tables(freedom: int, value: float) -> None:
    assert quantile(0.95, freedom) == pytest.approx(value, abs=1e-6)
    assert two_sided_p(value, freedom) == pytest.approx(0.05, abs=1e-7)


def test_nothing_is_as_likely_as_can_be_and_the_infinite_never() -> None:
    assert [two_sided_p(t, 5) for t in (0.0, float("inf"))] == [1.0, 0.0]
    with pytest.raises(ValueError, match="at least one degree"):
        two_sided_p(1.0, 0)


def test_the_limits_of_a_chart_worked_by_hand() -> None:
    """Values 4, 6, 5, 7, 3: mean 5, ranges 2, 1, 2, 4: mean 2.25; 5 ± 2.66 x 2.25 = -0.985 and 10.985; 3.268 x 2.25 = 7.353."""
    limits = chart([4, 6, 5, 7, 3])
    assert (limits.mean, limits.moving_range) == (5, 2.25)
    assert (limits.lower, limits.upper) == (pytest.approx(-0.985), pytest.approx(10.985))
    assert limits.range_limit == pytest.approx(7.353)
    assert chart([4, 6, 5, 7, 3], least=0).lower is None
    assert chart([0.9, 1.0, 0.9, 1.0], 0, 1).upper is None


def test_signals_of_a_chart_worked_by_hand() -> None:
    """Mean 0, mean range 1: limits ±2.66, half of it 1.33, range limit 3.268."""
    limits = chart([0.5, -0.5] * 4)
    values = [2.7, 1.4, 1.5, 1.6, 0.1, 0.1, 0.1, 0.1, -3.2]
    assert [set(item) for item in limits.signals(values)] == [
        {OUTSIDE},
        set(),
        {NEAR},
        {NEAR},
        set(),
        set(),
        set(),
        {RUN},
        {OUTSIDE, WIDE},
    ]


def test_a_design_has_level_drift_step_and_change_of_drift() -> None:
    design = Design((-2, -1, 0, 1), Model.LEVEL_AND_SLOPE)
    assert design.matrix.tolist() == [[1, -1.5, 0, 0], [1, -0.5, 0, 0], [1, 0.5, 1, 0], [1, 1.5, 1, 1]]
    assert design.weights.tolist() == [0, 0, 1, 0.5]
    assert (design.freedom, Design((-2, -1, 0, 1), Model.LEVEL).freedom) == (0, 1)


def test_a_series_without_chance_gives_its_effect_exactly() -> None:
    """2 a week, and 10 more from the start on; then a drift that doubles: 10 + 2 x 3.5 more on average over eight weeks."""
    times = range(-20, 8)
    step = estimate([2.0 * t + 10 * (t >= 0) for t in times], Design(tuple(times), Model.LEVEL))
    assert (step.effect, step.low, step.high, step.p_value) == (
        pytest.approx(10),
        pytest.approx(10),
        pytest.approx(10),
        0,
    )
    both = estimate([2.0 * t + (10 + 2 * t) * (t >= 0) for t in times], Design(tuple(times), Model.LEVEL_AND_SLOPE))
    assert both.effect == pytest.approx(17)
    assert estimate([3.0] * 28, Design(tuple(times), Model.LEVEL)).p_value == 1.0


def by_least_squares(values: np.ndarray, design: Design) -> tuple[float, float]:
    """The effect and the half width of its interval by ordinary least squares, written out."""
    matrix = design.matrix
    inverse = np.linalg.inv(matrix.T @ matrix)
    coefficients = inverse @ matrix.T @ values
    error = values - matrix @ coefficients
    variance = error @ error / design.freedom
    half = quantile(0.95, design.freedom) * np.sqrt(variance * design.weights @ inverse @ design.weights)
    return float(design.weights @ coefficients), float(half)


@pytest.mark.parametrize("model", Model)
def test_the_interval_holds_that_of_ordinary_least_squares(model: Model) -> None:
    """Which is the exact one when weeks do not resemble each other."""
    design = Design(tuple(range(-26, 13)), model)
    rng = np.random.default_rng(3)
    for _ in range(20):
        values = rng.standard_normal(39)
        effect, half = by_least_squares(values, design)
        result = estimate(values.tolist(), design)
        assert result.low <= effect - half + 1e-9
        assert result.high >= effect + half - 1e-9
        assert result.low <= result.effect <= result.high


def test_an_interval_is_written_out_for_one_strength_by_generalised_least_squares() -> None:
    """Against the textbook form (X'V⁻¹X)⁻¹X'V⁻¹y, for the strength the estimate took."""
    design = Design((*range(-15, -4), *range(-2, 9)), Model.LEVEL)
    values = autoregression(0.6)(np.random.default_rng(11), 22)
    result = estimate(values.tolist(), design)
    times = np.array(design.times)
    inverse = np.linalg.inv(result.likely ** np.abs(times[:, None] - times[None, :]))
    normal = np.linalg.inv(design.matrix.T @ inverse @ design.matrix)
    assert result.likely > 0
    assert result.effect == pytest.approx(design.weights @ normal @ design.matrix.T @ inverse @ values)


def test_the_strength_that_is_allowed_for_grows_with_that_of_the_series() -> None:
    design = Design(tuple(range(-52, 26)), Model.LEVEL)
    rng = np.random.default_rng(4)
    means: list[float] = []
    for phi in (0.0, 0.4, 0.8):
        most = [estimate(autoregression(phi)(rng, 78).tolist(), design).most for _ in range(60)]
        means.append(float(np.mean(most)))
        assert np.mean([strength >= phi for strength in most]) >= 0.9, "it is a 95 % upper limit"
    assert means == sorted(means)
    assert max(STRENGTHS) < 1


def test_shifting_and_scaling_a_series_shifts_nothing_and_scales_the_effect() -> None:
    values = autoregression(0.5)(np.random.default_rng(8), 40)
    plain = measured(EffectMethod.BEFORE_AFTER, series_of(values, 25), higher_is_better=True)
    other = measured(EffectMethod.BEFORE_AFTER, series_of(1_000 - 50 * values, 25), higher_is_better=False)
    assert plain.estimate is not None
    assert other.estimate is not None
    assert other.estimate.effect == pytest.approx(-50 * plain.estimate.effect)
    assert other.estimate.p_value == pytest.approx(plain.estimate.p_value)
    assert other.verdict == plain.verdict


def steps(before: int, after: int, effect: float) -> dict[int, float]:
    """Weeks of 10 and 12 in turn, and the effect."""
    return {week: 11 + (-1) ** week + effect * (week >= 0) for week in range(-before, after)}


@pytest.mark.parametrize(
    ("effect", "higher_is_better", "verdict"),
    [
        (9, True, EffectVerdict.EVIDENCE_FOR_IMPROVEMENT),
        (-9, True, EffectVerdict.EVIDENCE_FOR_DETERIORATION),
        (9, False, EffectVerdict.EVIDENCE_FOR_DETERIORATION),
        (-9, False, EffectVerdict.EVIDENCE_FOR_IMPROVEMENT),
        (0, True, EffectVerdict.NO_EVIDENCE),
    ],
)
@pytest.mark.parametrize("method", EffectMethod)
def test_a_verdict_says_better_or_worse_as_the_kpi_has_it(
    method: EffectMethod, effect: float, higher_is_better: bool, verdict: EffectVerdict
) -> None:
    others = {week: float(-((-1) ** (week // 2))) for week in range(-30, 20)}
    comparison = others if method is EffectMethod.COMPARISON else None
    result = measured(method, steps(30, 20, effect), higher_is_better=higher_is_better, comparison=comparison)
    assert result.verdict is verdict


@pytest.mark.parametrize("method", EffectMethod)
def test_with_too_few_weeks_nothing_is_said(method: EffectMethod) -> None:
    before, after = FEWEST[method]
    for fewer in ((before - 1, after), (before, after - 1)):
        series = steps(*fewer, 100)
        comparison = dict.fromkeys(series, 0.0) if method is EffectMethod.COMPARISON else None
        result = measured(method, series, higher_is_better=True, comparison=comparison)
        assert (result.verdict, result.estimate, result.chart) == (EffectVerdict.NOT_ENOUGH_DATA, None, None)
    enough = steps(before, after, 100)
    comparison = dict.fromkeys(enough, 0.0) if method is EffectMethod.COMPARISON else None
    assert measured(method, enough, higher_is_better=True, comparison=comparison).estimate is not None


def test_what_befell_both_groups_is_no_effect_and_weeks_of_one_of_them_are_left_out() -> None:
    both = {week: 100.0 * (week >= 0) for week in range(-30, 20)}
    mine = {week: value + (-1) ** week for week, value in both.items()}
    others = {week: value for week, value in both.items() if week != -3}
    result = measured(EffectMethod.COMPARISON, mine, higher_is_better=True, comparison=others)
    assert (result.verdict, result.before, result.after) == (EffectVerdict.NO_EVIDENCE, 29, 20)
    alone = measured(EffectMethod.BEFORE_AFTER, mine, higher_is_better=True)
    assert alone.verdict is EffectVerdict.EVIDENCE_FOR_IMPROVEMENT


@pytest.mark.parametrize("method", EffectMethod)
@pytest.mark.parametrize("value", [0.0, 0.97, 1.0, 86_400.0, -1 / 3])
def test_what_never_changed_is_no_evidence(method: EffectMethod, value: float) -> None:
    series = series_of(np.full(40, value), 20)
    other = series_of(np.full(40, 2 * value), 20) if method is EffectMethod.COMPARISON else None
    found = measured(method, series, higher_is_better=True, comparison=other)
    assert found.estimate is not None
    assert (found.verdict, found.estimate.effect, found.estimate.p_value) == (EffectVerdict.NO_EVIDENCE, 0, 1)


def test_only_a_comparison_is_compared() -> None:
    with pytest.raises(ValueError, match="COMPARISON"):
        measured(EffectMethod.COMPARISON, steps(30, 20, 0), higher_is_better=True)
    with pytest.raises(ValueError, match="COMPARISON"):
        measured(EffectMethod.BEFORE_AFTER, steps(30, 20, 0), higher_is_better=True, comparison={})


@pytest.mark.parametrize("kind", NULLS)
@pytest.mark.parametrize("method", EffectMethod)
def test_actions_without_an_effect_are_reported_as_effects_in_at_most_one_of_twenty(
    method: EffectMethod, kind: str
) -> None:
    assert found(method, NULLS[kind], 26, 13, times=120) <= 0.05


def test_a_test_that_takes_weeks_for_independent_would_report_many_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr("bpm_crm.analytics.autocorrelation.STRENGTHS", (0.0,))
    _drawn.cache_clear()
    assert found(EffectMethod.BEFORE_AFTER, NULLS["phi 0.6"], 26, 13, times=200) > 0.15
    _drawn.cache_clear()


POWER: Mapping[tuple[EffectMethod, str], float] = {
    (EffectMethod.BEFORE_AFTER, "noise"): 0.9,
    (EffectMethod.BEFORE_AFTER, "phi 0.3"): 0.9,
    (EffectMethod.BEFORE_AFTER, "shares"): 0.9,
    (EffectMethod.INTERRUPTED_SERIES, "noise"): 0.9,
    (EffectMethod.INTERRUPTED_SERIES, "phi 0.3"): 0.9,
    (EffectMethod.COMPARISON, "noise"): 0.9,
    (EffectMethod.COMPARISON, "phi 0.3"): 0.8,
}
"""How often an effect of three standard deviations of a week is found with 52 weeks before and 26 after: the stated power."""


@pytest.mark.parametrize(("method", "kind"), POWER)
def test_planted_effects_are_found_at_the_stated_power(method: EffectMethod, kind: str) -> None:
    assert found(method, NULLS[kind], 52, 26, effect=3, times=80) >= POWER[method, kind]


@pytest.mark.slow
@pytest.mark.parametrize("weeks", [(12, 6), (20, 8), (26, 13), (52, 13), (52, 26)])
@pytest.mark.parametrize("kind", NULLS)
@pytest.mark.parametrize("method", EffectMethod)
def test_null_actions_at_length(method: EffectMethod, kind: str, weeks: tuple[int, int]) -> None:
    """Two thousand of each: what is above 5 % by less than three standard errors of the count is chance."""
    if weeks[0] >= FEWEST[method][0]:
        assert found(method, NULLS[kind], *weeks, times=2_000, seed=2) <= 0.05 + 3 * (0.05 * 0.95 / 2_000) ** 0.5
