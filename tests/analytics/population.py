"""Leads simulated with known rates: what the estimates of figures must find, whatever part of it they see.

On the way to each step two clocks run, one to the step and one to the loss; the earlier one decides. Both are exponential, so the share
that gets there in the end is `onward / (onward + away)` of those under way, and the time of those that do is exponential as well.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bpm_crm.operations.commands import Command
from tests.analytics.leads import TO_STEP, arrival, fire, leads, lose
from tests.world import World

AT_ONCE = 200


@dataclass(frozen=True)
class Leg:
    """The way to a step: per hour, the rates of getting there and of being lost."""

    onward: float
    away: float

    @property
    def share(self) -> float:
        """The share of those under way that get there in the end."""
        return self.onward / (self.onward + self.away)


LEGS = (Leg(1 / 20, 1 / 40), Leg(1 / 30, 1 / 30), Leg(1 / 25, 1 / 75))
"""To interested, to the offer, to the contract."""

EVENTUALLY = tuple(share for share in (LEGS[0].share, LEGS[0].share * LEGS[1].share))


@dataclass(frozen=True)
class Population:
    """`groups` of `size` leads each, which arrive evenly at random over `hours`; a group is a region."""

    groups: int
    size: int
    hours: float
    seed: int

    async def live(self, world: World) -> None:
        """Let them all live to their ends."""
        rng = random.Random(self.seed)
        lives = [
            tuple(self._life(world, rng, f"group {group}")) for group in range(self.groups) for _ in range(self.size)
        ]
        for first in range(0, len(lives), AT_ONCE):
            await leads(world, lives[first : first + AT_ONCE])

    def _life(self, world: World, rng: random.Random, region: str) -> Iterator[Command]:
        at = rng.uniform(0, self.hours)
        yield arrival(world, at, region=region)
        for leg, triggers in zip(LEGS, TO_STEP[1:], strict=False):
            onward, away = rng.expovariate(leg.onward), rng.expovariate(leg.away)
            at += min(onward, away)
            if away < onward:
                yield lose(at)
                return
            for trigger in triggers:
                yield fire(trigger, at)
