"""The shipped library: every process is sound, stands alone once published, and can be played to an end."""

import json
from typing import Any

import pytest

from bpm_crm.engine.definition import ProcessDefinition, StageKind
from bpm_crm.engine.path_problems import reachable_stages
from bpm_crm.engine.process import Process
from bpm_crm.engine.validate import validate
from bpm_crm.processes.definitions import restore
from bpm_crm.processes.library import FOLDER, resolve, shipped_keys, shipped_text
from tests.engine.build import ROLES, YEARS, shipped

CHANNELS = {
    "callback-request",
    "email",
    "inbound-call",
    "messenger",
    "post-payment",
    "referral",
    "repeat-purchase",
    "site-click",
    "store-visit",
    "web-form",
}

every_process = pytest.mark.parametrize("key", shipped_keys())


def in_order(definition: ProcessDefinition) -> list[list[str]]:
    """The keys of every section in their order, which equality of mappings does not look at."""
    sections = (definition.fields, definition.stages, definition.transitions, definition.checkpoints)
    return [list(section) for section in (*sections, definition.pauses, definition.policies, definition.reasons)]


def test_the_library_holds_a_process_for_every_channel() -> None:
    assert set(shipped_keys()) == CHANNELS
    assert sorted(path.stem for path in (FOLDER / "shared").glob("*.yaml")) == [
        "contact",
        "office_hours",
        "response",
        "sale",
    ]


def test_an_unknown_process_is_not_in_the_library() -> None:
    with pytest.raises(KeyError, match=r"\.\./shared/sale"):
        shipped_text("../shared/sale")


@every_process
def test_a_shipped_process_is_sound_and_named_like_its_file(key: str) -> None:
    definition = shipped(key).definition

    assert validate(definition, ROLES) == ()
    assert definition.key == key
    assert key in definition.channels
    assert {StageKind.WON, StageKind.LOST} <= {stage.kind for stage in definition.stages.values()}
    assert reachable_stages(definition, definition.initial) == definition.stages.keys()


@every_process
def test_a_shipped_process_has_a_funnel_a_response_clock_and_a_loss_with_reasons_everywhere(key: str) -> None:
    definition = shipped(key).definition

    assert [checkpoint.order for checkpoint in definition.funnel] == list(range(1, len(definition.funnel) + 1))
    assert len(definition.funnel) >= 4
    assert {"response", "stuck"} & definition.policies.keys()
    for policy in definition.policies.values():
        assert policy.escalations, policy.key


@every_process
def test_a_published_document_stands_alone(key: str) -> None:
    found = shipped(key)
    stored = json.loads(json.dumps(found.data))
    again = resolve(json.dumps(stored), years=YEARS, roles=ROLES)

    assert "include" not in stored
    assert restore(stored) == found.definition
    assert in_order(restore(stored)) == in_order(found.definition)
    assert (again.definition, again.data) == (found.definition, found.data)


@every_process
def test_everything_a_shipped_process_says_is_said_in_both_languages(key: str) -> None:
    definition = shipped(key).definition
    named: list[Any] = [
        definition,
        *definition.stages.values(),
        *definition.transitions.values(),
        *definition.fields.values(),
    ]
    named += [*definition.checkpoints.values(), *definition.policies.values(), *definition.reasons.values()]

    for item in named:
        assert item.title.en != item.title.ru, item.title


@every_process
def test_a_shipped_process_is_ready_to_run(key: str) -> None:
    process = Process(shipped(key).definition)

    assert process.open_from(process.definition.initial)
    assert all(not process.open_from(stage) or stage == "lost" for stage in process.final_stages)
