"""The graph of crystals in space: positions, cells, and the image of every neighbour."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xtalgraph.graphs.graph import Graph, Scope, scoped
from xtalgraph.graphs.neighborhoods import Neighborhoods, arrange
from xtalgraph.graphs.pairs import Pairs, find_pairs

OF_EDGES: Final[tuple[str, ...]] = (
    "crystal_of_atom",
    "crystal_of_edge",
    "edge_starts",
    "triplet_starts",
    "degree",
    "pairs",
    "neighborhoods",
    "element_groups",
    "elements",
)
"""What is computed once for a graph, whatever the positions."""


@dataclass(frozen=True, eq=False, repr=False)
class CrystalGraph(Graph):
    """Periodic multigraphs of one or more crystals. One crystal is a batch of one.

    An edge goes from its ``center`` i to its ``neighbor`` j in the periodic ``image`` n, and
    has the vector r_j + n·cell − r_i. There may be several edges between two atoms, and edges
    from an atom to its own images. The angle of a triplet stands between the sending edge and
    the receiving one, both seen from the atom where they meet. Every multiplicity is one.

    Source: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018), for the multigraph.
    """

    cell: Float[Tensor, "crystals 3 3"] = scoped(Scope.CRYSTAL)
    """Lattice vectors as rows, Å."""
    pbc: Bool[Tensor, "crystals 3"] = scoped(Scope.CRYSTAL)
    """Which lattice directions repeat."""
    position: Float[Tensor, "atoms 3"] = scoped(Scope.ATOM)
    """Cartesian coordinates, Å."""
    charge: Float[Tensor, " atoms"] = scoped(Scope.ATOM, absent=torch.double, fill=math.inf)
    """Given charge of each atom, e; infinite where none is given, since NaN differs from itself."""
    image: Int[Tensor, "edges 3"] = scoped(Scope.EDGE)
    """Lattice translation of the neighbor, in units of the lattice vectors."""
    at_center: Bool[Tensor, " triplets"] = scoped(Scope.TRIPLET, absent=torch.bool)
    """Whether both edges start at the atom of the angle, as their center. If not, the receiving
    edge ends there, at its neighbor, and the sending edge starts there."""

    @cached_property
    def vector(self) -> Float[Tensor, "edges 3"]:
        """Vector of each edge, position[neighbor] + image @ cell − position[center], in Å."""
        shift = torch.einsum(
            "ei,eij->ej",
            self.image.to(self.cell.dtype),
            self.cell.index_select(0, self.crystal_of_edge),
        )
        start = self.position.index_select(0, self.center)
        return self.position.index_select(0, self.neighbor) + shift - start

    @cached_property
    def pairs(self) -> Pairs | None:
        """Each edge with its reverse; None where an edge has none."""
        return find_pairs(self.center, self.neighbor, self.image)

    @cached_property
    def neighborhoods(self) -> Neighborhoods:
        """The edges of each atom in a row of places."""
        ordered = self.edge_starts is not None
        return arrange(self.center, self.neighbor, self.degree, ordered=ordered)

    @cached_property
    def pair_vector(self) -> Float[Tensor, "pairs 3"]:
        """Vector of the first edge of each pair, in Å; of a graph that has pairs."""
        first = self.pairs.first if self.pairs is not None else self.center[:0]
        image = self.image.index_select(0, first).to(self.cell.dtype)
        if self.cell.shape[0] == 1:
            shift = image @ self.cell[0]
        else:
            cell = self.cell.index_select(0, self.crystal_of_edge.index_select(0, first))
            shift = torch.einsum("pi,pij->pj", image, cell)
        start = self.position.index_select(0, self.center.index_select(0, first))
        end = self.position.index_select(0, self.neighbor.index_select(0, first))
        return end + shift - start

    @cached_property
    def pair_distance(self) -> Float[Tensor, " pairs"]:
        """Length of both edges of each pair, in Å; of a graph that has pairs."""
        return torch.linalg.vector_norm(self.pair_vector, dim=-1)

    def moved(
        self, position: Float[Tensor, "atoms 3"], cell: Float[Tensor, "crystals 3 3"]
    ) -> "CrystalGraph":
        """Return the same edges at other positions; what follows from them alone is kept.

        Args:
            position: Å.
            cell: Lattice vectors as rows, Å.
        """
        graph = self.replace(position=position, cell=cell)
        for name in OF_EDGES:
            if name in self.__dict__:
                graph.__dict__[name] = self.__dict__[name]
        return graph

    @cached_property
    def distance(self) -> Float[Tensor, " edges"]:
        """Length of each edge, in Å."""
        return torch.linalg.vector_norm(self.vector, dim=-1)

    @cached_property
    def atom_multiplicity(self) -> Int[Tensor, " atoms"]:
        """One for every atom."""
        return torch.ones_like(self.number)

    @cached_property
    def edge_multiplicity(self) -> Int[Tensor, " edges"]:
        """One for every edge."""
        return torch.ones_like(self.center)

    @cached_property
    def cosine(self) -> Float[Tensor, " triplets"]:
        """Cosine of the angle between the two edges of each triplet; smooth also at 0 and π."""
        receiving, sending = (
            self.vector.index_select(0, edge) / self.distance.index_select(0, edge).unsqueeze(-1)
            for edge in (self.receiving_edge, self.sending_edge)
        )
        along = (receiving * sending).sum(dim=-1)
        return torch.where(self.at_center, along, -along)

    @cached_property
    def triplet_multiplicity(self) -> Int[Tensor, " triplets"]:
        """One for every triplet."""
        return torch.ones_like(self.receiving_edge)
