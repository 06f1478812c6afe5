"""The enums of the review cycle as GraphQL enums, with a description of every value."""

from bpm_crm.analytics.behaviour_charts import NEAR, NEAR_OF, RUN, ChartSignal
from bpm_crm.analytics.effects import EffectMethod, EffectVerdict
from bpm_crm.analytics.kpi_moves import Decomposition
from bpm_crm.api.exposing import expose
from bpm_crm.operations.action_problems import ExpectedDirection
from bpm_crm.operations.corrective_actions import CorrectiveActionStatus
from bpm_crm.operations.review_journal import ReviewChangeKind
from bpm_crm.operations.review_periods import ReviewRhythm

expose(
    ReviewRhythm,
    "How often a process is reviewed. Periods follow each other from a first day on, in the company's time zone.",
    {
        ReviewRhythm.WEEKLY: "Every seven days.",
        ReviewRhythm.MONTHLY: "Every month, from the same day on.",
        ReviewRhythm.QUARTERLY: "Every three months, from the same day on.",
    },
)
expose(
    CorrectiveActionStatus,
    "What has become of a corrective action.",
    {
        CorrectiveActionStatus.OPEN: "It is planned or going on.",
        CorrectiveActionStatus.COMPLETED: "What was to be done is done, and stays in force unless `endsOn` says otherwise.",
        CorrectiveActionStatus.CANCELLED: "It was given up on `endsOn`.",
    },
)
expose(
    ExpectedDirection,
    "Where a KPI is expected to move.",
    {ExpectedDirection.UP: "To higher values.", ExpectedDirection.DOWN: "To lower values."},
)
expose(
    ReviewChangeKind,
    "What was done to a review schedule or corrective action.",
    {
        ReviewChangeKind.ADDED: "It was added.",
        ReviewChangeKind.CHANGED: "Some of it was changed.",
        ReviewChangeKind.COMMENTED: "It was commented on, and nothing changed.",
        ReviewChangeKind.COMPLETED: "The action was completed.",
        ReviewChangeKind.CANCELLED: "The action was cancelled.",
        ReviewChangeKind.STOPPED: "The reviews were stopped.",
    },
)
expose(
    EffectMethod,
    "How an effect is measured. Each allows for a steady drift, and for weeks that resemble the week before.",
    {
        EffectMethod.BEFORE_AFTER: "A step of the level at the start, beside an XmR chart.",
        EffectMethod.INTERRUPTED_SERIES: "Segmented regression: level and drift may both change at the start. Takes more weeks.",
        EffectMethod.COMPARISON: "A step in the difference to other cases (difference in differences): what befell both is no effect.",
    },
)
expose(
    EffectVerdict,
    "What a measurement says. Without any effect, evidence for one is found in at most 5 % of series.",
    {
        EffectVerdict.EVIDENCE_FOR_IMPROVEMENT: "The whole interval lies on the better side of nothing.",
        EffectVerdict.EVIDENCE_FOR_DETERIORATION: "The whole interval lies on the worse side of nothing.",
        EffectVerdict.NO_EVIDENCE: "The interval holds nothing, too: chance explains what is seen. That is no proof that there is no effect.",
        EffectVerdict.NOT_ENOUGH_DATA: "Too few weeks before or after the start have a value.",
    },
)
expose(
    ChartSignal,
    "Why a week of an XmR chart is unlike those before the start. A chart shows where to look; the verdict is not made of it.",
    {
        ChartSignal.OUTSIDE_LIMITS: "It lies outside the natural process limits.",
        ChartSignal.NEAR_LIMIT: f"{NEAR} of {NEAR_OF} weeks in a row are closer to one limit than to the mean.",
        ChartSignal.LONG_RUN: f"{RUN} weeks in a row lie on one side of the mean.",
        ChartSignal.WIDE_RANGE: "It is farther from the week before than the upper range limit.",
    },
)
expose(
    Decomposition,
    "How the move of a KPI is made of those of its segments.",
    {
        Decomposition.DIFFERENCES: "A count or sum: by the difference of each segment. `mix` is 0.",
        Decomposition.RATE_AND_MIX: "A share, mean or ratio: by the change of each segment's rate, and by that of its weight.",
    },
)
