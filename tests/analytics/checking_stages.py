"""Stage outcomes and stage times compared with their plain statements, and every list behind a number."""

from dataclasses import replace
from fractions import Fraction

import pytest

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.forensics import read_forensics
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.funnel_figures import FunnelMode, FunnelUnit, OrderMode
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.managers import read_managers
from bpm_crm.analytics.outcomes import read_outcomes
from bpm_crm.analytics.stage_times import read_stage_times
from bpm_crm.analytics.stays import UNITS, VISITS
from bpm_crm.analytics.steps import steps_of
from bpm_crm.api.figure_filters import FactWhere
from tests.analytics import checking, reference_customers, reference_forensics, reference_stages
from tests.analytics import reference_statistics as statistics
from tests.analytics.cases import Ask

TARGETS = dict.fromkeys(("new", "qualification", "interest", "offer", "thinking", "contract", "invoicing"), "stuck")
TARGETS |= dict.fromkeys(("payment", "delivery", "missed"), "stuck") | {"no_answer": "retry"}


async def check_outcomes(walked: "checking.Walked", ask: Ask, where: FactWhere | None, process: str | None) -> None:
    """Every number of every step: they add up, and are as long as their lists."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await checking.frame_of(connection, world, ask, process)
        figures = await read_outcomes(connection, frame, checking.question_of(world, ask, where))
        steps = steps_of(frame.versions).checkpoints
        versions = {(version.definition_id, version.number): set(version.checkpoints) for version in frame.versions}
        expected = reference_stages.outcomes(walked.cases, ask, steps, versions)
        shown = {
            (item.number, item.segment, name): count for item in figures.outcomes for name, count in item.counts.items()
        }
        assert shown == {cell: len(found) for cell, found in expected.members.items()}
        for item in figures.outcomes:
            assert sum(item.count(name) for name in reference_stages.FATES) == item.count("entered")
            assert item.visits == expected.visits.get((item.number, item.segment), 0)
        cells = list(expected.members)
        wanted = [(str(number), name, segment) for number, segment, name in cells]
        found = await checking.listed(connection, figures.members, wanted)
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


async def check_stage_times(walked: "checking.Walked", ask: Ask, where: FactWhere | None, process: str | None) -> None:
    """Every time of every stage with its interval, and the verdicts against the target."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await checking.frame_of(connection, world, ask, process)
        keys = [(version.definition_id, version.number) for version in frame.versions]
        processes = {key: await world.writer.processes.get(connection, world.tenant_id, *key) for key in keys}
        figures = await read_stage_times(connection, frame, checking.question_of(world, ask, where), processes)
        expected = reference_stages.stage_times(walked.cases, ask, processes, TARGETS)
        shown = {
            (item.stage, item.segment, name): count for item in figures.times for name, count in item.counts.items()
        }
        assert shown == {cell: len(found) for cell, found in expected.members.items()}
        for item in figures.times:
            for visit in VISITS:
                for unit in UNITS:
                    stay = item.stays[visit, unit]
                    spans = expected.spans[item.stage, item.segment, visit, unit]
                    over = [seconds for seconds, is_over in spans if is_over]
                    assert (stay.cases, stay.open) == (len(spans), len(spans) - len(over))
                    assert stay.mean == (pytest.approx(sum(over) / len(over)) if over else None)
                    for quantile, share in ((stay.median, Fraction(1, 2)), (stay.p90, Fraction(9, 10))):
                        whole = [(round(seconds, 6), is_over) for seconds, is_over in spans]
                        assert quantile.seconds == near(statistics.kaplan_meier(whole, share))
                        low, high = statistics.brookmeyer_crowley(whole, float(share))
                        assert (quantile.lower, quantile.upper) == (near(low), near(high))
        cells = list(expected.members)
        wanted = [(stage, name, segment) for stage, segment, name in cells]
        found = await checking.listed(connection, figures.members, wanted)
        assert dict(zip(cells, found, strict=True)) == dict(expected.members)


