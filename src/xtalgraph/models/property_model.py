"""The model of properties: an encoder, and a head for each target."""

from collections.abc import Mapping, Sequence
from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError, TargetError
from xtalgraph.crystals.composition import elements_of
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.head import Head
from xtalgraph.models.model import ByTarget, Model, Output
from xtalgraph.models.requirements import why_not_mixtures, why_not_reduced
from xtalgraph.models.state_scaler import StateScaler


@final
class PropertyModel(Model):
    """Predicts targets of crystals, each in its own unit.

    Args:
        encoder: Turns the graph into features.
        heads: Turn the features into the targets, by name; they are kept in this order.
        conditions: What the encoder reads of a crystal beside its atoms.

    Raises:
        TargetError: If a head is of a target of another name, or only some learn their variance.
    """

    def __init__(
        self,
        encoder: Encoder,
        heads: Mapping[str, Head],
        conditions: Conditions = ATOMS_ALONE,
    ) -> None:
        super().__init__(encoder, [head.target for head in heads.values()], conditions)
        for name, head in heads.items():
            if name != head.target.name:
                raise TargetError(f"the head named {name!r} is of the target {head.target.name!r}")
        if len({bool(head.deviations) for head in heads.values()}) > 1:
            raise TargetError(
                f"the variance is learned of each target or of none, got {', '.join(heads)} of "
                "which only some have readouts for it"
            )
        self.heads = nn.ModuleList(heads.values())
        self.states = StateScaler(len(conditions.numbers)) if conditions else None

    @property
    def learns_variance(self) -> bool:
        """Whether a standard deviation of its error belongs to each value."""
        return any(bool(head.deviations) for head in self.head_of.values())

    @property
    def head_of(self) -> dict[str, Head]:
        """The head of each target by its name."""
        heads = [cast(Head, head) for head in self.heads]
        return {head.target.name: head for head in heads}

    def forward(self, graph: Graph) -> Output:
        """Predict every target.

        Args:
            graph: A batch of crystals.

        Raises:
            GraphError: If the graph is reduced, or has disordered sites, and the model cannot read
                that, or it has not the conditions that the model reads.
        """
        features, heads = self._features(graph), self.head_of
        values = {name: head(features, graph) for name, head in heads.items()}
        deviations = {
            name: head.deviation(features, graph) for name, head in heads.items() if head.deviations
        }
        return Output(values, deviations, features)

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return what is predicted before anything was learned: the scales alone, in float64.

        Args:
            graph: A batch of crystals.
        """
        return {name: head.start(graph) for name, head in self.head_of.items()}

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
        numbers = [elements_of(crystal) for crystal in crystals]
        for name, head in self.head_of.items():
            head.fit(labels.arrays[name], numbers)
        if self.states is not None and states is not None:
            self.states.fit(states.numbers)

    def embedding(
        self, features: Features, graph: Graph, name: str
    ) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the readout of a target starts.

        Args:
            features: Of the graph.
            graph: What they were made of.
            name: The target.
        """
        return self.head_of[name].embedding(features, graph)

    def as_read(self, graph: Graph) -> Graph:
        """Return a graph as the encoder reads it, with its conditions scaled.

        Args:
            graph: A batch of crystals.

        Raises:
            GraphError: If the graph has not the conditions that the model reads.
        """
        self.expect_conditions(graph)
        return graph if self.states is None else graph.replace(state=self.states(graph.state))

    def _features(self, graph: Graph) -> Features:
        encoder = type(self.encoder)
        if isinstance(graph, InvariantGraph) and (
            reason := why_not_reduced(encoder, *self.targets)
        ):
            raise GraphError(f"the model cannot read a reduced graph: {reason}")
        if len(graph.share) and (
            reason := why_not_mixtures(encoder, self.encoder.config, *self.targets)
        ):
            raise GraphError(f"the model cannot read disordered sites: {reason}")
        features: Features = self.encoder(self.as_read(graph))
        return features
