"""What the training, inference and evidence know of a model, and the model of properties."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError, TargetError
from xtalgraph.crystals.composition import elements_of
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.models.delta import Delta, delta_target
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.requirements import why_not_mixtures, why_not_reduced
from xtalgraph.models.target_head import TargetHead
from xtalgraph.models.terms.energy_term import EnergyTerm

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


@dataclass(frozen=True, eq=False)
class ModelParts:
    """What a model is put together from."""

    encoder: Encoder
    """Turns the graph into features."""
    heads: Mapping[str, TargetHead]
    """Of each target that is no derivative, by name."""
    targets: Sequence[Target]
    """What is predicted, in its order."""
    conditions: Conditions
    """What the encoder reads of a crystal beside its atoms."""
    terms: Mapping[str, EnergyTerm]
    """Added to the energy of a potential, by name."""
    reference_energies: Mapping[str, float] | str | None
    """Of a potential, see there."""


class ConditionScaler(nn.Module):
    """(x − mean) / standard deviation, for each condition; it is kept with the weights.

    A number that is the same in all of the training part is only shifted.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("std", torch.ones(size, dtype=torch.float64))

    def forward(
        self, conditions: Float[Tensor, "crystals numbers"]
    ) -> Float[Tensor, "crystals numbers"]:
        """Scale conditions in their own units."""
        mean, std = self.mean.to(conditions.dtype), self.std.to(conditions.dtype)
        return (conditions - mean) / std

    @torch.no_grad()
    def fit(self, conditions: Float[Tensor, "crystals numbers"]) -> None:
        """Fit mean and standard deviation."""
        self.mean.copy_(conditions.mean(dim=0))
        std = (conditions - self.mean).square().mean(dim=0).sqrt()
        self.std.copy_(torch.where(std > 0, std, 1.0))


