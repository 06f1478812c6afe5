"""`bpm-crm company …`, as an administrator runs it on a database that holds another company already."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from bpm_crm.operations.access import Role
from bpm_crm.operations.companies import parse_key
from bpm_crm.operations.company_document import EXAMPLE, read_company
from bpm_crm.operations.founding import apply
from bpm_crm.operations.viewers import viewer_of_key, viewer_of_user
from bpm_crm.records.companies import find_tenant, tenant_keys
from bpm_crm.records.reference import Reference, load_reference
from tests.cli.shell import Shell
from tests.world import World

TABLES = ("tenant", "app_user", "user_role", "team", "team_member", "channel", "campaign", "process_version", "api_key")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "company.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def rewrite(document: Path, old: str, new: str) -> None:
    text = document.read_text(encoding="utf-8")
    assert old in text
    document.write_text(text.replace(old, new), encoding="utf-8")


async def company(world: World, key: str = "warm-house") -> Reference:
    async with world.owner.across_tenants() as connection:
        tenant_id = await find_tenant(connection, key)
    assert tenant_id is not None
    async with world.owner.reader(tenant_id) as connection:
        found = await load_reference(connection, tenant_id)
    assert found is not None
    return found


async def rows(world: World) -> dict[tuple[str, str], int]:
    """The rows of every company, table by table."""
    async with world.owner.across_tenants() as connection:
        tenants = await tenant_keys(connection)
    found = {}
    for key, tenant_id in tenants.items():
        async with world.owner.reader(tenant_id) as connection:
            for table in TABLES:
                statement = f"SELECT count(*) FROM {table} WHERE tenant_id = $1"
                found[key, table] = await connection.fetchval(statement, tenant_id)
    return found


def person(reference: Reference, email: str) -> UUID:
    return next(user.id for user in reference.users.values() if user.email == email)


async def test_the_example_founds_a_company_that_can_work(shell: Shell, world: World, document: Path) -> None:
    done = await shell.run("company", "apply", str(document))
    assert done.exit_code == 0, done.output
    assert "+ user maria@warm-house.example: Maria Manager; manager; team sales" in done.output
    assert "+ team sales: Sales, led by maria@warm-house.example" in done.output
    assert "warm-house is founded" in done.output
    reference = await company(world)
    assert {item.key for item in reference.definitions.values()} == {
        "inbound-call",
        "callback-request",
        "web-form",
        "post-payment",  # which the others start after a payment
    }
    form = reference.channel("web-form")
    assert form is not None
    assert (form.title_en, form.definition_id is not None) == ("Requests from our site", True)
    manager = viewer_of_user(reference, person(reference, "maria@warm-house.example"))
    assert manager is not None
    assert (manager.roles, len(manager.team_ids)) == ({Role.MANAGER}, 1)
    token = await shell.run("token", "sofia@warm-house.example", "--tenant", "warm-house")
    assert token.exit_code == 0, token.output


async def test_the_same_document_again_changes_nothing(shell: Shell, world: World, document: Path) -> None:
    await shell.run("company", "apply", str(document))
    before, known = await rows(world), await company(world)
    done = await shell.run("company", "apply", str(document))
    assert (done.exit_code, "warm-house is up to date: 0 changes." in done.output) == (0, True)
    assert (await rows(world), await company(world)) == (before, known)


async def test_a_dry_run_tells_and_keeps_nothing(shell: Shell, world: World, document: Path) -> None:
    before = await rows(world)
    done = await shell.run("company", "apply", str(document), "--dry-run")
    assert (done.exit_code, "warm-house would be founded" in done.output) == (0, True)
    assert "+ process inbound-call: version 1" in done.output
    assert await rows(world) == before


async def test_people_come_move_and_go(shell: Shell, world: World, document: Path) -> None:
    await shell.run("company", "apply", str(document))
    sofia = person(await company(world), "sofia@warm-house.example")
    rewrite(document, "sofia@warm-house.example, name: Sofia Sales", "Boris@warm-house.example, name: Boris Sales")
    rewrite(document, "name: Maria Manager, roles: [manager]", "name: Maria Manager, roles: [manager, process_owner]")
    done = await shell.run("company", "apply", str(document))
    assert "+ user boris@warm-house.example: Boris Sales; salesperson; team sales" in done.output
    assert "~ user maria@warm-house.example: Maria Manager; manager, process_owner; team sales" in done.output
    assert "? user sofia@warm-house.example is not in the document and is left alone" in done.output
    assert viewer_of_user(await company(world), sofia) is not None
    done = await shell.run("company", "apply", str(document), "--deactivate-others")
    assert "~ user sofia@warm-house.example: Sofia Sales; salesperson; deactivated" in done.output
    assert viewer_of_user(await company(world), sofia) is None
    rewrite(document, "Boris@warm-house.example, name: Boris Sales", "sofia@warm-house.example, name: Sofia Sales")
    await shell.run("company", "apply", str(document))
    again = await company(world)
    assert (person(again, "sofia@warm-house.example"), viewer_of_user(again, sofia) is None) == (sofia, False)


@pytest.mark.parametrize(("old", "new"), [("Europe/Moscow", "Asia/Tokyo"), ("RUB", "EUR")])
async def test_what_figures_were_made_with_stays(
    shell: Shell, world: World, document: Path, old: str, new: str
) -> None:
    await shell.run("company", "apply", str(document))
    before = await company(world)
    rewrite(document, old, new)
    rewrite(document, "title: Warm House", "title: Cold House")
    done = await shell.run("company", "apply", str(document))
    assert (done.exit_code, f"Write {old} again" in done.output) == (1, True)
    assert await company(world) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("zone: Europe/Moscow ", "zone: Europe/Moskva ", "zone (line 3)"),
        ("currency: RUB", "currency: roubles", "currency (line 4)"),
        ("roles: [admin]", "roles: [boss]", "people.0.roles.0 (line 8)"),
        ("roles: [admin]", "roles: [analyst]", "nobody is an administrator"),
        ("team: sales, leads: sales", "team: buying, leads: sales", "There is no team “buying”. Known: sales."),
        ("sofia@warm-house.example", "ANNA@warm-house.example", "people.2.email (line 10)"),
        ("sofia@warm-house.example", "sofia", "people.2.email (line 10)"),
        ("[inbound-call,", "[outbound-call,", "There is no process “outbound-call”"),
        ("campaigns:", "campaign:", "There is no key “campaign” here"),
    ],
)
async def test_a_wrong_document_is_refused_with_its_place(
    shell: Shell, world: World, document: Path, old: str, new: str, said: str
) -> None:
    before = await rows(world)
    rewrite(document, old, new)
    done = await shell.run("company", "apply", str(document))
    assert (done.exit_code, said in done.output) == (1, True), done.output
    assert await rows(world) == before


async def test_a_key_opens_the_channels_it_was_made_for(shell: Shell, world: World) -> None:
    done = await shell.run("company", "key", "acme", "Our site", "--channel", "web-form", "--days", "10")
    assert done.exit_code == 0, done.output
    parsed = parse_key(done.stdout.strip())
    assert parsed is not None
    await world.refresh()
    viewer = viewer_of_key(world.reference, parsed[1], datetime.now(UTC))
    assert viewer is not None
    channel = world.reference.channel("web-form")
    assert channel is not None
    assert (viewer.channel_ids, viewer.roles) == ({channel.id}, {Role.CHANNEL_INTEGRATION})


async def test_a_key_for_an_unknown_channel_is_not_made(shell: Shell, world: World) -> None:
    before = await rows(world)
    done = await shell.run("company", "key", "acme", "Our site", "--channel", "pigeon")
    assert (done.exit_code, "There is no channel “pigeon”. Known: callback-request" in done.output) == (1, True)
    assert await rows(world) == before


async def test_companies_are_listed(shell: Shell, world: World) -> None:
    await apply(world.owner, read_company(EXAMPLE), datetime.now(UTC))
    done = await shell.run("company", "list")
    assert done.stdout.split() == ["acme", "warm-house"]


async def test_the_printed_example_is_the_one_that_works(shell: Shell) -> None:
    assert (await shell.run("company", "example")).stdout == EXAMPLE
