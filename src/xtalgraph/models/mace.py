"""MACE: messages of many bodies from products of an atom's sums over neighbors."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import numbers_of
from xtalgraph.conventions.ranges import Functions, Range, Width, check_ranges
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, NeighborCount, Reads, Recommended
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.element_rows import ElementRows
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.directed_edges import DirectedEdges
from xtalgraph.nn.equivariant.elements import ElementLinear
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors, harmonic
from xtalgraph.nn.equivariant.linear import EquivariantLinear
from xtalgraph.nn.equivariant.radial_network import RadialNetwork
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.equivariant.symmetric_contraction import SymmetricContraction
from xtalgraph.nn.expansion import EnvelopeName, make_envelope

Degree = Annotated[int, Range(0, 5)]
Correlation = Annotated[int, Range(1, 4)]
Power = Annotated[int, Range(2, 12)]

_SCALAR = (0, 1)
_RADIAL_LAYERS = 3


class Interaction(nn.Module):
    """A_i = W (1/n̄) Σ_j R(d_ij) C (W' h_j ⊗ Y(r̂_ij)): the sums over neighbors, all paths mixed.

    Args:
        inputs: Channels of the features h.
        degree: The highest degree of the harmonics, and of the sums.
        channels: Channels of the sums.
        radials: Number of basis functions.
        radial_width: Width of the layers of R.
        neighbors: n̄, what the sums are divided by.
    """

    def __init__(
        self,
        inputs: Irreps,
        degree: int,
        channels: int,
        radials: int,
        radial_width: int,
        neighbors: float,
    ) -> None:
        super().__init__()
        outputs = {harmonic(order): channels for order in range(degree + 1)}
        self.up = EquivariantLinear(inputs, inputs)
        self.sum = Convolution(inputs, degree, outputs)
        hidden = [radial_width] * _RADIAL_LAYERS
        self.radial = RadialNetwork(radials, hidden, self.sum.width, scale=1 / neighbors)
        self.mix = EquivariantLinear(self.sum.outputs, outputs)

    def forward(
        self, atoms: Tensors, basis: Float[Tensor, "rows radials"], around: Surroundings
    ) -> dict[Irrep, Tensor]:
        """Add up over the neighbors.

        Args:
            atoms: h.
            basis: Functions of the lengths, zero at the cutoff.
            around: The surroundings of the atoms.
        """
        return self.mix(self.sum(self.up(atoms), self.radial(basis), around))


class Layer(nn.Module):
    """h_i' = W B_i + W_Z h_i with the products B_i of A_i; the first layer has A_i' = W_Z A_i.

    Args:
        first: Whether it is the first, whose features are those of the elements.
        interaction: What gives A.
        products: What makes B of A.
        inputs: Channels of the features h.
        outputs: Channels of h'.
        elements: How many have weights.
    """

    def __init__(
        self,
        first: bool,
        interaction: Interaction,
        products: SymmetricContraction,
        inputs: Irreps,
        outputs: Irreps,
        elements: int,
    ) -> None:
        super().__init__()
        self.first, self.interaction, self.products = first, interaction, products
        sums = interaction.mix.outputs
        ends = (sums, sums) if first else (inputs, outputs)
        self.of_element = ElementLinear(*ends, elements)
        self.update = EquivariantLinear(outputs, outputs)

    def forward(
        self,
        atoms: Tensors,
        elements: ElementGroups,
        basis: Float[Tensor, "rows radials"],
        around: Surroundings,
    ) -> dict[Irrep, Tensor]:
        """Return the features after the layer.

        Args:
            atoms: h.
            elements: Of the atoms.
            basis: Functions of the lengths, zero at the cutoff.
            around: The surroundings of the atoms.
        """
        sums = self.interaction(atoms, basis, around)
        if self.first:
            sums = self.of_element(sums, elements)
        update = self.update(self.products(sums, elements))
        if self.first:
            return update
        skipped = self.of_element(atoms, elements)
        return {irrep: update[irrep] + skipped[irrep] for irrep in skipped} | {
            irrep: values for irrep, values in update.items() if irrep not in skipped
        }


class MACE(Encoder):
    """Message passing with products of several sums over neighbors: many bodies in each layer.

    Each atom adds up its neighbors' features times harmonics of their directions, A_i, weighted by
    a network of the distance. Products of up to `correlation` copies of A_i, coupled in all
    independent ways with weights of the element, are what the atom becomes: messages of as many
    bodies and one, at the cost of a sum over pairs. The vector of an atom is the scalars of all
    layers, of which the readout ``linear-sum`` makes the energy of the paper.

    Source: Batatia et al., NeurIPS 2022 (arXiv 2206.07697); the blocks are those of mace-torch
    0.3.16, RealAgnosticInteractionBlock first and RealAgnosticResidualInteractionBlock after.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of MACE."""

        channels: Width = 32
        """Number of channels of each degree."""
        depth: Annotated[int, Range(1, 16)] = 2
        """Number of layers."""
        correlation: Correlation = 3
        """The largest number of sums over neighbors in a product: bodies of a layer, less one."""
        degree: Degree = 2
        """The highest degree of the harmonics, and of the sums over neighbors."""
        hidden_degree: Degree = 1
        """The highest degree of what the layers pass on."""
        output_degree: Degree = 0
        """The highest degree of what the last layer returns: 0 for an energy, more for tensors."""
        radials: Functions = 8
        """Number of Bessel functions."""
        radial_width: Width = 64
        """Width of the three layers of the network of the distance."""
        neighbors: NeighborCount | None = None
        """What the sums over neighbors are divided by; null for the mean number in the training
        part."""
        envelope: EnvelopeName = "polynomial"
        """Factor on the radial functions that vanishes at the cutoff."""
        envelope_power: Power = 5
        """The power of the polynomial envelope."""
        elements: list[str] | None = None
        """Symbols of the elements that have weights; null for those of the data."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            numbers_of(self.elements)

    reads = Reads(directions=True)
    recommended = Recommended(readout="linear-sum")
    measured = MappingProxyType({"elements": None, "neighbors": 20.0})
    element_rows: ElementRows

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        channels, depth = config.channels, config.depth
        self.width = depth * channels
        self.element_rows = rows = ElementRows(config.elements)
        elements = len(rows.numbers)
        self.embed = ElementEmbedding(channels, "embedding", rows)
        envelope = make_envelope(config.envelope, cutoff, config.envelope_power)
        self.edges = DirectedEdges(cutoff, config.radials, config.degree, envelope)
        self.layers = nn.ModuleList()
        inputs: dict[Irrep, int] = {_SCALAR: channels}
        for layer in range(depth):
            last = layer == depth - 1
            highest = config.output_degree if last else config.hidden_degree
            outputs = {harmonic(order): channels for order in range(highest + 1)}
            interaction = Interaction(
                inputs,
                config.degree,
                channels,
                config.radials,
                config.radial_width,
                self.neighbors,
            )
            products = SymmetricContraction(
                config.degree, tuple(outputs), config.correlation, channels, elements
            )
            interaction.radial.normalize(self.edges.usual())
            self.layers.append(Layer(layer == 0, interaction, products, inputs, outputs, elements))
            inputs = outputs
        self.tensors = inputs if config.output_degree else {}

    def forward(self, graph: Graph) -> Features:
        """Turn crystals into features of their atoms; a `GraphError` as `in_space` raises it."""
        graph = self.in_space(graph)
        basis, around = self.edges(graph, self.embed.weight.dtype)
        elements = self.element_rows.groups(graph)
        atoms: dict[Irrep, Tensor] = {_SCALAR: self.embed(graph).unsqueeze(1)}
        scalars = [atoms[_SCALAR].squeeze(1)]
        for layer in self.layers:
            atoms = layer(atoms, elements, basis, around)
            scalars.append(atoms[_SCALAR].squeeze(1))
        tensors = atoms if self.tensors else {}
        return Features(torch.cat(scalars[1:], dim=1), layers=tuple(scalars), tensor=tensors)
