"""Potentials that are linear in their coefficients, fitted to energies, forces and stresses."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.data.potential_targets import Role
from xtalgraph.data.splits import Split
from xtalgraph.data.values import Values

RIDGES: Final = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
"""Of which the validation part chooses one; columns have the length 1."""
_USUAL: Final = 1e-10
"""The one that is taken without a validation part."""


@dataclass(frozen=True, eq=False)
class Design:
    """What the coefficients are multiplied with for the labels of a crystal."""

    energy: Float[np.ndarray, " columns"]
    """Of the energy of the cell."""
    forces: Float[np.ndarray, "atoms 3 columns"]
    """−∂/∂r of it."""
    stress: Float[np.ndarray, "3 3 columns"]
    """∂/∂ε of it, over the volume."""


class Basis(ABC):
    """Functions of the positions, a sum of which is the energy.

    Subclasses state `name` and `description`.
    """

    name: ClassVar[str]
    """As in tables."""
    expensive: ClassVar[bool] = False
    """Whether what is computed of a crystal is better kept than computed again."""

    @abstractmethod
    def design(self, crystal: Crystal) -> Design:
        """Return the functions of a crystal, and their derivatives."""


@final
class NoBasis(Basis):
    """No function at all: the energies of the elements remain."""

    name: ClassVar[str] = "reference energies"

    def design(self, crystal: Crystal) -> Design:
        """Return nothing."""
        return Design(np.zeros(0), np.zeros((len(crystal), 3, 0)), np.zeros((3, 3, 0)))


@dataclass
class _Moments:
    """Sums over the rows of a target, of which a least squares fit is made."""

    gram: np.ndarray
    right: np.ndarray
    square: float = 0.0
    count: int = 0

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
        explained = coefficients @ (self.gram @ coefficients - 2.0 * self.right)
        return (self.square + float(explained)) / max(self.count, 1)


class LinearPotential:
    """The energies of the elements and a sum of basis functions, by weighted least squares.

    What is made small is the weighted mean over energies per atom, forces and stresses of their
    mean squared errors, each in units of what the energies of the elements alone leave. The ridge
    of `RIDGES` is taken with which that is smallest on the validation part.

    Args:
        basis: The functions.
        weights: Of the targets, by name; 1 of others.
    """

    def __init__(self, basis: Basis, weights: Mapping[str, float]) -> None:
        self.basis = basis
        self.weights = weights
        self.coefficients = np.zeros(0)
        """Of the elements of the training part, eV, then of the functions."""
        self._kept: dict[int, Design] = {}

    def fit_predict(self, crystals: Sequence[Crystal], labels: Values, split: Split) -> Values:
        """Learn from the training part, NaN where there is no label, and predict all crystals."""
        counts = count_elements(crystals).astype(np.float64)
        counts = counts[:, counts[split.train].any(axis=0)]
        roles = {target.name: role_of_target(target) for target in labels.targets}
        (energy,) = (name for name, role in roles.items() if role == "energy")
        reference = reference_energies(counts[split.train], labels.of(energy, split.train))
        offset = counts @ reference
        moments: dict[str, dict[str, _Moments]] = {"train": {}, "val": {}}
        for part, of_target in moments.items():
            for row in split.parts()[part].tolist():
                rows = self._rows(row, crystals[row], counts[row])
                for name, role in roles.items():
                    values = labels.of(name, [row])
                    if role == "energy":
                        values = (values - offset[row]) / len(crystals[row])
                    matrix = rows[role]
                    width = matrix.shape[1]
                    empty = _Moments(np.zeros((width, width)), np.zeros(width))
                    of_target.setdefault(name, empty).add(matrix, values.reshape(-1))
        change = self._solved(moments["train"], moments["val"])
        self.coefficients = change.copy()
        self.coefficients[: len(reference)] += reference
        return self._predicted(crystals, counts, labels, roles)

    def _rows(
        self, index: int, crystal: Crystal, counts: Float[np.ndarray, " elements"]
    ) -> dict[Role, Float[np.ndarray, "rows columns"]]:
        """Return the design of a crystal, the energy per atom, with columns of the elements."""
        design, size = self._kept.get(index) or self.basis.design(crystal), len(crystal)
        if self.basis.expensive:
            self._kept[index] = design
        energy = np.concatenate([counts, design.energy])[None] / size
        no_force, no_stress = np.zeros((3 * size, len(counts))), np.zeros((9, len(counts)))
        return {
            "energy": energy,
            "forces": np.concatenate([no_force, design.forces.reshape(3 * size, -1)], axis=1),
            "stress": np.concatenate([no_stress, design.stress.reshape(9, -1)], axis=1),
        }

    def _solved(
        self, train: Mapping[str, _Moments], val: Mapping[str, _Moments]
    ) -> Float[np.ndarray, " columns"]:
        factors = {
            name: self.weights.get(name, 1.0) / moments.square
            for name, moments in train.items()
            if moments.square > 0
        }
        if not factors:
            return np.zeros_like(next(iter(train.values())).right)
        gram = sum(factor * train[name].gram for name, factor in factors.items())
        right = sum(factor * train[name].right for name, factor in factors.items())
        size = np.sqrt(np.diag(gram))
        unit = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
        eigenvalues, vectors = np.linalg.eigh(gram * unit[:, None] * unit)
        solutions = [
            unit * (vectors @ ((vectors.T @ (unit * right)) / (eigenvalues.clip(min=0) + ridge)))
            for ridge in RIDGES
        ]
        if not any(moments.count for moments in val.values()):
            return solutions[RIDGES.index(_USUAL)]
        losses = [
            sum(factors[name] * train[name].count * val[name].error(solution) for name in factors)
            for solution in solutions
        ]
        return solutions[int(np.argmin(losses))]

    def _predicted(
        self,
        crystals: Sequence[Crystal],
        counts: Float[np.ndarray, "crystals elements"],
        labels: Values,
        roles: Mapping[str, Role],
    ) -> Values:
        parts: dict[str, list[np.ndarray]] = {name: [] for name in roles}
        for index, (crystal, held) in enumerate(zip(crystals, counts, strict=True)):
            rows = self._rows(index, crystal, held)
            for name, role in roles.items():
                values = rows[role] @ self.coefficients
                parts[name].append(values * len(crystal) if role == "energy" else values)
        arrays = {
            target.name: np.concatenate(parts[target.name]).reshape(-1, *target.tensor.shape)
            for target in labels.targets
        }
        return Values(labels.targets, arrays, labels.num_atoms)


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
