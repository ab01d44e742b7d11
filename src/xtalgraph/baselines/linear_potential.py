"""Potentials that are linear in their coefficients, fitted to energies, forces and stresses."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.data.potential_targets import Role
from xtalgraph.data.splits import Split
from xtalgraph.data.values import Values
from xtalgraph.nn.linear_potential.basis import Basis, Design
from xtalgraph.nn.linear_potential.moments import (
    FOLDS,
    Moments,
    factor_of,
    reference_energies,
    rows_of,
    solution_of_folds,
    solutions,
)


class LinearPotential:
    """The energies of the elements and a sum of basis functions, by weighted least squares.

    What is made small is the weighted mean over energies per atom, forces and stresses of their
    mean squared errors, each in units of what the energies of the elements alone leave. The ridge
    of `RIDGES` is taken with which that is smallest on the validation part; without one, on folds
    of the training part.

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
        left = {name: labels.of(name, split.train) for name in roles}
        sizes = np.array([len(crystal) for crystal in crystals])
        left[energy] = (left[energy] - offset[split.train]) / sizes[split.train]
        factors = {name: factor_of(left[name], self.weights.get(name, 1.0)) for name in roles}
        known, in_val = (
            {name: int(np.isfinite(labels.of(name, rows)).sum()) for name in roles}
            for rows in (split.train, split.val)
        )
        of_val = {name: factors[name] * known[name] / max(in_val[name], 1) for name in roles}

        def add(row: int, moments: Moments, factor: Mapping[str, float]) -> None:
            rows = self._rows(row, crystals[row], counts[row])
            for name, role in roles.items():
                values = labels.of(name, [row])
                if role == "energy":
                    values = (values - offset[row]) / len(crystals[row])
                moments.add(rows[role], values.reshape(-1), factor[name])

        columns = counts.shape[1] + self.basis.columns
        number = 1 if any(in_val.values()) else min(FOLDS, len(split.train))
        folds = [Moments.empty(columns) for _ in range(number)]
        fold_of = np.random.default_rng(0).permutation(len(split.train)) % number
        for fold, row in zip(fold_of.tolist(), split.train.tolist(), strict=True):
            add(row, folds[fold], factors)
        if any(in_val.values()):
            val = Moments.empty(columns)
            for row in split.val.tolist():
                add(row, val, of_val)
            change = min(solutions(folds[0]), key=val.error)
        else:
            change, _ = solution_of_folds(folds)
        self.coefficients = change.copy()
        self.coefficients[: len(reference)] += reference
        return self._predicted(crystals, counts, labels, roles)

    def _rows(
        self, index: int, crystal: Crystal, counts: Float[np.ndarray, " elements"]
    ) -> dict[str, Float[np.ndarray, "rows columns"]]:
        """Return the design of a crystal, the energy per atom, with columns of the elements."""
        design = self._kept.get(index) or self.basis.design(crystal)
        if self.basis.expensive:
            self._kept[index] = design
        return rows_of(design, counts, crystal)

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
