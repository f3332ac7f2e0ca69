"""Who was made from whom, as a graph, and the part of it around one encoder as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from catalog.entry import Entry

#: Generations of ancestors that are drawn, and children at most.
GENERATIONS = 5
CHILDREN = 12
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 132, 40, 18, 34


@dataclass(frozen=True)
class Box:
    """One encoder in the drawing.

    Parameters
    ----------
    id : str
        Its id.
    x, y : int
        The upper left corner, in pixels.
    title, subtitle : str
        Two lines of text.
    known : bool
        Whether the catalog holds it.
    here : bool
        Whether the page is its own.
    """

    id: str
    x: int
    y: int
    title: str
    subtitle: str
    known: bool
    here: bool


@dataclass(frozen=True)
class Drawing:
    """Boxes and arrows.

    Parameters
    ----------
    width, height : int
        The size, in pixels.
    boxes : list of Box
        The encoders.
    arrows : list of (int, int, int, int)
        From parent to child: x, y, x, y in pixels.
    """

    width: int
    height: int
    boxes: list[Box]
    arrows: list[tuple[int, int, int, int]]


class Lineage:
    """The graph of entries, with an edge from each parent to what was made from it.

    Parameters
    ----------
    entries : sequence of Entry
        The entries.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(self.entries)
        self.graph.add_edges_from((parent, entry.id) for entry in entries for parent in entry.provenance.lineage)

    def around(self, id: str) -> Drawing | None:
        """Draw an encoder's ancestors, itself and its children in layers.

        Parameters
        ----------
        id : str
            Its id.

        Returns
        -------
        Drawing or None
            The drawing; None if it stands alone.
        """
        near = {id}
        layer = {id}
        for _ in range(GENERATIONS):
            layer = {parent for node in layer for parent in self.graph.predecessors(node)} - near
            near |= layer
        near |= set(sorted(self.graph.successors(id))[:CHILDREN])
        if len(near) == 1:
            return None
        part = self.graph.subgraph(near)
        if not nx.is_directed_acyclic_graph(part):  # a file may claim anything about its parents
            part = nx.DiGraph((a, b) for a, b in part.edges if id in (a, b) and a != b)
            part.add_node(id)
            part.remove_edges_from([(id, other) for other in list(part.predecessors(id))])
        layers = [sorted(generation) for generation in nx.topological_generations(part)]
        return self._draw(id, layers, list(part.edges))

    def _draw(self, id: str, layers: list[list[str]], edges: list[tuple[str, str]]) -> Drawing:
        widest = max(len(layer) for layer in layers)
        width = widest * (BOX_WIDTH + GAP_X) + GAP_X
        boxes = {}
        for row, layer in enumerate(layers):
            start = (width - len(layer) * (BOX_WIDTH + GAP_X) + GAP_X) // 2
            for column, node in enumerate(layer):
                x, y = start + column * (BOX_WIDTH + GAP_X), GAP_X + row * (BOX_HEIGHT + GAP_Y)
                entry = self.entries.get(node)
                title = f"{entry.format} rank {entry.rank}" if entry else "not in this catalog"
                subtitle = entry.provenance.strategy[:20] if entry else node[:10]
                boxes[node] = Box(node, x, y, title, subtitle, entry is not None, node == id)
        arrows = [
            (boxes[a].x + BOX_WIDTH // 2, boxes[a].y + BOX_HEIGHT, boxes[b].x + BOX_WIDTH // 2, boxes[b].y)
            for a, b in sorted(edges)
        ]
        height = len(layers) * (BOX_HEIGHT + GAP_Y) + GAP_X
        return Drawing(width, height, list(boxes.values()), arrows)
