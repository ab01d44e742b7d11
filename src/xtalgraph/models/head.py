"""What turns the features of an encoder into one target: readouts, scales, learned deviations."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import InputError, TargetError
from xtalgraph.crystals.composition import Elements
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.encoder import Features
from xtalgraph.models.readouts import Readout
from xtalgraph.models.requirements import check_readout, check_variance
from xtalgraph.models.target_head import TargetHead
from xtalgraph.nn.element_embedding import rows_of_elements
from xtalgraph.nn.segments import segment_sum, weighted

_RIDGE = 0.01
"""Regularisation of the shifts of the elements, in crystals: an element seen in few crystals
stays near the mean of all."""


class Scaler(nn.Module):
    """From the readout's numbers, of order one, to the target's unit.

    Extensive: scale · y + Σ_i shift[Z_i], in float64, as the readouts of totals return y. Atomic:
    scale · y_i + shift[Z_i]. Intensive: scale · y + shift. The scale is global in each, so that a
    total stays a sum over atoms.

    Of classes y is a log-odds; its shift is that of the prevalence of class 1, for every element
    the same, and its scale 1.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(MAX_ATOMIC_NUMBER + 1, dtype=torch.float64))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    def forward(
        self, value: Float[Tensor, " rows"], graph: Graph, target: Target
    ) -> Float[Tensor, " rows"]:
        """Scale and shift what the readout returned."""
        scaled = value * self.scale.to(value.dtype)
        if target.kind is Kind.INTENSIVE:
            return scaled + self.shift[0].to(value.dtype)
        if target.scope is Scope.ATOM:
            return self.of_atoms(value, graph)
        shifts = weighted(self._shifts(graph).to(value.dtype), graph.atom_multiplicity)
        return scaled + segment_sum(shifts, graph.crystal_of_atom, graph.num_atoms.shape[0])

    def of_atoms(self, value: Float[Tensor, " atoms"], graph: Graph) -> Float[Tensor, " atoms"]:
        """Scale and shift a value of each atom, or its contribution to a total."""
        return value * self.scale.to(value.dtype) + self._shifts(graph).to(value.dtype)

    def _shifts(self, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return the shift of each atom; of a disordered site Σ_s w_s shift[s]."""
        if not len(graph.share):
            return self.shift.index_select(0, graph.number)
        return rows_of_elements(self.shift.unsqueeze(-1), graph).squeeze(-1)

    @torch.no_grad()
    def fit(
        self, values: Float[np.ndarray, " rows"], numbers: Sequence[Elements], target: Target
    ) -> None:
        """Fit shift and scale to training data.

        Args:
            values: One for each crystal; for an atomic target one for each atom, in order.
            numbers: Atomic numbers of each crystal; or, in float64, how many atoms of each element
                it holds.
            target: What the values are.

        Raises:
            InputError: If there is only one class to learn from.
        """
        if target.is_class:
            share = float(np.mean(values))
            if not 0 < share < 1:
                raise InputError(
                    f"the training part holds only class {share:g} of {target.name!r}: a "
                    "classifier needs both; choose another split or seed"
                )
            self.shift.fill_(math.log(share / (1 - share)))
            return
        if target.kind is Kind.INTENSIVE:
            self.shift.fill_(float(np.mean(values)))
            self.scale.fill_(_spread(values - np.mean(values)))
            return
        counts = self._counts(numbers, target)
        shift = _shift_per_element(counts, values)
        self.shift.copy_(torch.from_numpy(shift))
        self.scale.fill_(_spread((values - counts @ shift) / counts.sum(1)))

    @torch.no_grad()
    def move(
        self, residual: Float[np.ndarray, " rows"], numbers: Sequence[Elements], target: Target
    ) -> None:
        """Add to the shift what the predictions of the training data miss; the scale stays.

        So do the shifts of elements that these data have not.

        Args:
            residual: Labels less predictions, as many as `fit` takes values.
            numbers: As for `fit`.
            target: What the values are; of a class nothing moves.
        """
        if target.is_class:
            return
        if target.kind is Kind.INTENSIVE:
            self.shift.add_(float(np.mean(residual)))
            return
        counts = self._counts(numbers, target)
        change = np.where(counts.any(axis=0), _shift_per_element(counts, residual), 0.0)
        self.shift.add_(torch.from_numpy(change).to(self.shift))

    def _counts(
        self, numbers: Sequence[Elements], target: Target
    ) -> Float[np.ndarray, "rows elements"] | Int[np.ndarray, "rows elements"]:
        """Return how many atoms of each element belong to each value."""
        rows = numbers if target.kind is Kind.EXTENSIVE else np.concatenate(numbers)[:, None]
        return amounts_of_elements(rows)


def amounts_of_elements(
    rows: Iterable[Elements],
) -> Float[np.ndarray, "rows elements"] | Int[np.ndarray, "rows elements"]:
    """Return how many atoms of each element there are, by atomic number.

    Args:
        rows: Atomic numbers; or, in float64, what is returned.
    """
    length = MAX_ATOMIC_NUMBER + 1
    return np.stack(
        [row if row.dtype.kind == "f" else np.bincount(row, minlength=length) for row in rows]
    )


def _spread(residual: Float[np.ndarray, " rows"]) -> float:
    std = float(np.sqrt(np.mean(residual**2)))
    return std if std > 0 else 1.0


def _shift_per_element(
    counts: Float[np.ndarray, "rows elements"] | Int[np.ndarray, "rows elements"],
    values: Float[np.ndarray, " rows"],
) -> Float[np.ndarray, " elements"]:
    """Ridge regression of the values on the counts, around N times the mean per atom."""
    size = counts.sum(1)
    mean = float(np.sum(values) / np.sum(size))
    fractions = counts / size[:, None]
    normal = fractions.T @ fractions + _RIDGE * np.eye(counts.shape[1])
    return mean + np.linalg.solve(normal, fractions.T @ (values / size - mean))


SMALLEST: Final = 1e-3
"""Added to each contribution to a deviation, in units of the scale of the target: it bounds the
weight of one crystal in the loss."""


@final
class Deviation(nn.Module):
    """The standard deviation σ of the error of one target, learned with its mean.

    Each contribution r of a readout becomes positive, s = softplus(r) + 10⁻³, before the sum: σ is
    s for an intensive or atomic target, and Σ_i s_i or N s for an extensive one. So a doubled cell,
    which is the same crystal, has twice the σ, as it has twice the error. Σ_i s_i is the standard
    deviation of a sum whose errors are fully correlated; totals alone do not tell how far the
    errors of atoms are independent, and those of the copies of a cell are the same.

    Args:
        readout: Of the same kind as that of the mean, with weights of its own.

    Source: D. A. Nix, A. S. Weigend, Proc. IEEE Int. Conf. Neural Networks (1994), doi
    10.1109/ICNN.1994.374138.
    """

    def __init__(self, readout: Readout) -> None:
        super().__init__()
        self.readout = readout

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " rows"]:
        """Return σ > 0 in units of the scale of the target, as many rows as the readout gives."""
        raw = self.readout.contributions(features, graph)
        return self.readout.aggregate(functional.softplus(raw) + SMALLEST, graph)


def zeros_of(target: Target, graph: Graph) -> Float[Tensor, " rows"]:
    """Return a zero for each row of a target, in float64."""
    rows = graph.number if target.scope is Scope.ATOM else graph.num_atoms
    return torch.zeros_like(rows, dtype=torch.float64)


def known_rows(
    column: Float[np.ndarray, " rows"], numbers: Sequence[Elements], target: Target
) -> tuple[Bool[np.ndarray, " rows"], list[Elements]]:
    """Return which rows belong to crystals of which all labels are known, and their elements.

    Args:
        column: A number of each row, NaN where a label is missing.
        numbers: Of each crystal, see `Scaler.fit`.
        target: What the values are.
    """
    rows = [target.shape(len(elements))[0] for elements in numbers]
    crystal = np.repeat(np.arange(len(numbers)), rows)
    missing = np.bincount(crystal, weights=np.isnan(column), minlength=len(numbers))
    known = missing == 0
    return known[crystal], [numbers[index] for index in np.flatnonzero(known).tolist()]


@final
class Head(TargetHead):
    """The readouts and scales of one target: a pair for each of its numbers.

    Args:
        target: What is predicted.
        readouts: Turn the features into the numbers of the target; must serve its kind.
        deviations: As many further readouts, from which the standard deviation of the error is
            made; none for a model without variance.

    Raises:
        TargetError: If a readout does not serve the target's kind, if there is not one for each
            number of the target, or if there are deviations of a class.
    """

    def __init__(
        self, target: Target, readouts: Sequence[Readout], deviations: Sequence[Readout] = ()
    ) -> None:
        super().__init__(target)
        for readout in (*readouts, *deviations):
            check_readout(readout, target)
        if deviations:
            check_variance(target)
        count = target.tensor.copies
        if len(readouts) != count or len(deviations) not in (0, count):
            raise TargetError(
                f"{target.name!r} has {count} numbers with a readout each, and one more each where "
                f"their variance is learned, got {len(readouts)} and {len(deviations)}"
            )
        self.readouts = nn.ModuleList(readouts)
        self.scalers = nn.ModuleList(Scaler() for _ in readouts)
        self.deviations = nn.ModuleList(Deviation(readout) for readout in deviations)

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return a row for each crystal, or for each atom if the target is atomic."""
        pairs = zip(self.readouts, self._scalers, strict=True)
        return self._joined([s(r(features, graph), graph, self.target) for r, s in pairs])

    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return what each atom of a full graph adds to a total, in its unit and float64."""
        raw = cast(Readout, self.readouts[0]).contributions(features, graph).double()
        return self._scalers[0].of_atoms(raw, graph)

    def deviation(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return the standard deviation of the error of each value, in the target's unit."""
        columns: list[Tensor] = []
        for deviation, scaler in zip(self.deviations, self._scalers, strict=True):
            value: Tensor = deviation(features, graph)
            columns.append(value * scaler.scale.to(value.dtype))
        return self._joined(columns)

    @torch.no_grad()
    def start(self, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return what the scalers say by themselves, in float64: where training begins."""
        nothing = zeros_of(self.target, graph)
        return self._joined([scaler(nothing, graph, self.target) for scaler in self._scalers])

    def fit(self, values: Float[np.ndarray, "rows *shape"], numbers: Sequence[Elements]) -> None:
        """Fit each scaler to the training crystals that have its label, see `TargetHead.fit`."""
        for scaler, column, amounts in self._known(values, numbers):
            scaler.fit(column, amounts, self.target)

    def widen(self, size: float) -> None:
        """Raise the scales to at least a size."""
        for scaler in self._scalers:
            scaler.scale.clamp_(min=size)

    @torch.no_grad()
    def silence(self) -> None:
        """Set the last weights of the readouts to 0, so that they begin with nothing."""
        for readout in self.readouts:
            for layer in cast(Readout, readout).last:
                for weight in layer.parameters():
                    weight.zero_()

    def move(self, residual: Float[np.ndarray, "rows *shape"], numbers: Sequence[Elements]) -> None:
        """Add to the shifts what the predictions of the training crystals miss.

        Args:
            residual: Labels less predictions; NaN where a label is missing.
            numbers: As for `fit`.
        """
        for scaler, column, amounts in self._known(residual, numbers):
            scaler.move(column, amounts, self.target)

    def _known(
        self, values: Float[np.ndarray, "rows *shape"], numbers: Sequence[Elements]
    ) -> Iterator[tuple[Scaler, Float[np.ndarray, " known"], list[Elements]]]:
        """Yield the scaler of each number, its values that are known, and their elements."""
        columns = values.reshape(len(values), -1).T
        for scaler, column in zip(self._scalers, columns, strict=True):
            known, amounts = known_rows(column, numbers, self.target)
            yield scaler, column[known], amounts

    @property
    def linear(self) -> tuple[Tensor, ...]:
        """In what the first number is linear: last weights of its readout, shift by element."""
        readout = cast(Readout, self.readouts[0])
        return (*(layer.weight for layer in readout.last), self._scalers[0].shift)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the first number is read."""
        return cast(Readout, self.readouts[0]).embedding(features, graph)

    @property
    def learns_pooling(self) -> bool:
        """Whether the pooling has weights; if not, the embedding is the mean of the atoms."""
        return cast(Readout, self.readouts[0]).learns_pooling

    @property
    def _scalers(self) -> list[Scaler]:
        return [cast(Scaler, scaler) for scaler in self.scalers]

    def _joined(self, columns: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(columns), dim=-1) if self.target.tensor.shape else columns[0]
