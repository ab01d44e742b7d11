"""What an architecture is: an encoder from a graph to features."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Protocol

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.conditional import OnlyIf, settings_read
from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.conventions.ranges import Range
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.element_rows import ElementRows


@dataclass(frozen=True)
class Features:
    """What an encoder makes of a graph."""

    atom: Float[Tensor, "atoms width"]
    """One vector for each atom; it does not turn with the crystal."""
    crystal: Float[Tensor, "crystals crystal_width"] | None = None
    """One vector for each crystal in addition to those of its atoms, the same for a supercell; None
    where the encoder makes none."""
    layers: tuple[Float[Tensor, "atoms layer_width"], ...] = ()
    """The atoms before the first layer and after each, where the encoder returns them."""
    tensor: Mapping[Irrep, Float[Tensor, "atoms _ _"]] = field(default_factory=dict)
    """What turns with the crystal, by degree l and parity: 2l + 1 real components in the order of
    e3nn; none of an invariant encoder. See `Encoder.tensors`."""
    edge: Float[Tensor, "edges edge_width"] | None = None
    """One vector for each edge, where the encoder returns them."""

    def detached(self) -> "Features":
        """Return the same numbers, which hold nothing that a derivative would need."""
        return Features(
            self.atom.detach(),
            None if self.crystal is None else self.crystal.detach(),
            tuple(layer.detach() for layer in self.layers),
            {irrep: values.detach() for irrep, values in self.tensor.items()},
            None if self.edge is None else self.edge.detach(),
        )


@dataclass(frozen=True)
class Reads:
    """What an encoder reads of a crystal: it decides which graphs and which data it is given.

    Raises:
        ConfigError: If it reads directions of a reduced graph, which has none.
    """

    reduced: bool = False
    """A graph reduced by symmetry gives its atoms the features that the full graph gives them: it
    reads elements, distances and angles alone, and weights every sum over atoms, edges or triplets
    by multiplicity."""
    angles: bool = False
    """Triplets. Its ``Config`` then is one of `AngleSettings`, by which its graphs are built, and
    its ``forward`` begins with `Encoder.expect_angles`."""
    directions: bool = False
    """Vectors, or dihedrals, which are made of them: it needs a `CrystalGraph`."""
    condition: bool = False
    """`Graph.conditions` and `Graph.fidelity`: temperature, pressure, method. Its ``Config`` then
    is one of `ConditionSettings`."""
    mixtures: bool = False
    """Disordered sites: what an atom starts from comes from
    `xtalgraph.nn.element_embedding.rows_of_elements`, and `Graph.number` decides nothing else."""
    no_mixtures_with: tuple[str, ...] = ()
    """Settings with which it reads one element at each atom all the same, and no mixture."""
    batch_statistics: bool = False
    """Means over the batch in training: what it makes of a crystal then depends on the others."""
    whole_crystal: bool = False
    """A vector of the whole crystal reaches each atom: atoms then feel each other at any
    distance."""

    def __post_init__(self) -> None:
        if self.reduced and self.directions:
            raise ConfigError("an encoder that reads directions cannot read a reduced graph")


@dataclass(frozen=True)
class Recommended:
    """Defaults of a training that depend on the architecture."""

    readout: str | None = None
    """The readout of its paper, or the one found to be best, by name, for the targets that it
    serves. None for the one that follows from the target."""
    members: int = 1
    """How many are trained, for their mean and standard deviation: a paper's architecture is one
    network."""
    weight_decay: float = 0.01
    """See `TrainingConfig.weight_decay`."""
    as_potential: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the encoder, beside a smooth envelope, with which its energy is smooth in the
    positions."""


NeighborCount = Annotated[float, Range(0, 1000, above=True)]
"""Mean number of neighbors of an atom."""
LearnedElements = Annotated[
    list[str] | None, OnlyIf("element_features", lambda features: features == "embedding")
]
"""Symbols of the elements that have a learned vector; None for all."""
AngleNeighbors = Annotated[int, Range(0, 10_000)]
"""How many edges of an atom form angles."""


class AngleSettings(Protocol):
    """The ``Config`` of an encoder that reads angles."""

    def make_angles(self) -> Angles | None:
        """Return which edges form angles, by `angles_from`; None for a model without angles."""


