"""A process owner changes a running process over HTTP, by the requests of the how-to: draft, counter-example, replay, publish, migrate, undo."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.product import Product
from tests.homes import an_open_home

PAGE = (Path(__file__).parents[2] / "docs" / "how-to-change-a-running-process.md").read_text(encoding="utf-8")
REQUESTS = {
    re.match(r"\w+ (\w+)", text).group(1): text  # type: ignore[union-attr]
    for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
}
EDITS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
(COUNTER_EXAMPLE,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

CAPTURE = """
mutation ($input: CaptureLeadInput!) { captureLead(input: $input) { __typename
  ... on LeadCaptured { instance { id version } } ... on UserError { code message path } } }
"""
MOVE = """
mutation ($input: FireTransitionInput!) { fireTransition(input: $input) { __typename
  ... on TransitionFired { instance { stage { key } } } ... on TransitionRefused { blockedBy { code message } }
  ... on UserError { code message path } } }
"""
KEPT = ("key", "cycle", "startedAt", "breachedAt")


@pytest.fixture
def changed() -> Iterator[Product]:
    """An installation of its own, whose processes may be changed."""
    with an_open_home() as folder:
        found = Product(folder / "home")
        found.start()
        try:
            yield found
        finally:
            found.stop()


def test_a_process_owner_changes_a_running_process_and_takes_it_back(changed: Product) -> None:
    product = changed
    waiting = a_call(product, "before the change")
    source = asked(product, "NewestText")["processVersions"]["nodes"][0]["source"]

    # The edit is kept as a draft, with a counter-example that shows what is wrong; it cannot be published.
    faulty = edited(source, EDITS[:4])
    draft = asked(product, "SaveDraft", document=faulty)["saveProcessDraft"]["draft"]
    shown = [{name: value for name, value in problem.items() if name != "line"} for problem in draft["problems"]]
    assert shown == json.loads(COUNTER_EXAMPLE)
    assert "alternatives" in "".join(faulty.splitlines()[draft["problems"][0]["line"] - 2 :])
    refused = asked(product, "Publish", revision=draft["revision"])["publishProcess"]
    assert [problem["code"] for problem in refused["problems"]] == ["ALTERNATIVES_INCOMPLETE"]

    # Mended, it is run through the year.
    mended = replaced(faulty, guard_of(EDITS[1]), guard_of(EDITS[4]))
    draft = asked(product, "SaveDraft", document=mended, revision=draft["revision"])["saveProcessDraft"]["draft"]
    assert draft["problems"] == []
    now = datetime.now(UTC)
    span = {"since": (now - timedelta(days=400)).isoformat(), "until": now.isoformat()}
    replay = asked(product, "Replay", **span)["replayDraft"]["replay"]
    read_replay(until_done(product, "Replayed", "replay", replay["id"]))

    # It is published, and the cases under way are taken along, in the stages and with the business time they had.
    published = asked(product, "Publish", revision=draft["revision"])["publishProcess"]
    assert (published["version"], published["definition"]["latestVersion"]) == (2, 2)
    before = running(product, 1)
    assert waiting in before
    plan = asked(product, "Plan")["planMigration"]["plan"]
    assert plan["running"] == sum(stage["running"] for stage in plan["stages"]) == len(before)
    assert all(stage["to"] == stage["key"] for stage in plan["stages"])
    tried = migrated(product, "DryRun", "dryRunMigration", plan=plan["id"])
    assert (tried["migrated"], tried["refused"], running(product, 2)) == (len(before), 0, {})
    done = migrated(product, "Migrate", "migrateInstances", plan=plan["id"])
    after = running(product, 2)
    assert (done["migrated"], done["refused"]) == (len(before), 0)
    assert (running(product, 1), after.keys()) == ({}, before.keys())
    for key, case in before.items():
        assert_kept(case, after[key])
    clock = clock_of(after[waiting], "response")
    assert clock_of(before[waiting], "response")["state"] == clock["state"] == "RUNNING"
    assert seconds(clock["elapsedBusiness"]) + seconds(clock["remainingBusiness"]) == pytest.approx(180)

    # All of it is taken back; a case that began since goes the new way.
    undone = migrated(product, "Undo", "undoMigration", migration=done["id"])
    assert (undone["undone"], undone["refused"]) == (len(before), 0)
    assert running(product, 2) == {}
    for key, case in running(product, 1).items():
        assert case["sequence"] == before[key]["sequence"] + 2
        assert still(case) == still(before[key])
    roof = a_call(product, "after the change")
    assert moved(product, roof, "answer", {}) == "qualification"
    assert moved(product, roof, "qualify", {"need": "A dry attic", "product": "Roof"}) == "discovery"
    verified = product.command("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def read_replay(replay: Mapping[str, Any]) -> None:
    """What the how-to says that an owner reads in the replay."""
    assert replay["total"] == replay["done"] > 300
    steps = {(step["kind"], step["name"], step["code"]): step for step in replay["steps"]}
    diverted = steps["DIVERTED", "qualify", None]
    assert 0 < steps["BLOCKED", "make_offer", "WRONG_STAGE"]["cases"] <= diverted["cases"]
    assert diverted["instances"]["totalCount"] == diverted["cases"] > 20
    (response,) = (clock for clock in replay["clocks"] if clock["clock"] == "response")
    gained = response["gained"]["cycles"]
    assert response["after"]["breached"] - response["before"]["breached"] == gained > 0
    assert sum(owner["cycles"] for owner in response["gained"]["owners"]) == gained
    reached = {item["checkpoint"]: (item["before"], item["after"]) for item in replay["checkpoints"]}
    assert reached["interested"][0] - reached["interested"][1] == diverted["cases"]


def assert_kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    assert (after["stage"], after["data"]) == (before["stage"], before["data"])
    assert after["sequence"] == before["sequence"] + 1
    assert len(after["clocks"]) == len(before["clocks"])
    for old, new in zip(by_cycle(before), by_cycle(after), strict=True):
        assert [new[name] for name in KEPT] == [old[name] for name in KEPT]
        assert seconds(new["elapsedBusiness"]) >= seconds(old["elapsedBusiness"])
        if old["state"] != "RUNNING":  # an open one that was breached goes on
            assert lasting(new) == lasting(old)


def still(case: Mapping[str, Any]) -> Mapping[str, Any]:
    """A case without what goes on by itself: its history, and the seconds of its clocks."""
    return {**case, "sequence": None, "clocks": [lasting(clock) for clock in by_cycle(case)]}


def lasting(clock: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a clock does not go on by itself."""
    return {name: value for name, value in clock.items() if name not in {"elapsedBusiness", "remainingBusiness"}}


