"""Exchange with pymatgen's ``StructureGraph``."""

from typing import Any

import numpy as np

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.convert import from_pymatgen, to_pymatgen
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.crystal import from_crystal, to_crystal


def to_structure_graph(graph: CrystalGraph) -> Any:
    """Return a pymatgen ``StructureGraph``, whose bonds have no direction.

    Each pair of opposite edges becomes one bond, with the distance in Å for its weight. pymatgen
    keeps coordinates in units of the lattice vectors, so positions come back to rounding.

    Args:
        graph: Of one crystal; every edge must have its reverse.

    Raises:
        GraphError: If the graph holds several crystals, or none, or an edge has no reverse.
    """
    from pymatgen.core.graphs import StructureGraph

    crystal = to_crystal(graph)
    columns = (graph.center, graph.neighbor, graph.image, graph.distance.detach())
    edges = {
        (center, neighbor, *image): distance
        for center, neighbor, image, distance in zip(*(c.tolist() for c in columns), strict=True)
    }
    made = StructureGraph.from_empty_graph(
        to_pymatgen(crystal), name="bonds", edge_weight_name="distance", edge_weight_units="Å"
    )
    for (center, neighbor, *image), distance in edges.items():
        back = [-n for n in image]
        if (neighbor, center, *back) not in edges:
            raise GraphError(
                f"a StructureGraph has no directions, and in {crystal.formula} atom {neighbor} in "
                f"image {image} is a neighbour of atom {center}, but not the other way round, as "
                "happens among nearest neighbours; use radius or bonded, or hand it to PyG, ASE, "
                "networkx or DGL"
            )
        if (center, neighbor, image) < (neighbor, center, back):
            made.add_edge(center, neighbor, to_jimage=tuple(image), weight=distance)
    return made


def from_structure_graph(structure_graph: Any) -> CrystalGraph:
    """Return the graph of a pymatgen ``StructureGraph``: two opposite edges for each bond.

    Args:
        structure_graph: With one full atom on each site; weights and properties are left behind.

    Returns:
        The graph, in float64 on the CPU.

    Raises:
        InputError: If a site is partially occupied, or holds no element.
        GraphError: If a bond joins an atom to itself, or stands twice.
    """
    bonds = structure_graph.graph.edges(data="to_jimage")
    rows = np.array([(i, j, *image) for i, j, image in bonds], dtype=np.int64).reshape(-1, 5)
    first, second, image = rows[:, 0], rows[:, 1], rows[:, 2:]
    return from_crystal(
        from_pymatgen(structure_graph.structure),
        np.concatenate([first, second]),
        np.concatenate([second, first]),
        np.concatenate([image, -image]),
    )
