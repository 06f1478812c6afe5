"""The funnel, rule by rule: what is given, and what is to come out."""

from fractions import Fraction

from tests.analytics.leads import STEPS, arrival, counts, funnel, leads, up_to
from tests.world import World


async def test_the_worked_example_comes_out_exactly(world: World) -> None:
    reached = (100, 50, 20, 5, 0, 25)
    stories = [up_to(step) for step, many in enumerate(reached, 1) for _ in range(many)]
    await leads(world, ((arrival(world, 0), *story) for story in stories))
    figures = await funnel(world)
    steps = figures.total.steps
    assert [step.step.checkpoint for step in steps] == list(STEPS)
    assert counts(figures.total) == [200, 100, 50, 30, 25, 25]
    assert [step.step_conversion for step in steps] == [
        None,
        Fraction(1, 2),
        Fraction(1, 2),
        Fraction(3, 5),
        Fraction(5, 6),
        Fraction(1),
    ]
    assert steps[-1].overall_conversion == Fraction(1, 8)
    assert [step.loss for step in steps[1:]] == [100, 50, 20, 5, 0]
    assert figures.total.greatest_loss_by_count == "interested"
