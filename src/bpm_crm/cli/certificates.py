"""A certificate of soundness as lines for people."""

from collections.abc import Iterator, Sequence

from bpm_crm.engine.duration import format_duration
from bpm_crm.engine.soundness.certificate import Certificate
from bpm_crm.engine.soundness.undecided import PROPERTY_TEXTS
from bpm_crm.engine.soundness.worst_case import WorstCase
from bpm_crm.engine.traces import TraceStep


def certificate_lines(certificate: Certificate, language: str) -> Iterator[str]:
    """What was proved, what was not decided, waivers, the shortest way to a won end, and the bound by the clocks."""
    yield f"Proved by {certificate.solver} in {certificate.milliseconds} ms:"
    for found, count in certificate.proved.items():
        yield f"  {PROPERTY_TEXTS[found].in_language(language)} ({count})"
    yield f"Not decided: {len(certificate.undecided) or 'nothing'}"
    for item in certificate.undecided:
        yield f"  {item.text(language)}"
    for stage, title in certificate.waivers.items():
        yield f"Without a clock: {stage}: {title.in_language(language)}"
    yield f"Shortest way to a won end: {len(certificate.shortest)} steps"
    yield from trace_lines(certificate.shortest)
    yield from _worst_case_lines(certificate.worst_case)


def trace_lines(trace: Sequence[TraceStep]) -> Iterator[str]:
    """The steps of a trace, numbered."""
    for number, step in enumerate(trace, 1):
        yield f"  {number}. {step.text()}"


def _worst_case_lines(worst: WorstCase) -> Iterator[str]:
    if worst.unbounded:
        yield f"Worst case by the clocks: unbounded, no clock bounds the stay in {', '.join(worst.unbounded)}"
        return
    parts = [f"{worst.business_days} business days"] if worst.business_days else []
    parts += [f"{format_duration(worst.working_time)} of business time"] if worst.working_time else []
    parts += [f"{format_duration(worst.elapsed_time)} round the clock"] if worst.elapsed_time else []
    most = "" if worst.is_exact else "at most "
    yield f"Worst case by the clocks: {most}{' and '.join(parts) or 'none'}"
    for limit in worst.limits:
        yield f"  {limit.stage}: {limit.target} ({limit.clock})"
