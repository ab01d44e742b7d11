"""Message passing, h_i' = U(h_i, AGG_j M(h_i, h_j, e_ij)), from exchangeable parts."""

from abc import ABC, abstractmethod
from typing import TypeAlias, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.aggregation import Aggregator, Received
from xtalgraph.nn.segments import gather

Atoms: TypeAlias = Float[Tensor, "atoms width"]
Updated: TypeAlias = Float[Tensor, "atoms updated"]


class Nothing(nn.Module):
    """Columns of a message's end that it does not read: none."""

    def forward(self, atom: Atoms) -> Float[Tensor, "atoms 0"]:
        """Return no columns."""
        return atom[:, :0]


class Message(nn.Module, ABC):
    """Base of every message M(h_i, h_j, e_ij).

    A subclass writes ``forward`` and, if its message begins with linear maps of the two atoms,
    hands these to the constructor: they are computed once for each atom, before anything is
    gathered for each edge. What is not given is the atom's vector as it is; `Nothing` is for an
    end that the message does not read.

    Args:
        of_center: Makes what the message reads of its center from the atoms.
        of_neighbor: The same for its neighbor.
    """

    def __init__(
        self, of_center: nn.Module | None = None, of_neighbor: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.of_center = nn.Identity() if of_center is None else of_center
        self.of_neighbor = nn.Identity() if of_neighbor is None else of_neighbor

    @final
    def at_atoms(
        self, atom: Atoms
    ) -> tuple[Float[Tensor, "atoms center"], Float[Tensor, "atoms neighbor"]]:
        """Return what a message reads of an atom that is its center, and of one that sends."""
        return self.of_center(atom), self.of_neighbor(atom)

    @abstractmethod
    def forward(
        self,
        center: Float[Tensor, "edges center"],
        neighbor: Float[Tensor, "edges neighbor"],
        edge: Float[Tensor, "edges edge"],
    ) -> Float[Tensor, "edges received"]:
        """Return the message along each edge, without the envelope.

        Args:
            center: Of the atom that receives, as ``of_center`` made it.
            neighbor: Of the atom that sends, as ``of_neighbor`` made it.
            edge: Features of the edge.
        """


@final
class NeighborMessage(Message):
    """M = h_j, the vector of the neighbor as it is."""

    def __init__(self) -> None:
        super().__init__(of_center=Nothing())

    def forward(
        self,
        center: Float[Tensor, "edges 0"],
        neighbor: Float[Tensor, "edges width"],
        edge: Float[Tensor, "edges edge"],
    ) -> Float[Tensor, "edges width"]:
        """Return the neighbor's vector."""
        return neighbor


class Update(nn.Module, ABC):
    """Base of every update."""

    @abstractmethod
    def forward(self, atom: Atoms, received: Received, graph: Graph) -> Updated:
        """Return the new vector of each atom.

        Args:
            atom: The old ones.
            received: What the aggregator made of the messages.
            graph: Whose atoms they are; statistics over atoms are weighted by its
                ``atom_multiplicity``, see `xtalgraph.nn.norm`.
        """


class ReplaceUpdate(Update):
    """h' = m."""

    def forward(self, atom: Atoms, received: Received, graph: Graph) -> Updated:
        """Return what was received."""
        return received


class ResidualUpdate(Update):
    """h' = h + m."""

    def forward(self, atom: Atoms, received: Received, graph: Graph) -> Updated:
        """Add what was received."""
        return atom + received


class GRUUpdate(Update):
    """h' = GRU(h, m), the gated recurrent unit with h as its memory and m as its input.

    Source: Li et al., Gated graph sequence neural networks, ICLR 2016 (arXiv 1511.05493).
    """

    def __init__(self, width: int, received: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(received, width)

    def forward(self, atom: Atoms, received: Received, graph: Graph) -> Updated:
        """Return the memory after one step."""
        return self.cell(received, atom)


class GatedUpdate(Update):
    """h' = h + σ(z W_g + b_g) ⊙ silu(z W_c + b_c) with z = h ⊕ m, a gated MLP.

    Source: Chen and Ong, Nat. Comput. Sci. 2, 718 (2022), doi 10.1038/s43588-022-00349-3, for
    the gate.
    """

    def __init__(self, width: int, received: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width + received, 2 * width)

    def forward(self, atom: Atoms, received: Received, graph: Graph) -> Updated:
        """Add what the gate lets through."""
        gate, core = self.mix(torch.cat([atom, received], dim=-1)).chunk(2, dim=-1)
        return atom + torch.sigmoid(gate) * functional.silu(core)


@final
class MessagePassing(nn.Module):
    """One step of message passing, h_i' = U(h_i, AGG_j M(h_i, h_j, e_ij)).

    Source: Gilmer et al., ICML 2017 (arXiv 1704.01212).
    """

    def __init__(self, message: Message, aggregator: Aggregator, update: Update) -> None:
        super().__init__()
        self.message = message
        self.aggregator = aggregator
        self.update = update

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        edge: Float[Tensor, "edges edge"],
        envelope: Float[Tensor, " edges"],
        graph: Graph,
    ) -> Float[Tensor, "atoms updated"]:
        """Return the new vectors of the atoms.

        Args:
            atom: One vector for each atom.
            edge: Features of each edge.
            envelope: Factor of each edge that vanishes at the cutoff; 1 where there is none.
            graph: Its edges, with their multiplicities.
        """
        center, neighbor = self.message.at_atoms(atom)
        message = self.message(gather(center, graph.center), gather(neighbor, graph.neighbor), edge)
        return self.update(atom, self.aggregator(message, envelope, graph), graph)
