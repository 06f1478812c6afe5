"""Loss forensics, rule by rule. Offices are open from 06:00 to 15:00 UTC; `response` allows 15 minutes, `invoice` one business day."""

from typing import Any

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.forensics import ForensicFigures, LossEvidence, read_forensics
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.members import Wanted
from bpm_crm.operations.commands import Fire
from tests.analytics.leads import assign, call, database_now, exclude, fire, force, hour, lead, lose, question, up_to
from tests.world import World

DOCUMENT, CLOCK, ACTION, NONE = LossEvidence


async def forensics(world: World, asked: Question | None = None, **options: Any) -> ForensicFigures:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request", **options)
        keys = [(version.definition_id, version.number) for version in frame.versions]
        processes = {key: await world.writer.processes.get(connection, world.tenant_id, *key) for key in keys}
        return await read_forensics(connection, frame, asked or question(world), processes)


Found = tuple[str, str | None, LossEvidence, str | None, int]


def cells(figures: ForensicFigures) -> list[Found]:
    return sorted(
        (
            (trace.stage, trace.reason, trace.evidence, cause, cases)
            for trace in figures.traces
            for cause, cases in ([(item.key, item.cases) for item in trace.causes] or [(None, trace.cases)])
        ),
        key=str,
    )


def answered(begins: float = 6) -> tuple[Any, ...]:
    """A lead that was called in time."""
    return (call(begins + 0.1),)


async def test_a_late_invoice_is_a_late_document_whatever_reason_was_given(world: World) -> None:
    signed = (*answered(), *up_to(4, begins=6))
    await lead(world, 6, *signed, lose(60, "invoice_late"))
    await lead(world, 6, *signed, fire("send_invoice", 60), lose(61, "not_paid"))
    await lead(world, 6, *signed, fire("send_invoice", 12), lose(13, "not_paid"))
    assert cells(await forensics(world)) == [
        ("invoicing", "invoice_late", DOCUMENT, "invoice", 1),
        ("payment", "not_paid", ACTION, "paid", 1),
        ("payment", "not_paid", DOCUMENT, "invoice", 1),
    ]


async def test_another_clock_that_was_breached_is_a_breached_clock(world: World) -> None:
    await lead(world, 6, lose(7))
    await lead(world, 6, call(7), lose(8))
    assert cells(await forensics(world)) == [("new", "no_need", CLOCK, "response", 2)]


async def test_a_document_comes_before_another_clock_and_the_first_due_before_later_ones(world: World) -> None:
    # Nobody called in time, the offer was never made, and the stage took too long: the offer is the document.
    await lead(world, 6, fire("contact", 7), fire("qualify", 8), lose(200, "price"))
    # In the first stage both the response and the stay came too late; the response was due first.
    await lead(world, 6, lose(200))
    assert cells(await forensics(world)) == [
        ("interest", "price", DOCUMENT, "offer", 1),
        ("new", "no_need", CLOCK, "response", 1),
    ]


async def test_what_was_not_done_when_the_case_was_lost_is_a_missing_action(world: World) -> None:
    await lead(world, 6, lose(6.1))
    await lead(world, 6, *answered(), fire("contact", 6.2), lose(7))
    await lead(
        world,
        6,
        *answered(),
        fire("contact", 6.2),
        Fire("qualify", {"need": "x"}, None, occurred_at=hour(6.3)),
        lose(7),
    )
    await lead(world, 6, *answered(), *up_to(3, begins=6), fire("agree", 10), lose(11))
    assert cells(await forensics(world)) == [
        ("contract", "no_need", ACTION, "contract", 1),
        ("interest", "no_need", ACTION, "offer", 1),
        ("new", "no_need", ACTION, "responded", 1),
        ("qualification", "no_need", ACTION, "interested", 1),
    ]


async def test_a_loss_in_time_with_everything_done_shows_nothing(world: World) -> None:
    await lead(world, 6, *answered(), lose(7))
    await lead(world, 6, *answered(), *up_to(3, begins=6), lose(10, "price"))
    known = {"need": "a roof"}
    await lead(world, 6, *answered(), Fire("contact", known, None, occurred_at=hour(6.2)), lose(7))
    figures = await forensics(world)
    assert cells(figures) == [
        ("new", "no_need", NONE, None, 1),
        ("offer", "price", NONE, None, 1),
        ("qualification", "no_need", NONE, None, 1),
    ]


async def test_a_call_recorded_later_clears_the_clock(world: World) -> None:
    case = await lead(world, 6, lose(7))
    before = await database_now(world)
    await world.done(case, call(6.1))
    assert cells(await forensics(world)) == [("new", "no_need", NONE, None, 1)]
    assert cells(await forensics(world, as_of=before)) == [("new", "no_need", CLOCK, "response", 1)]


async def test_the_losses_of_a_reason_are_those_of_the_loss_reasons(world: World) -> None:
    await lead(world, 6, lose(7))
    await lead(world, 6, *answered(), lose(7))
    await lead(world, 6, force("lost", 7), by="north")
    await lead(world, 6, lose(7), exclude("test"))
    await lead(world, 6, lose(7), fire("reopen", 8), by="north")
    figures = await forensics(world)
    async with world.database.reader(world.tenant_id) as connection:
        losses = await read_losses(connection, figures.frame, question(world))
    assert {(trace.stage, trace.reason): trace.of_reason for trace in figures.traces} == {
        (loss.stage, loss.reason): loss.cases for loss in losses.losses
    }
    assert sum(trace.cases for trace in figures.traces) == 3
    assert ("new", None, CLOCK, "response", 1) in cells(figures)


async def test_causes_are_named_and_listed(world: World) -> None:
    late = await lead(world, 6, assign(world, "ann", 6), lose(7))
    await lead(world, 6, assign(world, "bob", 6), *answered(), lose(7))
    figures = await forensics(world, question(world, by=[Dimension.OWNER]))
    ann = str(world.founded.users["ann@example.org"])
    (trace,) = (trace for trace in figures.traces if trace.segment == (ann,))
    assert (trace.causes[0].titles["en"], trace.stage_titles["en"]) == ("First response", "To be called")
    async with world.database.reader(world.tenant_id) as connection:
        whole, cause = await figures.members.listed(
            connection, [Wanted(trace.key, (number,), (ann,), 5) for number in ("lost", "lost/response")]
        )
    assert list(whole.ids) == list(cause.ids) == [late]
