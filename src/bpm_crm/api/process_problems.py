"""What is wrong with a process document, as the API tells it: each problem with its place, its line and its cure."""

from collections.abc import Sequence

import strawberry

from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import UserError, text
from bpm_crm.api.traces import TraceStepType, step_type
from bpm_crm.engine.problems import Problem

MOST_PROBLEMS = 200


@strawberry.type(description="One thing that is wrong with a process document.")
class DocumentProblem:
    """One thing that is wrong with a process document."""

    code: str = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(
        description="What is wrong and what cures it, in the language of `Accept-Language`."
    )
    path: list[str] = strawberry.field(description="Keys that lead to the place in the document.")
    line: int | None = strawberry.field(description="Line of the text, from 1; null where the place has none.")
    trace: list[TraceStepType] = strawberry.field(
        description="A counter-example: steps that lead a case to where the fault shows; empty where no steps could show it."
    )


@strawberry.type(
    description="The document cannot be taken; `problems` has everything that is wrong. Nothing was written."
)
class InvalidDocument(UserError):
    """The document cannot be taken."""

    problems: list[DocumentProblem] = strawberry.field(
        description=f"Everything that is wrong, in the order of the checks; at most {MOST_PROBLEMS}."
    )


def document_problems(problems: Sequence[Problem], language: str) -> list[DocumentProblem]:
    """Problems in a language."""
    return [
        DocumentProblem(
            code=problem.code.value,
            message=problem.text(language),
            path=list(problem.path),
            line=problem.line or None,
            trace=[step_type(step) for step in problem.trace],
        )
        for problem in problems[:MOST_PROBLEMS]
    ]


def invalid_document(context: RequestContext, problems: Sequence[Problem], path: Sequence[str]) -> InvalidDocument:
    """The refusal of a document."""
    shown = document_problems(problems, context.language)
    message = text("INVALID_DOCUMENT", context.language, count=len(problems), first=shown[0].message)
    return InvalidDocument(code="INVALID_DOCUMENT", message=message, path=list(path), problems=shown)
