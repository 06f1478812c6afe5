"""The words of pictures that no document has, in both languages, and spans of time in short."""

from typing import Final

from bpm_crm.engine.definition import Span, Title
from bpm_crm.engine.duration import BusinessDays
from bpm_crm.engine.instants import SECOND

ANY_STAGE: Final = Title("Every stage that is no end", "Любая незавершённая стадия")
BY_FORCE: Final = Title("by force", "принудительно")
FUNNEL: Final = Title("Steps of the funnel", "Шаги воронки")
PICTURE: Final = Title("Process “{title}”, version {version}", "Процесс «{title}», версия {version}")

_UNITS: Final = ((86_400, Title("d", "дн")), (3_600, Title("h", "ч")), (60, Title("min", "мин")), (1, Title("s", "с")))
_DAY: Final = Title("1 business day", "1 раб. день")
_DAYS: Final = Title("{days} business days", "{days} раб. дн.")


def span_text(span: Span, language: str) -> str:
    """A target in short: `15 min`, `2 business days`."""
    if isinstance(span, BusinessDays):
        return (_DAY if span.days == 1 else _DAYS).in_language(language).format(days=span.days)
    return seconds_text(span.microseconds / SECOND, language, days=False)


def seconds_text(seconds: float, language: str, *, days: bool = True) -> str:
    """A length of time in its two greatest units, rounded down: `3 d 4 h`, `12 min`; without `days` hours are the greatest."""
    rest = int(seconds)
    parts: list[str] = []
    for length, unit in _UNITS[0 if days else 1 :]:
        number, rest = divmod(rest, length)
        if number or parts:
            parts.append(f"{number} {unit.in_language(language)}" if number else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or f"0 {_UNITS[-1][1].in_language(language)}"
