"""The graph as an invariant model sees it: kinds, distances, and how often each occurs."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.graphs.graph import Graph, Scope, scoped


@dataclass(frozen=True, eq=False, repr=False)
class InvariantGraph(Graph):
    """Multigraphs whose edges have a length, and whose triplets an angle, but no direction.

    An atom stands for ``atom_multiplicity`` atoms with equal surroundings, an edge for
    ``edge_multiplicity`` edges of equal length from any one of its center's atoms to atoms of
    its neighbor's class. A sum over the edges of an atom is a sum over these edges, each
    weighted by its multiplicity; a sum over the atoms of a crystal likewise. A triplet stands for
    ``triplet_multiplicity`` triplets of equal angle that reach any one of its receiving edge's
    edges from edges of its sending edge's class.
    """

    distance: Float[Tensor, " edges"] = scoped(Scope.EDGE)
    """Length of each edge, Å."""
    atom_multiplicity: Int[Tensor, " atoms"] = scoped(Scope.ATOM)
    """How many atoms of the crystal each row stands for."""
    edge_multiplicity: Int[Tensor, " edges"] = scoped(Scope.EDGE)
    """How many edges of each of its center's atoms each row stands for."""
    cosine: Float[Tensor, " triplets"] = scoped(Scope.TRIPLET, absent=torch.double)
    """Cosine of the angle of each triplet."""
    triplet_multiplicity: Int[Tensor, " triplets"] = scoped(Scope.TRIPLET, absent=torch.long)
    """How many triplets of each of its receiving edge's edges each row stands for."""
