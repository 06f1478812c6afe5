"""`bpm-crm rebuild` and `bpm-crm verify`, as an operator runs them."""

import pytest

from bpm_crm.operations.commands import Fire
from tests.cli.shell import Shell
from tests.world import World, a_world, tamper


async def as_owner(world: World, statement: str) -> None:
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute(statement)


async def test_nothing_is_wrong_with_what_was_written(world: World, shell: Shell) -> None:
    await world.done(None, world.capture(), Fire("contact"))
    for arguments, said in (
        (("rebuild", "--dry-run"), "Cases: 1. Different: 0 (nothing was written). Left alone: 0."),
        (("rebuild",), "Cases: 1. Different: 0 (rebuilt). Left alone: 0."),
        (("verify",), "Cases: 1. Faults: 0."),
    ):
        done = await shell.run(*arguments)
        assert (done.exit_code, said in done.stdout) == (0, True), done.output


async def test_a_dry_run_names_what_differs_and_fails_and_a_rebuild_repairs_it(world: World, shell: Shell) -> None:
    case = (await world.done(None, world.capture(), Fire("contact"))).instance.id
    await as_owner(world, "UPDATE process_instance SET stage = 'x', clocks = '{}'; UPDATE deal SET outcome = 'won'")
    line = f"acme {case}: stage, clocks, deal.outcome\n"
    dry = await shell.run("rebuild", "--dry-run", "--tenant", "acme", "--process", "callback-request")
    assert (dry.exit_code, line in dry.stdout) == (1, True), dry.output
    other = await shell.run("rebuild", "--process", "web-form")
    assert (other.exit_code, "Cases: 0." in other.stdout) == (0, True), other.output
    real = await shell.run("rebuild")
    assert (real.exit_code, line in real.stdout) == (0, True), real.output
    assert (await shell.run("rebuild", "--dry-run")).exit_code == 0


async def test_a_tampered_row_of_history_is_named_and_its_case_left_alone(world: World, shell: Shell) -> None:
    case = (await world.done(None, world.capture(), Fire("contact"))).instance.id
    await tamper(world, "UPDATE history SET to_stage = 'won' WHERE sequence = 2")
    line = f"acme {case} row 2: the row or the one before it was altered"
    verified, rebuilt = await shell.run("verify", "--tenant", "acme"), await shell.run("rebuild")
    assert (verified.exit_code, f"{line}\n" in verified.stdout) == (1, True), verified.output
    assert "Cases: 1. Faults: 1." in verified.stdout
    assert (rebuilt.exit_code, f"{line} (left alone)\n" in rebuilt.stdout) == (1, True), rebuilt.output
    assert "Left alone: 1." in rebuilt.stdout


async def test_one_company_can_be_rebuilt_alone(world: World, shell: Shell) -> None:
    async with a_world(world.access, "globex") as other:
        for company in (world, other):
            await company.done(None, company.capture())
            await as_owner(company, "UPDATE process_instance SET stage = 'x'")
    one, every = await shell.run("rebuild", "--tenant", "globex"), await shell.run("rebuild")
    assert ("globex " in one.stdout, "acme " in one.stdout, "Cases: 1." in one.stdout) == (True, False, True)
    assert ("globex " in every.stdout, "acme " in every.stdout, "Cases: 2." in every.stdout) == (False, True, True)


async def test_a_case_that_knows_of_more_history_is_rebuilt_only_when_history_is_trusted(
    world: World, shell: Shell
) -> None:
    await world.done(None, world.capture(), Fire("contact"))
    await tamper(world, "DELETE FROM history WHERE sequence = 2")
    for arguments, status in ((("rebuild",), 1), (("rebuild", "--trust-history"), 0), (("verify",), 0)):
        done = await shell.run(*arguments)
        assert done.exit_code == status, done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "--tenant", "nobody"), "There is no company “nobody”. Known: acme."),
        (("rebuild", "--tenant", "nobody"), "There is no company “nobody”. Known: acme."),
        (("rebuild", "--process", "nothing"), "There is no process “nothing” in acme."),
    ],
)
async def test_what_does_not_exist_is_said_in_one_line(
    world: World, shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    done = await shell.run(*arguments)
    assert (done.exit_code, said in done.stderr) == (1, True), done.output
    assert not done.stdout
