"""The funnel manager by manager: how each converts at each step, adjusted for the channels they work, strong and weak steps told from noise.

While cases are open, those that convert fast are settled before those that are lost slowly, so that young cases convert better. Managers
are therefore compared among cases of the same channel and age: the time since they reached the step before, in classes of which each ends
at one and a half times the age at which it begins. Ages at which every case is settled are one stratum.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.funnel_figures import OrderMode, StepFigures
from bpm_crm.analytics.intervals import Z, effective_size, wilson
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.steps import Step, Steps
from bpm_crm.analytics.stratified import FAMILY_ERROR, Key, Pair, common_strata, family_of, surplus
from bpm_crm.records.database import Connection


class StepVerdict(StrEnum):
    """What can be said of a manager's conversion at a step beside that of all others in the same channels."""

    STRONG = "strong"
    WEAK = "weak"
    NO_EVIDENCE = "no_evidence"
    NOT_ENOUGH = "not_enough"


Manager = str | None
"""The id of an owner or a team as text; None: the cases without one."""
Counts = Mapping[str | None, Pair]
"""By channel: settled cases and, of these, converted ones."""
Stratum = tuple[str | None, str | None]
"""A channel, and the class of the age of cases; None: all ages whose cases are settled."""
Strata = Mapping[Stratum, Pair]
_AGE = "floor(ln(greatest(extract(epoch FROM (SELECT a.as_of FROM asked AS a) - h.occurred_at) / 3600, 1)) / ln(1.5))::text"
"""Classes of ages: an hour and less, and so on up to some twenty of a year; as many days would be as many rows of the funnel."""