class Model(nn.Module, ABC):
    """Base of every model that is trained here.

    Args:
        encoder: Turns the graph into features.
        targets: What is predicted, each of a name of its own.
        conditions: What the encoder reads of a crystal beside its atoms.
    """

    atoms_at_once: ClassVar[int | None] = None
    """How many atoms of a batch are evaluated at once, where derivatives need much memory."""

    def __init__(
        self, encoder: Encoder, targets: Sequence[Target], conditions: Conditions = ATOMS_ALONE
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.targets = tuple(targets)
        self.conditions = conditions
        self.condition_scaler: ConditionScaler | None = None
        if conditions.encoded:
            self.condition_scaler = ConditionScaler(len(conditions.numbers))

    @classmethod
    @abstractmethod
    def made_of(cls, parts: ModelParts) -> "Model":
        """Put a model together."""

    @property
    @abstractmethod
    def learns_variance(self) -> bool:
        """Whether a standard deviation of its error belongs to each value."""

    @abstractmethod
    def forward(self, graph: Graph) -> Output:
        """Predict every target of a batch; a `GraphError` if the model cannot read it."""

    def learned(self, graph: Graph) -> Output:
        """Predict what weights decide: all but what `given` returns."""
        output: Output = self(graph)
        return output

    def given(self, graph: Graph) -> ByTarget:
        """Return the part of each prediction that no weight changes; nothing where there is none.

        A training subtracts it from the labels once.
        """
        return {}

    @abstractmethod
    def start(self, graph: Graph) -> ByTarget:
        """Return what is predicted before anything was learned: the scales alone, in float64."""

    @property
    def learns_alone(self) -> bool:
        """Whether nothing is added to what it learns, though there is something to add."""
        return False

    def learn_alone(self) -> None:
        """Leave out what is fitted before the training and added to it; before `fit_scales`."""

    @abstractmethod
    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Fit the scale of each target, and of the conditions, to the training part.

        Args:
            labels: Of the training crystals, NaN where a label is missing.
            crystals: The same crystals.
            conditions: Of the crystals, for a model that reads them.

        Raises:
            InputError: If there is only one class to learn from.
        """

    @abstractmethod
    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector that stands for each crystal.

        It is the same for a supercell, and for a reduced graph.
        """

    @property
    def sizes(self) -> dict[str, float]:
        """Typical size of the labels of each target for which its head knows one."""
        return {}

    def as_read(self, graph: Graph) -> Graph:
        """Return a graph as the encoder reads it, scaled; a `GraphError` without its conditions."""
        self.expect_conditions(graph)
        if not self.conditions:
            return graph
        numbers = graph.conditions[:, : len(self.conditions.numbers)]
        if self.condition_scaler is not None:
            numbers = self.condition_scaler(numbers)
        return graph.replace(conditions=numbers)

    def encoded(self, graph: Graph) -> Features:
        """Return the features of a batch; a `GraphError` if the encoder cannot read it."""
        encoder = type(self.encoder)
        if isinstance(graph, InvariantGraph) and (
            reason := why_not_reduced(encoder, *self.targets)
        ):
            raise GraphError(f"the model cannot read a reduced graph: {reason}")
        if len(graph.share) and (
            reason := why_not_mixtures(encoder, self.encoder.config, *self.targets)
        ):
            raise GraphError(f"the model cannot read disordered sites: {reason}")
        return self.encoder(self.as_read(graph))

    def expect_conditions(self, graph: Graph) -> None:
        """Raise a `GraphError` if a graph has not the conditions that the model reads."""
        count, wanted = graph.conditions.shape[1], len(self.conditions.scalars)
        if count != wanted or (self.conditions.fidelity and bool((graph.fidelity < 0).any())):
            names = ", ".join(self.conditions.columns) or "nothing"
            raise GraphError(
                f"the model reads {names} as conditions, and the graph has {count} "
                "numbers and may lack the method: give them with "
                "spec.conditions.values_of(rows).attach(graph)"
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


@final
class PropertyModel(Model):
    """Predicts targets of crystals, each in its own unit.

    Args:
        encoder: Turns the graph into features.
        heads: Turn the features into the targets, by name; they are kept in this order.
        conditions: What the encoder reads of a crystal beside its atoms.

    Raises:
        ConfigError: If another calculation is given of what is not one number of each crystal.
        TargetError: If a head is of a target of another name, or only some learn their variance.
    """

    def __init__(
        self,
        encoder: Encoder,
        heads: Mapping[str, TargetHead],
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
        self.delta: Delta | None = None
        if conditions.delta:
            self.delta = Delta(delta_target(self.targets))

    @classmethod
    def made_of(cls, parts: ModelParts) -> "PropertyModel":
        """Put a model together; each of its targets has a head."""
        return cls(parts.encoder, parts.heads, parts.conditions)

    @property
    def learns_variance(self) -> bool:
        """Whether a standard deviation of its error belongs to each value."""
        return any(bool(head.deviations) for head in self.head_of.values())

    @property
    def head_of(self) -> dict[str, TargetHead]:
        """The head of each target by its name."""
        heads = [cast(TargetHead, head) for head in self.heads]
        return {head.target.name: head for head in heads}

    @property
    def sizes(self) -> dict[str, float]:
        """Typical size of the labels of each target for which its head knows one."""
        return {name: head.size for name, head in self.head_of.items()}

    def forward(self, graph: Graph) -> Output:
        """Predict every target; a `GraphError` if the model cannot read the graph."""
        output = self.learned(graph)
        given = self.given(graph)
        values = {k: v + given[k] if k in given else v for k, v in output.values.items()}
        return Output(values, output.deviations, output.features)

    def learned(self, graph: Graph) -> Output:
        """Predict what the network learns, without the other calculation of the target."""
        features, heads = self.encoded(graph), self.head_of
        values = {name: head(features, graph) for name, head in heads.items()}
        deviations = {
            name: head.deviation(features, graph) for name, head in heads.items() if head.deviations
        }
        return Output(values, deviations, features)

    @property
    def learns_alone(self) -> bool:
        """Whether it learns the target itself, though another calculation of it is there."""
        return self.delta is not None and not bool(self.delta.factor)

    def learn_alone(self) -> None:
        """Leave out the other calculation of the target."""
        if self.delta is not None:
            self.delta.is_used = False

    @torch.no_grad()
    def given(self, graph: Graph) -> ByTarget:
        """Return what the other calculation of the target gives, in float64, if there is one."""
        return {} if self.delta is None else {self.targets[0].name: self.delta(graph)}

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return what is predicted before anything was learned, in float64.

        That is the scales alone, and what is given.
        """
        given = self.given(graph)
        starts = {name: head.start(graph) for name, head in self.head_of.items()}
        return {k: v + given[k] if k in given else v for k, v in starts.items()}

    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Fit the scale of each target, and of the conditions, to the training part."""
        numbers = [elements_of(crystal) for crystal in crystals]
        values = dict(labels.arrays)
        if self.delta is not None and conditions is not None:
            name, column = self.targets[0].name, conditions.numbers[:, -1]
            values[name] = self.delta.fit(column, values[name], numbers)
        for name, head in self.head_of.items():
            head.fit(values[name], numbers)
        if self.condition_scaler is not None and conditions is not None:
            self.condition_scaler.fit(conditions.numbers[:, : len(self.conditions.numbers)])

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vectors from which the readouts of the targets start, side by side.

        The mean over atoms, which several readouts may share, stands there once, at the place of
        the first of them; a readout whose pooling is learned has a vector of its own.
        """
        vectors: dict[str, Tensor] = {}
        for name, head in self.head_of.items():
            key = name if head.learns_pooling else ""
            if key not in vectors:
                vectors[key] = head.embedding(features, graph)
        return torch.cat(list(vectors.values()), dim=-1)
