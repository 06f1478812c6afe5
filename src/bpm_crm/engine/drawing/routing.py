"""Where the nodes, lines and labels of a picture lie.

Nodes stand in a grid. A line leaves its node to the right, beside its label, goes up or down between the columns and along above the row
of its target, and enters the target from above: no line passes over a node or a label, whatever the graph. Lines to one target run
together; lines to different targets only cross.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from bpm_crm.engine.drawing.placing import Cell

GAP: Final = 12
"""Between lines side by side, and between a line and what it passes."""
ARROW: Final = 16
"""From the last bend of a line to the node it enters."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Something with a place: left upper corner, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Size:
    """What a node needs: its body, and how far from its left side lines enter; `enters` is None for the middle."""

    width: float
    height: float
    enters: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be routed between two nodes, and the size of its label."""

    source: str
    target: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A picture laid out: nodes by key, then for each line its bends and the place of its label, and the size of everything."""

    width: float
    height: float
    nodes: Mapping[str, Box]
    ways: Sequence[Sequence[Point]]
    labels: Sequence[Box]


def plan(
    cells: Mapping[str, Cell],
    sizes: Mapping[str, Size],
    lines: Sequence[Line],
    *,
    margin: float,
    left: float = 0,
    goes_down: bool = True,
) -> Plan:
    """Lay out nodes and lines; `left` is kept free beside the first column.

    With `goes_down` a line to the node right below leaves from the lower side and goes straight down, beside its label.
    """
    return _Planner(cells, sizes, lines, margin, left, goes_down).plan()


class _Planner:
    def __init__(
        self,
        cells: Mapping[str, Cell],
        sizes: Mapping[str, Size],
        lines: Sequence[Line],
        margin: float,
        left: float,
        goes_down: bool,
    ) -> None:
        self.cells, self.sizes, self.lines = cells, sizes, lines
        self.margin, self.left = margin, left
        self.straight = self._straight() if goes_down else {}
        self.rows = range(1 + max(row for row, _ in cells.values()))
        self.columns = range(1 + max(column for _, column in cells.values()))
        beside = sorted(
            (index for index in range(len(lines)) if index not in self.straight.values()),
            key=lambda index: (cells[lines[index].target], index),
        )
        self.beside: dict[str, list[int]] = {
            node: [index for index in beside if lines[index].source == node] for node in cells
        }
        self.entering = {
            row: sorted(
                {lines[index].target for index in beside if cells[lines[index].target][0] == row},
                key=lambda node: cells[node],
            )
            for row in self.rows
        }

    def plan(self) -> Plan:
        nodes, exits = self._rows()
        tracks = self._tracks(nodes, exits)
        zones = [
            max(self._zone(node) for node in self.cells if self.cells[node][1] == column) for column in self.columns
        ]
        widths = [
            max((self.sizes[node].width for node in self.cells if self.cells[node][1] == column), default=0)
            for column in self.columns
        ]
        rooms = [
            width + zone + GAP * (2 + self._count(tracks, column))
            for column, width, zone in zip(self.columns, widths, zones, strict=True)
        ]
        lefts = list(accumulate(rooms, initial=self.margin + self.left))
        placed = {node: Box(lefts[self.cells[node][1]], box.y, box.width, box.height) for node, box in nodes.items()}
        grounds = [lefts[column] + widths[column] + zones[column] + GAP for column in self.columns]
        ways, labels = [], []
        for index, line in enumerate(self.lines):
            source = placed[line.source]
            if self.straight.get(line.source) == index:
                x = source.x + source.width / 2
                ways.append([(x, source.bottom), (x, placed[line.target].y)])
                labels.append(Box(x + 8, source.bottom + 4, line.width, line.height))
                continue
            column = self.cells[line.source][1]
            y, across = exits[index], grounds[column] + GAP * tracks[column, line.target, index]
            over = self._over(placed, line.target)
            enters = self._enters(placed, line.target)
            top = placed[line.target].y
            ways.append([(source.right, y), (across, y), (across, over), (enters, over), (enters, top)])
            labels.append(Box(source.right + 6, y - line.height - 3, line.width, line.height))
        bottom = max(box.bottom for box in (*placed.values(), *labels))
        return Plan(lefts[-1] + self.margin, bottom + self.margin, placed, ways, labels)

    def _straight(self) -> dict[str, int]:
        """The first line from each node to the one right below it."""
        found: dict[str, int] = {}
        for index, line in enumerate(self.lines):
            (row, column), target = self.cells[line.source], self.cells[line.target]
            if target == (row + 1, column):
                found.setdefault(line.source, index)
        return found

    def _zone(self, node: str) -> float:
        """How far the labels of a node reach beyond its right side."""
        below = self.straight.get(node)
        down = 0.0 if below is None else self.lines[below].width + 8 - self.sizes[node].width / 2
        return max([down, *(self.lines[index].width + 6 for index in self.beside[node])])

    def _rows(self) -> tuple[dict[str, Box], dict[int, float]]:
        """The height of everything: the nodes without their x, and the y at which each line leaves."""
        nodes: dict[str, Box] = {}
        exits: dict[int, float] = {}
        y = self.margin
        for row in self.rows:
            y += ARROW + GAP * max(len(self.entering[row]), 1)
            lowest = y
            for node in (node for node in self.cells if self.cells[node][0] == row):
                leaves = y + 4
                for index in self.beside[node]:
                    leaves += self.lines[index].height + 8
                    exits[index] = leaves
                height = max(self.sizes[node].height, leaves + 8 - y if self.beside[node] else 0)
                nodes[node] = Box(0, y, self.sizes[node].width, height)
                below = self.straight.get(node)
                lowest = max(lowest, y + height + (0 if below is None else self.lines[below].height + 8))
            y = lowest
        return nodes, exits

    def _over(self, placed: Mapping[str, Box], target: str) -> float:
        """The y at which lines to a node run along above its row."""
        order = self.entering[self.cells[target][0]]
        return placed[target].y - ARROW - GAP * order.index(target)

    def _enters(self, placed: Mapping[str, Box], target: str) -> float:
        inside = self.sizes[target].enters
        return placed[target].x + (placed[target].width / 2 if inside is None else inside)

    def _tracks(self, nodes: Mapping[str, Box], exits: Mapping[int, float]) -> dict[tuple[int, str, int], int]:
        """For each line the number of the track on which it goes up or down right of its column."""
        spans: dict[tuple[int, str], list[float]] = {}
        members: dict[tuple[int, str], list[int]] = {}
        for node, indices in self.beside.items():
            for index in indices:
                target = self.lines[index].target
                key = self.cells[node][1], target
                over = self._over(nodes, target)
                spans.setdefault(key, []).extend((exits[index], over))
                members.setdefault(key, []).append(index)
        found: dict[tuple[int, str, int], int] = {}
        for column in self.columns:
            taken: list[list[Point]] = []
            keys = sorted(
                (key for key in spans if key[0] == column), key=lambda key: (max(spans[key]) - min(spans[key]), key)
            )
            for key in keys:
                span = min(spans[key]) - GAP, max(spans[key]) + GAP
                track = next(
                    (
                        number
                        for number, others in enumerate(taken)
                        if all(span[1] <= low or high <= span[0] for low, high in others)
                    ),
                    len(taken),
                )
                if track == len(taken):
                    taken.append([])
                taken[track].append(span)
                for index in members[key]:
                    found[column, key[1], index] = track
        return found

    @staticmethod
    def _count(tracks: Mapping[tuple[int, str, int], int], column: int) -> int:
        return 1 + max((track for (place, _, _), track in tracks.items() if place == column), default=-1)
