"""GemNet's idea on DimeNet++: messages between edges that read their angles and dihedrals."""

from dataclasses import dataclass
from typing import Annotated, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Cutoff, Depth, Functions, Range, Width, check_ranges
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.dihedrals import Dihedrals, find_dihedrals
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import (
    AngleNeighbors,
    Encoder,
    Features,
    Reads,
    Recommended,
    angles_from,
)
from xtalgraph.nn.angular import FourierBasis, SphericalBesselBasis
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.expansion import EdgeExpansion, EnvelopeName, make_envelope, triplet_envelope
from xtalgraph.nn.geometry import smooth_dihedral
from xtalgraph.nn.radial import BesselBasis
from xtalgraph.nn.segments import gather, segment_sum

WITHIN_5: Final = 26  # neighbours within 5 Å, at one atom in 20 Å³
Orders = Annotated[int, Range(1, 20)]
"""How many spherical harmonics or multiples of an angle."""


def _two_maps(size: int, inner: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, inner, bias=False), nn.Linear(inner, width, bias=False))


class ResidualLayer(nn.Module):
    """x + silu(W_2 silu(W_1 x + b_1) + b_2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "edges width"]) -> Float[Tensor, "edges width"]:
        """Return x and what is added to it."""
        added: Tensor = functional.silu(self.second(functional.silu(self.first(x))))
        return x + added


@dataclass(frozen=True, eq=False)
class Directions:
    """What an interaction reads of a graph, with the envelopes in it."""

    radial: Float[Tensor, "edges radials"]
    """The radial basis of each edge."""
    angular: Float[Tensor, "triplets spherical"]
    """The spherical Bessel basis of each triplet: length of the sending edge, and angle."""
    torsion: Float[Tensor, "dihedrals orders"]
    """(sin θ_1 sin θ_2)^n cos nφ of each dihedral, n from 0, times a constant."""
    receiving: Tensor
    """The receiving edge of each triplet."""
    sending: Tensor
    """The sending edge of each triplet."""
    dihedrals: Dihedrals
    """Which triplets make which dihedrals."""


class Interaction(nn.Module):
    """The interaction block of DimeNet++, with GemNet's quadruplets in addition to the triplets.

    x_kj = a(W_kj m_kj + b) ⊙ R(d_kj), with a = silu. Along triplets k → j → i an edge receives
    t_ji = a(U Σ_k S(d_kj, θ_kji) ⊙ a(D x_kj)), and along quadruplets l → k → j → i
    q_ji = a(U' Σ_kl S''(d_kj, θ_kji) ⊙ F(φ) ⊙ S'(d_lk, θ_lkj) ⊙ a(D' x_lk)); R, S, S', S'' and F
    are linear maps of the bases. S' is applied for each triplet, as GemNet does it, and only the
    product is gathered for each quadruplet. Then
    m_ji' = A(m_ji + a(W B(a(W_ji m_ji + b) + t_ji + q_ji) + b)), where A and B are residual
    layers. Without dihedrals q is zero, and the block that of DimeNet++.
    """

    def __init__(self, config: "GemNet.Config", spherical: int) -> None:
        super().__init__()
        width, inner, narrow = config.width, config.basis_width, config.dihedral_width
        self.own, self.sent = nn.Linear(width, width), nn.Linear(width, width)
        self.of_radial = _two_maps(config.radials, inner, width)
        self.of_angle = _two_maps(spherical, inner, config.triplet_width)
        self.down = nn.Linear(width, config.triplet_width, bias=False)
        self.up = nn.Linear(config.triplet_width, width, bias=False)
        self.of_near = _two_maps(spherical, inner, narrow)
        self.of_far = _two_maps(spherical, inner, narrow)
        self.of_torsion = nn.Linear(config.torsions + 1, narrow, bias=False)
        self.dihedral_down = nn.Linear(width, narrow, bias=False)
        self.dihedral_up = nn.Linear(narrow, width, bias=False)
        self.before, self.out = ResidualLayer(width), nn.Linear(width, width)
        self.after = nn.Sequential(ResidualLayer(width), ResidualLayer(width))

    def forward(
        self, edge: Float[Tensor, "edges width"], directions: Directions
    ) -> Float[Tensor, "edges width"]:
        """Update the edges."""
        sent = functional.silu(self.sent(edge)) * self.of_radial(directions.radial)
        update = functional.silu(self.own(edge))
        update = update + functional.silu(self.up(self._along_triplets(sent, directions)))
        along = self._along_dihedrals(sent, directions)
        update = update + functional.silu(self.dihedral_up(along))
        return self.after(edge + functional.silu(self.out(self.before(update))))

    def _along_triplets(
        self, sent: Float[Tensor, "edges width"], directions: Directions
    ) -> Float[Tensor, "edges triplet_width"]:
        narrow = gather(functional.silu(self.down(sent)), directions.sending)
        message = narrow * self.of_angle(directions.angular)
        return segment_sum(message, directions.receiving, len(sent))

    def _along_dihedrals(
        self, sent: Float[Tensor, "edges width"], directions: Directions
    ) -> Float[Tensor, "edges dihedral_width"]:
        dihedrals = directions.dihedrals
        narrow = gather(functional.silu(self.dihedral_down(sent)), directions.sending)
        far = gather(narrow * self.of_far(directions.angular), dihedrals.last_triplet)
        near = gather(self.of_near(directions.angular), dihedrals.first_triplet)
        message = far * near * self.of_torsion(directions.torsion)
        return segment_sum(message, dihedrals.first, len(sent))


class EdgeEmbedding(nn.Module):
    """silu(W (h_i ⊕ h_j ⊕ y) + b), W taken apart so that atoms are multiplied before gathering.

    Args:
        width: Length of the vectors of atoms and of what it returns.
        size: Length of y.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.of_center = nn.Linear(width, width)
        self.of_neighbor = nn.Linear(width, width, bias=False)
        self.of_edge = nn.Linear(size, width, bias=False)

    def forward(
        self, atom: Float[Tensor, "atoms width"], edge: Float[Tensor, "edges size"], graph: Graph
    ) -> Float[Tensor, "edges width"]:
        """Embed the edges, given h and y."""
        mixed = gather(self.of_center(atom), graph.center)
        mixed = mixed + gather(self.of_neighbor(atom), graph.neighbor)
        return functional.silu(torch.addmm(mixed, edge, self.of_edge.weight.T))


class GemNet(Encoder):
    """Directional messages along edges, angles and dihedrals; small, after GemNet-Q and DimeNet++.

    Edges start from both atoms and a radial basis. In each of `depth` blocks they receive
    messages from the atoms (but in the first), then along triplets and quadruplets, and atoms
    receive the sum of their edges: h_i' = h_i + out(Σ_j (W e_RBF(d_ij)) ⊙ m_ij).

    What is GemNet's: messages along quadruplets, computed first for the far triplet; edges that
    read the atoms in each block. What is DimeNet++'s: the triplets and the order within a
    block. Otherwise here: a quadruplet is a directed path l → k → j → i of DimeNet's kind; its
    basis is a product of linear maps of three bases, and not one basis of spherical harmonics;
    angles, and so dihedrals, are limited to the nearest edges; sums over triplets and quadruplets
    are divided by the square root of about how many there are, where GemNet fits such factors; the
    wave numbers of the radial basis stay nπ/r_c, where DimeNet learns them; no forces.

    Dihedrals enter as (sin θ_1 sin θ_2)^n cos nφ: polynomials of the directions of the edges,
    smooth where three atoms are on a line, and blind to reflection.

    Source: Gasteiger, Becker and Günnemann, NeurIPS 2021 (arXiv 2106.08903); Gasteiger et al.,
    arXiv 2011.14115, for DimeNet++.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of GemNet, narrower than in the papers."""

        width: Width = 64
        """Length of the vectors of atoms and edges."""
        triplet_width: Width = 32
        """Length of a message along a triplet."""
        dihedral_width: Width = 16
        """Length of a message along a quadruplet."""
        depth: Depth = 2
        """Number of blocks."""
        radials: Functions = 6
        """Number of radial functions."""
        degrees: Orders = 5
        """Number of spherical harmonics of an angle."""
        torsions: Orders = 3
        """The highest multiple of a dihedral."""
        basis_width: Width = 8
        """Length of the vectors between the two linear maps of a basis."""
        angle_cutoff: Cutoff = 5.0
        """Longest edge that forms angles and dihedrals, Å."""
        angle_neighbors: AngleNeighbors | None = 4
        """How many edges of an atom form angles and dihedrals, in whole shells; null for all
        edges up to `angle_cutoff`."""
        element_features: ElementFeatures = "embedding"
        """What an atom is known by at the start."""
        envelope: EnvelopeName = "polynomial"
        """Factor on the bases that vanishes at the cutoff."""
        connections: ConnectionName = "paper"
        """How the blocks are joined at the atoms; the paper's are residual."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            if self.make_angles() is None:
                raise ConfigError(
                    "GemNet reads angles: model.angle_neighbors must be at least 2, got 0. A model "
                    "without angles is schnet"
                )

        def make_angles(self) -> Angles | None:
            """Return which edges form angles."""
            return angles_from(self.angle_cutoff, self.angle_neighbors)

    reads = Reads(angles=True, directions=True, mixtures=True)
    recommended = Recommended(as_potential={"angle_neighbors": None, "angle_cutoff": 3.5})

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width, reach = config.width, min(cutoff, config.angle_cutoff)
        width, depth = config.width, config.depth
        self.embed = ElementEmbedding(config.width, config.element_features)
        self.angular = SphericalBesselBasis(reach, config.degrees, config.radials)
        self.torsion = FourierBasis(config.torsions)
        basis = BesselBasis(cutoff, config.radials)
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        self.angle_envelope = make_envelope(config.envelope, reach)
        self.of_radial = nn.Linear(config.radials, width)
        self.embeddings = nn.ModuleList(EdgeEmbedding(width, width) for _ in range(depth))
        self.interactions = nn.ModuleList(
            Interaction(config, self.angular.size) for _ in range(depth)
        )
        self.to_atoms = nn.ModuleList(
            nn.Linear(config.radials, width, bias=False) for _ in range(depth)
        )
        self.outs = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        for module in self.modules():  # as the authors' code, for signals that do not fade
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.connections = Connections(config.connections, "residual", width, depth)

    def forward(self, graph: Graph) -> Features:
        """Turn crystals into features of atoms; a `GraphError` without triplets or directions."""
        graph = self.in_space(graph)
        self.expect_angles(graph)
        directions = self.directions(graph)
        hidden = [self.embed(graph)]
        edge = functional.silu(self.of_radial(directions.radial))
        for layer, interaction in enumerate(self.interactions):
            atom = self.connections.input(hidden)
            embedded = self.embeddings[layer](atom, edge, graph)
            edge = interaction(embedded if layer == 0 else (edge + embedded) / 2**0.5, directions)
            message = self.to_atoms[layer](directions.radial) * edge
            update = self.outs[layer](segment_sum(message, graph.center, len(atom)))
            hidden.append(self.connections.residual(atom, update))
        return Features(self.connections.output(hidden), layers=tuple(hidden))

    def directions(self, graph: CrystalGraph) -> Directions:
        """Return what the interactions read of a graph with angles at the receiving neighbor."""
        dtype, limit = self.embed.weight.dtype, self.config.angle_neighbors or WITHIN_5
        edges = self.edges(graph, dtype)
        fade = triplet_envelope(self.angle_envelope, graph, dtype).unsqueeze(-1)
        lengths, cosines = graph.distance.to(dtype), graph.cosine.to(dtype)
        angular = self.angular(lengths, cosines, graph.sending_edge) * fade
        dihedrals = find_dihedrals(graph)
        cosine, sine = smooth_dihedral(*dihedrals.vectors(graph))
        torsion = self.torsion(cosine.to(dtype), sine.to(dtype))
        torsion = torch.cat([torch.ones_like(torsion[:, :1]), torsion], dim=-1)
        # √2 sin(k_n d)/d, and the spherical basis of d / r_c: of a size that does not follow r_c.
        radial = edges.features * edges.envelope.unsqueeze(-1)
        return Directions(
            radial * self.cutoff**0.5,
            angular * (self.angular.cutoff**1.5 / limit**0.5),
            torsion,
            graph.receiving_edge,
            graph.sending_edge,
            dihedrals,
        )
