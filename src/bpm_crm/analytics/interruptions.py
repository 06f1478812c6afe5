"""Regressions of an interrupted series: what would have been without the interruption, and what it changed.

A steady drift, up or down, is part of every model: it is no effect. Segmented regression (Wagner et al. 2002; Bernal et al. 2017)
lets the drift change as well, which takes more points to tell from chance.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Model(StrEnum):
    """What the interruption may change."""

    LEVEL = "level"
    LEVEL_AND_SLOPE = "level_and_slope"


@dataclass(frozen=True)
class Design:
    """A model at these times: whole, ascending, negative before the interruption.

    The effect is the mean, over the times after it, of what is there less what would have been without it.
    """

    times: tuple[int, ...]
    model: Model

    @cached_property
    def matrix(self) -> Floats:
        """One row per time; columns: level, drift, change of the level and, where it may change, of the drift."""
        times = np.asarray(self.times, dtype=np.float64)
        after = (times >= 0).astype(np.float64)
        columns = [np.ones_like(times), times - times.mean(), after]
        if self.model is Model.LEVEL_AND_SLOPE:
            columns.append(after * times)
        return np.stack(columns, axis=1)

    @cached_property
    def weights(self) -> Floats:
        """What the effect takes of each coefficient."""
        matrix = self.matrix
        changes: Floats = matrix[matrix[:, 2] == 1].mean(axis=0)
        changes[:2] = 0
        return changes

    @property
    def freedom(self) -> int:
        """Points less coefficients."""
        return len(self.times) - len(self.weights)
