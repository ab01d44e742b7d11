"""Updates: an atom's new vector, from its old one and what it received."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.graphs.graph import Graph


class Update(nn.Module, ABC):
    """Base of every update."""

    @abstractmethod
    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        received: Float[Tensor, "atoms received"],
        graph: Graph,
    ) -> Float[Tensor, "atoms updated"]:
        """Return the new vector of each atom.

        Args:
            atom: The old ones.
            received: What the aggregator made of the messages.
            graph: Whose atoms they are; statistics over atoms are weighted by its
                ``atom_multiplicity``, see `xtalgraph.nn.norm`.
        """


class ReplaceUpdate(Update):
    """h' = m."""

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        received: Float[Tensor, "atoms received"],
        graph: Graph,
    ) -> Float[Tensor, "atoms received"]:
        """Return what was received."""
        return received


class ResidualUpdate(Update):
    """h' = h + m."""

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        received: Float[Tensor, "atoms width"],
        graph: Graph,
    ) -> Float[Tensor, "atoms width"]:
        """Add what was received."""
        return atom + received


class GRUUpdate(Update):
    """h' = GRU(h, m), the gated recurrent unit with h as its memory and m as its input.

    Args:
        width: Length of an atom's vector.
        received: Length of what it receives.

    Source: Li et al., Gated graph sequence neural networks, ICLR 2016 (arXiv 1511.05493).
    """

    def __init__(self, width: int, received: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(received, width)

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        received: Float[Tensor, "atoms received"],
        graph: Graph,
    ) -> Float[Tensor, "atoms width"]:
        """Return the memory after one step."""
        updated: Tensor = self.cell(received, atom)
        return updated


class GatedUpdate(Update):
    """h' = h + σ(z W_g + b_g) ⊙ silu(z W_c + b_c) with z = h ⊕ m, a gated MLP.

    Args:
        width: Length of an atom's vector.
        received: Length of what it receives.

    Source: Chen and Ong, Nat. Comput. Sci. 2, 718 (2022), doi 10.1038/s43588-022-00349-3, for
    the gate.
    """

    def __init__(self, width: int, received: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width + received, 2 * width)

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        received: Float[Tensor, "atoms received"],
        graph: Graph,
    ) -> Float[Tensor, "atoms width"]:
        """Add what the gate lets through."""
        gate, core = self.mix(torch.cat([atom, received], dim=-1)).chunk(2, dim=-1)
        return atom + torch.sigmoid(gate) * functional.silu(core)
