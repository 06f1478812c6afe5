"""What a selection amounts to: counts that add up, and a price that may wait for the variables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Part", "Price", "Size", "SizeOf", "Tally", "VariableSize"]


class VariableSize(NamedTuple):
    """A page size that a variable gives."""

    name: str


Size = int | VariableSize
SizeOf = Callable[[VariableSize], int]


class Part(NamedTuple):
    """A field whose price depends on variables: `times` the price of its selection, where that selection's pages have `page` items."""

    price: "Price"
    times: Size
    page: Size
    is_in_page: bool


@dataclass(slots=True)
class Price:
    """The price of a selection: `flat + paged × (items of the page it is the connection of)`, and what depends on variables.

    `parts` are fields, `spreads` are prices of fragments, shared between all places that spread them.
    """

    flat: int = 0
    paged: int = 0
    parts: list[Part] = field(default_factory=list)
    spreads: list["Price"] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether the price is the same for all variables."""
        return not self.parts and not self.spreads

    def add(self, part: Part) -> None:
        """Add a field, settled at once where that can be done."""
        if part.price.is_settled and isinstance(part.times, int) and isinstance(part.page, int):
            self._put(part.times * (part.price.flat + part.page * part.price.paged), part.is_in_page)
        else:
            self.parts.append(part)

    def spread(self, fragment: "Price") -> None:
        """Add the selection of a fragment."""
        if fragment.is_settled:
            self.flat += fragment.flat
            self.paged += fragment.paged
        else:
            self.spreads.append(fragment)

    def settle(self, size_of: SizeOf, settled: dict[int, tuple[int, int]]) -> tuple[int, int]:
        """Return (flat, paged) for the sizes that variables give. `settled` remembers the prices met, so that each is reckoned once."""
        if self.is_settled:
            return self.flat, self.paged
        known = settled.get(id(self))
        if known is None:
            known = settled[id(self)] = self._reckon(size_of, settled)
        return known

    def _reckon(self, size_of: SizeOf, settled: dict[int, tuple[int, int]]) -> tuple[int, int]:
        total = Price(self.flat, self.paged)
        for fragment in self.spreads:
            total.spread(Price(*fragment.settle(size_of, settled)))
        for part in self.parts:
            flat, paged = part.price.settle(size_of, settled)
            times, page = (size if isinstance(size, int) else size_of(size) for size in (part.times, part.page))
            total.add(Part(Price(flat, paged), times, page, part.is_in_page))
        return total.flat, total.paged

    def _put(self, amount: int, is_in_page: bool) -> None:
        if is_in_page:
            self.paged += amount
        else:
            self.flat += amount


@dataclass(slots=True)
class Tally:
    """The counts of a selection, with its fragments expanded. `width` are the fields of its first level."""

    depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspection: int = 0
    """The price of `__schema` and `__type`, which is no part of `price`."""
    price: Price = field(default_factory=Price)

    def spread(self, fragment: "Tally") -> None:
        """Add the selection of a fragment on the same level."""
        self.depth = max(self.depth, fragment.depth)
        self.width += fragment.width
        self._count(fragment)
        self.price.spread(fragment.price)

    def nest(self, selection: "Tally", part: Part) -> None:
        """Add the selection of a field one level below."""
        self.depth = max(self.depth, 1 + selection.depth)
        self._count(selection)
        self.price.add(part)

    def nest_introspection(self, selection: "Tally") -> None:
        """Add the selection of `__schema` or `__type`."""
        self.depth = max(self.depth, 1 + selection.depth)
        self._count(selection)
        self.introspection += selection.price.flat

    def _count(self, other: "Tally") -> None:
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.introspection += other.introspection
