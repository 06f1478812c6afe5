"""Loss forensics as the API shows them."""

from decimal import Decimal
from fractions import Fraction

import strawberry

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.forensics import Cause, ForensicFigures, LossEvidence, Trace
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import FigureFrame, rate
from bpm_crm.api.figure_losses import LostCases, lost_cases
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection

expose(
    LossEvidence,
    "What the record of a lost case shows. Each loss has one: the first that holds, in this order.",
    {
        LossEvidence.DOCUMENT_LATE: "A clock that waits for a document (it measures a checkpoint, and a move that needs data stops it) was breached before the loss.",
        LossEvidence.CLOCK_BREACHED: "Another clock was breached before the loss.",
        LossEvidence.ACTION_MISSING: "What the process asks for had not been done: a clock still waited for its checkpoint, or every move out of the stage to a new checkpoint lacked data.",
        LossEvidence.NONE: "None of these.",
    },
)


@strawberry.type(description="What the evidence of losses is about, and in how many of them.")
class LossCause:
    """What the evidence of losses is about."""

    key: str = strawberry.field(
        description="Key of the clock that was breached (of several the one due first); of `ACTION_MISSING`, of the checkpoint that was not reached."
    )
    title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="Number of cases. The causes of a cell add up to its `count`.")

    @strawberry.field(description="The cases of `count`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases lost."""
        number = f"lost/{self.key}"
        return await self.drilldown.page(info, self.trace.key, (number,), self.trace.segment, first, after)

    trace: strawberry.Private[Trace]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(
    description="Cases lost in one stage for one stated reason with one evidence. Every loss of `lossReasons` is in exactly one cell."
)
class LossForensicsCell(LostCases):
    """Cases lost in one stage for one stated reason with one evidence."""

    evidence: LossEvidence = strawberry.field(description="What the record shows.")
    causes: list[LossCause] = strawberry.field(description="What it is about; empty for `NONE`.")
    reason_count: int = strawberry.field(
        description="All losses of the stage for the reason in the segment, as in `lossReasons`: the denominator of `share`."
    )
    share: Decimal | None = strawberry.field(description="`count / reasonCount`.")


def forensic_cells(
    context: RequestContext, figures: ForensicFigures, dimensions: list[Dimension], frame: FigureFrame
) -> list[LossForensicsCell]:
    """Cells as the API shows them, those with most cases first."""
    drilldown = Drilldown(context, figures.members)
    return [_cell(context, trace, dimensions, frame, drilldown) for trace in figures.traces]


def _cell(
    context: RequestContext, trace: Trace, dimensions: list[Dimension], frame: FigureFrame, drilldown: Drilldown
) -> LossForensicsCell:
    return LossForensicsCell(
        **lost_cases(context, trace, dimensions, frame, drilldown),
        evidence=trace.evidence,
        causes=[_cause(cause, trace, drilldown, context.language) for cause in trace.causes],
        reason_count=trace.of_reason,
        share=rate(Fraction(trace.cases, trace.of_reason)),
    )


def _cause(cause: Cause, trace: Trace, drilldown: Drilldown, language: str) -> LossCause:
    title = cause.titles["ru" if language == "ru" else "en"]
    return LossCause(key=cause.key, title=title, count=cause.cases, trace=trace, drilldown=drilldown)
