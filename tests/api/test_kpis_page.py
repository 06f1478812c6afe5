"""The pages about KPIs: every sample query has the answer below it, the sample KPI works, the catalogue is that of the files."""

import json
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import pytest

from bpm_crm.analytics.frames import read_frame
from bpm_crm.analytics.kpi_catalogue import read_kpi
from bpm_crm.analytics.kpi_page import catalogue_page
from bpm_crm.analytics.measures import measure
from bpm_crm.embedded.server import Server
from tests.analytics.leads import fire, lead, question
from tests.api.client import Api
from tests.api.funnel_seed import a_loaded_api
from tests.databases import cloned
from tests.docs.pages import ROOT, blocks
from tests.world import World, a_world

PAGE = ROOT / "docs/kpis.md"
SAMPLES = list(zip(blocks(PAGE, "graphql"), blocks(PAGE, "json"), strict=True))


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("loaded")) as api,
    ):
        yield api


@pytest.mark.parametrize("index", range(4))
async def test_a_query_of_the_page_has_the_answer_below_it(loaded: Api, index: int) -> None:
    query, answer = SAMPLES[index]
    assert await loaded.data(query.text, by="admin") == json.loads(answer.text)


def test_the_page_has_no_other_samples() -> None:
    assert len(SAMPLES) == 4


async def test_the_sample_of_a_new_kpi_works(world: World, tmp_path: Path) -> None:
    file = tmp_path / "cancelled_leads.sql"
    file.write_text(blocks(PAGE, "sql")[0].text, encoding="utf-8")
    await lead(world, 0, fire("cancel", 1, "spam"))
    await lead(world, 0)
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id)
        found = await measure(connection, read_kpi(file), frame, question(world))
    assert found.total.value == Fraction(1, 2)


def test_the_catalogue_is_that_of_the_files() -> None:
    assert (ROOT / "docs/kpi-catalogue.md").read_text(encoding="utf-8") == catalogue_page(), "run `make schema`"
