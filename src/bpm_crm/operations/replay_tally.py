"""What replays add up: figures by what they count, and which of them count a case; packed as plain JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpm_crm.engine.blockers import Blocker
from bpm_crm.engine.cycles import Cycle, Verdict
from bpm_crm.engine.differences import Cause, Difference, ReplayDifferenceKind, cause_key
from bpm_crm.engine.rerun import Rerun
from bpm_crm.engine.wording import blocker_message, input_message

Key = tuple[str, ...]
"""What a figure counts; its first part says what kind of thing, the others which (`MOVE`, `CLOCK`, `CHECKPOINT`, `UNREADABLE`)."""

MOVE = "move"
"""(kind, step, stage, name, code, field, guard, target) of steps; with no more than the kind: of all steps of that kind."""
CLOCK = "clock"
"""(clock, change) of cycles; with a dimension and a value: of those of one owner, team or channel."""
CHECKPOINT = "checkpoint"
"""(checkpoint, change) of cases."""
UNREADABLE = "unreadable"
"""(why) of cases whose history does not fit the versions it was written under."""

GAINED, LOST = "gained", "lost"
NOBODY = ""


@dataclass(slots=True)
class Figure:
    """A number of a replay: `units` (steps, cycles) in `cases`; in `first` of them it is the first difference. `texts`: an example's."""

    units: int = 0
    cases: int = 0
    first: int = 0
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """The figures of the histories replayed so far."""

    cases: int = 0
    differing: int = 0
    moves: int = 0
    figures: dict[Key, Figure] = field(default_factory=dict)
    verdicts: Counter[Key] = field(default_factory=Counter)
    """Cycles by (clock, verdict before, verdict after)."""
    reached: Counter[Key] = field(default_factory=Counter)
    """Cases by (checkpoint, `before` or `after`)."""

    def add(self, found: Rerun, channel: str) -> list[Key]:
        """Add one history; the figures that count its case."""
        self.cases += 1
        self.moves += found.moves
        units: Counter[Key] = Counter()
        self._add_steps(found.differences, units)
        for cycle in found.cycles:
            self.verdicts[cycle.clock, cycle.before.value, cycle.after.value] += 1
            units.update(_of_cycle(cycle, channel))
        for side, reached in (("before", found.reached_before), ("after", found.reached_after)):
            self.reached.update((key, side) for key in reached)
        units.update((CHECKPOINT, key, GAINED) for key in sorted(found.reached_after - found.reached_before))
        units.update((CHECKPOINT, key, LOST) for key in sorted(found.reached_before - found.reached_after))
        return self._count(units)

    def add_unreadable(self, why: str) -> list[Key]:
        """Count a history that could not be replayed."""
        self.cases += 1
        return self._count(Counter({(UNREADABLE, why): 1}))

    def merge(self, other: "Tally") -> None:
        """Add what was counted elsewhere of other histories."""
        self.cases += other.cases
        self.differing += other.differing
        self.moves += other.moves
        self.verdicts.update(other.verdicts)
        self.reached.update(other.reached)
        for key, more in other.figures.items():
            figure = self.figures.setdefault(key, Figure(texts=more.texts))
            figure.units += more.units
            figure.cases += more.cases
            figure.first += more.first

    def numbers(self) -> dict[Key, int]:
        """The number by which each figure is known: the order in which figures first came up, which packing keeps."""
        return {key: number for number, key in enumerate(self.figures)}

    def packed(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "cases": self.cases,
            "differing": self.differing,
            "moves": self.moves,
            "figures": [
                [list(key), item.units, item.cases, item.first, item.texts] for key, item in self.figures.items()
            ],
            "verdicts": [[list(key), count] for key, count in self.verdicts.items()],
            "reached": [[list(key), count] for key, count in self.reached.items()],
        }

    def _add_steps(self, differences: Iterable[Difference], units: Counter[Key]) -> None:
        is_first = True
        for difference in differences:
            keys = dict(_of_step(difference))
            for key, cause in keys.items():
                figure = self.figures.setdefault(key, Figure())
                if cause is not None and not figure.texts:
                    figure.texts = _texts(cause)
                figure.first += is_first and difference.kind is not ReplayDifferenceKind.LOSES_DATA
            is_first = is_first and difference.kind is ReplayDifferenceKind.LOSES_DATA
            units.update(keys.keys())

    def _count(self, units: Mapping[Key, int]) -> list[Key]:
        self.differing += bool(units)
        for key, count in units.items():
            figure = self.figures.setdefault(key, Figure())
            figure.units += count
            figure.cases += 1
        return list(units)


def unpacked(values: Mapping[str, Any]) -> Tally:
    """The tally that was packed; an empty one from nothing."""
    if not values:
        return Tally()
    return Tally(
        cases=values["cases"],
        differing=values["differing"],
        moves=values["moves"],
        figures={tuple(key): Figure(*rest) for key, *rest in values["figures"]},
        verdicts=Counter({tuple(key): count for key, count in values["verdicts"]}),
        reached=Counter({tuple(key): count for key, count in values["reached"]}),
    )


def _of_step(difference: Difference) -> Iterator[tuple[Key, Cause | None]]:
    """The figures that count a step: all of its kind, and one for each cause."""
    kind = difference.kind.value
    yield (MOVE, kind), None
    place = (MOVE, kind, difference.step.value, difference.stage, difference.name)
    if difference.target is not None:
        yield (*place, "", "", "", difference.target), None
    for cause in difference.causes:
        yield (*place, *cause_key(cause), ""), cause


def _of_cycle(cycle: Cycle, channel: str) -> Iterator[Key]:
    """The figures that count a cycle whose breach is gained or lost: of its clock, and of whose it is."""
    was, is_ = (verdict is Verdict.BREACHED for verdict in (cycle.before, cycle.after))
    if was == is_:
        return
    place = (CLOCK, cycle.clock, GAINED if is_ else LOST)
    owner, team = cycle.holder
    yield place
    yield (*place, "owner", owner or NOBODY)
    yield (*place, "team", team or NOBODY)
    yield (*place, "channel", channel)


def _texts(cause: Cause) -> dict[str, str]:
    """What a cause says to people, by language."""
    if isinstance(cause, Blocker):
        return {language: blocker_message(cause, language) for language in ("en", "ru")}
    return {language: input_message(cause, language) for language in ("en", "ru")}
