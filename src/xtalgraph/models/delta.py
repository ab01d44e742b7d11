"""Another calculation of the target, of which a model learns the difference."""

from collections.abc import Sequence
from typing import Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.composition import Elements
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.head import amounts_of_elements
from xtalgraph.nn.segments import segment_sum

_RIDGE: Final = 1e-9
"""Of elements that always stand together, in crystals."""


def delta_target(targets: Sequence[Target]) -> Target:
    """Return of which target there is another calculation.

    Args:
        targets: Of a model.

    Raises:
        ConfigError: If it is not one number of each crystal, or not the only target.
    """
    if len(targets) != 1:
        names = ", ".join(target.name for target in targets) or "none"
        raise ConfigError(
            f"data.delta is another calculation of one target, got {names}: leave it out; a "
            "potential adds model.terms to its energy"
        )
    if targets[0].why_no_number:
        raise ConfigError(
            f"data.delta is for one number of each crystal, and {targets[0].why_no_number}: leave "
            "it out"
        )
    return targets[0]


@final
class Delta(nn.Module):
    """c x, and of an extensive target N c x: a column x times a factor, N the number of atoms.

    The factor c is that of least squares on the training part, beside one number for each element
    (extensive) or beside a constant (intensive), so that x may be in another unit and have other
    reference energies. It is 0 before `fit`.

    Args:
        target: As `delta_target` returns it.

    Source: R. Ramakrishnan et al., J. Chem. Theory Comput. 11, 2087 (2015), doi
    10.1021/acs.jctc.5b00099.
    """

    factor: Tensor

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target
        self.is_used = True
        self.register_buffer("factor", torch.zeros((), dtype=torch.float64))

    def forward(self, graph: Graph) -> Float[Tensor, " crystals"]:
        """Return what is given of the target of each crystal, in float64.

        Args:
            graph: The last of its conditions is x.
        """
        value = self.factor * graph.conditions[:, -1].double()
        if not self._is_total:
            return value
        atoms = graph.atom_count.double()
        return value * segment_sum(atoms, graph.crystal_of_atom, len(graph))

    @torch.no_grad()
    def fit(
        self,
        column: Float[Tensor, " crystals"],
        values: Float[np.ndarray, " crystals"],
        numbers: Sequence[Elements],
    ) -> Float[np.ndarray, " crystals"]:
        """Fit the factor, unless it is not used, and return what is left of the labels.

        Args:
            column: x of each training crystal.
            values: Its label, NaN where it is missing.
            numbers: Its atomic numbers; or, in float64, how many atoms of each element it holds.
        """
        if not self.is_used:
            self.factor.zero_()
            return values
        x = column.numpy()
        amounts = amounts_of_elements(numbers)
        factor, _ = self._line(x, values, amounts)
        self.factor.fill_(factor)
        return np.asarray(values - factor * self._sizes(amounts) * x)

    def is_total_instead(
        self,
        column: Float[Tensor, " crystals"],
        values: Float[np.ndarray, " crystals"],
        numbers: Sequence[Elements],
    ) -> bool:
        """Return whether the column explains the labels of a total much better when divided by N.

        Then x/N leaves less than a quarter of the squares that x leaves; where all crystals have
        equally many atoms, both leave the same. Of an intensive target it is never so.

        Args:
            column: x of crystals.
            values: The label of each, NaN where it is missing.
            numbers: As for `fit`.
        """
        if not self._is_total:
            return False
        x, amounts = column.numpy(), amounts_of_elements(numbers)
        _, left = self._line(x, values, amounts)
        _, left_of_total = self._line(x / amounts.sum(1), values, amounts)
        return left > 1e-6 and left_of_total < 0.25 * left

    def _line(self, x: np.ndarray, values: np.ndarray, amounts: np.ndarray) -> tuple[float, float]:
        """Return the factor of x beside the elements, and which share of the squares it leaves."""
        known, size = np.isfinite(values), self._sizes(amounts)
        beside = amounts / size[:, None] if self._is_total else np.ones((len(values), 1))
        other, pair = beside[known], np.stack([x, values / size], axis=1)[known]
        normal = other.T @ other + _RIDGE * np.eye(other.shape[1])
        x_left, y_left = (pair - other @ np.linalg.solve(normal, other.T @ pair)).T
        length = float(x_left @ x_left)
        # A column that the elements explain says nothing of its own.
        says = length > 1e-12 * max(float(x[known] @ x[known]), 1e-300)
        factor = float(x_left @ y_left) / length if says else 0.0
        squares = max(float(y_left @ y_left), 1e-300)
        return factor, float(np.sum((y_left - factor * x_left) ** 2)) / squares

    def _sizes(self, amounts: np.ndarray) -> np.ndarray:
        return amounts.sum(1) if self._is_total else np.ones(len(amounts))

    @property
    def _is_total(self) -> bool:
        return self.target.kind is Kind.EXTENSIVE
