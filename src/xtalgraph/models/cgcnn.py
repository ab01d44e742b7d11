"""CGCNN: gated convolutions over the crystal graph."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.ranges import Depth, Width, check_ranges
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.nn.bond_features import BondFeatures
from xtalgraph.nn.coordination import effective_coordination
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.expansion import EdgeExpansion, EnvelopeName, make_envelope
from xtalgraph.nn.gated_sum import gated_sum
from xtalgraph.nn.norm import WeightedBatchNorm
from xtalgraph.nn.radial import BasisName, BasisSize, GridStep, make_basis

CLOSE_PACKED: Final = 12
"""The model reads coordination numbers in units of that of a close packing."""


class GatedConvolution(nn.Module):
    """One convolution of CGCNN, eq. 5 of the paper.

    v_i' = v_i + Σ_(j,k) f_c(d) · σ(z W_f + b_f) ⊙ g(z W_s + b_s), with z = v_i ⊕ v_j ⊕ u_(ij)k
    and g the softplus. This is the sum; `Connections` adds v_i. The product z W is taken apart:
    the parts of v_i and v_j are computed once for each atom and gathered, only that of the edge
    is computed for each edge.

    Args:
        width: Length of an atom's vector.
        basis: Length of an edge's vector.
        batch_norm: Normalise the sum over neighbours over the batch, as the authors' code does.
    """

    def __init__(self, width: int, basis: int, batch_norm: bool) -> None:
        super().__init__()
        self.of_center = nn.Linear(width, 2 * width)
        self.of_neighbor = nn.Linear(width, 2 * width, bias=False)
        self.of_edge = nn.Linear(basis, 2 * width, bias=False)
        self.norm = WeightedBatchNorm(width) if batch_norm else None

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        edge: Float[Tensor, "edges basis"],
        edge_weight: Float[Tensor, "edges 1"],
        graph: Graph,
    ) -> Float[Tensor, "atoms width"]:
        """Return what the atoms receive; ``edge_weight`` is envelope times multiplicity."""
        received = gated_sum(
            self.of_center(atom),
            self.of_neighbor(atom),
            edge,
            self.of_edge.weight,
            edge_weight,
            graph.center,
            graph.neighbor,
            starts=graph.edge_starts,
        ).total
        if self.norm is not None:
            received = self.norm(received, graph.atom_multiplicity)
        return received


class CGCNN(Encoder):
    """Crystal graph convolutional neural network.

    Atoms start from the one-hot bins of nine properties of their element, edges from Gaussians
    of their length; `depth` gated convolutions follow. Unlike the paper, messages carry an
    envelope that takes them smoothly to zero at the cutoff (``envelope="none"`` for the paper's
    hard cut). The batch normalisation inside the gate of the authors' code is left out.

    Source: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018),
    doi 10.1103/PhysRevLett.120.145301.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of CGCNN; the defaults of width, depth and grid are the authors'."""

        width: Width = 64
        """Length of an atom's vector."""
        depth: Depth = 3
        """Number of convolutions."""
        element_features: ElementFeatures = "binned"
        """What an atom starts from: the bins of the paper, plain numbers, or its bare number."""
        coordination: bool = False
        """Add the effective coordination number to the features of each atom."""
        basis: BasisName = "gaussian"
        """Functions of the distance; ``lecture`` and ``cgcnn`` are Gaussians on grids that end at 5
        and 8 Å, the others reach to the cutoff."""
        basis_step: GridStep = 0.2
        """Distance between the centres of ``gaussian``, Å."""
        basis_sigma: GridStep = 0.2 / 2**0.5
        """Standard deviation of ``gaussian``, Å."""
        basis_size: BasisSize = 16
        """Number of functions of ``bessel`` and ``chebyshev``."""
        bond_features: bool = False
        """Add the type and order of its bond to the features of each edge."""
        envelope: EnvelopeName = "cosine"
        """Factor on the messages that vanishes at the cutoff."""
        batch_norm: bool = True
        """Normalise the sum over neighbours over the batch."""
        connections: ConnectionName = "paper"
        """How the convolutions are joined; the paper's are residual."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")

    reads = Reads(
        reduced=True, mixtures=True, no_mixtures_with=("bond_features",), batch_statistics=True
    )

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = config.width
        self.embed = ElementEmbedding(config.width, config.element_features)
        basis = make_basis(
            config.basis,
            cutoff,
            size=config.basis_size,
            step=config.basis_step,
            sigma=config.basis_sigma,
        )
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        self.bonds = BondFeatures() if config.bond_features else None
        size = self.edges.size + (0 if self.bonds is None else self.bonds.size)
        self.convolutions = nn.ModuleList(
            GatedConvolution(config.width, size, config.batch_norm) for _ in range(config.depth)
        )
        self.of_coordination = (
            nn.Linear(1, config.width, bias=False) if config.coordination else None
        )
        self.connections = Connections(config.connections, "residual", config.width, config.depth)

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms."""
        dtype = self.embed.weight.dtype
        edges = self.edges(graph, dtype)
        edge = edges.features
        if self.bonds is not None:
            graph.expect_ordered("model.bond_features")
            number_i, number_j = graph.number[graph.center], graph.number[graph.neighbor]
            bonds = self.bonds(number_i, number_j, graph.distance.to(dtype))
            edge = torch.cat([edge, bonds], dim=-1)
        atom = self.embed(graph)
        if self.of_coordination is not None:
            coordination = effective_coordination(graph, self.cutoff).to(dtype)
            atom = atom + self.of_coordination(coordination.unsqueeze(-1) / CLOSE_PACKED)
        hidden = [atom]
        for convolution in self.convolutions:
            atom = self.connections.input(hidden)
            received = convolution(atom, edge, edges.weight, graph)
            hidden.append(self.connections.residual(atom, received))
        return Features(self.connections.output(hidden), layers=tuple(hidden))
