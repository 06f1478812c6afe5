"""The whole cycle through the API: a period ends, its KPIs are frozen, an action is added, weeks pass, its effect is read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bpm_crm.operations.commands import Fire, Work
from tests.analytics.leads import DATA, TO_STEP
from tests.api.client import Api
from tests.reviews import frozen
from tests.world import World

START = datetime(2026, 9, 13, 21, tzinfo=UTC)
"""The first instant of Monday, 14 September, in Moscow."""
BEFORE = (2, 1, 3, 2, 2, 1, 2, 3, 1, 2, 2, 3, 2, 1)
AFTER = (5, 5, 4, 6, 5, 5, 4, 5)
OF = 6
FIELDS = "id revision status changes { revision kind values comment actor { name } }"
ADD = f"""mutation ($input: AddCorrectiveActionInput!) {{ addCorrectiveAction(input: $input) {{
    __typename ... on CorrectiveActionSaved {{ isRepeated action {{ {FIELDS} }} }} ... on UserError {{ code path message }}
}} }}"""
CHANGE = f"""mutation ($input: ChangeCorrectiveActionInput!) {{ changeCorrectiveAction(input: $input) {{
    __typename ... on CorrectiveActionSaved {{ isRepeated action {{ {FIELDS} }} }} ... on UserError {{ code path }}
}} }}"""
CLOSE = f"""mutation ($input: CloseCorrectiveActionInput!) {{ closeCorrectiveAction(input: $input) {{
    __typename ... on CorrectiveActionSaved {{ action {{ endsOn {FIELDS} }} }} ... on UserError {{ code path }}
}} }}"""
SET = """mutation ($input: SetReviewPeriodInput!) { setReviewPeriod(input: $input) {
    __typename ... on ReviewPeriodSet { isRepeated schedule { process rhythm isActive nextPeriod { from to } owner { name } } }
    ... on UserError { code path }
} }"""
EFFECT = """query ($id: ID!, $method: EffectMethod!, $where: FactWhere, $asOf: DateTime) {
  correctiveAction(id: $id) { effect(method: $method, comparedWith: $where, asOf: $asOf) {
    verdict estimate lower upper pValue weeksBefore weeksAfter meanBefore meanAfter includesExpected
    chart { mean lowerLimit upperLimit }
    weeks { isAfter signals period { from } value { value numerator denominator denominatorInstances { totalCount } } compared { value } }
  } }
}"""
NEW = {
    "process": "callback-request",
    "title": "Call back within the hour",
    "kpi": "win_rate_closed",
    "expectedDirection": "UP",
    "expectedSize": "0.5",
    "startsOn": "2026-09-14",
}


def weeks_of(world: World, wins: tuple[int, ...], first: int, **capture: Any) -> list[Work]:
    """Weeks of six leads each, so many of them won; week 0 begins at START."""
    works = []
    for week, won in enumerate(wins, first):
        for number in range(OF):
            at = START + timedelta(days=7 * week + number, hours=12)
            triggers = [name for moves in TO_STEP for name in moves] if number < won else ["contact", "lose"]
            fires = [
                Fire(
                    name,
                    DATA.get(name, {}),
                    "no_need" if name == "lose" else None,
                    occurred_at=at + timedelta(minutes=place),
                )
                for place, name in enumerate(triggers, 1)
            ]
            lead = world.capture(occurred_at=at, **capture)
            works.append(Work(world.tenant_id, (lead, *fires), world.actor("admin")))
    return works


async def pass_weeks(world: World, wins: tuple[int, ...], first: int, **capture: Any) -> None:
    outcomes = await world.writer.submit_all(weeks_of(world, wins, first, **capture))
    assert {type(outcome).__name__ for outcome in outcomes} == {"Recorded"}


async def add(api: Api, by: str = "owner", **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(ADD, by=by, input={**NEW, **values}))["addCorrectiveAction"]
    return found


async def effect(api: Api, action: str, method: str = "BEFORE_AFTER", by: str = "owner", **more: Any) -> dict[str, Any]:
    answer = await api.data(EFFECT, by=by, id=action, method=method, **more)
    found: dict[str, Any] = answer["correctiveAction"]["effect"]
    return found


async def test_a_period_is_frozen_an_action_added_and_its_effect_read_weeks_later(api: Api) -> None:
    world = api.world
    await pass_weeks(world, BEFORE, -len(BEFORE))
    weekly = {"process": "callback-request", "rhythm": "WEEKLY", "startsOn": "2026-08-31"}
    answer = (await api.data(SET, by="owner", input=weekly))["setReviewPeriod"]
    assert answer["schedule"] == {
        "process": "callback-request",
        "rhythm": "WEEKLY",
        "isActive": True,
        "nextPeriod": {"from": "2026-08-30T21:00:00Z", "to": "2026-09-06T21:00:00Z"},
        "owner": {"name": "Olga Owner"},
    }
    await frozen(world)
    review = await last_review_before_the_start(api)
    by_key = {kpi["key"]: kpi for kpi in review["kpis"]}
    assert (by_key["win_rate_closed"]["numerator"], by_key["win_rate_closed"]["denominator"]) == ("1", "6")
    added = await add(api, review=review["id"])
    action = added["action"]["id"]
    early = await effect(api, action)
    assert (early["verdict"], early["weeksBefore"], early["weeksAfter"]) == ("NOT_ENOUGH_DATA", 14, 0)
    await pass_weeks(world, AFTER, 0)
    assert await last_review_before_the_start(api) == review
    await the_same_question_has_the_frozen_answers(api, review)
    found = await effect(api, action)
    weeks = found["weeks"][: len(BEFORE + AFTER)]
    assert found["verdict"] == "EVIDENCE_FOR_IMPROVEMENT"
    assert (found["weeksBefore"], found["weeksAfter"], found["includesExpected"]) == (14, 8, True)
    assert [week["value"]["numerator"] for week in weeks] == [str(won) for won in BEFORE + AFTER]
    assert {week["value"]["denominatorInstances"]["totalCount"] for week in weeks} == {OF}
    assert weeks[14]["period"] == {"from": "2026-09-13T21:00:00Z"}
    assert float(found["meanBefore"]) == pytest.approx(sum(BEFORE) / 14 / OF)
    assert float(found["lower"]) > 0
    assert float(found["pValue"]) < 0.05
    closed = await api.data(CLOSE, by="owner", input={"action": action, "comment": "It works."})
    assert closed["closeCorrectiveAction"]["action"]["status"] == "COMPLETED"


async def last_review_before_the_start(api: Api) -> dict[str, Any]:
    query = """{ reviews(process: "callback-request", first: 50) { totalCount nodes { id
        period { from to } frame { asOf knownAt filter processes { process firstVersion latestVersion } }
        kpis { key title unit value numerator denominator leftOut interval { lower upper } p90 } } } }"""
    nodes = (await api.data(query, by="analyst"))["reviews"]["nodes"]
    found: dict[str, Any] = next(node for node in nodes if node["period"]["to"] == "2026-09-13T21:00:00Z")
    return found


async def the_same_question_has_the_frozen_answers(api: Api, review: dict[str, Any]) -> None:
    frame, period = review["frame"], review["period"]
    parts = [
        f"""{kpi["key"]}: kpi(key: "{kpi["key"]}", period: $period, where: $where, asOf: $asOf, knownAt: $knownAt) {{
            total {{ value numerator denominator leftOut interval {{ lower upper }} p90 }} }}"""
        for kpi in review["kpis"]
    ]
    head = "query ($period: PeriodInput!, $where: FactWhere, $asOf: DateTime, $knownAt: DateTime)"
    for begin in range(0, len(parts), 10):
        answer = await api.data(
            f"{head} {{ {' '.join(parts[begin : begin + 10])} }}",
            by="analyst",
            period=period,
            where=frame["filter"],
            asOf=frame["asOf"],
            knownAt=frame["knownAt"],
        )
        for kpi in review["kpis"][begin : begin + 10]:
            told = {name: kpi[name] for name in ("value", "numerator", "denominator", "leftOut", "interval", "p90")}
            assert answer[kpi["key"]]["total"] == told, kpi["key"]


async def test_a_comparison_takes_out_what_befell_everybody(api: Api) -> None:
    """Both teams won more from the same week on: alone there is an effect, against the other team none."""
    world = api.world
    for team in ("north", "south"):
        shift = 0 if team == "north" else 1
        await pass_weeks(world, BEFORE[shift:] + BEFORE[:shift], -len(BEFORE), team=team)
        await pass_weeks(world, AFTER[shift:] + AFTER[:shift], 0, team=team)
    action = (await add(api, by="north", team="north"))["action"]["id"]
    assert (await effect(api, action, by="north"))["verdict"] == "EVIDENCE_FOR_IMPROVEMENT"
    south = {"team": {"eq": "south"}}
    compared = await effect(api, action, "COMPARISON", where=south)
    assert compared["verdict"] == "NO_EVIDENCE"
    assert compared["weeks"][0]["compared"]["value"] is not None
    unseen = await effect(api, action, "COMPARISON", by="north", where=south)
    assert unseen["verdict"] == "NOT_ENOUGH_DATA", "the other team is outside the reach of this manager"
    refused = await api.ask(EFFECT, by="owner", id=action, method="COMPARISON")
    assert "comparedWith" in refused["errors"][0]["message"]
    refused = await api.ask(EFFECT, by="owner", id=action, method="BEFORE_AFTER", where=south)
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    whole = (await add(api))["action"]["id"]
    refused = await api.ask(EFFECT, by="owner", id=whole, method="COMPARISON", where=south)
    assert "all cases of its process" in refused["errors"][0]["message"]


async def test_a_manager_adds_actions_for_their_own_team_and_sees_no_others(api: Api) -> None:
    for values in ({}, {"team": "south"}):
        refused = await add(api, by="north", **values)
        assert (refused["code"], refused["path"]) == ("UNKNOWN_TEAM", ["input", "team"])
        assert "north" in refused["message"]
    mine = await add(api, by="north", team="north")
    theirs = await add(api, by="south", team="south")
    whole = await add(api, by="owner")
    query = "{ correctiveActions { totalCount nodes { id } } }"
    seen = (await api.data(query, by="north"))["correctiveActions"]
    assert seen == {"totalCount": 1, "nodes": [{"id": mine["action"]["id"]}]}
    assert (await api.data(query, by="analyst"))["correctiveActions"]["totalCount"] == 3
    for other in (theirs, whole):
        answer = await api.data(CHANGE, by="north", input={"action": other["action"]["id"], "title": "Mine"})
        assert answer["changeCorrectiveAction"]["code"] == "NOT_FOUND"
    answer = await api.ask("{ reviews { totalCount } }", by="north")
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_every_change_is_kept_with_who_and_why(api: Api) -> None:
    action = (await add(api, comment="Too many wait"))["action"]["id"]
    await api.data(CHANGE, by="admin", input={"action": action, "comment": "Any news?"})
    changed = {"action": action, "title": "Call back in 30 minutes", "startsOn": "2026-09-21", "expectedRevision": 2}
    await api.data(CHANGE, by="owner", input=changed)
    stale = await api.data(CHANGE, by="owner", input=changed)
    assert stale["changeCorrectiveAction"]["__typename"] == "StaleCorrectiveAction"
    cancelled = await api.data(CLOSE, by="owner", input={"action": action, "isCancelled": True, "endsOn": "2026-09-28"})
    kept = cancelled["closeCorrectiveAction"]["action"]
    assert (kept["status"], kept["endsOn"], kept["revision"]) == ("CANCELLED", "2026-09-28", 4)
    assert [(change["kind"], change["comment"], change["actor"]["name"]) for change in kept["changes"]] == [
        ("ADDED", "Too many wait", "Olga Owner"),
        ("COMMENTED", "Any news?", "Ada Admin"),
        ("CHANGED", None, "Olga Owner"),
        ("CANCELLED", None, "Olga Owner"),
    ]
    assert kept["changes"][2]["values"] == {
        "title": ["Call back within the hour", "Call back in 30 minutes"],
        "starts_on": ["2026-09-14", "2026-09-21"],
    }
    late = await api.data(CHANGE, by="owner", input={"action": action, "title": "Again"})
    assert late["changeCorrectiveAction"]["__typename"] == "CorrectiveActionClosed"
    word = await api.data(CHANGE, by="owner", input={"action": action, "comment": "A pity."})
    assert word["changeCorrectiveAction"]["action"]["changes"][-1]["kind"] == "COMMENTED"


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"process": "nowhere"}, "UNKNOWN_PROCESS", "process"),
        ({"kpi": "luck"}, "UNKNOWN_KPI", "kpi"),
        ({"stage": "limbo"}, "UNKNOWN_STAGE", "stage"),
        ({"checkpoint": "limbo"}, "UNKNOWN_CHECKPOINT", "checkpoint"),
        ({"team": "east"}, "UNKNOWN_TEAM", "team"),
        ({"channel": "pigeon"}, "UNKNOWN_CHANNEL", "channel"),
        ({"campaign": "autumn"}, "UNKNOWN_CAMPAIGN", "campaign"),
        ({"owner": "x"}, "UNKNOWN_USER", "owner"),
        ({"caseOwner": "x"}, "UNKNOWN_USER", "caseOwner"),
        ({"review": "x"}, "UNKNOWN_REVIEW", "review"),
        ({"title": " "}, "WRONG_TYPE", "title"),
        ({"title": "x" * 201}, "TOO_LONG", "title"),
        ({"description": "x" * 4_001}, "TOO_LONG", "description"),
        ({"region": "x" * 201}, "TOO_LONG", "region"),
        ({"startsOn": "1999-12-31"}, "TOO_EARLY", "startsOn"),
        ({"endsOn": "2026-09-13"}, "TOO_EARLY", "endsOn"),
        ({"endsOn": "2100-01-02"}, "TOO_LATE", "endsOn"),
        ({"expectedSize": "0"}, "TOO_SMALL", "expectedSize"),
        ({"expectedSize": "1000000000000001"}, "TOO_LARGE", "expectedSize"),
    ],
)
async def test_bad_input_is_answered_with_place_and_cure_and_nothing_is_written(
    api: Api, values: dict[str, str], code: str, path: str
) -> None:
    refused = await add(api, **values)
    assert (refused["__typename"], refused["code"], refused["path"]) == ("InvalidInput", code, ["input", path])
    assert await api.world.counts(("corrective_action", "review_change")) == {
        "corrective_action": 0,
        "review_change": 0,
    }


async def test_a_repetition_adds_nothing_and_another_action_with_the_key_is_refused(api: Api) -> None:
    first, again = await add(api, idempotencyKey="k"), await add(api, idempotencyKey="k")
    assert (first["isRepeated"], again["isRepeated"]) == (False, True)
    assert first["action"]["id"] == again["action"]["id"]
    assert (await add(api, idempotencyKey="k", title="Other"))["__typename"] == "IdempotencyConflict"
    assert (await api.world.counts(("corrective_action",)))["corrective_action"] == 1
