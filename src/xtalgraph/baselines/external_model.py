"""What a network of another library is, run unchanged on our graphs."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.extras import import_extra
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.nn.radial import GaussianBasis


class ExternalNetwork(nn.Module, ABC):
    """Layers of another library, from a graph in space to a vector for each atom.

    Their code is imported and called as it is; the graph, the readout, the scaler and the training
    are ours, so that what differs is the layers.

    Args:
        cutoff: Largest length of an edge, Å.
    """

    name: ClassVar[str]
    """Short name, as in tables."""
    description: ClassVar[str]
    """One sentence."""
    angle_neighbors: ClassVar[int] = 0
    """How many edges of an atom form angles; 0 where none are read."""
    width: int
    """Length of the vector of an atom."""

    def __init__(self, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff

    @abstractmethod
    def forward(self, graph: CrystalGraph) -> Float[Tensor, "atoms width"]:
        """Turn a batch of crystals into vectors of their atoms."""


@final
class PygCGConv(ExternalNetwork):
    """Three ``CGConv`` layers of PyTorch Geometric, as wide as our CGCNN.

    Source: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018); Fey and Lenssen, arXiv
    1903.02428 (2019).
    """

    name = "pyg-cgconv"
    description = "Three CGConv layers of PyTorch Geometric on our graphs, in our training."

    def __init__(self, cutoff: float) -> None:
        super().__init__(cutoff)
        theirs = import_extra("torch_geometric.nn")
        self.width = 64
        self.embed = nn.Embedding(MAX_ATOMIC_NUMBER + 1, self.width)
        self.basis = GaussianBasis(0.0, cutoff, 0.2, 0.2)
        self.layers = nn.ModuleList(
            theirs.CGConv(self.width, self.basis.size, batch_norm=True) for _ in range(3)
        )

    def forward(self, graph: CrystalGraph) -> Float[Tensor, "atoms width"]:
        """Embed the elements, then convolve."""
        edge = self.basis(graph.distance.to(self.embed.weight.dtype))
        atom: Tensor = self.embed(graph.number)
        for layer in self.layers:
            atom = layer(atom, _edge_index(graph), edge)
        return atom


@final
class PygSchNet(ExternalNetwork):
    """Three interaction blocks of the SchNet in PyTorch Geometric.

    Source: Schütt et al., J. Chem. Phys. 148, 241722 (2018), doi 10.1063/1.5019779.
    """

    name = "pyg-schnet"
    description = (
        "Three interaction blocks of PyTorch Geometric's SchNet on our graphs, in our training."
    )

    def __init__(self, cutoff: float) -> None:
        super().__init__(cutoff)
        theirs = import_extra("torch_geometric.nn.models.schnet")
        self.width = 64
        gaussians = 50
        self.embed = nn.Embedding(MAX_ATOMIC_NUMBER + 1, self.width)
        self.smearing = theirs.GaussianSmearing(0.0, cutoff, gaussians)
        self.blocks = nn.ModuleList(
            theirs.InteractionBlock(self.width, gaussians, self.width, cutoff) for _ in range(3)
        )

    def forward(self, graph: CrystalGraph) -> Float[Tensor, "atoms width"]:
        """Embed the elements, then interact, each block added to what was before."""
        distance = graph.distance.to(self.embed.weight.dtype)
        edge = self.smearing(distance)
        atom: Tensor = self.embed(graph.number)
        for block in self.blocks:
            atom = atom + block(atom, _edge_index(graph), distance, edge)
        return atom


@final
class PygDimeNet(ExternalNetwork):
    """The blocks of the DimeNet++ in PyTorch Geometric, on periodic triplets.

    Its own ``forward`` searches neighbours and triplets of a molecule, so it is not used: a
    periodic crystal has several edges between two atoms. An edge that has no triplet keeps what it
    says by itself.

    Source: Gasteiger et al., arXiv 2011.14115 (2020).
    """

    name = "pyg-dimenet++"
    description = (
        "Two interaction blocks of PyTorch Geometric's DimeNet++, with the angles between the 12 "
        "nearest neighbours, on our graphs, in our training."
    )
    angle_neighbors = 12

    def __init__(self, cutoff: float) -> None:
        super().__init__(cutoff)
        theirs = import_extra("torch_geometric.nn.models.dimenet")
        self.width = 64
        radial, spherical, blocks, act = 6, 5, 2, nn.functional.silu
        self.rbf = theirs.BesselBasisLayer(radial, cutoff)
        self.sbf = theirs.SphericalBasisLayer(spherical, radial, cutoff)
        self.embed = theirs.EmbeddingBlock(radial, self.width, act)
        # The vectors of the elements: theirs end at 95.
        self.embed.emb = nn.Embedding(MAX_ATOMIC_NUMBER + 1, self.width)
        self.blocks = nn.ModuleList(
            theirs.InteractionPPBlock(self.width, 32, 8, spherical, radial, 1, 2, act)
            for _ in range(blocks)
        )
        self.outputs = nn.ModuleList(
            theirs.OutputPPBlock(radial, self.width, 64, self.width, 1, act, "glorot_orthogonal")
            for _ in range(blocks + 1)
        )
        for block in (self.rbf, *self.blocks, *self.outputs):
            block.reset_parameters()

    def forward(self, graph: CrystalGraph) -> Float[Tensor, "atoms width"]:
        """Send messages along edges that hear along angles; atoms add up what reaches them."""
        kind = self.embed.emb.weight.dtype
        distance = graph.distance.to(kind)
        # The angle of theirs is that between the two steps of the path k → j → i.
        angle = torch.acos((-graph.cosine).clamp(-1, 1)).to(kind)
        rbf = self.rbf(distance)
        sbf = self.sbf(distance, angle, graph.sending_edge)
        message = self.embed(graph.number, rbf, graph.center, graph.neighbor)
        atoms = len(graph.number)
        output_sum: Tensor = self.outputs[0](message, rbf, graph.center, num_nodes=atoms)
        for block, output in zip(self.blocks, list(self.outputs)[1:], strict=True):
            message = block(message, rbf, sbf, graph.sending_edge, graph.receiving_edge)
            output_sum = output_sum + output(message, rbf, graph.center, num_nodes=atoms)
        return output_sum


EXTERNAL_MODELS: Final[tuple[type[ExternalNetwork], ...]] = (PygCGConv, PygSchNet, PygDimeNet)
"""Every network of another library."""


def check_external_models() -> Any:
    """Import what all of them need.

    Raises:
        MissingExtraError: If it is not installed.
    """
    return import_extra("torch_geometric.nn")


def _edge_index(graph: CrystalGraph) -> Tensor:
    """Return the edges as PyTorch Geometric has them: from where, to where."""
    return torch.stack([graph.neighbor, graph.center])
