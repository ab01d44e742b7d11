"""The model of a property: encoder, readout, scaler, and the target they serve."""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError, TargetError
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions
from xtalgraph.data.states import States
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.models.deviation import Deviation
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.head import Head
from xtalgraph.models.readouts import Readout
from xtalgraph.models.requirements import (
    check_readout,
    check_variance,
    why_not_mixtures,
    why_not_reduced,
)
from xtalgraph.models.scaler import Scaler
from xtalgraph.models.state_scaler import StateScaler


@final
class PropertyModel(nn.Module):
    """Predicts a target of crystals in its own unit.

    Args:
        encoder: Turns the graph into features.
        readout: Turns the features into the target; must serve its kind.
        target: What is predicted.
        beside: Further targets that are predicted from the same features, with their readouts.
        conditions: What the encoder reads as the state of a crystal.
        deviations: One further readout for each target, from which the standard deviation of its
            error is made; none for a model that says values alone.

    Raises:
        TargetError: If a readout does not serve its target's kind, or there are deviations of
            classes, or not one for each target.
    """

    def __init__(
        self,
        encoder: Encoder,
        readout: Readout,
        target: Target,
        beside: Sequence[tuple[Readout, Target]] = (),
        conditions: Conditions = ATOMS_ALONE,
        deviations: Sequence[Readout] = (),
    ) -> None:
        super().__init__()
        check_readout(readout, target)
        self.encoder = encoder
        self.readout = readout
        self.scaler = Scaler()
        self.target = target
        self.beside = nn.ModuleList(Head(*one) for one in beside)
        self.conditions = conditions
        self.states = StateScaler(len(conditions.numbers)) if conditions else None
        if deviations:
            _check_deviations(deviations, self.targets)
        self.deviations = nn.ModuleList(Deviation(one) for one in deviations)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything that is predicted."""
        return tuple(target for _, target in self._scalers())

    def forward(self, graph: Graph) -> Float[Tensor, "rows *columns"]:
        """Return one value for each crystal, or for each atom if the target is atomic.

        It is the prediction in the target's unit; of a class the log-odds of class 1, which the
        loss reads, see `prediction`. Of several targets there is a column for each.

        Args:
            graph: What to predict.

        Raises:
            GraphError: If the graph is reduced and the model cannot read that, or it has not the
                states that the model reads.
        """
        return self.read(self.features(graph), graph)

    def features(self, graph: Graph) -> Features:
        """Return what the encoder makes of a graph.

        Args:
            graph: What to predict.

        Raises:
            GraphError: If the graph is reduced, or has disordered sites, and the model cannot read
                that.
        """
        if isinstance(graph, InvariantGraph):
            reason = why_not_reduced(type(self.encoder), self.target)
            if reason:
                raise GraphError(f"the model cannot read a reduced graph: {reason}")
        if len(graph.share):
            reason = why_not_mixtures(type(self.encoder), self.encoder.config, self.target)
            if reason:
                raise GraphError(f"the model cannot read disordered sites: {reason}")
        features: Features = self.encoder(self.as_read(graph))
        return features

    def read(self, features: Features, graph: Graph) -> Float[Tensor, "rows *columns"]:
        """Return what `forward` returns, from features that are there already.

        Args:
            features: Of the graph.
            graph: What to predict.
        """
        value: Tensor = self.scaler(self.readout(features, graph), graph, self.target)
        if not self.beside:
            return value
        return torch.stack([value, *(head(features, graph) for head in self.beside)], dim=-1)

    def deviation(self, features: Features, graph: Graph) -> Float[Tensor, "rows *columns"] | None:
        """Return the standard deviation of the error of what `read` returns, in the target's unit.

        Args:
            features: Of the graph.
            graph: What to predict.

        Returns:
            As `read`, and larger than 0; None where the model has learned no variance.
        """
        if not self.deviations:
            return None
        columns: list[Tensor] = []
        for said, (scaler, _) in zip(self.deviations, self._scalers(), strict=True):
            value: Tensor = said(features, graph)
            columns.append(value * scaler.scale.to(value.dtype))
        return torch.stack(columns, dim=-1) if self.beside else columns[0]

    def as_read(self, graph: Graph) -> Graph:
        """Return a graph as the encoder reads it: with the numbers of its states scaled.

        Args:
            graph: What to predict.

        Raises:
            GraphError: If it has not the states that the model reads.
        """
        found, wanted = graph.state.shape[1], len(self.conditions.numbers)
        if found != wanted or (self.conditions.fidelity and bool((graph.fidelity < 0).any())):
            names = ", ".join(self.conditions.columns) or "nothing"
            raise GraphError(
                f"the model reads {names} as the state of a crystal, and the graph has {found} "
                "numbers and may lack the method: give it with "
                "spec.conditions.states_of(rows).attach(graph)"
            )
        return graph if self.states is None else graph.replace(state=self.states(graph.state))

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals embedding"]:
        """Return the vector of each crystal from which the readout of the first target starts.

        It is the same for a supercell, and for a reduced graph.

        Args:
            features: Of the graph.
            graph: What they were made of.
        """
        return self.readout.pooled(features, graph)

    def prediction(self, value: Float[Tensor, "rows *columns"]) -> Float[Tensor, "rows *columns"]:
        """Turn what `forward` returned into predictions, in float64.

        Args:
            value: In the target's unit, or log-odds.

        Returns:
            The same; of a class the probability of class 1.
        """
        value = value.double()  # before the sigmoid, which in float32 is 1 from 17 on
        if not self.beside:
            return torch.sigmoid(value) if self.target.is_class else value
        is_class = torch.tensor([target.is_class for target in self.targets], device=value.device)
        return torch.where(is_class, torch.sigmoid(value), value)

    @torch.no_grad()
    def start(self, graph: Graph) -> Float[Tensor, "rows *columns"]:
        """Return what the scalers say by themselves, in float64: where training begins.

        Args:
            graph: Of which crystals.
        """
        rows = len(graph.number) if self.target.kind is Kind.ATOMIC else len(graph)
        nothing = torch.zeros(rows, dtype=torch.float64, device=graph.number.device)
        columns = [scaler(nothing, graph, target) for scaler, target in self._scalers()]
        return torch.stack(columns, dim=-1) if self.beside else columns[0]

    def fit_scalers(
        self,
        values: Sequence[Float[np.ndarray, "_ *columns"]],
        numbers: Sequence[Int[np.ndarray, " _"] | Float[np.ndarray, "119"]],
    ) -> None:
        """Fit the scaler of each target to the training crystals that have its label.

        Args:
            values: Of each crystal, as `forward` returns them; NaN where a label is missing.
            numbers: Atomic numbers of each crystal, or the amounts of its elements, see
                `Scaler.fit`.

        Raises:
            InputError: If there is only one class to learn from.
        """
        for column, (scaler, target) in enumerate(self._scalers()):
            own = [one[:, column] if self.beside else one for one in values]
            known = [place for place, one in enumerate(own) if not np.isnan(one).any()]
            labels = np.concatenate([own[place] for place in known])
            scaler.fit(labels, [numbers[place] for place in known], target)

    def fit_states(self, states: States) -> None:
        """Fit the scale of the numbers of the state to the training crystals.

        Args:
            states: Of each.
        """
        if self.states is not None:
            self.states.fit(states.numbers)

    def _scalers(self) -> list[tuple[Scaler, Target]]:
        heads = [head for head in self.beside if isinstance(head, Head)]
        return [(self.scaler, self.target), *((head.scaler, head.target) for head in heads)]


def _check_deviations(readouts: Sequence[Readout], targets: Sequence[Target]) -> None:
    if len(readouts) != len(targets):
        raise TargetError(
            f"the variance is learned of each target or of none, got {len(readouts)} readouts for "
            f"it and {len(targets)} targets"
        )
    for readout, target in zip(readouts, targets, strict=True):
        check_variance(target)
        check_readout(readout, target)
