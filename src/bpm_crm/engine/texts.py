"""What counts as a text, and how a value from outside is shown in one."""

from typing import Any

MOST_SHOWN = 60
_MOST_DIGITS = 10**MOST_SHOWN


def is_text(value: str) -> bool:
    """Whether a string can be written as UTF-8: half a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: Any) -> str:
    """A value from outside, for a message: shortened, and always a text."""
    if isinstance(value, int) and abs(value) >= _MOST_DIGITS:
        return f"a number of more than {MOST_SHOWN} digits"
    text = str(value)
    if not is_text(text):
        text = ascii(text)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
