"""Weighted least squares on energies, forces and stresses, with a ridge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.nn.linear_potential.basis import Design

RIDGES: Final = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
"""Of which one is chosen by crystals left out; columns have the length 1."""


@dataclass
class Moments:
    """Sums over the rows of a target, of which a least squares fit is made."""

    gram: Float[np.ndarray, "columns columns"]
    right: Float[np.ndarray, " columns"]
    square: float = 0.0
    count: int = 0

    @classmethod
    def empty(cls, columns: int) -> "Moments":
        """Return those of no row."""
        return cls(np.zeros((columns, columns)), np.zeros(columns))

    def add(
        self, rows: Float[np.ndarray, "rows columns"], labels: Float[np.ndarray, " rows"]
    ) -> None:
        """Add rows, but those without a label."""
        known = np.isfinite(labels)
        rows, labels = rows[known], labels[known]
        self.gram += rows.T @ rows
        self.right += rows.T @ labels
        self.square += float(labels @ labels)
        self.count += len(labels)

    def error(self, coefficients: Float[np.ndarray, " columns"]) -> float:
        """Return the mean squared error."""
        return self.squared_error(coefficients) / max(self.count, 1)

    def squared_error(self, coefficients: Float[np.ndarray, " columns"]) -> float:
        """Return the sum of the squared errors."""
        explained = coefficients @ (self.gram @ coefficients - 2.0 * self.right)
        return self.square + float(explained)

    def less(self, part: "Moments") -> "Moments":
        """Return the sums without those of some of the rows."""
        gram, right = self.gram - part.gram, self.right - part.right
        return Moments(gram, right, self.square - part.square, self.count - part.count)


ByRole = Mapping[str, Moments]
"""Those of energies per atom, forces and stresses."""


def rows_of(
    design: Design, counts: Float[np.ndarray, " elements"], crystal: Crystal
) -> dict[str, Float[np.ndarray, "rows columns"]]:
    """Return the design of a crystal, the energy per atom, after columns of the elements.

    Args:
        design: Of the crystal.
        counts: Its atoms of each element.
        crystal: Gives their number.
    """
    size = len(crystal)
    energy = np.concatenate([counts, design.energy])[None] / size
    no_force, no_stress = np.zeros((3 * size, len(counts))), np.zeros((9, len(counts)))
    return {
        "energy": energy,
        "forces": np.concatenate([no_force, design.forces.reshape(3 * size, -1)], axis=1),
        "stress": np.concatenate([no_stress, design.stress.reshape(9, -1)], axis=1),
    }


def factors_of(moments: ByRole, weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weight of a squared error of each target, in units of the sum of its squares.

    Args:
        moments: Of all rows.
        weights: Of the targets; 1 of others.
    """
    known = {name: part for name, part in moments.items() if part.square > 0}
    return {name: weights.get(name, 1.0) / part.square for name, part in known.items()}


def solutions(
    moments: ByRole, factors: Mapping[str, float], ridges: Sequence[float] = RIDGES
) -> list[Float[np.ndarray, " columns"]]:
    """Return the coefficients with which the weighted squared error is least, for each ridge.

    Args:
        moments: Of the rows.
        factors: Of the squared errors; where there is none, the coefficients are 0.
        ridges: Added to the normal matrix whose diagonal is 1.
    """
    if not factors:
        return [np.zeros_like(next(iter(moments.values())).right) for _ in ridges]
    gram = sum(factor * moments[name].gram for name, factor in factors.items())
    right = sum(factor * moments[name].right for name, factor in factors.items())
    size = np.sqrt(np.diag(gram))
    unit = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
    eigenvalues, vectors = np.linalg.eigh(gram * unit[:, None] * unit)
    along = vectors.T @ (unit * right)
    return [unit * (vectors @ (along / (eigenvalues.clip(min=0) + ridge))) for ridge in ridges]


def solution_of_folds(
    folds: Sequence[ByRole], weights: Mapping[str, float]
) -> tuple[Float[np.ndarray, " columns"], float]:
    """Return the coefficients fitted to all folds, and the ridge that is best on folds left out.

    Args:
        folds: Of the crystals, two or more.
        weights: Of the targets.
    """
    total = {
        name: Moments(
            sum((fold[name].gram for fold in folds[1:]), folds[0][name].gram),
            sum((fold[name].right for fold in folds[1:]), folds[0][name].right),
            sum(fold[name].square for fold in folds),
            sum(fold[name].count for fold in folds),
        )
        for name in folds[0]
    }
    factors = factors_of(total, weights)
    losses = np.zeros(len(RIDGES))
    for fold in folds:
        others = {name: total[name].less(part) for name, part in fold.items()}
        for number, fitted in enumerate(solutions(others, factors)):
            losses[number] += sum(
                factor * fold[name].squared_error(fitted) for name, factor in factors.items()
            )
    ridge = RIDGES[int(np.argmin(losses))]
    return solutions(total, factors, [ridge])[0], ridge


def reference_energies(
    counts: Float[np.ndarray, "crystals elements"], energies: Float[np.ndarray, " crystals"]
) -> Float[np.ndarray, " elements"]:
    """Return the energies of the elements, eV, by least squares on energies per atom.

    Args:
        counts: Atoms of each element in each crystal.
        energies: Of the cells, eV; NaN where there is none.
    """
    known = np.isfinite(energies)
    size = counts[known].sum(axis=1)
    rows, values = counts[known] / size[:, None], energies[known] / size
    fitted: Float[np.ndarray, " elements"] = np.linalg.lstsq(rows, values, rcond=None)[0]
    return fitted
