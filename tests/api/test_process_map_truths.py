"""Process maps of public logs, imported and asked for through the API, against figures that others computed from the same files.

Their computation took the wall times of two of the logs; these are imported in the same way.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.embedded.server import Server
from bpm_crm.exchange.log_import import import_log
from bpm_crm.exchange.profile import unique_key
from bpm_crm.exchange.sources import xes_source
from tests.api.client import Api, an_api
from tests.databases import cloned
from tests.world import a_world

FILES = {
    "receipt": ("receipt.xes.gz", False),
    "roadtraffic100traces": ("roadtraffic100traces.xes", True),
    "running-example": ("running-example.xes", True),
}
"""Each log, and whether its truth is on wall times."""
MILLISECOND = Decimal("0.001")
"""To which the truths are rounded."""

MAP = """
query ($process: String!, $where: FactWhere) { processMap(input: {process: $process, where: $where, classifier: STAGE}) {
  cases eventless events
  activities { title events cases starts ends standing reworked repeats reworkedCases: instances(number: REWORKED, first: 0) { totalCount } }
  edges { sourceTitle targetTitle count meanSeconds medianSeconds minSeconds maxSeconds cases instances(first: 0) { totalCount } }
  loops { titles count cases }
  durations { ended open meanSeconds medianSeconds p90Seconds minSeconds maxSeconds expectedMedianSeconds }
  rework { cases rate }
  conformance { rate deviating kinds { count } }
  handovers { count giver { name user { name } } taker { name } }
} }
"""
VARIANTS = """
query ($process: String!, $after: String) { processMap(input: {process: $process}) { variants(first: 50, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { rank titles count share cumulativeShare ended instances(first: 0) { totalCount } } } } }
"""


@dataclass
class Imported:
    """A log inside the API, its process, and the truth about it."""

    api: Api
    name: str
    process: str
    truth: dict[str, Any]

    async def map(self, **where: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await self.api.data(MAP, process=self.process, where=where or None))["processMap"]
        return found

    async def variants(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = None
        while True:
            answer = (await self.api.data(VARIANTS, process=self.process, after=after))["processMap"]["variants"]
            found += answer["nodes"]
            assert answer["totalCount"] == self.truth["variants_count"]
            if not answer["pageInfo"]["hasNextPage"]:
                return found
            after = answer["pageInfo"]["endCursor"]


@pytest.fixture(scope="module", params=FILES)
async def imported(
    request: pytest.FixtureRequest,
    postgres: Server,
    template: str,
    test_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Imported]:
    name = request.param
    file, on_wall_time = FILES[name]
    truth = json.loads((test_data / "eventlogs" / f"truth_{name}.json").read_text())
    async with cloned(postgres, template) as access, a_world(access) as world:
        source = xes_source(
            test_data / "eventlogs" / file, zone=ZoneInfo("UTC") if on_wall_time else None, wall_time=on_wall_time
        )
        key = unique_key(name, (), "-")
        await import_log(
            source,
            owner=world.owner,
            writer=world.writer,
            tenant_id=world.tenant_id,
            key=key,
            title=name,
            channel_attribute="channel",
            at=datetime.now(UTC),
            progress=lambda *_: None,
        )
        await world.owner.analyse()
        async with an_api(world, tmp_path_factory.mktemp("truths")) as api:
            yield Imported(api, name, key, truth)


def exactly(shown: str, truth: float) -> bool:
    """Whether an exact number rounds to the truth, or lies between two that do."""
    return abs(Decimal(shown) - Decimal(str(truth))) <= MILLISECOND / 2


async def test_activities_starts_ends_and_rework_are_those_of_the_truth(imported: Imported) -> None:
    found, truth = await imported.map(), imported.truth
    activities = {item["title"]: item for item in found["activities"]}

    assert (found["cases"], found["events"], found["eventless"]) == (truth["cases"], truth["events"], 0)
    assert {title: item["events"] for title, item in activities.items()} == truth["activities"]
    assert {title: item["starts"] for title, item in activities.items() if item["starts"]} == truth["start_activities"]
    assert {title: item["ends"] for title, item in activities.items() if item["ends"]} == truth["end_activities"]
    reworked = {title: item["reworked"] for title, item in activities.items() if item["reworked"]}
    assert reworked == truth["rework_cases_per_activity"]
    assert found["rework"]["cases"] == truth["cases_with_rework"]
    assert all(item["reworkedCases"]["totalCount"] == item["reworked"] for item in activities.values())
    self_loops = {item["titles"][0]: item["cases"] for item in found["loops"] if len(item["titles"]) == 1}
    assert self_loops == truth["self_loop_cases_per_activity"]


async def test_edges_with_their_times_are_those_of_the_truth(imported: Imported) -> None:
    found, truth = await imported.map(), imported.truth
    edges = {(item["sourceTitle"], item["targetTitle"]): item for item in found["edges"]}

    assert edges.keys() == {(edge["source"], edge["target"]) for edge in truth["edges"]}
    for edge in truth["edges"]:
        shown = edges[edge["source"], edge["target"]]
        assert shown["count"] == edge["count"]
        assert shown["cases"] == shown["instances"]["totalCount"] <= shown["count"]
        for name, key in (
            ("meanSeconds", "mean_s"),
            ("medianSeconds", "median_s"),
            ("minSeconds", "min_s"),
            ("maxSeconds", "max_s"),
        ):
            assert exactly(shown[name], edge[key]), (edge, shown)


async def test_variants_are_those_of_the_truth_the_most_frequent_first(imported: Imported) -> None:
    found, truth = await imported.variants(), imported.truth
    counts = {tuple(item["titles"]): item["count"] for item in found}

    assert len(found) == len(counts) == truth["variants_count"]
    assert {tuple(top["trace"]): top["cases"] for top in truth["top_variants"]}.items() <= counts.items()
    assert [item["count"] for item in found] == sorted(counts.values(), reverse=True)
    assert [item["rank"] for item in found] == list(range(1, len(found) + 1))
    assert (sum(counts.values()), found[-1]["cumulativeShare"]) == (truth["cases"], "1")
    assert all(item["instances"]["totalCount"] == item["count"] == item["ended"] for item in found)


async def test_durations_of_cases_are_those_of_the_truth(imported: Imported) -> None:
    found, truth = (await imported.map())["durations"], imported.truth["case_duration_seconds"]

    assert (found["ended"], found["open"]) == (truth["n"], 0)
    for name, key in (("mean", "mean"), ("median", "median"), ("p90", "p90"), ("min", "min"), ("max", "max")):
        assert exactly(found[f"{name}Seconds"], truth[key]), (name, found)


async def test_an_imported_log_conforms_to_the_definition_derived_from_it(imported: Imported) -> None:
    found = (await imported.map())["conformance"]
    assert (found["rate"], found["deviating"]) == ("1", 0)
    assert [kind["count"] for kind in found["kinds"]] == [0, 0, 0]


async def test_handovers_are_between_those_whom_the_log_names(imported: Imported, test_data: Path) -> None:
    file, _ = FILES[imported.name]
    expected: Counter[tuple[str, str]] = Counter()
    with xes_source(test_data / "eventlogs" / file)() as log:
        for trace in log:
            people = [event.attributes.get("org:resource") for event in trace.ordered_events()]
            named = [str(person) for person in people if person is not None]
            expected.update((one, other) for one, other in pairwise(named) if one != other)
    found = (await imported.map())["handovers"]
    assert {(item["giver"]["name"], item["taker"]["name"]): item["count"] for item in found} == expected
    assert all(item["giver"]["user"] is None for item in found)


async def test_the_map_of_one_channel_is_that_of_its_cases(imported: Imported, test_data: Path) -> None:
    if imported.name != "receipt":
        pytest.skip("only this log has channels")
    truth = json.loads((test_data / "eventlogs" / "truth_receipt_channels.json").read_text())
    for channel, expected in truth.items():
        found = await imported.map(channel={"eq": f"receipt-{unique_key(channel, (), '-')}"})
        assert (found["cases"], found["events"]) == (expected["cases"], expected["events"])
        assert exactly(found["durations"]["meanSeconds"], expected["duration_mean_s"])
        assert exactly(found["durations"]["medianSeconds"], expected["duration_median_s"])
