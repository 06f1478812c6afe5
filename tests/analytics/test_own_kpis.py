"""KPIs of a company's own: the same answers as guards give, over random walks; as-of; bad definitions."""

import random
import re
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Question, read_frame
from bpm_crm.analytics.kpi_catalogue import Better
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.members import Wanted
from bpm_crm.analytics.own_facts import holds, newest_definition
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi, own_problems
from bpm_crm.analytics.own_kpis import kpi_of
from bpm_crm.engine.guard import CelCompiler, VariableType
from bpm_crm.engine.instants import instant_of
from bpm_crm.engine.process import variables
from bpm_crm.engine.values import values_of
from bpm_crm.operations.commands import Fire
from bpm_crm.records.instances import load
from tests.analytics import reference
from tests.analytics import reference_statistics as statistics
from tests.analytics.cases import Ask
from tests.analytics.checking import Walked
from tests.analytics.leads import LATER, MONDAY, call, fire, hour, lead, lose, up_to
from tests.analytics.migrated import migrate, renamed, take_back
from tests.excel.test_migrations import published
from tests.world import World

PROCESS = "callback-request"
ATOMS = (
    "data.amount > 600.0",
    "data.amount == null",
    "data.product == 'roof'",
    "data.product != null && data.product.startsWith('d')",
    "data.paid_amount >= data.amount",
    "data.next_contact_on != null && data.next_contact_on < now",
    "reached.offer",
    "reached.paid",
    "reached.responded",
    "visits.offer > 1",
    "visits.new == 1",
    "activities.call >= 1",
    "activities.meeting == 0",
    "instance.stage == 'lost'",
    "instance.stage in ['offer', 'interest', 'won']",
    "instance.channel == 'callback-request'",
    "instance.region == 'Tula'",
    "instance.owner == ''",
    "now - instance.started_at > duration('1900h')",
    "instance.entered_at > instance.started_at",
)


def own(kind: OwnKind = OwnKind.COUNT, **parts: Any) -> OwnKpi:
    return OwnKpi("mine", PROCESS, kind, "Mine", "Мой", "It.", "Это.", Better.HIGHER, **parts)


async def ask(
    world: World,
    kpi: OwnKpi,
    since: datetime = FIRST_INSTANT,
    until: datetime = LAST_INSTANT,
    nested_loops: str = "on",
    **times: Any,
) -> tuple[Measured, set[UUID]]:
    async with world.database.reader(world.tenant_id) as connection:
        await connection.execute(f"SET LOCAL enable_nestloop = {nested_loops}")
        frame = await read_frame(connection, world.tenant_id, **times)
        found = await measure(connection, kpi_of(kpi, 1), frame, Question(world.tenant_id, since=since, until=until))
        listed = (await found.members.listed(connection, [Wanted("", ("numerator",), None, 1_000)]))[0]
        assert listed.total == len(listed.ids)
        return found, set(listed.ids)


def expression(rng: random.Random) -> str:
    parts = [rng.choice(("", "!")) + f"({atom})" for atom in rng.sample(ATOMS, rng.choice((1, 2, 3)))]
    return f" {rng.choice(('&&', '||'))} ".join(parts)


async def guarded(walked: Walked, source: str, at: datetime) -> set[UUID]:
    """The counted cases for which a guard would hold now."""
    world = walked.world
    now = Ask(
        LAST_INSTANT,
        LAST_INSTANT,
        FIRST_INSTANT,
        LAST_INSTANT,
        frozenset(case.row["definition_id"] for case in walked.cases),
    )
    counted = {case.id for case in walked.cases if reference.is_counted(case, now)}
    async with world.database.reader(world.tenant_id) as connection:
        records = await load(connection, world.tenant_id, sorted(counted))
    found = set()
    for record in records.values():
        process = world.writer.processes.known(world.tenant_id, record.definition_id, record.version)
        assert process is not None
        if process.definition.key == PROCESS:
            guard = CelCompiler(variables(process.definition)).compile(source, VariableType.BOOLEAN)
            if holds(guard, values_of(process, record.state, record.state.data, world.actor("ann"), instant_of(at))):
                found.add(record.id)
    return found


