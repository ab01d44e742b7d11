"""Tensor field network: filters of spherical harmonics on tensors of the neighbors."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.elements import numbers_of
from xtalgraph.conventions.ranges import Functions, Range, Width, check_ranges
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, LearnedElements, NeighborCount, Reads
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.element_rows import ElementRows
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.directed_edges import DirectedEdges
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors, harmonic, product
from xtalgraph.nn.equivariant.linear import EquivariantLinear
from xtalgraph.nn.equivariant.radial_network import RadialNetwork
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import EnvelopeName, make_envelope

Degree = Annotated[int, Range(0, 6)]
_SCALAR: Final[Irrep] = (0, 1)
_SHORT: Final = 1e-3
"""Added to the square of a norm, which then has a slope where the tensor is zero."""


@final
class NormNonlinearity(nn.Module):
    """η(x + b) of scalars, η(|V| + b) V of other tensors, with a bias for each channel.

    η is the shifted softplus. |V| is √(V² + 10⁻³).

    Args:
        channels: Of each representation.
    """

    def __init__(self, channels: Irreps) -> None:
        super().__init__()
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(count)) for count in channels.values()
        )

    def forward(self, tensors: Tensors) -> dict[Irrep, Tensor]:
        """Evaluate.

        Args:
            tensors: With these channels, in their order.
        """
        made = {}
        for (irrep, values), bias in zip(tensors.items(), self.biases, strict=True):
            if irrep == _SCALAR:
                made[irrep] = _shifted_softplus(values + bias)
            else:
                norm = (values.square().sum(dim=1, keepdim=True) + _SHORT).sqrt()
                made[irrep] = _shifted_softplus(norm + bias) * values
        return made


@final
class PointConvolution(nn.Module):
    """η(W' Σ_j R(d_ij) C (W x_j ⊗ Y(r̂_ij)) + W'' x_i): a layer.

    The sum of the paper is over all points, i among them, whose filter is a weight for each channel
    of degree 0: here W'', a linear map.

    Args:
        inputs: Channels of x.
        degree: The highest degree of the filters Y.
        outputs: Channels that are wanted; representations that nothing leads to are left out.
        radials: Number of functions of the distance.
        hidden: Width within the network R.
        factor: Of the sum over j.
    """

    def __init__(
        self,
        inputs: Irreps,
        degree: int,
        outputs: Irreps,
        radials: int,
        hidden: int,
        factor: float,
    ) -> None:
        super().__init__()
        self.factor = factor
        orders = range(degree + 1)
        reached = {end for i in inputs for order in orders for end in product(i, harmonic(order))}
        self.outputs = {irrep: outputs[irrep] for irrep in outputs if irrep in reached}
        self.before = EquivariantLinear(inputs, inputs)
        self.sum = Convolution(inputs, degree, self.outputs)
        self.radial = RadialNetwork(radials, [hidden], self.sum.width)
        self.after = EquivariantLinear(self.sum.outputs, self.outputs)
        self.of_self = EquivariantLinear(inputs, self.outputs)
        self.nonlinearity = NormNonlinearity(self.outputs)

    def forward(self, tensors: Tensors, basis: Tensor, around: Surroundings) -> dict[Irrep, Tensor]:
        """Return the features after the layer.

        Args:
            tensors: x.
            basis: Functions of the distance of each row of the surroundings, zero at the cutoff.
            around: The surroundings of the atoms.
        """
        received = self.sum(self.before(tensors), self.radial(basis), around)
        mixed = self.after({irrep: self.factor * values for irrep, values in received.items()})
        kept = self.of_self(tensors)
        return self.nonlinearity({i: v + kept[i] if i in kept else v for i, v in mixed.items()})


class TFN(Encoder):
    """Tensor field network, the first network of tensors that turn with the structure.

    A layer mixes the channels of each degree, convolves with filters that are spherical harmonics
    times learned functions of the distance, mixes again, and scales each tensor by a nonlinear
    function of its norm.

    What is the paper's: all of that. Otherwise here: parities, so that mirror images are known for
    what they are; an envelope, and Bessel functions in place of Gaussians; a constant factor on the
    sums, from the mean number of neighbors; a linear map of the atom itself in place of a weight
    for each channel.

    Source: Thomas et al., arXiv 1802.08219 (2018).
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of the tensor field network."""

        channels: Width = 24
        """Number of tensors of each degree and parity."""
        degree: Degree = 2
        """The highest degree of tensors and filters."""
        parity: bool = False
        """Tensors of both parities; otherwise of that of the spherical harmonics alone."""
        depth: Annotated[int, Range(1, 128)] = 3
        """Number of layers."""
        radials: Functions = 8
        """Number of Bessel functions."""
        radial_width: Width = 32
        """Width of the hidden layer of the network of the distance."""
        element_features: ElementFeatures = "embedding"
        """What an atom is known by at the start."""
        elements: LearnedElements = None
        """Symbols of the elements that have a vector; null for those of the data."""
        neighbors: NeighborCount | None = None
        """The sums over neighbors are divided by its root; null for the mean number in the
        training part."""
        envelope: EnvelopeName = "polynomial"
        """Factor on the radial functions that vanishes at the cutoff."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            numbers_of(self.elements)

    reads = Reads(directions=True, mixtures=True)
    measured = MappingProxyType({"elements": None, "neighbors": 16.0})

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = config.channels
        self.element_rows = rows = ElementRows(config.elements)
        self.embed = ElementEmbedding(self.width, config.element_features, rows)
        envelope = make_envelope(config.envelope, cutoff)
        self.edges = DirectedEdges(cutoff, config.radials, config.degree, envelope, cutoff**0.5)
        hidden = {
            (degree, parity): config.channels
            for degree in range(config.degree + 1)
            for parity in (1, -1)
            if config.parity or parity == harmonic(degree)[1]
        }
        inputs: Irreps = {_SCALAR: self.width}
        layers = []
        for _ in range(config.depth):
            widths = config.radials, config.radial_width
            layer = PointConvolution(inputs, config.degree, hidden, *widths, self.neighbors**-0.5)
            layer.radial.normalize(self.edges.usual())
            layers.append(layer)
            inputs = layer.outputs
        self.layers = nn.ModuleList(layers)
        self.tensors = {irrep: count for irrep, count in inputs.items() if irrep != _SCALAR}

    def forward(self, graph: Graph) -> Features:
        """Turn crystals into features of their atoms; a `GraphError` as `in_space` raises it."""
        graph = self.in_space(graph)
        basis, around = self.edges(graph, self.embed.weight.dtype)
        tensors: Tensors = {_SCALAR: self.embed(graph).unsqueeze(1)}
        scalars = [tensors[_SCALAR].squeeze(1)]
        for layer in self.layers:
            tensors = layer(tensors, basis, around)
            scalars.append(tensors[_SCALAR].squeeze(1))
        turning = {irrep: tensors[irrep] for irrep in self.tensors}
        return Features(scalars[-1], layers=tuple(scalars), tensor=turning)


def _shifted_softplus(values: Tensor) -> Tensor:
    return functional.softplus(values) - functional.softplus(values.new_zeros(()))
