"""How Python's cyclic garbage collector runs in a process of ours that serves for weeks."""

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Python's own thresholds fit small scripts: at 700 objects a batch of steps sets off dozens of collections that find nothing."""


def calm() -> None:
    """Collect now, leave what the start built out of every later collection, and collect rarely from here on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
