"""What pictures of processes are asked with, and how they are answered."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, PeriodInput
from bpm_crm.api.references import InstanceRef
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight


class DiagramFormat(Enum):
    """As what a picture is written."""

    SVG = "svg"
    MERMAID = "mermaid"
    BPMN = "bpmn"


class DiagramOverlay(Enum):
    """What is written over a picture."""

    NONE = "none"
    COUNTS = "counts"
    BOTTLENECKS = "bottlenecks"
    INSTANCE = "instance"


class DiagramLanguage(Enum):
    """The language of a picture."""

    EN = "en"
    RU = "ru"


expose(
    DiagramFormat,
    "As what a picture of a process is written.",
    {
        DiagramFormat.SVG: "An image that stands alone, light and dark by the reader's scheme; without scripts and outside references.",
        DiagramFormat.MERMAID: "A state diagram of Mermaid (`stateDiagram-v2`).",
        DiagramFormat.BPMN: "BPMN 2.0 with a diagram, for bpmn.io and Camunda Modeler; what BPMN lacks is in extension elements and listed in `findings`.",
    },
)
expose(
    DiagramOverlay,
    "What is written over a picture of a process.",
    {
        DiagramOverlay.NONE: "Nothing: the process as it is defined.",
        DiagramOverlay.COUNTS: "Cases in each stage, and the median working time of first visits, as `stageTimes` has them.",
        DiagramOverlay.BOTTLENECKS: "Slow stages: late against their targets, and by their share of all working time.",
        DiagramOverlay.INSTANCE: "The way of one case: stages visited, moves with steps and times, where it is.",
    },
)
expose(
    DiagramLanguage,
    "The language of a picture.",
    {DiagramLanguage.EN: "English.", DiagramLanguage.RU: "Russian."},
)
expose(
    Weight,
    "What a finding about a translation means for its result.",
    {
        Weight.KEPT: "Not expressed by BPMN itself; kept in extension elements, so that it comes back.",
        Weight.NOTED: "How something was understood, or what was assumed.",
        Weight.LOST: "Left out: there is no counterpart.",
        Weight.REFUSED: "Because of it there is no result.",
    },
)


@strawberry.type(description="Something to be said about a process and its BPMN: what one of them cannot express.")
class BpmnFinding:
    """Something to be said about a process and its BPMN."""

    code: str = strawberry.field(description="Stable code, for programs.")
    weight: Weight = strawberry.field(description="What it means for the result.")
    message: str = strawberry.field(description="What it says, in the language of `Accept-Language`.")
    element: str | None = strawberry.field(description="Id of the element in the BPMN; null: none in particular.")
    kind: str | None = strawberry.field(description="Name of that element in BPMN, for example `parallelGateway`.")
    line: int | None = strawberry.field(description="Line of the file that was read; null where none was.")


@strawberry.type(description="A picture of a process.")
class Diagram:
    """A picture of a process."""

    format: DiagramFormat = strawberry.field(description="As what it is written.")
    overlay: DiagramOverlay = strawberry.field(description="What is written over it.")
    version: int = strawberry.field(description="Version of the process that it shows.")
    media_type: str = strawberry.field(description="Media type of `text`.")
    text: str = strawberry.field(description="The picture. The same process and figures give the same text.")
    as_of: datetime | None = strawberry.field(description="The instant of its figures; null without any.")
    findings: list[BpmnFinding] = strawberry.field(
        description="Of BPMN: what it cannot express by itself. Empty for the other formats."
    )


FormatArgument = Annotated[DiagramFormat, argument(description="As what it is written.")]
OverlayArgument = Annotated[DiagramOverlay, argument(description="What is written over it; nothing unless stated.")]
VersionArgument = Annotated[
    int | None,
    argument(description="Which version; unless stated that of `instance`, else the one that new cases take."),
]
LanguageArgument = Annotated[
    DiagramLanguage | None, argument(description="In which language; that of `Accept-Language` unless stated.")
]
PeriodArgument = Annotated[
    PeriodInput | None,
    argument(description="Of `COUNTS` and `BOTTLENECKS`: whose first visits the times are of; all unless stated."),
]
AsOfArgument = Annotated[datetime | None, argument(description=f"Of `COUNTS` and `BOTTLENECKS`: {AS_OF}")]
KnownAtArgument = Annotated[datetime | None, argument(description=f"Of `COUNTS` and `BOTTLENECKS`: {KNOWN_AT}")]
InstanceArgument = Annotated[InstanceRef | None, argument(description="Of `INSTANCE`: the case.")]


def bpmn_finding(finding: Finding, language: str) -> BpmnFinding:
    """A finding as the API shows it."""
    return BpmnFinding(
        code=FindingCode(finding.code).value,
        weight=finding.weight,
        message=finding.text(language),
        element=finding.element or None,
        kind=finding.kind or None,
        line=finding.line or None,
    )
