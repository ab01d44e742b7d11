"""What turns the features of an encoder into one target."""

from collections.abc import Sequence
from typing import cast, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.deviation import Deviation
from xtalgraph.models.encoder import Features
from xtalgraph.models.readouts import Readout
from xtalgraph.models.requirements import check_readout, check_variance
from xtalgraph.models.scaler import Scaler


@final
class Head(nn.Module):
    """The readouts and scales of one target: a pair for each of its numbers.

    Args:
        target: What is predicted.
        readouts: Turn the features into the numbers of the target; must serve its kind.
        deviations: As many further readouts, from which the standard deviation of the error is
            made; none for a model without variance.

    Raises:
        TargetError: If a readout does not serve the target's kind, if there is not one for each
            number of the target, if there are deviations of a class, or if the target turns with
            the crystal.
    """

    def __init__(
        self, target: Target, readouts: Sequence[Readout], deviations: Sequence[Readout] = ()
    ) -> None:
        super().__init__()
        for readout in (*readouts, *deviations):
            check_readout(readout, target)
        if deviations:
            check_variance(target)
        if target.tensor.rank:
            raise TargetError(
                f"{target.name!r} is a tensor of rank {target.tensor.rank}, which turns with the "
                "crystal: readouts of invariant features predict numbers that do not"
            )
        count = target.tensor.copies
        if len(readouts) != count or len(deviations) not in (0, count):
            raise TargetError(
                f"{target.name!r} has {count} numbers with a readout each, and one more each where "
                f"their variance is learned, got {len(readouts)} and {len(deviations)}"
            )
        self.target = target
        self.readouts = nn.ModuleList(readouts)
        self.scalers = nn.ModuleList(Scaler() for _ in readouts)
        self.deviations = nn.ModuleList(Deviation(one) for one in deviations)

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return a row for each crystal, or for each atom if the target is atomic."""
        pairs = zip(self.readouts, self._scalers, strict=True)
        return self._joined([s(r(features, graph), graph, self.target) for r, s in pairs])

    def deviation(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return the standard deviation of the error of each value, in the target's unit.

        Args:
            features: Of the graph.
            graph: What they were made of.
        """
        columns: list[Tensor] = []
        for deviation, scaler in zip(self.deviations, self._scalers, strict=True):
            value: Tensor = deviation(features, graph)
            columns.append(value * scaler.scale.to(value.dtype))
        return self._joined(columns)

    @torch.no_grad()
    def start(self, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return what the scalers say by themselves, in float64: where training begins.

        Args:
            graph: Of which crystals.
        """
        rows = len(graph.number) if self.target.kind is Kind.ATOMIC else len(graph)
        nothing = torch.zeros(rows, dtype=torch.float64, device=graph.number.device)
        return self._joined([scaler(nothing, graph, self.target) for scaler in self._scalers])

    def fit(
        self,
        values: Float[np.ndarray, "rows *shape"],
        numbers: Sequence[Int[np.ndarray, " _"] | Float[np.ndarray, "119"]],
    ) -> None:
        """Fit each scaler to the training crystals that have its label.

        Args:
            values: A row for each crystal, or for each atom of an atomic target; NaN where a label
                is missing.
            numbers: Atomic numbers of each crystal, or the amounts of its elements, see
                `Scaler.fit`.

        Raises:
            InputError: If there is only one class to learn from.
        """
        atomic = self.target.kind is Kind.ATOMIC
        crystal = np.repeat(np.arange(len(numbers)), [len(n) if atomic else 1 for n in numbers])
        columns = values.reshape(len(values), -1).T
        for scaler, column in zip(self._scalers, columns, strict=True):
            missing = np.bincount(crystal, weights=np.isnan(column), minlength=len(numbers))
            known = missing == 0
            own = [numbers[place] for place in np.flatnonzero(known).tolist()]
            scaler.fit(column[known[crystal]], own, self.target)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the first number is read.

        Args:
            features: Of the graph.
            graph: What they were made of.
        """
        return cast(Readout, self.readouts[0]).embedding(features, graph)

    @property
    def _scalers(self) -> list[Scaler]:
        return [cast(Scaler, scaler) for scaler in self.scalers]

    def _joined(self, columns: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(columns), dim=-1) if self.target.tensor.shape else columns[0]
