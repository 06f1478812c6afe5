"""What is wrong with an input by itself, before any case is looked at: each fault with its place and what would be accepted."""

from typing import Any

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.texts import shown

MOST_KEY = 200
MOST_COMMENT = 4_000
KEY_DESCRIPTION = "One key per intent: for 30 days a repetition gets the first answer instead of a second step."


def flaws(
    *,
    comment: str | None = None,
    is_comment_required: bool = False,
    data: Any = None,
    idempotency_key: str | None = None,
) -> tuple[InputProblem, ...]:
    """The faults of the members that several inputs share."""
    found = [
        *_text_flaws("comment", comment, MOST_COMMENT, is_required=is_comment_required),
        *_text_flaws("idempotencyKey", idempotency_key, MOST_KEY, is_required=idempotency_key is not None),
    ]
    if data is not None and not isinstance(data, dict):
        expected = {"expected": "object of field values by key"}
        found.append(InputProblem(InputCode.WRONG_TYPE, ("data",), shown(data), params=expected))
    return tuple(found)


def _text_flaws(name: str, text: str | None, most: int, *, is_required: bool) -> list[InputProblem]:
    if is_required and not (text or "").strip():
        return [InputProblem(InputCode.WRONG_TYPE, (name,), text or "", params={"expected": "text that is not empty"})]
    if text is not None and len(text) > most:
        return [InputProblem(InputCode.TOO_LONG, (name,), params={"limit": str(most)})]
    return []