@pytest.mark.parametrize("seed", range(25))
async def test_an_expression_holds_for_the_cases_for_which_a_guard_would(walked: Walked, seed: int) -> None:
    source = expression(random.Random(seed))
    found, cases = await ask(walked.world, own(filter=source))
    assert cases == await guarded(walked, source, found.frame.as_of), source
    share, part = await ask(walked.world, own(OwnKind.SHARE, condition=source), as_of=found.frame.as_of)
    assert part == cases
    assert share.total.numerator == found.total.value


async def test_most_of_the_expressions_hold_for_some_cases_and_not_for_others(walked: Walked) -> None:
    everybody = await guarded(walked, "true", LATER)
    found = [await guarded(walked, expression(random.Random(seed)), LATER) for seed in range(25)]
    assert sum(1 for cases in found if cases and cases != everybody) >= 15


@pytest.mark.parametrize("nested_loops", ["on", "off"])
async def test_a_duration_between_checkpoints_agrees_with_its_plain_statement(
    walked: Walked, nested_loops: str
) -> None:
    """However the database joins: the first touch of a checkpoint is not the one that happens to be read first."""
    for begins, ends in (("interested", "offer"), ("offer", "contract"), (None, "paid"), ("contract", "offer")):
        for as_of in (None, *walked.instants):
            kpi = own(OwnKind.DURATION, begins=begins, ends=ends)
            found, _ = await ask(walked.world, kpi, nested_loops=nested_loops, as_of=as_of)
            asked = Ask(found.frame.as_of, found.frame.known_at, FIRST_INSTANT, LAST_INSTANT, frozenset())
            waits = list(plain_waits(walked, asked, begins, ends))
            assert (found.total.seen, found.total.censored) == (
                sum(end for _, end in waits),
                sum(not end for _, end in waits),
            )
            assert found.total.value == statistics.kaplan_meier(waits, Fraction(1, 2))


def plain_waits(walked: Walked, asked: Ask, begins: str | None, ends: str) -> Any:
    definition = walked.world.reference.definitions
    for case in walked.cases:
        chosen = Ask(**{**vars(asked), "definitions": frozenset({case.row["definition_id"]})})
        if definition[case.row["definition_id"]].key != PROCESS or not reference.is_counted(case, chosen):
            continue
        first = reference.touches(case, chosen, begins)[:1] if begins else []
        if begins and not first:
            continue
        since = reference.moment(first[0]) if first else (case.row["started_at"], 0)
        then = [row for row in reference.touches(case, chosen, ends) if reference.moment(row) >= since]
        move = reference.last_move(case, chosen)
        assert move is not None
        until = then[0]["occurred_at"] if then else (move["occurred_at"] if move["outcome"] else chosen.as_of)
        yield max((until - since[0]).total_seconds(), 0.0), bool(then)


async def test_a_sum_leaves_out_what_has_no_number_and_says_so(world: World) -> None:
    await lead(world, 0, *up_to(3))
    await lead(world, 0, *up_to(3), fire("revise_offer", 5))
    await lead(world, 0)
    await lead(world, 0, lose(2))
    found, cases = await ask(world, own(OwnKind.SUM, value="data.amount", is_money=True), MONDAY, LATER)
    assert (found.total.value, found.total.left_out, len(cases)) == (Fraction("2200.5"), 2, 2)


async def test_clocks_and_outcomes_can_be_asked_for(world: World) -> None:
    in_time = await lead(world, 6, call(6.1))
    await lead(world, 6, call(9), lose(10, "no_response"))
    _, met = await ask(world, own(filter="clocks.response == 'met'"))
    assert met == {in_time}
    waiting = await lead(world, 30)
    _, running = await ask(world, own(filter="clocks.response == 'running'"), as_of=hour(30.1), known_at=LAST_INSTANT)
    assert running == {waiting}
    _, overdue = await ask(world, own(filter="clocks.response == 'breached'"), as_of=hour(40), known_at=LAST_INSTANT)
    assert waiting in overdue, "before anybody noted it"
    _, gone = await ask(world, own(filter="instance.outcome == 'lost' && instance.reason == 'no_response'"))
    assert len(gone) == 1
    assert gone != met


async def test_the_moment_that_counts_is_the_first_touch_of_the_checkpoint(world: World) -> None:
    case = await lead(world, 0, *up_to(3))
    for since, until, cases in ((0, 3, set()), (3, 4, {case}), (4, 9, set())):
        period = (MONDAY + timedelta(hours=since), MONDAY + timedelta(hours=until))
        _, found = await ask(world, own(begins="offer"), *period)
        assert found == cases


