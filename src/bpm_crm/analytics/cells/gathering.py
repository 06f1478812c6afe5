"""What bodies of cells add to groups of segments, gathered body by body: in memory are sums, not what was summed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.bodies import Body, Entries
from bpm_crm.analytics.cells.columns import Ids
from bpm_crm.analytics.cells.lengths import Growing, SettledLengths, SettledPlaces, Slots
from bpm_crm.analytics.cells.spreads import WIDTH, Axes, Ints, grown
from bpm_crm.analytics.cells.tallies import sums, totalled
from bpm_crm.analytics.dimensions import Segment

_NAMES = _GROUPS = 1 << 20
"""More than there are of them."""
_MOST = 1 << 22
"""Entries that are added at once: what is read at once hardly ever has more; and sums are put together when there are so many."""


@dataclass(frozen=True)
class Grouped:
    """What is added to segments, given by their places: amounts of `names`, and lengths of time by key."""

    segments: Sequence[Segment]
    names: Sequence[str]
    counted: tuple[Ints, Ints, Ints]
    """Segment, name and amount, in this order."""
    lasted: tuple[Ints, Ints, Ints]
    """Segment, key and count, in the order of keys; without those that are settled."""
    settled: SettledPlaces | None = None

    @cached_property
    def numbers(self) -> Sequence[Mapping[str, int]]:
        """The amounts of each segment by name."""
        places, named, amounts = self.counted
        bounds = np.searchsorted(places, np.arange(len(self.segments) + 1)).tolist()
        names, values = [self.names[name] for name in named.tolist()], amounts.tolist()
        return [dict(zip(names[first:end], values[first:end], strict=True)) for first, end in pairwise(bounds)]

    def summed(self, columns: Mapping[str, int], width: int) -> Ints:
        """By segment a row of so many sums: of the amounts of the names that belong to each column."""
        places, named, amounts = self.counted
        of_names = np.asarray([columns.get(name, -1) for name in self.names], np.int64)[named]
        held = np.flatnonzero(of_names >= 0)
        size = len(self.segments)
        return totalled(places[held] * width + of_names[held], amounts[held], size * width).reshape(size, width)

    def slots(self, *, is_whole: bool = False) -> Slots:
        """The lengths of time of the segments, or of all together."""
        places, keys, counts = self.lasted
        settled = self.settled
        if not is_whole:
            return Slots(len(self.segments), places, keys, counts, settled)
        if settled is not None:
            settled = replace(settled, places=np.minimum(settled.places, 0))
        return Slots(1, np.zeros_like(places), keys, counts, settled)


@dataclass(frozen=True, slots=True)
class Settled:
    """What bodies add to groups, to be taken for many questions: names, their amounts, and lengths of time that do not grow."""

    names: Sequence[str]
    counted: tuple[Ints, Ints]
    lengths: SettledLengths

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return self.counted[0].nbytes + self.counted[1].nbytes + self.lengths.nbytes


class Gathering:
    """Adds up what bodies add to the groups of their segments, and to what is settled. Lengths that grow are as long as they have become on their `axes`."""

    def __init__(self, axes: Axes | None = None, settled: Settled | None = None) -> None:
        self._axes = axes
        self._names = Ids()
        self._numbers = _Sums()
        self._lengths = _Sums()
        self._settled = settled
        if settled is not None:
            self._names.update({name: place for place, name in enumerate(settled.names)})
            self._numbers.begin(*settled.counted)

    def add(self, bodies: Sequence[Body], groups: Sequence[Ints]) -> None:
        """Add bodies, of whose segments these are the groups (-1: none); so many at once as have not too many entries."""
        sizes = np.cumsum([len(body.numbers.places) + len(body.lengths.places) for body in bodies])
        ends = np.flatnonzero(np.diff(sizes // _MOST, append=-1)) + 1
        for first, end in pairwise([0, *ends.tolist()]):
            self._add(bodies[first:end], groups[first:end])

    def _add(self, bodies: Sequence[Body], groups: Sequence[Ints]) -> None:
        places = [np.asarray([self._names[name] for name in body.names], np.int64) for body in bodies]
        names = [some[body.numbers.keys] for some, body in zip(places, bodies, strict=True)]
        width = len(self._names)
        found = _codes([body.numbers for body in bodies], names, [some * width for some in groups])
        self._numbers.add(*found, width, lambda group, name: group * _NAMES + name)
        keys, known = self._close([body.lengths.keys for body in bodies])
        size = max(int(some.max(initial=0)) for some in groups) + 1
        found = _codes([body.lengths for body in bodies], [some * size for some in keys], groups)
        self._lengths.add(*found, size, lambda key, group: known[key] * _GROUPS + group)

    def _close(self, some: Sequence[Ints]) -> tuple[list[Ints], Ints]:
        """Keys of lengths as numbers that lie close together, and the key of each."""
        keys = grown(np.concatenate(some), self._axes)
        if not len(keys):
            return list(some), keys
        slots, buckets = _split(keys, WIDTH)
        low = int(buckets.min())
        height = int(buckets.max()) - low + 1
        used = np.flatnonzero(np.bincount(slots))
        ranks = np.zeros(int(used[-1]) + 1, np.int64)
        ranks[used] = np.arange(len(used))
        places = ranks[slots] * height + (buckets - low)
        known = (used[:, None] * WIDTH + np.arange(low, low + height)).reshape(-1)
        return np.split(places, np.cumsum([len(part) for part in some])[:-1]), known

    def grouped(self, segments: Sequence[Segment]) -> Grouped:
        """What was added to the groups, which are these. Those without any number are left out."""
        codes, amounts = self._numbers.all()
        groups, names = _split(codes, _NAMES)
        shown = np.flatnonzero(np.bincount(groups, minlength=len(segments)))
        ranks = np.full(len(segments), -1)
        ranks[shown] = np.arange(len(shown))
        codes, counts = self._lengths.all()
        keys, of_lengths = _split(codes, _GROUPS)
        places = ranks[of_lengths]
        held = places >= 0
        return Grouped(
            [segments[place] for place in shown.tolist()],
            [str(name) for name in self._names],
            (ranks[groups], names, amounts),
            (places[held], keys[held], counts[held]),
            None
            if self._settled is None
            else SettledPlaces(self._settled.lengths, ranks[: self._settled.lengths.size], self._axes),
        )

    def settled(self, size: int, growing: Growing) -> Settled:
        """What was added to so many groups, with lengths that grow."""
        codes, counts = self._lengths.all()
        keys, groups = _split(codes, _GROUPS)
        return Settled(
            [str(name) for name in self._names],
            self._numbers.all(),
            SettledLengths(size, groups, keys, counts, growing),
        )


class _Sums:
    """Sums of amounts by two things."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints]] = []
        self._size, self._most = 0, _MOST

    def begin(self, codes: Ints, amounts: Ints) -> None:
        """Begin with what is summed up already."""
        self._parts.append((codes, amounts))

    def add(
        self, codes: Ints, amounts: NDArray[np.signedinteger], width: int, lasting: Callable[[Ints, Ints], Ints]
    ) -> None:
        """Add amounts by codes whose quotients and remainders by `width` are the two things; of these `lasting` makes the codes that are kept."""
        codes, amounts = sums(codes, amounts)
        self._parts.append((lasting(*_split(codes, max(1, width))), amounts))
        self._size += len(codes)
        if self._size > self._most:
            self._parts = [self.all()]
            self._size = len(self._parts[0][0])
            self._most = max(_MOST, 2 * self._size)

    def all(self) -> tuple[Ints, Ints]:
        """Codes in order, with their sums."""
        if len(self._parts) != 1:
            empty = (np.zeros(0, np.int64),) * 2
            codes, amounts = (np.concatenate(column) for column in zip(empty, *self._parts, strict=True))
            self._parts = [sums(codes, amounts)]
        return self._parts[0]


def _codes(
    entries: Sequence[Entries], keys: Sequence[Ints], groups: Sequence[Ints]
) -> tuple[Ints, NDArray[np.signedinteger]]:
    """Of all entries of groups the number of the group and that of the key together, and their amounts; groups below 0 are none."""
    codes, amounts = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    for some, places, of_segments in zip(entries, keys, groups, strict=True):
        begins = of_segments[some.places]
        found, added = begins + np.repeat(places, some.repeats), some.amounts
        if of_segments.min(initial=0) < 0:
            held = begins >= 0
            found, added = found[held], added[held]
        codes.append(found)
        amounts.append(added)
    return np.concatenate(codes), np.concatenate(amounts)


def _split(codes: Ints, width: int) -> tuple[Ints, Ints]:
    """Quotients and remainders, faster than `divmod`."""
    quotients = codes // width
    return quotients, codes - quotients * width
