"""Exchange with networkx."""

from typing import Any

import numpy as np

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.crystal import from_crystal, to_crystal


def to_networkx(graph: CrystalGraph) -> Any:
    """Return a ``networkx.MultiDiGraph`` whose edges go as messages do, from neighbor to center.

    So ``in_degree`` is ``graph.degree``. The graph has the attributes ``cell`` and ``pbc``, a node
    ``number`` and ``position``, an edge ``distance``; the key of an edge is its image. All are
    plain numbers and tuples of them.

    Args:
        graph: Of one crystal.

    Raises:
        GraphError: If the graph holds several crystals, or none.
        MissingExtraError: If networkx is not installed.
    """
    networkx = import_extra("networkx")
    crystal = to_crystal(graph)
    made = networkx.MultiDiGraph(
        cell=tuple(map(tuple, crystal.cell.tolist())), pbc=tuple(crystal.pbc.tolist())
    )
    for atom, (number, position) in enumerate(
        zip(crystal.numbers.tolist(), crystal.positions.tolist(), strict=True)
    ):
        made.add_node(atom, number=number, position=tuple(position))
    columns = (graph.neighbor, graph.center, graph.image, graph.distance.detach())
    for neighbor, center, image, distance in zip(*(c.tolist() for c in columns), strict=True):
        made.add_edge(neighbor, center, key=tuple(image), distance=distance)
    return made


def from_networkx(graph: Any) -> CrystalGraph:
    """Return the graph of a ``networkx.MultiDiGraph`` with the attributes that `to_networkx` sets.

    Args:
        graph: Its nodes are 0 to one less than the number of atoms; distances are not read.

    Returns:
        The graph, in float64 on the CPU.

    Raises:
        GraphError: If it is of another type, an attribute is missing, or an edge cannot be.
        MissingExtraError: If networkx is not installed.
    """
    networkx = import_extra("networkx")
    if not isinstance(graph, networkx.MultiDiGraph):
        raise GraphError(
            f"a periodic graph needs a networkx.MultiDiGraph, got a {type(graph).__name__}: there "
            "may be several edges between two atoms, and each has a direction"
        )
    if set(graph) != set(range(len(graph))):
        raise GraphError(
            f"the nodes must be 0 to {len(graph) - 1}, got {list(graph)[:5]}; relabel them"
        )
    try:
        crystal = Crystal(
            np.array(graph.graph["cell"]),
            np.array([graph.nodes[atom]["position"] for atom in range(len(graph))]),
            np.array([graph.nodes[atom]["number"] for atom in range(len(graph))]),
            np.array(graph.graph["pbc"]),
        )
    except KeyError as error:
        raise GraphError(
            f"the attribute {error} is missing; a graph needs cell and pbc, a node number and "
            "position"
        ) from error
    rows = [(center, neighbor, *image) for neighbor, center, image in graph.edges(keys=True)]
    if any(len(row) != 5 for row in rows):
        raise GraphError("the key of an edge must be its image, three whole numbers")
    edges = np.array(rows, dtype=np.int64).reshape(-1, 5)
    return from_crystal(crystal, edges[:, 0], edges[:, 1], edges[:, 2:])
