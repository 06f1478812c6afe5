"""Loss forensics once more, slowly and plainly, over the rows of the history."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from bpm_crm.engine.process import Process
from tests.analytics import reference
from tests.analytics.cases import EPOCH, MICROSECOND, Ask, Case, Row, Segment

Trace = tuple[str, str | None, str, str | None, Segment]
"""(stage, reason, evidence, subject, segment)"""

DOCUMENTS = {"offer", "invoice", "payment", "delivery"}
"""The clocks of the sale that wait for a move that needs data."""
MEASURED = {
    "response": "responded",
    "offer": "offer",
    "invoice": "invoiced",
    "payment": "paid",
    "delivery": "delivered",
}
"""The clocks that measure a checkpoint."""
WAYS_ON = {
    "qualification": [("qualify", "interested")],
    "interest": [("make_offer", "offer")],
    "offer": [("revise_offer", "offer")],
    "thinking": [("resume_offer", "offer"), ("resume_interest", "interested")],
    "contract": [("rework", "offer"), ("sign", "contract")],
    "invoicing": [("send_invoice", "invoiced")],
    "payment": [("pay", "paid")],
    "delivery": [("deliver", "delivered")],
}
"""The moves of the sale out of each stage that reach a checkpoint."""


def forensics(cases: Iterable[Case], ask: Ask, processes: Mapping[tuple[UUID, int], Process]) -> dict[Trace, set[UUID]]:
    answer: dict[Trace, set[UUID]] = defaultdict(set)
    for case in cases:
        if not reference.is_counted(case, ask):
            continue
        loss = reference.last_move(case, ask)
        if loss is None or loss["outcome"] != "lost" or not reference.inside(loss["occurred_at"], ask):
            continue
        evidence, subject = _evidence(case, ask, loss, processes)
        answer[loss["from_stage"], loss["reason"], evidence, subject, reference.segment_of(loss, case, ask)].add(
            case.id
        )
    return answer


def _evidence(case: Case, ask: Ask, loss: Row, processes: Mapping[Any, Process]) -> tuple[str, str | None]:
    last: dict[tuple[str, int], tuple[Row, Row]] = {}
    for row in reference.known(case, ask):
        for event in row["clocks"] or ():
            if EPOCH + event["at"] * MICROSECOND <= ask.as_of:
                last[event["clock"], event["cycle"]] = (row, event)
    late = sorted(
        (event["clock"] not in DOCUMENTS, event["due"], event["clock"])
        for _, event in last.values()
        if event["state"] == "breached" and EPOCH + event["due"] * MICROSECOND < loss["occurred_at"]
    )
    if late:
        return ("document_late" if not late[0][0] else "clock_breached"), late[0][2]
    waiting = sorted(
        (event["due"], event["clock"])
        for row, event in last.values()
        if event["state"] == "cancelled" and event["clock"] in MEASURED and row["sequence"] >= loss["sequence"]
    )
    if waiting:
        return "action_missing", MEASURED[waiting[0][1]]
    blocked = _blocked(case, ask, loss, processes[loss["definition_id"], loss["version"]])
    return ("none", None) if blocked is None else ("action_missing", blocked)


def _blocked(case: Case, ask: Ask, loss: Row, process: Process) -> str | None:
    """The checkpoint that no move reached because data was missing; the first one where there are several."""
    data: dict[str, Any] = {}
    reached: set[str] = set()
    for row in reference.known(case, ask):
        if row["occurred_at"] <= loss["occurred_at"]:
            reached |= set(row["checkpoints"] or ())
        if row["sequence"] <= loss["sequence"]:
            data |= row["data"] or {}
    ways = [
        (checkpoint, process.definition.transitions[key].required)
        for key, checkpoint in ways_on(loss["from_stage"], process)
        if checkpoint not in reached
    ]
    if ways and all(any(data.get(field) is None for field in required) for _, required in ways):
        return ways[0][0]
    return None


def ways_on(stage: str, process: Process) -> list[tuple[str, str]]:
    """The contact stages differ by process and version: there the moves need no data."""
    if stage in {"new", "no_answer", "missed"}:
        spoken = process.definition.checkpoints.get("spoken")
        return [("contact", "spoken")] if spoken is not None else []
    return WAYS_ON.get(stage, [])
