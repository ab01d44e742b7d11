"""CACE: invariants of sums of Cartesian tensors over neighbors, and messages made of them."""

from dataclasses import dataclass
from typing import Annotated, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.ranges import Depth, Functions, Range, Width, check_ranges
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.nn.cartesian import Invariants, Monomials
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.expansion import EnvelopeName, make_envelope
from xtalgraph.nn.radial import BesselBasis
from xtalgraph.nn.segments import gather

Degree = Annotated[int, Range(0, 5)]
Factors = Annotated[int, Range(1, 4)]

_SUM: Final = 0.25
"""Factor on the sums over neighbors, of which crystals have some dozens that count."""


@dataclass(frozen=True, eq=False)
class Environments:
    """What is around each atom: functions of the neighbors' directions and distances."""

    angular: Float[Tensor, "atoms monomials places"]
    """Monomials of the direction."""
    radial: Float[Tensor, "atoms places radials"]
    """Functions of the distance, zero at the cutoff."""
    neighbor: Tensor
    """The atom at each place, see `xtalgraph.graphs.neighborhoods`."""

    def at_neighbors(self, atom: Float[Tensor, "atoms size"]) -> Float[Tensor, "atoms places size"]:
        """Take the row of each neighbor."""
        return gather(atom, self.neighbor).unflatten(0, self.radial.shape[:2])


