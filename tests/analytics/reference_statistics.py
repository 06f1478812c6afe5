"""Statistics once more, slowly and plainly, over lists of numbers."""

from collections.abc import Sequence
from fractions import Fraction
from math import exp, log, sqrt

from tests.analytics.cases import Spell


def percentile(values: Sequence[float], share: float) -> float:
    """By linear interpolation between the two nearest ranks."""
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def kaplan_meier(waits: Sequence[tuple[float, bool]], share: Fraction) -> float | None:
    """The first length after which at least this share has happened; those not seen to happen count as long as they were seen."""
    waiting = Fraction(1)
    for length in sorted({seconds for seconds, happened in waits if happened}):
        at_risk = sum(1 for seconds, _ in waits if seconds >= length)
        events = sum(1 for seconds, happened in waits if happened and seconds == length)
        waiting *= 1 - Fraction(events, at_risk)
        if waiting <= 1 - share:
            return length
    return None


def eventual_rate(spells: Sequence[Spell]) -> float:
    """Aalen-Johansen, by handing what is not known on: a case last seen open leaves its weight to those seen longer."""
    weights = [1.0] * len(spells)
    order = sorted(range(len(spells)), key=lambda place: spells[place][0])
    for place in order:
        length, end = spells[place]
        if end == "open":
            later = [other for other in order if spells[other][0] > length]
            for other in later:
                weights[other] += weights[place] / len(later)
            weights[place] = 0.0
    reached = (weight for weight, (_, end) in zip(weights, spells, strict=True) if end == "reached")
    return sum(reached) / len(spells)


def eventual_variance(spells: Sequence[Spell]) -> float:
    """The variance of that rate by the delta method, straight from its definition."""
    final, waiting, share = eventual_rate(spells), 1.0, 0.0
    total = 0.0
    for length in sorted({seconds for seconds, _ in spells}):
        risk = sum(1 for seconds, _ in spells if seconds >= length)
        reached = sum(1 for seconds, end in spells if seconds == length and end == "reached")
        settled = sum(1 for seconds, end in spells if seconds == length and end != "open")
        share += waiting * reached / risk
        missing = final - share
        if settled < risk:
            total += missing**2 * settled / (risk * (risk - settled))
        total += waiting**2 * reached * (risk - reached) / risk**3 - 2 * missing * waiting * reached / risk**2
        waiting *= 1 - settled / risk
    return total


def brookmeyer_crowley(waits: Sequence[tuple[float, bool]], share: float) -> tuple[float | None, float | None]:
    """The 95 % interval of a quantile: where the log-log interval of what is left, by Greenwood's formula, holds 1 - share."""
    waiting, greenwood = 1.0, 0.0
    lower: float | None = None
    upper: float | None = None
    for length in sorted({seconds for seconds, happened in waits if happened}):
        at_risk = sum(1 for seconds, _ in waits if seconds >= length)
        events = sum(1 for seconds, happened in waits if happened and seconds == length)
        if events == at_risk:
            is_below = waiting * (1 - 0.025 ** (1 / at_risk)) <= 1 - share + 1e-9
            return (length if lower is None else lower), (length if upper is None and is_below else upper)
        waiting *= 1 - events / at_risk
        greenwood += events / (at_risk * (at_risk - events))
        spread = exp(1.959963984540054 * sqrt(greenwood) / abs(log(waiting)))
        if lower is None and waiting**spread <= 1 - share + 1e-9:
            lower = length
        if upper is None and waiting ** (1 / spread) <= 1 - share + 1e-9:
            upper = length
    return lower, upper
