"""The documentation as data: its pages, their fenced blocks, headings and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the heading it stands under."""

    language: str
    text: str
    heading: str


def blocks(page: Path, language: str | None = None, under: str | None = None) -> list[Block]:
    """The fenced blocks of a page, of one language and under one heading where those are given."""
    text = page.read_text(encoding="utf-8")
    found = [Block(match[1], match[2], _heading_before(text, match.start())) for match in _FENCE.finditer(text)]
    return [
        block
        for block in found
        if (language is None or block.language == language) and (under is None or block.heading == under)
    ]


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> list[str]:
    """The headings of a page, without their marks."""
    return re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page get on a forge: lower case, punctuation dropped, spaces as hyphens."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def links(page: Path) -> Iterator[str]:
    """The targets of the links and pictures of a page that do not lead to another site."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


def tables(page: Path, under: str) -> list[list[str]]:
    """The rows of every table between a heading and the next one, heads included and rules left out; cells without backticks."""
    part = re.split(rf"^#+ +{re.escape(under)} *$", page.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)[1]
    lines = [
        line for line in re.split(r"^#+ ", part, maxsplit=1, flags=re.MULTILINE)[0].splitlines() if line[:1] == "|"
    ]
    rows = [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in lines]
    return [row for row in rows if set("".join(row)) - set("-: ")]


def _heading_before(text: str, position: int) -> str:
    found = re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", text[:position]), re.MULTILINE)
    return found[-1] if found else ""
