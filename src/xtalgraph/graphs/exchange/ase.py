"""Exchange with the neighbour lists of ASE."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.crystal import from_crystal, to_crystal


class AseNeighbors(NamedTuple):
    """Atoms and their neighbour list, as ``ase.neighborlist.neighbor_list("ijS", ...)`` has it."""

    atoms: Any
    """``ase.Atoms``."""
    i: Int[np.ndarray, " edges"]
    """The atom that looks, our center; sorted."""
    j: Int[np.ndarray, " edges"]
    """The atom that is seen, our neighbor."""
    S: Int[np.ndarray, "edges 3"]
    """Cell shift of j, our image: D = positions[j] + S @ cell − positions[i]."""


def to_ase_neighbors(graph: CrystalGraph) -> AseNeighbors:
    """Return the atoms and the neighbour list of a graph.

    ASE's ``d`` and ``D`` are ``graph.distance`` and ``graph.vector``.

    Args:
        graph: Of one crystal.

    Returns:
        ``atoms, i, j, S``; coordinates in float64.

    Raises:
        GraphError: If the graph holds several crystals, or none.
    """
    ends = (part.cpu().numpy() for part in (graph.center, graph.neighbor, graph.image.long()))
    return AseNeighbors(to_ase(to_crystal(graph)), *ends)


def from_ase_neighbors(
    atoms: Any,
    i: Int[np.ndarray, " edges"],
    j: Int[np.ndarray, " edges"],
    S: Int[np.ndarray, "edges 3"],
) -> CrystalGraph:
    """Return the graph of atoms whose neighbour list is known.

    A ``NeighborList`` object of ASE must have been made with ``bothways=True`` and
    ``self_interaction=False``; its ``get_neighbors(a)`` gives j and S of one atom.

    Args:
        atoms: ``ase.Atoms``.
        i: The atom that looks.
        j: The atom that is seen.
        S: Cell shift of j.

    Returns:
        The graph, in float64 on the CPU.

    Raises:
        GraphError: If an edge repeats another, or joins an atom to itself.
        InputError: If a direction repeats but has no lattice vector.

    >>> from ase.build import bulk
    >>> from ase.neighborlist import neighbor_list
    >>> copper = bulk("Cu")
    >>> from_ase_neighbors(copper, *neighbor_list("ijS", copper, 3.0)).degree.tolist()
    [12]
    """
    return from_crystal(from_ase(atoms), i, j, S)
