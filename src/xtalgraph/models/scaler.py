"""The scale of a target, fitted on the training part, applied after the readout."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import InputError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
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
        per_atom = self._shifts(graph).to(value.dtype)
        if target.kind is Kind.ATOMIC:
            return scaled + per_atom
        per_atom = weighted(per_atom, graph.atom_multiplicity)
        return scaled + segment_sum(per_atom, graph.crystal_of_atom, len(graph))

    def _shifts(self, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return the shift of each atom; of a disordered site Σ_s w_s shift[s]."""
        if not len(graph.share):
            return self.shift.index_select(0, graph.number)
        return rows_of_elements(self.shift.unsqueeze(-1), graph).squeeze(-1)

    @torch.no_grad()
    def fit(
        self,
        values: Float[np.ndarray, " rows"],
        numbers: Sequence[Int[np.ndarray, " _"] | Float[np.ndarray, "119"]],
        target: Target,
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
        rows = numbers if target.kind is Kind.EXTENSIVE else np.concatenate(numbers)[:, None]
        counts = np.stack(
            [
                row if row.dtype.kind == "f" else np.bincount(row, minlength=len(self.shift))
                for row in rows
            ]
        )
        shift = _shift_per_element(counts, values)
        self.shift.copy_(torch.from_numpy(shift))
        self.scale.fill_(_spread((values - counts @ shift) / counts.sum(1)))


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