def angles_from(angle_cutoff: float, angle_neighbors: int | None) -> Angles | None:
    """Return which edges form angles, by the settings of these names.

    Args:
        angle_cutoff: Longest edge that forms angles, Å.
        angle_neighbors: How many edges of an atom form angles, in whole shells; 0 for none, None
            for all edges up to the cutoff.

    Returns:
        None where no edges form angles.

    Raises:
        ConfigError: If the cutoff is not larger than 0, or one edge alone is to form angles.

    >>> angles_from(5.0, None).max_neighbors is None, angles_from(5.0, 0) is None
    (True, True)
    """
    if not angle_cutoff > 0:
        raise ConfigError(f"model.angle_cutoff must be larger than 0 Å, got {angle_cutoff}")
    if angle_neighbors is not None and (angle_neighbors < 0 or angle_neighbors == 1):
        raise ConfigError(
            "model.angle_neighbors must be at least 2, for an angle needs two edges, or null for "
            f"all, or 0 for a model without angles, got {angle_neighbors}"
        )
    return None if angle_neighbors == 0 else Angles(angle_cutoff, angle_neighbors)


class ConditionSettings(Protocol):
    """The ``Config`` of an encoder that reads the condition of a crystal.

    `xtalgraph.models.spec.ModelSpec` fills both in, where the data has conditions.
    """

    @property
    def state_width(self) -> int:
        """How many conditions are numbers."""

    @property
    def fidelities(self) -> int:
        """How many methods are distinguished; 0 where none is given."""


class Encoder(nn.Module, ABC):
    """Base of every architecture.

    A subclass has a frozen dataclass ``Config`` with its hyper-parameters, takes
    ``(config, cutoff)``, and writes ``forward``. Everything else follows from its line in
    `xtalgraph.models.registry`.

    Args:
        config: Hyper-parameters.
        cutoff: Largest length of an edge, Å.
    """

    Config: ClassVar[type[Any]]
    """Hyper-parameters, a frozen dataclass with a default for each."""
    reads: ClassVar[Reads] = Reads()
    """What it reads of a crystal."""
    recommended: ClassVar[Recommended] = Recommended()
    """Defaults of its training."""
    returns_edges: ClassVar[bool] = False
    """Whether it returns `Features.edge`, of the width of an atom's vector."""
    width: int
    """Length of the vector of an atom."""
    crystal_width: int = 0
    """Length of the vector of a crystal; 0 where there is none."""
    tensors: Mapping[Irrep, int] = MappingProxyType({})
    """Channels of each irreducible representation in `Features.tensor`; an equivariant encoder
    declares them."""

    measured: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Settings that a training takes from its data where they are null, with what stands for null
    where there are no data: ``elements``, the symbols of those that have weights, and
    ``neighbors``, their mean number."""

    def __init__(self, config: Any, cutoff: float) -> None:
        super().__init__()
        self.element_rows: ElementRows | None = None
        """Which elements it has weights of; None where it reads all."""
        self.config = config
        self.cutoff = cutoff

    @classmethod
    def open_settings(cls, config: Any) -> tuple[str, ...]:
        """Return the settings that are to be taken from the data: read, and null."""
        read = settings_read(config)
        return tuple(name for name in cls.measured if read.get(name, config) is None)

    @property
    def neighbors(self) -> float:
        """The mean number of neighbors by which sums are scaled, measured or not."""
        given: float | None = self.config.neighbors
        return float(self.measured["neighbors"]) if given is None else given

    def expect_angles(self, graph: Graph) -> None:
        """Raise a `GraphError` if a graph was built without the angles that the encoder reads."""
        if not self.reads.angles:
            return
        settings: AngleSettings = self.config
        angles = settings.make_angles()
        if angles is None or len(graph.receiving_edge) or bool(graph.has_angles.all()):
            return
        raise GraphError(
            f"{type(self).__name__} reads angles, and the graph was built without: build it by "
            "ModelSpec.make_graph, or by build_graph(crystals, strategy, angles="
            f"Angles({angles.cutoff:g}, {angles.max_neighbors})), or add_triplets"
        )

    def in_space(self, graph: Graph) -> CrystalGraph:
        """Return the graph; a `GraphError` without directions, or weights of an element."""
        if self.element_rows is not None:
            self.element_rows.check(graph)
        if isinstance(graph, CrystalGraph):
            return graph
        raise GraphError(
            f"{type(self).__name__} reads directions and needs a CrystalGraph, got "
            f"{type(graph).__name__}"
        )

    @abstractmethod
    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features."""