class ElementTensors(nn.Module):
    """A_kL = c_k(i) Σ_ne W_kne^l Σ_j R_n(d_ij) e(j) r̂_ij^L, from the elements i and j alone.

    The sum over neighbors is taken before the weights W are applied, once for each atom.

    Args:
        width: Length of an atom's vector.
        elements: Length of e, what an element is to its neighbors.
        radials: Number of functions R.
        channels: Number of tensors of each degree.
        sizes: Number of monomials of each degree.
    """

    def __init__(
        self, width: int, elements: int, radials: int, channels: int, sizes: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.of_neighbor = nn.Linear(width, elements, bias=False)
        self.of_center = nn.Linear(width, channels)
        inputs = elements * radials
        self.mix = nn.ParameterList(
            nn.Parameter(torch.randn(inputs, channels) / inputs**0.5) for _ in sizes
        )

    def forward(
        self, atom: Float[Tensor, "atoms width"], around: Environments
    ) -> Float[Tensor, "atoms monomials channels"]:
        """Add up over the neighbors."""
        element = around.at_neighbors(self.of_neighbor(atom)).unsqueeze(-2)
        sent = (around.radial.unsqueeze(-1) * element).flatten(2)
        by_degree = (around.angular @ sent).split(self.sizes, dim=1)
        mixed = [part @ weight for part, weight in zip(by_degree, self.mix, strict=True)]
        return torch.cat(mixed, dim=1) * self.of_center(atom).unsqueeze(1)


class MessageTensors(nn.Module):
    """A_kL' = m_kl A_kL + Σ_j R_kl(d_ij) (W h_j)_k r̂_ij^L, a memory and a message.

    Args:
        width: Length of an atom's vector, h.
        radials: Number of functions of which R_kl is a linear combination.
        channels: Number of tensors of each degree.
        sizes: Number of monomials of each degree.
    """

    def __init__(self, width: int, radials: int, channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.of_neighbor = nn.Linear(width, channels)
        self.of_radial = nn.Linear(radials, len(sizes) * channels, bias=False)
        self.memory = nn.Parameter(torch.ones(len(sizes), channels))

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        tensors: Float[Tensor, "atoms monomials channels"],
        around: Environments,
    ) -> Float[Tensor, "atoms monomials channels"]:
        """Add up over the neighbors, and add what there was."""
        sent = around.at_neighbors(self.of_neighbor(atom)).unsqueeze(-2)
        radial = self.of_radial(around.radial).unflatten(-1, self.memory.shape)
        by_degree = zip(
            around.angular.split(self.sizes, dim=1), (radial * sent).unbind(-2), strict=True
        )
        received = torch.cat([angular @ message for angular, message in by_degree], dim=1)
        sizes = torch.tensor(self.sizes, device=received.device)
        memory = self.memory.repeat_interleave(sizes, dim=0, output_size=received.shape[1])
        return received + memory * tensors


class CACE(Encoder):
    """Cartesian atomic cluster expansion: sums over pairs that know three and more bodies.

    Each atom adds up tensors of its neighbors' directions, weighted by functions of the distance.
    Contractions of up to `factors` of these tensors do not turn with the crystal; they know angles
    (two factors) and dihedrals (three), at the cost of a sum over neighbors. A small network makes
    the vector of the atom of them. In each further layer the atoms send their vectors along the
    same sums.

    What is the paper's: the tensors, their mixing over elements and distances, the messages made of
    the invariants, the memory. Otherwise here: contractions in triangles and stars beside chains;
    one network in each layer, residual, in place of one for the energy at the end; their inputs are
    divided by √(1 + their mean square); no messages made of the neighbor's tensors.

    Source: Cheng, npj Comput. Mater. 10, 157 (2024), doi 10.1038/s41524-024-01332-4.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of CACE."""

        width: Width = 64
        """Length of an atom's vector."""
        channels: Width = 32
        """Number of tensors of each degree."""
        element_width: Width = 4
        """Length of what a neighbor's element adds to the first sums."""
        depth: Depth = 2
        """Number of layers: the first reads the neighbors' elements, the others their vectors."""
        radials: Functions = 8
        """Number of Bessel functions."""
        degree: Degree = 3
        """The highest degree of the tensors; 0 for distances alone."""
        factors: Factors = 4
        """The largest number of tensors in an invariant, one less than the number of bodies."""
        element_features: ElementFeatures = "embedding"
        """What an atom is known by at the start."""
        envelope: EnvelopeName = "polynomial"
        """Factor on the radial functions that vanishes at the cutoff."""
        connections: ConnectionName = "paper"
        """How the layers are joined at the atoms; here they are residual."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")

    reads = Reads(directions=True, mixtures=True)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width, channels, depth = config.width, config.channels, config.depth
        self.embed = ElementEmbedding(config.width, config.element_features)
        self.basis = BesselBasis(cutoff, config.radials)
        self.envelope = make_envelope(config.envelope, cutoff)
        self.monomials = Monomials(config.degree)
        self.invariants = Invariants(config.degree, config.factors)
        sizes = self.monomials.sizes
        self.first = ElementTensors(
            config.width, config.element_width, config.radials, channels, sizes
        )
        self.further = nn.ModuleList(
            MessageTensors(config.width, config.radials, channels, sizes) for _ in range(depth - 1)
        )
        inputs = self.invariants.size * channels
        self.outs = nn.ModuleList(
            nn.Sequential(
                nn.RMSNorm(inputs, eps=1.0),
                nn.Linear(inputs, config.width),
                nn.SiLU(),
                nn.Linear(config.width, config.width),
            )
            for _ in range(depth)
        )
        self.connections = Connections(config.connections, "residual", config.width, depth)

    def forward(self, graph: Graph) -> Features:
        """Turn crystals into features of their atoms; a `GraphError` if there are no directions."""
        graph = self.in_space(graph)
        around = self.environments(graph)
        hidden = [self.embed(graph)]
        tensors = self.first(hidden[0], around)
        for layer, out in enumerate(self.outs):
            atom = self.connections.input(hidden)
            if layer:
                tensors = self.further[layer - 1](atom, tensors, around)
            by_monomial = tensors.transpose(0, 1).flatten(1)
            invariants = self.invariants(by_monomial).unflatten(1, (atom.shape[0], -1))
            update = out(invariants.transpose(0, 1).flatten(1))
            hidden.append(self.connections.residual(atom, update))
        return Features(self.connections.output(hidden), layers=tuple(hidden))

    def environments(self, graph: CrystalGraph) -> Environments:
        """Return the functions of directions and distances of all neighbors of each atom.

        Args:
            graph: Not reduced by symmetry.
        """
        around = graph.neighborhoods
        # As long as the cutoff at empty places, where the radial functions are zero.
        empty = graph.vector.new_tensor([0.0, 0.0, self.cutoff]).repeat(around.neighbor.shape[0], 1)
        vector = empty.index_copy(0, around.slot, graph.vector).to(self.embed.weight.dtype)
        distance = torch.linalg.vector_norm(vector, dim=-1)
        angular = self.monomials(vector / distance.unsqueeze(-1))
        # √2 sin(k_n d)/d: of a size that does not follow the cutoff.
        size = _SUM * self.cutoff**0.5
        radial = self.basis(distance) * (size * self.envelope(distance)).unsqueeze(-1)
        return Environments(
            angular.unflatten(0, around.shape).mT,
            radial.unflatten(0, around.shape),
            around.neighbor,
        )
