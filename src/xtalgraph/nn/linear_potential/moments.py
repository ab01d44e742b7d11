"""Weighted least squares on energies, forces and stresses, with a ridge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.nn.linear_potential.basis import Design

RIDGES: Final = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
"""Of which one is chosen by crystals left out; columns have the length 1."""
USUAL: Final = 1e-10
"""The one that is taken where none can be left out."""
FOLDS: Final = 5
"""Into which the crystals are divided."""


@dataclass
class Moments:
    """Sums over rows, of which a least squares fit is made."""

    gram: Float[np.ndarray, "columns columns"]
    right: Float[np.ndarray, " columns"]
    square: float = 0.0
    count: int = 0

    @classmethod
    def empty(cls, columns: int) -> "Moments":
        """Return those of no row."""
        return cls(np.zeros((columns, columns)), np.zeros(columns))

    def add(
        self,
        rows: Float[np.ndarray, "rows columns"],
        labels: Float[np.ndarray, " rows"],
        factor: float = 1.0,
    ) -> None:
        """Add rows, but those without a label.

        Args:
            rows: What the coefficients are multiplied with.
            labels: NaN where there is none.
            factor: Of the squared errors.
        """
        known = np.isfinite(labels)
        rows, labels = rows[known], labels[known]
        self.gram += factor * (rows.T @ rows)
        self.right += factor * (rows.T @ labels)
        self.square += factor * float(labels @ labels)
        self.count += len(labels)

    def error(self, coefficients: Float[np.ndarray, " columns"]) -> float:
        """Return the sum of the squared errors."""
        explained = coefficients @ (self.gram @ coefficients - 2.0 * self.right)
        return self.square + float(explained)

    def plus(self, part: "Moments", sign: int = 1) -> "Moments":
        """Return the sums with those of more rows, or with a sign of -1 without those of some."""
        gram, right = self.gram + sign * part.gram, self.right + sign * part.right
        square, count = self.square + sign * part.square, self.count + sign * part.count
        return Moments(gram, right, square, count)


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


def factor_of(labels: Float[np.ndarray, "..."], weight: float) -> float:
    """Return the factor of squared errors in units of the sum of squared labels; 0 without any.

    Args:
        labels: Of the training part; NaN where there is none.
        weight: Of the target.
    """
    square = float(np.nansum(np.square(labels)))
    return weight / square if square > 0 else 0.0


def solutions(
    moments: Moments, ridges: Sequence[float] = RIDGES
) -> list[Float[np.ndarray, " columns"]]:
    """Return the coefficients with which the squared error is least, for each ridge.

    Args:
        moments: Of the rows; where there is none, the coefficients are 0.
        ridges: Added to the normal matrix whose diagonal is 1.
    """
    size = np.sqrt(np.diag(moments.gram))
    unit = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
    eigenvalues, vectors = np.linalg.eigh(moments.gram * unit[:, None] * unit)
    along = vectors.T @ (unit * moments.right)
    return [unit * (vectors @ (along / (eigenvalues.clip(min=0) + ridge))) for ridge in ridges]


def solution_of_folds(folds: Sequence[Moments]) -> tuple[Float[np.ndarray, " columns"], float]:
    """Return the coefficients fitted to all folds, and the ridge that is best on folds left out.

    Args:
        folds: Of the crystals, two or more; of a single one the ridge is `USUAL`.
    """
    whole, losses = folds[0], np.zeros(len(RIDGES))
    for fold in folds[1:]:
        whole = whole.plus(fold)
    if len(folds) == 1:
        return solutions(whole, [USUAL])[0], USUAL
    for fold in folds:
        losses += [fold.error(fitted) for fitted in solutions(whole.plus(fold, -1))]
    ridge = RIDGES[int(np.argmin(losses))]
    return solutions(whole, [ridge])[0], ridge


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
