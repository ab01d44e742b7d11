"""What an architecture is: an encoder from a graph to features."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.graph import Graph


@dataclass(frozen=True)
class Features:
    """What an encoder makes of a graph."""

    atom: Float[Tensor, "atoms width"]
    """One vector for each atom."""
    crystal: Float[Tensor, "crystals crystal_width"] | None = None
    """One vector for each crystal beside those of its atoms, the same for a supercell; None
    where the encoder has no such thing."""
    layers: tuple[Float[Tensor, "atoms width"], ...] = ()
    """The atoms before the first layer and after each, where the encoder tells."""


class AngleSettings(Protocol):
    """What the ``Config`` of an encoder that reads angles says of them."""

    def make_angles(self) -> Angles | None:
        """Return which edges form angles; None for a model without angles."""


class StateSettings(Protocol):
    """What the ``Config`` of an encoder that reads the state of a crystal says of it.

    `xtalgraph.models.spec.ModelSpec` fills both in, where the data has conditions.
    """

    @property
    def state_width(self) -> int:
        """How many numbers there are."""

    @property
    def fidelities(self) -> int:
        """How many methods are told apart; 0 where none is said."""


class Encoder(nn.Module, ABC):
    """Base of every architecture.

    A subclass has a frozen dataclass ``Config`` with its hyper-parameters, takes
    ``(config, cutoff)``, and writes ``forward``. Everything else follows from its line in
    `xtalgraph.models.registry`.
    """

    Config: ClassVar[type[Any]]
    """Hyper-parameters, a frozen dataclass with a default for each."""
    reads_reduced: ClassVar[bool] = False
    """Whether a reduced graph gives its atoms the features that the full graph gives them: it
    reads elements, distances and angles alone, and weights every sum over atoms, edges or triplets
    by multiplicity."""
    reads_mixtures: ClassVar[bool] = False
    """Whether it reads disordered sites: what an atom starts from comes from
    `xtalgraph.nn.mixtures.rows_of_elements`, and `Graph.number` decides nothing else."""
    needs_elements: ClassVar[tuple[str, ...]] = ()
    """Settings with which it reads one element at each atom all the same, and no mixture."""
    reads_angles: ClassVar[bool] = False
    """Whether it reads triplets. Its ``Config`` then is one of `AngleSettings`, by which its
    graphs are built, and its ``forward`` begins with `expect_angles`."""
    reads_state: ClassVar[bool] = False
    """Whether it reads `Graph.state` and `Graph.fidelity`. Its ``Config`` then is one of
    `StateSettings`."""
    advised_readout: ClassVar[str | None] = None
    """The readout of its paper, or of our own the one that was found to be best, by name; it is
    taken for the targets that it serves. None for the one that follows from the target."""
    advised_members: ClassVar[int] = 1
    """How many are trained, where `train` is told nothing, for their mean and its spread: a paper's
    architecture is one network."""
    advised_weight_decay: ClassVar[float] = 0.01
    """With which it is trained where nothing is said, see `TrainingConfig.weight_decay`."""
    width: int
    """Length of the vector of an atom."""
    crystal_width: int = 0
    """Length of the vector of a crystal; 0 where there is none."""

    def __init__(self, config: Any, cutoff: float) -> None:
        super().__init__()
        self.config = config
        self.cutoff = cutoff

    def expect_angles(self, graph: Graph) -> None:
        """Refuse a graph whose angles nobody has looked for, where the encoder reads angles.

        Args:
            graph: What it is to read.

        Raises:
            GraphError: If it was built without triplets.
        """
        if not self.reads_angles:
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

    @abstractmethod
    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features."""