@dataclass(frozen=True, slots=True)
class ManagerStep:
    """One manager at one step: of the cases that reached the step before, and whose fate is known, how many reached this one.

    `adjusted` is the rate over the channel mix of all managers (direct standardisation), as far as the manager works these channels:
    `covered` says how much of the mix that is. `expected` are the conversions that the manager's cases would have had at the rates of
    everybody's cases of the same channel and age. `adjusted_p` belongs to the whole family; None where the step is not judged.
    """

    step: Step
    number: int
    cases: int
    converted: int
    pending: int
    adjusted: float | None
    adjusted_interval: tuple[float, float]
    covered: float
    expected: float
    adjusted_p: float | None
    verdict: StepVerdict | None

    @property
    def rate(self) -> Fraction | None:
        """Converted of the settled cases; None without any."""
        return Fraction(self.converted, self.cases) if self.cases else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate."""
        return wilson(self.converted / self.cases if self.cases else 0.0, self.cases)


@dataclass(frozen=True, slots=True)
class ManagerFigures:
    """The steps of every manager, the number of comparisons in the family, what was asked, and the way to the cases."""

    frame: Frame
    steps: Steps
    managers: Mapping[Manager, tuple[ManagerStep, ...]]
    family: int
    members: Members = field(repr=False)


async def read_managers(
    connection: Connection, frame: Frame, question: Question, *, by: Dimension, basis: OwnerBasis
) -> ManagerFigures:
    """The comparison of the owners or teams (`by`) of a cohort; a step counts as reached with a later one. One statement."""
    asked = replace(question, grouping=Grouping((by, Dimension.CHANNEL), basis, stratum=_AGE))
    figures = await read_funnel(connection, frame, asked, order_mode=OrderMode.IMPLIED)
    places = [
        (segment.segment[0], (segment.segment[1], segment.segment[2]), step)
        for segment in figures.segments
        if segment.segment is not None
        for step in segment.steps
        if step.number > 1
    ]
    rows = list(_rows(figures.steps.steps, places))
    judged = judge([(row.manager, row.own, row.others) for row in rows])
    managers: dict[Manager, list[ManagerStep]] = {}
    for row, (adjusted_p, verdict) in zip(rows, judged, strict=True):
        managers.setdefault(row.manager, []).append(_step(row, adjusted_p, verdict))
    members = replace(figures.members, question=replace(question, grouping=Grouping((by,), basis)))
    family = sum(1 for adjusted_p, _ in judged if adjusted_p is not None)
    return ManagerFigures(
        frame, figures.steps, {manager: tuple(steps) for manager, steps in managers.items()}, family, members
    )


def judge(
    rows: Sequence[tuple[Manager, Mapping[Key, Pair], Mapping[Key, Pair]]],
) -> list[tuple[float | None, StepVerdict | None]]:
    """The family-wise p-value and the verdict of each row (manager, their counts by stratum, those of the other managers).

    The cases without a manager are compared with nobody.
    """
    named = [place for place, (manager, _, _) in enumerate(rows) if manager is not None]
    strata = {place: common_strata(*rows[place][1:]) for place in named}
    adjusted = dict(zip(named, family_of([strata[place] for place in named]), strict=True))
    verdicts: list[tuple[float | None, StepVerdict | None]] = []
    for place in range(len(rows)):
        chance = adjusted.get(place)
        if place not in strata:
            verdicts.append((None, None))
        elif chance is None:
            verdicts.append((None, StepVerdict.NOT_ENOUGH))
        elif chance >= FAMILY_ERROR:
            verdicts.append((chance, StepVerdict.NO_EVIDENCE))
        else:
            is_better = surplus(strata[place]) > 0
            verdicts.append((chance, StepVerdict.STRONG if is_better else StepVerdict.WEAK))
    return verdicts


def standardised(
    counts: Mapping[Key, Pair], mix: Mapping[Key, Pair], z: float = Z
) -> tuple[float | None, tuple[float, float], float]:
    """The rate over the channel mix of `mix`, its interval (of 95 % unless `z` says otherwise), and the part of the mix in channels that have cases.

    Direct standardisation (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, ch. 19); the interval is that of
    Wilson for as many cases as would give its variance, in which each channel counts two cases more, one of them converted.
    """
    whole = sum(cases for cases, _ in mix.values())
    worked = {channel: mix[channel][0] for channel, (cases, _) in counts.items() if cases and channel in mix}
    weight = sum(worked.values())
    if not weight:
        return None, (0.0, 1.0), 0.0
    rate = variance = 0.0
    for channel, size in worked.items():
        cases, converted = counts[channel]
        smoothed = (converted + 1) / (cases + 2)
        rate += size / weight * converted / cases
        variance += (size / weight) ** 2 * smoothed * (1 - smoothed) / cases
    cases = sum(counts[channel][0] for channel in worked)
    return rate, wilson(rate, effective_size(rate, variance, cases, certain=cases), z), weight / whole


Place = tuple[Manager, Stratum, StepFigures]


@dataclass(frozen=True, slots=True)
class _Row:
    """A manager at a step: their cases, those of the other managers and of all managers, and how many of theirs are pending."""

    manager: Manager
    step: Step
    number: int
    own: Strata
    others: Strata
    everybody: Strata
    pending: int


def _rows(steps: Sequence[Step], places: Sequence[Place]) -> Iterator[_Row]:
    managers = list(dict.fromkeys(manager for manager, _, _ in places))
    for number, step in enumerate(steps[1:], 2):
        here = _pooled([place for place in places if place[2].number == number])
        owned = [place for place in here if place[0] is not None]
        for manager in managers:
            own = [place for place in here if place[0] == manager]
            others = _counts([place for place in owned if place[0] != manager])
            pending = sum(item.count("pending") for _, _, item in own)
            yield _Row(manager, step, number, _counts(own), others, _counts(owned), pending)


def _pooled(places: Sequence[Place]) -> list[Place]:
    """The ages of a channel at which all cases are settled as one stratum: their age says nothing any more."""
    unsettled = {stratum for _, stratum, step in places if step.count("pending")}
    return [
        (manager, stratum if stratum in unsettled else (stratum[0], None), step) for manager, stratum, step in places
    ]


def _counts(places: Sequence[Place]) -> Strata:
    advanced = [(stratum, step.count("advanced"), step.count("failed")) for _, stratum, step in places]
    return _sums((stratum, (some + failed, some)) for stratum, some, failed in advanced)


def _step(row: _Row, adjusted_p: float | None, verdict: StepVerdict | None) -> ManagerStep:
    adjusted, interval, covered = standardised(_by_channel(row.own), _by_channel(row.everybody))
    shares = {stratum: converted / cases for stratum, (cases, converted) in row.everybody.items() if cases}
    return ManagerStep(
        step=row.step,
        number=row.number,
        cases=sum(cases for cases, _ in row.own.values()),
        converted=sum(converted for _, converted in row.own.values()),
        pending=row.pending,
        adjusted=adjusted,
        adjusted_interval=interval,
        covered=covered,
        expected=sum(cases * shares[stratum] for stratum, (cases, _) in row.own.items() if stratum in shares),
        adjusted_p=adjusted_p,
        verdict=verdict,
    )


def _by_channel(counts: Strata) -> Counts:
    return _sums((channel, pair) for (channel, _), pair in counts.items())


def _sums(pairs: Iterable[tuple[Key, Pair]]) -> dict[Key, Pair]:
    found: dict[Key, Pair] = {}
    for key, (cases, converted) in pairs:
        known = found.get(key, (0, 0))
        found[key] = (known[0] + cases, known[1] + converted)
    return found
