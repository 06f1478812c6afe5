"""Where the prover gives up it says so, and refuses nothing for it."""

import pytest

from bpm_crm.engine.soundness import graph, z3_logic
from bpm_crm.engine.soundness.certify import certify
from tests.engine.build import ROLES, SMALL, changed, definition_from

BARRED = changed(SMALL, "from: work, to: won", 'from: work, to: won, guard: "data.amount > 5.0 && data.amount < 3.0"')


def test_without_the_solver_nothing_is_refused_for_what_guards_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    assert certify(definition_from(BARRED), ROLES).problems
    monkeypatch.setattr(z3_logic, "MOST_QUESTIONS", 0)
    certificate = certify(definition_from(BARRED), ROLES)

    assert certificate.problems == ()
    assert ("transitions", "win") in {item.path for item in certificate.undecided}


@pytest.mark.parametrize("limit", ["MOST_NODES", "MOST_EDGES"])
def test_without_a_whole_graph_nothing_is_said_never_to_happen(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(graph, limit, 1)
    certificate = certify(definition_from(BARRED), ROLES)

    assert certificate.problems == ()
    assert certificate.undecided


def test_a_solver_out_of_steps_leaves_it_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3_logic, "MOST_STEPS", 1)
    hard = changed(BARRED, "data.amount > 5.0 && data.amount < 3.0", "data.amount * data.amount * data.amount == 2.0")
    certificate = certify(definition_from(hard), ROLES)

    assert certificate.problems == ()
    assert certificate.undecided