def edited(source: str, edits: list[str]) -> str:
    """The document with lines written under the keys that are there; a key that is not goes to the end."""
    for edit in edits:
        key, lines = edit.split("\n", 1)
        if key == "clocks:":
            assert lines == "  response:\n    target: PT3M\n"
            source = replaced(source, "target: PT5M", "target: PT3M")
        elif f"\n{key}\n" in source:
            source = replaced(source, f"\n{key}\n", f"\n{key}\n{lines}")
        else:
            source += f"\n{edit}"
    return source


def replaced(text: str, old: str, new: str) -> str:
    """The text with its one `old` replaced."""
    assert text.count(old) == 1
    return text.replace(old, new)


def guard_of(edit: str) -> str:
    """The guard of `qualify` in an edit."""
    (found,) = re.findall(r"  qualify:\n    (guard: .*)", edit)
    return str(found)


def asked(product: Product, name: str, **variables: Any) -> dict[str, Any]:
    """The answer to a request of the page."""
    found: dict[str, Any] = product.data(REQUESTS[name], "process_owner", **variables)
    return found


def until_done(product: Product, name: str, field: str, id_: str) -> dict[str, Any]:
    """A job, once a worker has done it."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        found: dict[str, Any] = asked(product, name, id=id_)[field]
        if found["status"] in {"DONE", "FAILED"}:
            assert found["status"] == "DONE", found
            return found
        time.sleep(0.3)
    raise AssertionError(f"{name} was not done in time")


def migrated(product: Product, name: str, field: str, **variables: str) -> dict[str, Any]:
    accepted = asked(product, name, **variables)[field]
    assert "migration" in accepted, accepted
    id_ = accepted["migration"]["id"]
    return {**until_done(product, "Migrated", "migration", id_), "id": id_}


def running(product: Product, version: int) -> dict[str, dict[str, Any]]:
    """The running cases of a version by their ids."""
    found = asked(product, "Running", version=version)["processInstances"]
    assert found["totalCount"] == len(found["nodes"])
    return {node["id"]: node for node in found["nodes"]}


def a_call(product: Product, name: str) -> str:
    lead = {"channel": "inbound-call", "externalId": name, "customer": {"name": "Roman Roof", "phone": "+79161230001"}}
    captured = product.data(CAPTURE, "channel_integration", input=lead)["captureLead"]
    assert captured["__typename"] == "LeadCaptured", captured
    found: str = captured["instance"]["id"]
    return found


def moved(product: Product, case: str, transition: str, data: Mapping[str, Any]) -> str:
    """The stage after a move."""
    asking = {"instance": {"id": case}, "transition": transition, "data": data}
    fired = product.data(MOVE, "admin", input=asking)["fireTransition"]
    assert fired["__typename"] == "TransitionFired", fired
    stage: str = fired["instance"]["stage"]["key"]
    return stage


def clock_of(case: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    (found,) = (clock for clock in case["clocks"] if clock["key"] == key)
    return dict(found)


def by_cycle(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return sorted(case["clocks"], key=lambda clock: (clock["key"], clock["cycle"]))


def seconds(duration: str | None) -> float:
    """A duration of the API in seconds."""
    parts = re.fullmatch(r"PT(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?", duration or "PT0S")
    assert parts is not None, duration
    return sum(float(part or 0) * size for part, size in zip(parts.groups(), (3600, 60, 1), strict=True))
