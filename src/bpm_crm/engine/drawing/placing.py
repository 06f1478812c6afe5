"""Which cell of a grid each node of a picture stands in: the way to the goal straight down, everything else beside it."""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Final

from bpm_crm.engine.drawing.graph import ANYWHERE, Graph, followers

Cell = tuple[int, int]
"""Row and column, from 0."""

_WIDEST: Final = 3


def cells_of(graph: Graph) -> dict[str, Cell]:
    """A cell for every node, each its own.

    The shortest way from the start to the first goal, round the stages in which one waits where that can be, is the first column. Other
    running stages stand beside the first stage that leads to them; ends without success stand in the last row, after `ANYWHERE`.
    """
    spine = _spine(graph)
    cells: dict[str, Cell] = {node: (row, 0) for row, node in enumerate(spine)}
    onward = followers(graph.moves)
    beside = dict.fromkeys(
        node for node in graph.nodes if node not in cells and node not in graph.finals and node != ANYWHERE
    )
    while beside:
        source, node = _next(beside, cells, onward)
        row = cells[source][0] if source is not None else len(spine)
        cells[node] = _free(cells, row, 1)
        del beside[node]
    last = max(row for row, _ in cells.values()) + 1
    if ANYWHERE in graph.nodes:
        cells[ANYWHERE] = (last, 0)
    for node in graph.nodes:
        if node not in cells:
            cells[node] = _free(cells, last, 1 if ANYWHERE in graph.nodes else 0)
    return cells


def _next(
    waiting: Mapping[str, None], cells: Mapping[str, Cell], onward: Mapping[str, list[str]]
) -> tuple[str | None, str]:
    """The first node to which a placed one leads, topmost first, and that one; else the first that waits."""
    for source in sorted(cells, key=lambda key: cells[key]):
        for node in onward.get(source, ()):
            if node in waiting:
                return source, node
    return None, next(iter(waiting))


def _free(cells: Mapping[str, Cell], row: int, first: int) -> Cell:
    """The nearest free cell at or below a row, from a column on."""
    taken = set(cells.values())
    while True:
        for column in range(first, _WIDEST):
            if (row, column) not in taken:
                return row, column
        row += 1


def _spine(graph: Graph) -> list[str]:
    """The way from the start to the nearest goal; where none can be reached, the start alone."""
    onward = followers(graph.moves)
    came: dict[str, str | None] = {}
    queue: list[tuple[int, int, str, str | None]] = [(0, 0, graph.initial, None)]
    entered = 0
    while queue:
        cost, _, node, before = heappop(queue)
        if node in came:
            continue
        came[node] = before
        for target in onward.get(node, ()):
            entered += 1
            further = cost + (len(graph.nodes) if target in graph.waiting else 1)
            heappush(queue, (further, entered, target, node))
    goal: str | None = next((node for node in graph.goals if node in came), graph.initial)
    way: list[str] = []
    while goal is not None:
        way.append(goal)
        goal = came[goal]
    return way[::-1]
