"""Every KPI over random walks of cases against its plain statement; the seed is in the name of the test."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bpm_crm.analytics import kpi_values, measures
from bpm_crm.analytics.dimensions import PRODUCT, UNGROUPED, Dimension, Grouping
from bpm_crm.analytics.formulas import nothing_measured
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.embedded.server import Server
from bpm_crm.records.selection import Compare, Operator, Parameters
from bpm_crm.records.selection import where as condition
from tests.analytics.checking import Walked, asks, question_of, walk
from tests.analytics.checking_kpis import check_kpi
from tests.analytics.reference_kpis import UNITS
from tests.databases import cloned
from tests.world import a_world

FEWEST = 4
"""So that walks of this size have forecasts."""


@pytest.fixture(scope="module")
async def walked_far(postgres: Server, template: str) -> AsyncIterator[Walked]:
    """A world in which more cases have walked farther."""
    async with cloned(postgres, template) as access, a_world(access) as world:
        yield await walk(world, 31, rounds=5, arrivals=25, steps=7)


@pytest.fixture(autouse=True)
def _few_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpi_values, "FEWEST_SETTLED", FEWEST)
    monkeypatch.setattr(measures, "REPEAT_WITHIN", timedelta(days=1))


def test_every_kpi_has_a_plain_statement() -> None:
    assert UNITS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("key", CATALOGUE)
async def test_a_kpi_agrees_with_its_plain_statement(walked: Walked, key: str) -> None:
    await _check(walked, key, 10)


@pytest.mark.parametrize("key", [key for key, kpi in CATALOGUE.items() if Dimension.PRODUCT in kpi.dimensions])
async def test_a_filter_by_product_gives_the_segment_of_the_product(walked: Walked, key: str) -> None:
    kpi, world = CATALOGUE[key], walked.world
    async with world.database.reader(world.tenant_id) as connection:
        for _, ask, where in asks(walked, 17, 6):
            frame = await read_frame(connection, world.tenant_id, as_of=ask.as_of, known_at=ask.known_at)
            question = replace(question_of(world, ask, where), grouping=Grouping((Dimension.PRODUCT,)))
            found = await measure(connection, kpi, frame, question)
            for item in (*found.segments, *([nothing_measured(kpi.kind, ("window",))])):
                product = (item.segment or ())[0]
                alone = await measure(connection, kpi, frame, _of_product(question, product))
                assert alone.total == replace(item, segment=None)


def _of_product(question: Question, product: str | None) -> Question:
    parameters = Parameters([question.tenant_id, *question.cases.values])
    sql = condition(Compare(PRODUCT, Operator.EQ, product, "text"), parameters)
    cases = CaseFilter(f"({question.cases.sql}) AND ({sql})", parameters.values[1:])
    return replace(question, cases=cases, grouping=UNGROUPED)


@pytest.mark.slow
@pytest.mark.parametrize("key", CATALOGUE)
async def test_a_kpi_agrees_with_its_plain_statement_for_a_thousand_filters(walked_far: Walked, key: str) -> None:
    await _check(walked_far, key, 1_000)


async def _check(walked: Walked, key: str, number: int) -> None:
    rng = random.Random(key)
    for _, ask, where in asks(walked, rng.randrange(1_000), number):
        await check_kpi(walked, CATALOGUE[key], ask, where, rng, FEWEST)
