"""A dictionary that forgets what was not used for longest, bounded in entries and in bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["BoundedCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Least-recently-used cache. `entries` and `size` are never passed; sizes are what the caller says, in bytes."""

    def __init__(self, *, entries: int, size: int) -> None:
        self._entries = entries
        self._maximum = size
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: K) -> V | None:
        """Return the value kept under the key, now the most recently used; None where there is none."""
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held[0]

    def put(self, key: K, value: V, *, size: int) -> None:
        """Keep a value in place of those used least recently. A value larger than the whole cache is not kept."""
        if size > self._maximum or not self._entries:
            return
        if key in self._held:
            self.size -= self._held.pop(key)[1]
        self._held[key] = (value, size)
        self.size += size
        while len(self._held) > self._entries or self.size > self._maximum:
            self.size -= self._held.popitem(last=False)[1][1]
