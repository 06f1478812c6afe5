"""The page about changing a process: its samples run one after the other, and have the answers printed below them."""

import json
import re
from pathlib import Path
from typing import Any

from bpm_crm.processes.library import shipped_text
from tests.api.client import Api

PAGE = Path(__file__).parents[2] / "docs" / "changing-a-process.md"
SAMPLES = re.findall(
    r"```graphql\n(.*?)```\n\n(?:```json\n(.*?)```|ANSWER)", PAGE.read_text(encoding="utf-8"), re.DOTALL
)
DOCUMENT = shipped_text("email").replace("PT4H", "PT3H")


async def answers(api: Api) -> list[dict[str, Any]]:
    """The answers to the samples; the lead is captured by somebody who may."""
    found = []
    for query, _ in SAMPLES:
        variables = {"document": DOCUMENT} if "$document" in query else {}
        found.append(await api.data(query, by="admin" if "captureLead" in query else "owner", **variables))
    return found


def test_every_query_of_the_page_has_an_answer() -> None:
    assert len(SAMPLES) == PAGE.read_text(encoding="utf-8").count("```graphql") == 11


async def test_the_samples_of_the_page_have_the_answers_below_them(api: Api) -> None:
    for (query, answer), found in zip(SAMPLES, await answers(api), strict=True):
        assert found == json.loads(answer), query
