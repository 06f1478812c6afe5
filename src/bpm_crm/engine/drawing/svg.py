"""A picture as SVG: stands alone, follows the light or dark scheme of the reader, holds no script and no outside reference."""

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.drawing.lettering import wrapped
from bpm_crm.engine.drawing.marks import BARE, Marks
from bpm_crm.engine.drawing.picture import (
    LABEL,
    LEADING,
    MARGIN,
    NOTE,
    PADDING,
    START,
    Label,
    Picture,
    Stand,
    picture_of,
    titles_by_step,
)
from bpm_crm.engine.drawing.routing import Box, Point
from bpm_crm.engine.drawing.style import STYLE
from bpm_crm.engine.drawing.wording import FUNNEL, PICTURE

_ROUND: Final = 7
_HEAD: Final = 8


def svg(definition: ProcessDefinition, version: int, language: str, marks: Marks = BARE) -> str:
    """The picture of a definition, with what an overlay writes over it; `language` is `en` or `ru`. The same input gives the same text."""
    picture = picture_of(definition, marks, language)
    plan = picture.plan
    title = PICTURE.in_language(language).format(title=definition.title.in_language(language), version=version)
    legend = _legend(definition, marks, language, plan.width)
    height = plan.height + len(legend) * NOTE * 1.5
    size = f"{_number(plan.width)} {_number(height)}"
    sides = f'width="{_number(plan.width)}" height="{_number(height)}"'
    named = f"lang={quoteattr(language)} aria-label={quoteattr(_clean(title))}"
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bpm-crm" viewBox="0 0 {size}" {sides} role="img" {named}>',
        f"<title>{_text(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" {sides} rx="12"/>',
        *_ways(picture, marks),
        *_start(plan.nodes[picture.graph.initial]),
        *(line for stand in picture.stands for line in _stand(stand, plan.nodes[stand.key])),
        *(line for label, box in zip(picture.labels, plan.labels, strict=True) for line in _label(label, box)),
        *(_line("legend", MARGIN, plan.height + place * NOTE * 1.5, text) for place, text in enumerate(legend)),
        "</svg>",
    )
    return "\n".join(lines) + "\n"


def _ways(picture: Picture, marks: Marks) -> Iterator[str]:
    """The lines, those that the case took last, so that they lie above the others."""
    drawn = sorted(
        zip(picture.graph.moves, picture.labels, picture.plan.ways, strict=True), key=lambda item: item[1].is_taken
    )
    for move, label, points in drawn:
        classes = [
            "way",
            *(["taken"] if label.is_taken else ["quiet"] if marks.is_path else []),
            *(["forced"] if label.is_forced else []),
        ]
        yield f'<g class="{" ".join(classes)}" data-from={quoteattr(move.source)} data-to={quoteattr(move.target)}>'
        yield f'<path class="line" d="{_path(points)}"/>'
        x, y = points[-1]
        yield f'<path class="head" d="M{_number(x)} {_number(y)} l{-_HEAD / 2:g} {-_HEAD} h{_HEAD} z"/>'
        yield "</g>"


def _path(points: Sequence[Point]) -> str:
    """A line with round bends; the last point is kept free of the arrow's head."""
    bends = _without_repeats([*points[:-1], (points[-1][0], points[-1][1] - _HEAD + 1)])
    parts = [f"M{_number(bends[0][0])} {_number(bends[0][1])}"]
    for before, at, after in zip(bends, bends[1:], bends[2:], strict=False):
        into, out = _towards(at, before), _towards(at, after)
        parts.append(f"L{into} Q{_number(at[0])} {_number(at[1])} {out}")
    parts.append(f"L{_number(bends[-1][0])} {_number(bends[-1][1])}")
    return " ".join(parts)


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    return [point for place, point in enumerate(points) if not place or point != points[place - 1]]


def _towards(at: Point, other: Point) -> str:
    """A point near a bend on the way to another one, at most half way."""
    across, along = other[0] - at[0], other[1] - at[1]
    length = abs(across) + abs(along)
    share = min(_ROUND, length / 2) / length
    return f"{_number(at[0] + across * share)} {_number(at[1] + along * share)}"


def _start(box: Box) -> Iterator[str]:
    x, y = box.x - START + 8, box.y + box.height / 2
    yield '<g class="way start">'
    yield f'<circle class="dot" cx="{_number(x)}" cy="{_number(y)}" r="7"/>'
    yield f'<path class="line" d="M{_number(x + 7)} {_number(y)} H{_number(box.x - _HEAD + 1)}"/>'
    yield f'<path class="head" d="M{_number(box.x)} {_number(y)} l{-_HEAD} {-_HEAD / 2:g} v{_HEAD} z"/>'
    yield "</g>"


def _stand(stand: Stand, box: Box) -> Iterator[str]:
    mark = stand.mark
    classes = ["stage", "any" if stand.kind is None else stand.kind.value]
    classes += [f"heat-{mark.heat.value}"] if mark.heat is not None else []
    classes += [name for name, holds in (("visited", mark.is_visited), ("current", mark.is_current)) if holds]
    yield f'<g class="{" ".join(classes)}" data-stage={quoteattr(stand.key)}>'
    sides = f'x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'
    yield f'<rect class="box" {sides} rx="9"/>'
    y = box.y + (box.height - sum(text.size * LEADING for text in stand.texts)) / 2
    for text in stand.texts:
        y += text.size * LEADING
        base = y - text.size * 0.32
        if text.role.startswith("clock"):
            if text.role == "clock":
                yield _face(box.x + PADDING + 6, base - text.size * 0.36)
            yield _line("clock", box.x + PADDING + 18, base, text.line)
        else:
            yield _line(f"{text.role} middle", box.x + box.width / 2, base, text.line)
    for place, step in enumerate(stand.steps):
        yield from _badge(step, box.x + 4 + 22 * place, box.y)
    yield "</g>"


def _face(x: float, y: float) -> str:
    """A small clock."""
    return f'<path class="face" d="M{_number(x - 5.5)} {_number(y)} a5.5 5.5 0 1 1 11 0 a5.5 5.5 0 1 1 -11 0 M{_number(x)} {_number(y - 3.2)} v3.2 l2.4 1.6"/>'


def _badge(step: int, x: float, y: float) -> Iterator[str]:
    """The number of a funnel step."""
    yield f'<circle class="badge" cx="{_number(x)}" cy="{_number(y)}" r="10"/>'
    yield _line("count middle", x, y + 4.2, str(step))


def _label(label: Label, box: Box) -> Iterator[str]:
    indent = 24 * len(label.steps)
    for place, step in enumerate(label.steps):
        yield from _badge(step, box.x + 10 + 24 * place, box.y + box.height / 2)
    for place, line in enumerate(label.lines):
        y = box.y + (place + 1) * LABEL * LEADING - LABEL * 0.32
        yield _line("move taken" if line.is_taken else "move", box.x + indent, y, line.text)


def _legend(definition: ProcessDefinition, marks: Marks, language: str, width: float) -> list[str]:
    steps = titles_by_step(definition, language)
    told = " · ".join(f"{number} {title}" for number, title in steps.items())
    said = [*([f"{FUNNEL.in_language(language)}: {told}"] if steps else []), *marks.legend]
    return [line for text in said for line in wrapped(text, width - 2 * MARGIN, NOTE, most=4)]


def _line(classes: str, x: float, y: float, text: str) -> str:
    return f'<text class="{classes}" x="{_number(x)}" y="{_number(y)}">{_text(text)}</text>'


def _text(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(
        character
        for character in text
        if character >= " " and character not in "\ufffe\uffff" and not "\ud800" <= character <= "\udfff"
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
