"""The page about figures: every sample query runs, and has the answer that is printed below it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpm_crm.embedded.server import Server
from tests.analytics.leads import database_now
from tests.api.client import Api
from tests.api.funnel_seed import a_loaded_api
from tests.databases import cloned
from tests.world import a_world

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"
SAMPLES = re.findall(r"```graphql\n(.*?)```\n\n```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("loaded")) as api,
    ):
        yield api


def test_every_query_of_the_page_has_an_answer() -> None:
    assert len(SAMPLES) == PAGE.read_text(encoding="utf-8").count("```graphql") == 13


@pytest.mark.parametrize(("query", "answer"), SAMPLES)
async def test_a_query_of_the_page_has_the_answer_below_it(loaded: Api, query: str, answer: str) -> None:
    variables = {"now": (await database_now(loaded.world)).isoformat()} if "$now" in query else {}
    assert await loaded.data(query, by="admin", **variables) == json.loads(answer)
