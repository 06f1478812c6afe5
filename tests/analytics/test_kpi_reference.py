"""Every KPI over random walks of cases against its plain statement; the seed is in the name of the test."""

import random

import pytest

from bpm_crm.analytics import measures
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.embedded.server import Server
from tests.analytics.checking import Walked, asks, walk
from tests.analytics.checking_kpis import check_kpi
from tests.analytics.reference_kpis import UNITS
from tests.databases import cloned
from tests.world import a_world

FEWEST = 4
"""So that walks of this size have forecasts."""


@pytest.fixture(autouse=True)
def _few_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "FEWEST_SETTLED", FEWEST)


def test_every_kpi_has_a_plain_statement() -> None:
    assert UNITS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("key", CATALOGUE)
async def test_a_kpi_agrees_with_its_plain_statement(walked: Walked, key: str) -> None:
    await _check(walked, key, 10)


@pytest.mark.slow
@pytest.mark.parametrize("key", CATALOGUE)
async def test_a_kpi_agrees_with_its_plain_statement_for_a_thousand_filters(
    postgres: Server, template: str, key: str
) -> None:
    async with cloned(postgres, template) as access, a_world(access) as world:
        await _check(await walk(world, 31, rounds=5, arrivals=25, steps=7), key, 1_000)


async def _check(walked: Walked, key: str, number: int) -> None:
    rng = random.Random(key)
    for _, ask, owner in asks(walked, rng.randrange(1_000), number):
        await check_kpi(walked, CATALOGUE[key], ask, owner, rng, FEWEST)
