"""The XES reader against public logs whose figures were computed by others.

Their computation took the instants of `receipt`, but the wall times of the two other logs: it dropped the offsets, which change with
daylight saving. Durations of those two are compared on wall times here; the order of events is by instant in all three.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import pytest

from bpm_crm.exchange.xes import open_log

ROOT = Path(__file__).parents[2]
LOGS = Path(os.environ.get("BPM_CRM_TEST_DATA", ROOT / "../shared/data")) / "eventlogs"
FILES = {
    "receipt": "receipt.xes.gz",
    "roadtraffic100traces": "roadtraffic100traces.xes",
    "running-example": "running-example.xes",
}
ON_WALL_TIME = {"roadtraffic100traces", "running-example"}

pytestmark = pytest.mark.skipif(not LOGS.is_dir(), reason="the public event logs are not here (BPM_CRM_TEST_DATA)")


class Case(NamedTuple):
    activities: tuple[str, ...]
    instants: tuple[datetime, ...]
    channel: str | None

    @property
    def seconds(self) -> float:
        return (self.instants[-1] - self.instants[0]).total_seconds()


def as_truth_has_it(name: str, instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if name in ON_WALL_TIME else instant


def cases_of(name: str) -> list[Case]:
    cases = []
    with open_log(LOGS / FILES[name]) as log:
        for trace in log:
            events = trace.ordered_events()
            instants = tuple(as_truth_has_it(name, event.attributes["time:timestamp"]) for event in events)
            activities = tuple(event.attributes["concept:name"] for event in events)
            cases.append(Case(activities, instants, trace.attributes.get("channel")))
    return cases


def truth_of(name: str) -> dict[str, Any]:
    return json.loads((LOGS / f"truth_{name}.json").read_text())


def edges_of(cases: Sequence[Case]) -> dict[tuple[str, str], list[float]]:
    edges = defaultdict(list)
    for case in cases:
        for source, target in pairwise(zip(case.activities, case.instants, strict=True)):
            edges[source[0], target[0]].append((target[1] - source[1]).total_seconds())
    return edges


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_cases_events_and_activities_are_those_of_the_log(name: str) -> None:
    cases, truth = cases_of(name), truth_of(name)

    assert len(cases) == truth["cases"]
    assert sum(len(case.activities) for case in cases) == truth["events"]
    assert Counter(activity for case in cases for activity in case.activities) == truth["activities"]
    assert min(case.instants[0] for case in cases) == datetime.fromisoformat(truth["first_event"])
    assert max(case.instants[-1] for case in cases) == datetime.fromisoformat(truth["last_event"])


def test_variants_with_their_first_and_last_activities_are_those_of_the_log(name: str) -> None:
    cases, truth = cases_of(name), truth_of(name)
    variants = Counter(case.activities for case in cases)

    assert len(variants) == truth["variants_count"]
    assert {tuple(top["trace"]): top["cases"] for top in truth["top_variants"]}.items() <= variants.items()
    assert Counter(case.activities[0] for case in cases) == truth["start_activities"]
    assert Counter(case.activities[-1] for case in cases) == truth["end_activities"]


def test_what_directly_follows_what_and_after_how_long_is_that_of_the_log(name: str) -> None:
    edges, truth = edges_of(cases_of(name)), truth_of(name)
    waits = [seconds for all_seconds in edges.values() for seconds in all_seconds]

    assert len(edges) == len(truth["edges"])
    for edge in truth["edges"]:
        seconds = edges[edge["source"], edge["target"]]
        assert len(seconds) == edge["count"]
        found = (fmean(seconds), median(seconds), min(seconds), max(seconds))
        assert found == pytest.approx((edge["mean_s"], edge["median_s"], edge["min_s"], edge["max_s"]), abs=0.001)
    assert waits.count(0.0) == truth["events_sharing_timestamp_with_previous"]


def test_case_durations_and_rework_are_those_of_the_log(name: str) -> None:
    cases, truth = cases_of(name), truth_of(name)
    durations = truth["case_duration_seconds"]
    repeated = Counter(activity for case in cases for activity, count in Counter(case.activities).items() if count > 1)

    assert durations["n"] == len(cases)
    assert fmean(case.seconds for case in cases) == pytest.approx(durations["mean"], abs=0.001)
    assert median(case.seconds for case in cases) == pytest.approx(durations["median"], abs=0.001)
    assert repeated == truth["rework_cases_per_activity"]


def test_the_channel_of_each_case_is_kept() -> None:
    channels = defaultdict(list)
    for case in cases_of("receipt"):
        channels[case.channel].append(case)
    truth = truth_of("receipt_channels")

    assert channels.keys() == truth.keys()
    for channel, cases in channels.items():
        expected = truth[channel]
        assert len(cases) == expected["cases"]
        assert sum(len(case.activities) for case in cases) == expected["events"]
        assert fmean(case.seconds for case in cases) == pytest.approx(expected["duration_mean_s"], abs=0.001)
        assert median(case.seconds for case in cases) == pytest.approx(expected["duration_median_s"], abs=0.001)


def test_the_header_of_a_real_log_is_kept_with_its_nested_figures() -> None:
    with open_log(LOGS / "receipt.xes.gz") as log:
        header = log.header

    assert (header.version, len(header.extensions)) == ("1.0", 11)
    assert header.classifiers["Activity classifier"] == ("concept:name", "lifecycle:transition")
    assert header.globals["trace"]["channel"] == "UNKNOWN"
    assert header.attributes["meta_org:resource_events_standard_deviation"] == 2.167
    assert header.attributes.nested("meta_org:resource_events_standard_deviation")["Resource14"] == 1.004
