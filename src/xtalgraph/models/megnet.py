"""MEGNet: atoms, edges and the crystal as a whole are updated in turn."""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.conditional import OnlyIf
from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.ranges import Depth, Range, Step, Width, check_ranges
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, Reads, Recommended
from xtalgraph.nn.activation import ShiftedSoftplus
from xtalgraph.nn.aggregation import MeanAggregator
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import rows_of_elements
from xtalgraph.nn.expansion import EdgeExpansion, EnvelopeName, make_envelope
from xtalgraph.nn.pooling import Set2SetPooling
from xtalgraph.nn.radial import GaussianBasis
from xtalgraph.nn.segments import gather, weighted, weighted_mean


def _dense(size: int, hidden: int, width: int) -> nn.Sequential:
    """Two dense layers, ssp(W_2 ssp(W_1 x + b_1) + b_2)."""
    return nn.Sequential(
        nn.Linear(size, hidden), ShiftedSoftplus(), nn.Linear(hidden, width), ShiftedSoftplus()
    )


class Perceptron(nn.Module):
    """φ(x ⊕ y ⊕ …) = W_3 ssp(W_2 ssp(W_1 (x ⊕ y ⊕ …) + b_1) + b_2) + b_3.

    W_1 is taken apart, a block of it for each part of its input, so that each part can be
    multiplied where there are fewest rows of it, and gathered afterwards.

    Args:
        sizes: Length of each part of the input.
        hidden: Length of the two vectors within.
        width: Length of what it returns.
    """

    def __init__(self, sizes: tuple[int, ...], hidden: int, width: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(
            nn.Linear(size, hidden, bias=part == 0) for part, size in enumerate(sizes)
        )
        self.rest = nn.Sequential(
            ShiftedSoftplus(),
            nn.Linear(hidden, hidden),
            ShiftedSoftplus(),
            nn.Linear(hidden, width),
        )

    def forward(self, mixed: Float[Tensor, "rows hidden"]) -> Float[Tensor, "rows width"]:
        """Return φ from the sum of the parts, each multiplied with its block of W_1."""
        return self.rest(mixed)


class Block(nn.Module):
    """One MEGNet block without its skips, eq. 1 to 7 of the paper, after two dense layers.

    e_k' = φ_e(v_i ⊕ v_j ⊕ e_k ⊕ u), v_i' = φ_v(mean_k e_k' ⊕ v_i ⊕ u), with the mean over the
    edges of i, and u' = φ_u(mean_k e_k' ⊕ mean_i v_i' ⊕ u), over all of the crystal.

    Args:
        width: Length of the vectors of atoms, edges and crystals.
        hidden: Length of the vectors within the networks.
        dense: Whether the dense layers come first; in the first block they do not.
    """

    def __init__(self, width: int, hidden: int, dense: bool) -> None:
        super().__init__()
        self.of_atom, self.of_edge, self.of_state = (
            _dense(width, hidden, width) if dense else nn.Identity() for _ in range(3)
        )
        self.edge = Perceptron((width,) * 4, hidden, width)
        self.atom = Perceptron((width,) * 3, hidden, width)
        self.state = Perceptron((width,) * 3, hidden, width)
        self.mean = MeanAggregator()

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        edge: Float[Tensor, "edges width"],
        crystal: Float[Tensor, "crystals width"],
        envelope: Float[Tensor, " edges"],
        graph: Graph,
    ) -> tuple[
        Float[Tensor, "atoms width"], Float[Tensor, "edges width"], Float[Tensor, "crystals width"]
    ]:
        """Return what is to be added to atoms, edges and crystals; ``crystal`` is u."""
        atom, edge, crystal = self.of_atom(atom), self.of_edge(edge), self.of_state(crystal)
        owner = graph.crystal_of_atom

        of_center, of_neighbor, of_edge, of_crystal = self.edge.first
        at_center = of_center(atom) + gather(of_crystal(crystal), owner)
        ends = gather(at_center, graph.center) + gather(of_neighbor(atom), graph.neighbor)
        edge = self.edge(ends + of_edge(edge))

        of_received, of_atom, of_crystal = self.atom.first
        received = self.mean(edge, envelope, graph)
        parts = of_received(received) + of_atom(atom)
        atom = self.atom(parts + gather(of_crystal(crystal), owner))

        of_edges, of_atoms, of_crystal = self.state.first
        values, weight = edge * envelope.unsqueeze(-1), edge_weight(envelope, graph)
        edges = weighted_mean(values, weight, graph.crystal_of_edge, len(graph))
        count = graph.atom_multiplicity.to(atom.dtype)
        atoms = weighted_mean(atom, count, owner, len(graph))
        return atom, edge, self.state(of_edges(edges) + of_atoms(atoms) + of_crystal(crystal))


def edge_weight(envelope: Float[Tensor, " edges"], graph: Graph) -> Float[Tensor, " edges"]:
    """Return the weight of an edge among all edges of its crystal: envelope times multiplicity."""
    weight = weighted(envelope, graph.edge_multiplicity)
    return weighted(weight, graph.atom_multiplicity.index_select(0, graph.center))


