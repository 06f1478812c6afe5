"""The prover against the judge: every mutant of a shipped process that is harmful is refused, and no sound one is."""

import pytest

from bpm_crm.engine.problems import ProblemCode
from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.certify import certify
from bpm_crm.engine.soundness.play import replay
from bpm_crm.processes.definitions import definition_of, parse_document
from bpm_crm.processes.library import shipped_keys
from tests.engine.build import ROLES, shipped
from tests.engine.soundness.explorer import harms
from tests.engine.soundness.mutations import MUTATIONS, mutant

PLAIN = frozenset({ProblemCode.CALENDAR_INVALID, ProblemCode.DURATION_INVALID, ProblemCode.UNKNOWN_REFERENCE})
"""Faults with which a definition cannot be played."""
SEEDS = 20


def verdict_is_right(key: str, kind: str, seed: int) -> str:
    """Judge one mutant both ways; the answer is how it went."""
    document, harmful = mutant(shipped(key).data, kind, f"{key} {kind} {seed}")
    definition = definition_of(parse_document(document))
    certificate = certify(definition, ROLES)
    told = [(problem.code.value, problem.path) for problem in certificate.problems]
    if harmful:
        assert told, (kind, seed)
        return "refused"
    assert not PLAIN & {problem.code for problem in certificate.problems}, told
    grave, lesser = harms(definition, ROLES)
    assert bool(told) or not grave, ("a harmful mutant was not found", grave, certificate.undecided)
    assert not told or grave or lesser, ("a sound mutant was refused", told)
    for problem in certificate.problems:
        replay(Process(definition), problem.trace)
    return "refused" if told else "sound"


def test_there_are_enough_kinds_of_mutation() -> None:
    assert len(MUTATIONS) >= 15


@pytest.mark.parametrize("kind", MUTATIONS)
def test_mutants_are_judged_rightly(kind: str) -> None:
    keys = shipped_keys()
    for number in range(4):
        key = keys[(number * 3 + list(MUTATIONS).index(kind)) % len(keys)]
        verdict_is_right(key, kind, SEEDS + number)


def test_the_corpus_has_harmful_and_sound_mutants() -> None:
    kinds = ("guard_by_data", "swap_steps", "claim", "redirect")
    went = [verdict_is_right("post-payment", kind, seed) for kind in kinds for seed in range(4)]

    assert {"refused", "sound"} == set(went)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MUTATIONS)
@pytest.mark.parametrize("key", shipped_keys())
def test_every_mutant_of_the_corpus_is_judged_rightly(key: str, kind: str) -> None:
    for seed in range(SEEDS):
        verdict_is_right(key, kind, seed)
