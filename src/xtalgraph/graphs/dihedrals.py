"""Dihedrals: which chains of three edges turn about the one in the middle."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.crystal_graph import CrystalGraph


@dataclass(frozen=True, eq=False)
class Dihedrals:
    """Paths of three edges i → j → k → l, as edges of a graph.

    ``first`` has center i and neighbor j, ``middle`` center j and neighbor k, ``last`` center k
    and neighbor l, each in the image that the edge before leads to. Messages run from l to i.
    """

    first: Int[Tensor, " dihedrals"]
    """The edge that receives."""
    middle: Int[Tensor, " dihedrals"]
    """The edge about which the others turn."""
    last: Int[Tensor, " dihedrals"]
    """The edge that sends."""
    first_triplet: Int[Tensor, " dihedrals"]
    """The triplet of the graph along which the middle edge sends to the first."""
    last_triplet: Int[Tensor, " dihedrals"]
    """The triplet of the graph along which the last edge sends to the middle."""

    def __len__(self) -> int:
        return len(self.first)

    def vectors(
        self, graph: CrystalGraph
    ) -> tuple[
        Float[Tensor, "dihedrals 3"], Float[Tensor, "dihedrals 3"], Float[Tensor, "dihedrals 3"]
    ]:
        """Return the vectors i → j, j → k and k → l, in Å, from which the angle follows."""
        first, middle, last = (
            graph.vector.index_select(0, edge) for edge in (self.first, self.middle, self.last)
        )
        return first, middle, last


def find_dihedrals(graph: CrystalGraph) -> Dihedrals:
    """Find every chain of three edges of a graph that has triplets.

    Two triplets that share an edge make a dihedral: the sending edge of one is the receiving edge
    of the other. So what limits the triplets (`xtalgraph.graphs.angles.Angles`) limits the
    dihedrals. A chain whose last atom is its first, in the same image, is left out. The angle
    follows from `Dihedrals.vectors`; where three consecutive atoms lie on a line there is none.

    Args:
        graph: With triplets whose angle lies at the neighbor of the receiving edge.

    Returns:
        The dihedrals, sorted by their first edge.

    Raises:
        GraphError: If the angles of the triplets lie at the centers.

    Source: Gasteiger, Becker and Günnemann, NeurIPS 2021 (arXiv 2106.08903), for messages over
    them.

    >>> import numpy as np
    >>> from xtalgraph.crystals.crystal import Crystal
    >>> from xtalgraph.graphs.angles import add_triplets
    >>> from xtalgraph.graphs.build import build_graph
    >>> from xtalgraph.graphs.strategies import Radius
    >>> cell, sites = 1.7835 * (1 - np.eye(3)), np.array([[0, 0, 0], [0.25] * 3])
    >>> diamond = Crystal.from_fractional(cell, sites, np.array([6, 6]))
    >>> len(find_dihedrals(add_triplets(build_graph(diamond, Radius(1.6)))))  # 8 · 3 · 3
    72
    """
    if bool(graph.at_center.any()):
        raise GraphError(
            "dihedrals are chains of edges and need triplets whose angle lies at the neighbor of "
            "the receiving edge: add them by Angles(vertex='neighbor')"
        )
    receiving, sending = graph.receiving_edge, graph.sending_edge
    count = torch.bincount(receiving, minlength=len(graph.center))
    start = count.cumsum(0) - count
    mine = count.index_select(0, sending)
    first = torch.arange(len(sending), device=sending.device).repeat_interleave(mine)
    shift = start.index_select(0, sending) - (mine.cumsum(0) - mine)
    second = torch.arange(len(first), device=sending.device) + shift.repeat_interleave(mine)
    chain = (
        receiving.index_select(0, first),
        sending.index_select(0, first),
        sending.index_select(0, second),
    )
    way = torch.stack([graph.image.index_select(0, edge) for edge in chain]).sum(dim=0)
    ends = graph.neighbor.index_select(0, chain[2]), graph.center.index_select(0, chain[0])
    closed = (ends[0] == ends[1]) & (way == 0).all(dim=-1)
    return Dihedrals(*(rows[~closed] for rows in (*chain, first, second)))