async def check_forensics(walked: "checking.Walked", ask: Ask, where: FactWhere | None, process: str | None) -> None:
    """Every loss has one evidence, and the losses of a stage and reason are those of `lossReasons`."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await checking.frame_of(connection, world, ask, process)
        keys = [(version.definition_id, version.number) for version in frame.versions]
        processes = {key: await world.writer.processes.get(connection, world.tenant_id, *key) for key in keys}
        question = checking.question_of(world, ask, where)
        figures = await read_forensics(connection, frame, question, processes)
        expected = {
            trace: found
            for trace, found in reference_forensics.forensics(walked.cases, ask, processes).items()
            if trace[0] is not None
        }
        shown = {
            (item.stage, item.reason, str(item.evidence), cause, item.segment): cases
            for item in figures.traces
            for cause, cases in ([(c.key, c.cases) for c in item.causes] or [(None, item.cases)])
        }
        assert shown == {trace: len(found) for trace, found in expected.items()}
        losses = await read_losses(connection, frame, question)
        reasons = {(loss.stage, loss.reason, loss.segment): loss.cases for loss in losses.losses if loss.cases}
        assert {(item.stage, item.reason, item.segment): item.of_reason for item in figures.traces} == reasons
        for item in figures.traces:
            same = [
                other.cases
                for other in figures.traces
                if (other.stage, other.reason, other.segment) == (item.stage, item.reason, item.segment)
            ]
            assert sum(same) == item.of_reason
            assert not item.causes or sum(cause.cases for cause in item.causes) == item.cases
        traces = list(expected)
        wanted = [
            (f"{stage}/{reason or ''}/{evidence}", "lost" if subject is None else f"lost/{subject}", segment)
            for stage, reason, evidence, subject, segment in traces
        ]
        found = await checking.listed(connection, figures.members, wanted)
        assert dict(zip(traces, found, strict=True)) == expected


async def check_customers(
    walked: "checking.Walked", ask: Ask, where: FactWhere | None, mode: FunnelMode, process: str | None
) -> None:
    """The numbers of a funnel of customers, each listed as the case that is counted for it."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await checking.frame_of(connection, world, ask, process)
        figures = await read_funnel(
            connection,
            frame,
            checking.question_of(world, ask, where),
            mode=mode,
            order_mode=OrderMode(ask.order),
            window=ask.window if mode is FunnelMode.COHORT else None,
            unit=FunnelUnit.CUSTOMER,
        )
        plain = {
            FunnelMode.COHORT: reference_customers.cohort,
            FunnelMode.PERIOD: reference_customers.period,
            FunnelMode.SNAPSHOT: reference_customers.snapshot,
        }
        expected = plain[mode](walked.cases, ask, steps_of(frame.versions).checkpoints)
        shown = {
            (step.number, segment.segment or (), name): step.count(name)
            for segment in figures.segments
            for step in segment.steps
            for name in ("reached", "lost", "open", "missed", "advanced", "dropped")
            if step.count(name)
        }
        assert shown == {cell: len(found) for cell, found in expected.items()}
        cells = list(expected)
        wanted = [(str(number), name, segment) for number, segment, name in cells]
        found = await checking.listed(connection, figures.members, wanted)
        assert dict(zip(cells, found, strict=True)) == expected


async def check_managers(walked: "checking.Walked", ask: Ask, where: FactWhere | None, process: str | None) -> None:
    """The cases of every manager at every step, whatever their channel."""
    world = walked.world
    async with world.database.reader(world.tenant_id) as connection:
        frame, ask = await checking.frame_of(connection, world, replace(ask, order="implied", window=None), process)
        basis = OwnerBasis(ask.basis)
        asked = checking.question_of(world, ask, where)
        figures = await read_managers(connection, frame, asked, by=Dimension.OWNER, basis=basis)
        expected = reference_stages.managers(
            walked.cases, replace(ask, by=("owner",)), steps_of(frame.versions).checkpoints
        )
        shown = {
            (step.number, (manager,), name): count
            for manager, steps in figures.managers.items()
            for step in steps
            for name, count in (
                ("advanced", step.converted),
                ("failed", step.cases - step.converted),
                ("pending", step.pending),
            )
            if count
        }
        assert shown == {cell: len(found) for cell, found in expected.items()}
        cells = list(expected)
        wanted = [(str(number), name, segment) for number, segment, name in cells]
        found = await checking.listed(connection, figures.members, wanted)
        assert dict(zip(cells, found, strict=True)) == expected


CHECKS = (check_outcomes, check_stage_times, check_forensics, check_managers)


def near(seconds: float | None) -> object:
    """Equal but for the last bits of a sum; None is None."""
    return None if seconds is None else pytest.approx(seconds, abs=1e-5)
