"""How memory is given back in a process of ours that serves for weeks: Python's cyclic garbage collector, and the allocator below it."""

import ctypes
import gc
import sys

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Python's own thresholds fit small scripts: at 700 objects a batch of steps sets off dozens of collections that find nothing."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What glibc calls them in `malloc.h`."""
_KEPT_FREE, _LARGEST_OF_HEAP = 1 << 28, 1 << 25
"""Bytes; the second is the most that glibc takes."""


def calm() -> None:
    """Collect now, leave what the start built out of every later collection, and collect rarely from here on; keep freed memory for the next answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have glibc take arrays from its heap and keep up to so much of it: the kernel else maps and clears each anew, a third of the time of adding up cells."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_FREE)
        mallopt(_MMAP_THRESHOLD, _LARGEST_OF_HEAP)
