"""The crystal of a graph, and the graph of a crystal whose edges are known."""

import numpy as np
import torch
from jaxtyping import Int

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.occupancies import Occupancies
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.assembly import assemble
from xtalgraph.graphs.shares import charges_of, shares_of


def to_crystal(graph: CrystalGraph) -> Crystal:
    """Return the crystal of a graph, without its edges.

    Args:
        graph: Of one crystal; a batch is taken apart by ``graph.split()``.

    Returns:
        The crystal, in float64.

    Raises:
        GraphError: If the graph holds several crystals, or none.
    """
    if len(graph) != 1:
        raise GraphError(
            f"this graph holds {len(graph)} crystals, and the other library has one graph for "
            "each: convert the parts of graph.split() one by one, and collate them on the way back"
        )
    parts = (graph.cell[0], graph.position, graph.number, graph.pbc[0])
    cell, position, number, pbc = (part.detach().cpu().numpy() for part in parts)
    shares = (graph.share_atom, graph.share_species, graph.share)
    held = Occupancies(*(part.detach().cpu().numpy() for part in shares))
    charge = graph.charge.detach().cpu().numpy()
    charges = charge if np.isfinite(charge).all() else None
    return Crystal(cell, position, number, pbc, held if len(graph.share) else None, charges)


def from_crystal(
    crystal: Crystal,
    center: Int[np.ndarray, " edges"],
    neighbor: Int[np.ndarray, " edges"],
    image: Int[np.ndarray, "edges 3"],
) -> CrystalGraph:
    """Return the graph of a crystal whose edges are known, in float64 on the CPU.

    Args:
        crystal: One crystal.
        center: The atom that receives along each edge.
        neighbor: The atom that sends.
        image: Lattice translation of the neighbor.

    Raises:
        GraphError: If an edge cannot be; see `assemble`.
    """

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(values))  # a copy: a crystal's arrays are read-only

    return assemble(
        CrystalGraph,
        num_atoms=torch.tensor([len(crystal)]),
        cell=tensor(crystal.cell).unsqueeze(0),
        pbc=tensor(crystal.pbc).unsqueeze(0),
        number=tensor(crystal.site_numbers),
        position=tensor(crystal.positions),
        center=tensor(np.asarray(center, dtype=np.int64)),
        neighbor=tensor(np.asarray(neighbor, dtype=np.int64)),
        image=tensor(np.asarray(image, dtype=np.int32).reshape(-1, 3)),
        charge=tensor(charges_of(crystal)),
        **shares_of([crystal]),
    )
