"""The certificate of a version over GraphQL: in both languages, for those who may see definitions."""

from pathlib import Path
from typing import Any

from tests.api.client import Api, an_api
from tests.world import World, tamper

CERTIFICATE = """
query ($key: String!) { processDefinition(key: $key) { versions { version certificate {
    isSound solver proofTime
    proved { property text count }
    undecided { property path text }
    problems { code path message trace { text } }
    shortestPathToWon { act at name transition data reason roles direction stage text }
    worstCase { isBounded isExact businessDays workingTime elapsedTime limits { stage clock target } unboundedStages }
    waivers { stage text }
} } } }
"""


async def certificate_of(api: Api, key: str, language: str = "en") -> dict[str, Any]:
    answer = await api.ask(CERTIFICATE, "analyst", language, key=key)
    assert "errors" not in answer, answer["errors"]
    (version,) = answer["data"]["processDefinition"]["versions"]
    found: dict[str, Any] = version["certificate"]
    return found


async def test_the_certificate_of_a_shipped_version_is_shown(world: World, tmp_path: Path) -> None:
    async with an_api(world, tmp_path) as api:
        certificate = await certificate_of(api, "inbound-call")
    assert certificate["isSound"]
    assert certificate["solver"].startswith("z3 ")
    assert (certificate["problems"], certificate["undecided"]) == ([], [])
    assert {item["property"]: item["count"] for item in certificate["proved"]}["STAGES_ENTERED"] == 13
    first, *_, last = certificate["shortestPathToWon"]
    assert (first["act"], last["stage"]) == ("START", "won")
    assert certificate["worstCase"]["isBounded"]
    assert certificate["worstCase"]["businessDays"] == 43


async def test_a_version_older_than_certificates_is_shown_with_what_is_wrong_today(
    world: World, tmp_path: Path
) -> None:
    await tamper(
        world,
        "UPDATE process_version SET certificate = NULL, document = jsonb_set(document::jsonb, "
        "'{transitions,confirm,guard}', '\"data.satisfaction > 10\"')::json "
        "WHERE document::jsonb ->> 'process' = 'post-payment'",
    )
    async with an_api(world, tmp_path) as api:
        certificate = await certificate_of(api, "post-payment", "ru")
    assert not certificate["isSound"]
    problem = next(item for item in certificate["problems"] if item["code"] == "TRANSITION_NEVER_FIRES")
    assert problem["path"] == ["transitions", "confirm", "guard"]
    assert "никогда не сработает" in problem["message"]
    assert problem["trace"][-1]["text"].startswith("fire confirm")