class MEGNet(Encoder):
    """Materials graph network.

    Atoms start from a learned vector of their element, edges from Gaussians of their length, and
    the crystal from its condition: numbers such as temperature or pressure, two zeros where there
    are none, and a learned vector of the method of its label, where that is given. Two
    dense layers bring each to `width`, and `depth` blocks follow. The crystal's features are
    set2set of its edges and the vector of its condition; set2set of its atoms is the readout
    ``set2set``, the default for intensive targets.

    Unlike the paper, edges enter every mean and set2set with an envelope (``envelope="none"`` for
    the paper's hard cut), set2set runs at the full width and not at 16, and the Gaussians, of the
    paper's σ, stand every 0.2 Å up to the cutoff and not 100 of them up to 1 Å beyond.

    Source: Chen et al., Chem. Mater. 31, 3564 (2019), doi 10.1021/acs.chemmater.9b01294; the vector
    of the method: Chen et al., Nat. Comput. Sci. 1, 46 (2021), doi 10.1038/s43588-020-00002-x.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of MEGNet; the defaults of widths and depth are the authors'."""

        width: Width = 32
        """Length of the vectors of atoms, edges and crystals."""
        hidden: Width = 64
        """Length of the vectors within the networks."""
        element_width: Width = 16
        """Length of the learned vector of an element."""
        state_width: Annotated[int, Range(0, 4096)] = 2
        """How many conditions the global state holds; follows from data.conditions. Where that is
        left out they are zeros, two in the authors' code."""
        fidelities: Annotated[int, Range(0, 4096)] = 0
        """How many methods are distinguished; follows from data.fidelities."""
        fidelity_width: Annotated[Width, OnlyIf("fidelities", lambda count: count > 0)] = 16
        """Length of the learned vector of a method."""
        depth: Depth = 3
        """Number of blocks."""
        basis_step: Step = 0.2
        """Distance between the centres of the Gaussians, Å."""
        basis_sigma: Step = 0.5 / 2**0.5
        """Standard deviation of the Gaussians, Å."""
        envelope: EnvelopeName = "cosine"
        """Factor on the edges that vanishes at the cutoff."""
        connections: ConnectionName = "paper"
        """How the blocks are joined at the atoms; the paper's are residual. Edges and crystals
        always are."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")

    reads = Reads(reduced=True, mixtures=True, condition=True, whole_crystal=True)
    recommended = Recommended(readout="set2set")

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width, hidden = config.width, config.hidden
        self.crystal_width = 3 * config.width
        self.embed = nn.Embedding(MAX_ATOMIC_NUMBER + 1, config.element_width)
        basis = GaussianBasis(0.0, cutoff, config.basis_step, config.basis_sigma)
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        self.of_atom = _dense(config.element_width, hidden, config.width)
        self.of_edge = _dense(self.edges.size, hidden, config.width)
        methods, length = config.fidelities, config.fidelity_width
        self.of_fidelity = nn.Embedding(methods, length) if methods else None
        size = config.state_width + (length if methods else 0)
        self.of_state = _dense(size, hidden, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, hidden, dense=layer > 0) for layer in range(config.depth)
        )
        self.connections = Connections(config.connections, "residual", config.width, config.depth)
        self.pooling = Set2SetPooling(config.width)

    def forward(self, graph: Graph) -> Features:
        """Turn crystals with scaled conditions into features; a `GraphError` at another number."""
        edges = self.edges(graph, self.embed.weight.dtype)
        hidden = [rows_of_elements(self.of_atom(self.embed.weight), graph)]
        edge = self.of_edge(edges.features)
        crystal = self.of_state(self._condition(graph))
        for block in self.blocks:
            atom = self.connections.input(hidden)
            updates = block(atom, edge, crystal, edges.envelope, graph)
            hidden.append(self.connections.residual(atom, updates[0]))
            edge, crystal = edge + updates[1], crystal + updates[2]
        values = edge * edges.envelope.unsqueeze(-1)
        weight = edge_weight(edges.envelope, graph)
        pooled = self.pooling(values, weight, graph.crystal_of_edge, len(graph))
        crystal = torch.cat([pooled, crystal], dim=-1)
        return Features(self.connections.output(hidden), crystal, tuple(hidden))

    def _condition(self, graph: Graph) -> Float[Tensor, "crystals condition"]:
        """Return the numbers of each crystal, zeros without, and its method's vector."""
        numbers, size = graph.conditions.to(self.embed.weight.dtype), self.config.state_width
        if numbers.shape[1] == 0:
            numbers = numbers.new_zeros(len(graph), size)
        if numbers.shape[1] != size:
            raise GraphError(
                f"a crystal must have model.state_width = {size} conditions, got {numbers.shape[1]}"
            )
        if self.of_fidelity is None:
            return numbers
        return torch.cat([numbers, gather(self.of_fidelity.weight, graph.fidelity)], dim=-1)
