"""The page about the review cycle: its samples run one after the other, and have the answers printed below them."""

import json
import re
from pathlib import Path
from typing import Any

from tests.api.client import Api
from tests.api.test_review_cycle import AFTER, BEFORE, pass_weeks
from tests.reviews import frozen

PAGE = Path(__file__).parents[2] / "docs" / "review-cycle.md"
SAMPLES = re.findall(
    r"```graphql\n(.*?)```\n\n(?:```json\n(.*?)```|ANSWER)", PAGE.read_text(encoding="utf-8"), re.DOTALL
)
SOUTH = (1, 1, 0, 2, 1, 1, 1, 0)


async def answers(api: Api) -> list[dict[str, Any]]:
    """The answers to the samples; a worker freezes after the first one, and weeks pass before the last one."""
    await pass_weeks(api.world, BEFORE, -len(BEFORE), team="north")
    await pass_weeks(api.world, SOUTH, -len(SOUTH), team="south")
    found = []
    for place, (query, _) in enumerate(SAMPLES):
        if place == len(SAMPLES) - 1:
            await pass_weeks(api.world, AFTER, 0, team="north")
        found.append(await api.data(query, by="owner"))
        if place == 0:
            await frozen(api.world)
    return found


def test_every_query_of_the_page_has_an_answer() -> None:
    assert len(SAMPLES) == PAGE.read_text(encoding="utf-8").count("```graphql") == 5


async def test_the_samples_of_the_page_have_the_answers_below_them(api: Api) -> None:
    for (query, answer), found in zip(SAMPLES, await answers(api), strict=True):
        assert found == json.loads(answer), query
