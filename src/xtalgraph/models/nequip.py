"""NequIP: messages that are products of a neighbor's tensors with spherical harmonics."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal, final

from torch import Tensor, nn

from xtalgraph.conventions.elements import numbers_of
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Functions, Range, Width, check_ranges
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import (
    Encoder,
    Features,
    LearnedElements,
    NeighborCount,
    Reads,
    Recommended,
)
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.element_rows import ElementRows
from xtalgraph.nn.equivariant.convolution import Convolution
from xtalgraph.nn.equivariant.directed_edges import DirectedEdges
from xtalgraph.nn.equivariant.gate import Gate
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors, harmonic, product
from xtalgraph.nn.equivariant.linear import EquivariantLinear
from xtalgraph.nn.equivariant.radial_network import RadialNetwork
from xtalgraph.nn.equivariant.self_connection import Kinds, SelfConnection
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import EnvelopeName, make_envelope

Degree = Annotated[int, Range(0, 6)]
_SCALAR: Final[Irrep] = (0, 1)


@final
class Interaction(nn.Module):
    """x_i' = gate(W' Σ_j R(d_ij) C (W x_j ⊗ Y(r̂_ij)) + x_i V(e_i)), Y and C as in `Convolution`.

    Args:
        inputs: Channels of x.
        degree: The highest degree of Y.
        outputs: Channels that are wanted; representations that no path leads to are left out.
        radials: Number of functions of the distance.
        hidden: Widths within the network R.
        attributes: Length of the vector e of an element; 0 for a layer without self-connection.
        factor: Of the sum over j.
    """

    def __init__(
        self,
        inputs: Irreps,
        degree: int,
        outputs: Irreps,
        radials: int,
        hidden: list[int],
        attributes: int,
        factor: float,
    ) -> None:
        super().__init__()
        self.factor = factor
        reached = {
            end
            for start in inputs
            for order in range(degree + 1)
            for end in product(start, harmonic(order))
        }
        self.gate = Gate({irrep: outputs[irrep] for irrep in outputs if irrep in reached})
        self.before = EquivariantLinear(inputs, inputs)
        self.sum = Convolution(inputs, degree, self.gate.inputs)
        self.radial = RadialNetwork(radials, hidden, self.sum.width)
        self.after = EquivariantLinear(self.sum.outputs, self.gate.inputs)
        self.of_self = SelfConnection(inputs, attributes, self.gate.inputs) if attributes else None

    def forward(
        self, tensors: Tensors, kinds: Kinds, basis: Tensor, around: Surroundings
    ) -> dict[Irrep, Tensor]:
        """Return the features after the layer.

        Args:
            tensors: x.
            kinds: Of the atoms.
            basis: Functions of the distance of each row of the surroundings, zero at the cutoff.
            around: The surroundings of the atoms.
        """
        received = self.sum(self.before(tensors), self.radial(basis), around)
        mixed = self.after({irrep: self.factor * values for irrep, values in received.items()})
        if self.of_self is not None:
            kept = self.of_self(tensors, kinds)
            mixed = {i: v + kept[i] if i in kept else v for i, v in mixed.items()}
        return self.gate(mixed)


class NequIP(Encoder):
    """Neural equivariant interatomic potential: atoms hold tensors, with parity.

    Each layer multiplies the neighbors' tensors with spherical harmonics of the direction and a
    learned function of the distance, for all paths that the selection rules of O(3) allow, mixes
    the channels, adds a self-connection that depends on the element, and gates the tensors by
    scalars.

    What is the paper's: all of that, with the factor on the sums from the mean number of neighbors.
    The first layer has no self-connection, as in the authors' code: an atom without neighbors then
    has no features, and no energy but that of its element.

    Args:
        config: Hyper-parameters.
        cutoff: Largest length of an edge, Å.

    Source: Batzner et al., Nat. Commun. 13, 2453 (2022), doi 10.1038/s41467-022-29939-5.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of NequIP."""

        channels: Width | list[Width] = 32
        """Number of tensors of each degree and parity; or a list, one for each degree from 0."""
        degree: Degree = 2
        """The highest degree of tensors and spherical harmonics."""
        parity: bool = True
        """Tensors of both parities; otherwise of that of the spherical harmonics alone."""
        depth: Annotated[int, Range(1, 128)] = 3
        """Number of layers."""
        radials: Functions = 8
        """Number of Bessel functions."""
        radial_width: Width = 64
        """Width of the hidden layers of the network of the distance."""
        radial_depth: Annotated[int, Range(0, 8)] = 1
        """Number of hidden layers of the network of the distance."""
        element_width: Width | None = None
        """Length of the vector of an element; null for the number of scalars."""
        last: Literal["tensors", "scalars"] = "tensors"
        """What leaves the last layer: all, as tensor targets need, or what an energy needs."""
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
            if isinstance(self.channels, list) and len(self.channels) != self.degree + 1:
                raise ConfigError(
                    f"model.channels must be one number, or one for each degree from 0 to "
                    f"{self.degree}, got {len(self.channels)} numbers"
                )

    reads = Reads(directions=True, mixtures=True)
    recommended = Recommended(readout="linear", as_potential={"last": "scalars"})
    measured = MappingProxyType({"elements": None, "neighbors": 16.0})
    element_rows: ElementRows

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        hidden = _hidden(config)
        attributes = config.element_width or hidden[_SCALAR]
        self.width = hidden[_SCALAR]
        self.element_rows = rows = ElementRows(config.elements)
        self.embed = ElementEmbedding(attributes, config.element_features, rows)
        envelope = make_envelope(config.envelope, cutoff)
        self.edges = DirectedEdges(cutoff, config.radials, config.degree, envelope, cutoff**0.5)
        radial = config.radial_depth * [config.radial_width]
        inputs: Irreps = {_SCALAR: attributes}
        layers = []
        for number in range(config.depth):
            scalars = number == config.depth - 1 and config.last == "scalars"
            outputs = {_SCALAR: self.width} if scalars else hidden
            kinds = attributes if number else 0
            more = config.radials, radial, kinds, self.neighbors**-0.5
            layer = Interaction(inputs, config.degree, outputs, *more)
            layer.radial.normalize(self.edges.usual())
            layers.append(layer)
            inputs = layer.gate.outputs
        self.layers = nn.ModuleList(layers)
        self.tensors = {irrep: count for irrep, count in inputs.items() if irrep != _SCALAR}

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms.

        Args:
            graph: A `CrystalGraph`.

        Raises:
            GraphError: If the graph has no directions, or an element that the model does not know.
        """
        graph = self.in_space(graph)
        basis, around = self.edges(graph, self.embed.weight.dtype)
        kinds = Kinds.of(graph, self.embed)
        tensors: Tensors = {_SCALAR: kinds.of_atoms().unsqueeze(1)}
        scalars = [tensors[_SCALAR].squeeze(1)]
        for layer in self.layers:
            tensors = layer(tensors, kinds, basis, around)
            scalars.append(tensors[_SCALAR].squeeze(1))
        turning = {irrep: tensors[irrep] for irrep in self.tensors}
        alike = scalars[0].shape == scalars[-1].shape
        return Features(scalars[-1], layers=tuple(scalars) if alike else (), tensor=turning)


def _hidden(config: NequIP.Config) -> dict[Irrep, int]:
    """Return the channels between the layers."""
    several = config.channels
    channels = several if isinstance(several, list) else [several] * (config.degree + 1)
    return {
        (degree, parity): count
        for degree, count in enumerate(channels)
        for parity in (1, -1)
        if config.parity or parity == harmonic(degree)[1]
    }
