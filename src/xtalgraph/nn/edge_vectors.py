"""Vectors of atoms and tensors of crystals, made of invariant features and directions of edges."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.nn.expansion import CosineEnvelope
from xtalgraph.nn.radial import BesselBasis
from xtalgraph.nn.segments import gather, segment_sum

_FUNCTIONS = 16


@final
class EdgeVectors(nn.Module):
    """v_i = Σ_j a_ij r̂_ij and T = Σ_ij b_ij r̂_ij r̂_ijᵀ / N, with a and b of its ends and length.

    (a, b) = f W₂ silu(A h_i + B h_j + C e(d_ij)), with h normalised, f an envelope and e a basis of
    lengths. v turns with the crystal, T too, and neither is the derivative of anything. It serves
    every encoder, also one whose features have no direction.

    Args:
        width: Length of an atom's vector.
        cutoff: Longest edge, Å.

    Source: direct forces of J. Gasteiger, F. Becker, S. Günnemann, NeurIPS 2021, arXiv 2106.08903.
    """

    def __init__(self, width: int, cutoff: float) -> None:
        super().__init__()
        self.basis, self.envelope = BesselBasis(cutoff, _FUNCTIONS), CosineEnvelope(cutoff)
        self.norm = nn.LayerNorm(width)
        self.of_center = nn.Linear(width, width)
        self.of_neighbor = nn.Linear(width, width, bias=False)
        self.of_length = nn.Linear(_FUNCTIONS, width, bias=False)
        self.out = nn.Linear(width, 2)

    def forward(
        self, atom: Float[Tensor, "atoms width"], graph: CrystalGraph
    ) -> tuple[Float[Tensor, "atoms 3"], Float[Tensor, "crystals 3 3"]]:
        """Return v and T.

        Args:
            atom: h.
            graph: Whose atoms they are.
        """
        normed = self.norm(atom)
        distance = graph.distance.to(atom.dtype)
        hidden = gather(self.of_center(normed), graph.center)
        hidden = hidden + gather(self.of_neighbor(normed), graph.neighbor)
        hidden = hidden + self.of_length(self.basis(distance))
        factors = self.out(functional.silu(hidden)) * self.envelope(distance).unsqueeze(-1)
        direction = (graph.vector / graph.distance.unsqueeze(-1)).to(atom.dtype)
        vector = segment_sum(factors[:, :1] * direction, graph.center, atom.shape[0])
        along = factors[:, 1:] * direction
        parts = torch.einsum("ei,ej->eij", along, direction).flatten(1)
        total = segment_sum(parts, graph.crystal_of_edge, graph.num_atoms.shape[0]).unflatten(
            1, (3, 3)
        )
        return vector, total / graph.num_atoms.to(total.dtype).view(-1, 1, 1)
