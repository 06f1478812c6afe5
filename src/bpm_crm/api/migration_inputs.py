"""What migrations of running cases are asked with."""

from collections.abc import Sequence
from typing import Any

import strawberry

from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.texts import shown

MOST_NAMES = 1_000


@strawberry.input(description="A key of the version left and its counterpart in the version entered.")
class NameMappingInput:
    """A key and its counterpart."""

    key: str = strawberry.field(description="Key in the version left.")
    to: str | None = strawberry.field(description="Key in the version entered; null: it has no counterpart.")


@strawberry.input(description="A plan of a migration: what is given here, and proposals for the rest.")
class PlanMigrationInput:
    """A plan of a migration."""

    process: str = strawberry.field(description="Key of the process.")
    from_version: int = strawberry.field(description="Version left.")
    to_version: int = strawberry.field(description="Version entered.")
    stages: list[NameMappingInput] = strawberry.field(
        default_factory=list, description="Stages somebody has decided on."
    )
    clocks: list[NameMappingInput] = strawberry.field(
        default_factory=list, description="Clocks somebody has decided on."
    )
    checkpoints: list[NameMappingInput] = strawberry.field(
        default_factory=list, description="Checkpoints somebody has decided on."
    )
    waived_clocks: list[str] = strawberry.field(
        default_factory=list, description="Clocks that may be cancelled where they are open and have no counterpart."
    )
    waived_fields: list[str] = strawberry.field(
        default_factory=list, description="Fields that may stay empty though the stage asks for them."
    )
    started_clocks: list[str] = strawberry.field(
        default_factory=list, description="Clocks of the new version that start with the migration."
    )
    expected_revision: int | None = strawberry.field(
        default=None,
        description="The newest revision the caller has seen, 0 for none; with another one the edit is refused.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Migrate the running cases by a plan.")
class MigrateInstancesInput:
    """Migrate by a plan."""

    plan: strawberry.ID = strawberry.field(description="Global id of the plan: this revision of it counts.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Say what would become of each running case by a plan; nothing is written to cases.")
class DryRunMigrationInput:
    """What a plan would do."""

    plan: strawberry.ID = strawberry.field(description="Global id of the plan.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Take the cases of a migration back to what they were before.")
class UndoMigrationInput:
    """Take a migration back."""

    migration: strawberry.ID = strawberry.field(description="Global id of the migration.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


def mapping_of(asked: PlanMigrationInput) -> MigrationMapping:
    """What is decided."""
    return MigrationMapping(
        {item.key: item.to for item in asked.stages},
        {item.key: item.to for item in asked.clocks},
        {item.key: item.to for item in asked.checkpoints},
        frozenset(asked.waived_clocks),
        frozenset(asked.waived_fields),
        frozenset(asked.started_clocks),
    )


def name_flaws(asked: PlanMigrationInput) -> list[InputProblem]:
    """Keys that are mapped twice, and lists that no process is long enough for."""
    found = []
    parts: dict[str, Sequence[Any]] = {
        "stages": [item.key for item in asked.stages],
        "clocks": [item.key for item in asked.clocks],
        "checkpoints": [item.key for item in asked.checkpoints],
        "waivedClocks": asked.waived_clocks,
        "waivedFields": asked.waived_fields,
        "startedClocks": asked.started_clocks,
    }
    for name, keys in parts.items():
        if len(keys) > MOST_NAMES:
            limit = {"limit": str(MOST_NAMES)}
            found.append(InputProblem(InputCode.TOO_LARGE, (name,), str(len(keys)), params=limit))
        elif len(set(keys)) < len(keys):
            twice = next(key for key in keys if list(keys).count(key) > 1)
            found.append(InputProblem(InputCode.KEY_TWICE, (name,), shown(twice)))
    return found