async def test_what_is_recorded_later_does_not_change_an_answer(world: World) -> None:
    case = await lead(world, 0, *up_to(3))
    before, cases = await ask(world, own(filter="instance.stage == 'offer'"))
    await world.done(case, lose(5))
    again, same = await ask(world, own(filter="instance.stage == 'offer'"), as_of=before.frame.as_of)
    assert (again.total, same) == (before.total, cases)
    now, _ = await ask(world, own(filter="instance.stage == 'offer'"))
    assert now.total.value == 0


async def test_visits_are_those_that_a_migrated_case_knows_under_the_present_names(world: World) -> None:
    once, twice = [fire("fail_to_reach", 1)], [fire("fail_to_reach", 1), fire("fail_to_reach", 2)]
    told = (once, once, twice, [*twice, fire("contact", 3)], twice)
    stayed, again, there, elsewhere, back = [await lead(world, 0, *moves) for moves in told]
    await published(world, renamed())
    for case in (stayed, again, there, elsewhere, back):
        await migrate(world, case)
    await world.done(again, Fire("fail_to_reach"))
    await take_back(world, back, 4)

    async with world.database.reader(world.tenant_id) as connection:
        records = await load(connection, world.tenant_id, [stayed, again, there, elsewhere, back])
    known = {case: record.state.visits.get("unreached", 0) for case, record in records.items()}
    assert known == {stayed: 1, again: 2, there: 2, elsewhere: 2, back: 0}
    for visits in (1, 2):
        _, cases = await ask(world, own(filter=f"visits.unreached == {visits}"))
        assert cases == {case for case, number in known.items() if number == visits}


async def test_an_undone_migration_leaves_a_case_where_it_was_since_it_came_there(world: World) -> None:
    """Told by its row, and by history once something else was recorded of it; and it was elsewhere as long as it was."""
    case = await lead(world, 0, fire("fail_to_reach", 1))
    await published(world, renamed())
    sequence = await migrate(world, case)
    away, _ = await ask(world, own(filter="instance.stage == 'unreached'"))
    await take_back(world, case, sequence)
    for_long = own(filter="instance.stage == 'no_answer' && now - instance.entered_at > duration('24h')")
    now, _ = await ask(world, for_long)
    then, _ = await ask(
        world, own(filter="instance.stage == 'unreached'"), as_of=away.frame.as_of, known_at=now.frame.known_at
    )
    await world.done(case, call(3))
    later, _ = await ask(world, for_long, as_of=now.frame.as_of)
    assert [item.total.value for item in (away, now, later, then)] == [1, 1, 1, 1]


BAD = [
    ({"filter": "data.amont > 1.0"}, "filter", "undeclared reference"),
    ({"filter": "data.delivery_address != null"}, "filter", "undeclared reference"),
    ({"filter": "actor.id == 'x'"}, "filter", "undeclared reference"),
    ({"filter": "data.amount"}, "filter", "not boolean"),
    ({"kind": OwnKind.SUM}, "value", "needs `value`"),
    ({"kind": OwnKind.SUM, "value": "data.product"}, "value", "not decimal"),
    ({"kind": OwnKind.SHARE}, "condition", "needs `condition`"),
    ({"kind": OwnKind.DURATION, "ends": "moon"}, "ends", "has no checkpoint “moon”; it has: contract"),
    ({"begins": "moon"}, "begins", "has no checkpoint"),
    ({"condition": "true"}, "condition", "leave it out"),
    ({"is_money": True}, "isMoney", "Only a SUM"),
]


@pytest.mark.parametrize(("parts", "place", "fault"), BAD)
async def test_a_bad_definition_is_told_its_place_and_cure(
    world: World, parts: dict[str, Any], place: str, fault: str
) -> None:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=PROCESS)
        definition = await newest_definition(connection, frame, world.tenant_id, PROCESS)
    assert definition is not None
    problems = list(own_problems(own(**parts), definition))
    assert [problem.part for problem in problems] == [place]
    assert fault in problems[0].fault.en
    assert re.search("[а-я]", problems[0].fault.ru), "told in Russian too"
