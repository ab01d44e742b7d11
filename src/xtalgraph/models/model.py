"""What the training, inference and evidence know of a model: values by the name of their target."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features

ByTarget = dict[str, Float[Tensor, "..."]]
"""A tensor for each target, by its name: a row for each crystal, or for each atom if the target is
atomic."""


@dataclass(frozen=True, eq=False)
class Output:
    """What a model computes for a batch."""

    values: ByTarget
    """In the unit of the target; of a class the log-odds of class 1, see `predicted`."""
    deviations: ByTarget
    """Standard deviation of the error of each value, larger than 0; empty where no variance was
    learned."""
    features: Features
    """What the encoder made of the graph."""


class Model(nn.Module, ABC):
    """Base of every model that is trained here.

    Args:
        encoder: Turns the graph into features.
        targets: What is predicted, each of a name of its own.
        conditions: What the encoder reads of a crystal beside its atoms.
    """

    def __init__(
        self, encoder: Encoder, targets: Sequence[Target], conditions: Conditions = ATOMS_ALONE
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.targets = tuple(targets)
        self.conditions = conditions

    @property
    @abstractmethod
    def learns_variance(self) -> bool:
        """Whether a standard deviation of its error belongs to each value."""

    @abstractmethod
    def forward(self, graph: Graph) -> Output:
        """Predict every target.

        Args:
            graph: A batch of crystals.

        Raises:
            GraphError: If the model cannot read such a graph.
        """

    @abstractmethod
    def start(self, graph: Graph) -> ByTarget:
        """Return what is predicted before anything was learned: the scales alone, in float64.

        Args:
            graph: A batch of crystals.
        """

    @abstractmethod
    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], states: ConditionValues | None = None
    ) -> None:
        """Fit the scale of each target, and of the conditions, to the training part.

        Args:
            labels: Of the training crystals, NaN where a label is missing.
            crystals: The same crystals.
            states: Their conditions, for a model that reads them.

        Raises:
            InputError: If there is only one class to learn from.
        """

    @abstractmethod
    def embedding(
        self, features: Features, graph: Graph, name: str
    ) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which a target is predicted.

        It is the same for a supercell, and for a reduced graph.

        Args:
            features: Of the graph.
            graph: What they were made of.
            name: The target.
        """

    @abstractmethod
    def as_read(self, graph: Graph) -> Graph:
        """Return a graph as the encoder reads it, with its conditions scaled.

        Args:
            graph: A batch of crystals.

        Raises:
            GraphError: If the graph has not the conditions that the model reads.
        """

    def expect_conditions(self, graph: Graph) -> None:
        """Refuse a graph that has not the conditions that the model reads.

        Args:
            graph: A batch of crystals.

        Raises:
            GraphError: If they are missing, or others.
        """
        count, wanted = graph.state.shape[1], len(self.conditions.numbers)
        if count != wanted or (self.conditions.fidelity and bool((graph.fidelity < 0).any())):
            names = ", ".join(self.conditions.columns) or "nothing"
            raise GraphError(
                f"the model reads {names} as the state of a crystal, and the graph has {count} "
                "numbers and may lack the method: give it with "
                "spec.conditions.states_of(rows).attach(graph)"
            )


def predicted(target: Target, value: Float[Tensor, "rows *shape"]) -> Float[Tensor, "rows *shape"]:
    """Turn what a model computed into predictions, in float64.

    Args:
        target: What was predicted.
        value: In its unit, or the log-odds of a class.

    Returns:
        The same; of a class the probability of class 1.
    """
    value = value.double()  # before the sigmoid, which in float32 is 1 from 17 on
    return torch.sigmoid(value) if target.is_class else value
