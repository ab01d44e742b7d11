"""Labels that are tensors: in full, in Voigt's notation, and against their crystal's symmetry."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.boundary import shortened
from xtalgraph.conventions.limits import LARGEST_NUMBER
from xtalgraph.conventions.tensors import TensorType
from xtalgraph.conventions.voigt import from_voigt, to_voigt, voigt_shape
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Scope

ALLOWED: Final = 0.1
"""Share of its norm by which a label may break the symmetry of its crystal; more is another frame,
another order of components, or another crystal."""
NOTED: Final = 0.01
"""Share from which on it is noted."""
_SMALL: Final = 1e-2
"""Share of the root mean square norm of all labels that a label counts at least: of what the
symmetry forbids rounding is left, or the noise of a computation."""
_ASYMMETRY: Final = 1e-2
"""By which part of its largest component a tensor may break its symmetry: more is no rounding."""
_OTHER_ORDER: Final = np.array([0, 1, 2, 4, 5, 3])
"""Where xx, yy, zz, yz, xz, xy stand among xx, yy, zz, xy, yz, xz, as VASP prints them."""


def read_tensor(raw: Any, target: Target, atoms: int) -> Float[np.ndarray, "rows *shape"] | str:
    """Return the tensors that stand in a row, or why they cannot be used.

    Args:
        raw: Nested lists or an array; or the same as text, as CSV has it.
        target: What they are.
        atoms: How many the crystal has.

    Returns:
        A row for the crystal, or for each of its atoms.
    """
    tensor = target.tensor
    try:
        values = np.asarray(json.loads(raw) if isinstance(raw, str) else raw, dtype=float)
    except (TypeError, ValueError, OverflowError, RecursionError):
        atoms_too = ", with one tensor for each atom" if target.scope is Scope.ATOM else ""
        return (
            f"the target {target.name!r} is no list of numbers: {shortened(repr(raw), 60)}; write "
            "nested lists, in text with commas, as [[4.1, 0.2, 0], [0.2, 4.1, 0], [0, 0, 5]]"
            f"{atoms_too}"
        )
    head = (atoms,) if target.scope is Scope.ATOM else ()
    full, voigt = tensor.shape, voigt_shape(tensor)
    if values.shape == (*head, 3**tensor.rank) and voigt != (3**tensor.rank,):
        values = values.reshape(*head, *full)  # as extended XYZ has it
    if values.shape not in ((*head, *full), (*head, *voigt)):
        sites = f" for each of the {atoms} atoms" if head else ""
        short = f", or in Voigt's notation {_by(voigt)}" if voigt != full else ""
        return (
            f"the target {target.name!r} must be {_by(full)} numbers{short}{sites}, got shape "
            f"{_by(values.shape) or 'of one number'}"
        )
    if values.shape != (*head, *full):
        values = from_voigt(tensor, values)
    if not np.all(np.isfinite(values)):
        return (
            f"the target {target.name!r} is not finite, or a part is missing: "
            f"{shortened(repr(raw), 60)}; complete it, or leave the label out"
        )
    symmetric = tensor.from_components(tensor.to_components(values))
    largest = np.abs(values).max()
    if largest > LARGEST_NUMBER:
        return (
            f"the target {target.name!r} is {largest:g}: labels beyond {LARGEST_NUMBER:g} overflow "
            "in single precision; correct it, or take another unit"
        )
    apart = np.abs(values - symmetric)
    if apart.max() > _ASYMMETRY * largest:
        at = tuple(int(index) for index in np.unravel_index(apart.argmax(), apart.shape))
        element = "".join("xyz"[index] for index in at[len(head) :])
        return (
            f"the target {target.name!r} is not symmetric ({tensor.symmetry}): its element "
            f"{element} is {values[at]:g}, and the mean of those that must equal it is "
            f"{symmetric[at]:g}. Give the whole tensor, not one half, or correct it"
        )
    return symmetric.reshape(target.shape(atoms))


class SymmetryOfLabels:
    """Whether labels that are tensors have the symmetry of their crystals; NaN is a missing one."""

    def __init__(
        self, targets: Sequence[Target], labels: Sequence[Sequence[Float[np.ndarray, "..."]]]
    ) -> None:
        self.targets = tuple(targets)
        self._smallest = {
            target.name: _SMALL * _size([row[number] for row in labels])
            for number, target in enumerate(targets)
            if target.is_tensor
        }
        self.shares: dict[str, dict[str, float]] = {
            target.name: {} for target in targets if target.is_tensor
        }
        self.unstable: dict[str, list[str]] = {}
        """Rows whose tensor of rank 4 has an eigenvalue that is not positive, by target."""

    def why_not(
        self, labels: Sequence[Float[np.ndarray, "..."]], row: str, crystal: Crystal
    ) -> str:
        """Return why a row cannot be used: more than `ALLOWED` of a label break the symmetry.

        Args:
            labels: Of each target, NaN where it is missing.
            row: Its id.
            crystal: Of the row.

        Returns:
            A reason, with the convention under which the label would have the symmetry, if there is
            one; empty where there is none.
        """
        symmetry = Symmetry.of(crystal) if self.shares else None
        for target, values in zip(self.targets, labels, strict=True):
            if symmetry is None or target.name not in self.shares or np.isnan(values).any():
                continue
            of_atoms, tensor = target.scope is Scope.ATOM, target.tensor
            share = symmetry.outside(tensor, values, of_atoms)
            norm = float(np.linalg.norm(values))
            share *= norm / max(norm, self._smallest[target.name], np.finfo(float).tiny)
            if share <= ALLOWED:
                self.shares[target.name][row] = share
                if _is_unstable(tensor, values):
                    self.unstable.setdefault(target.name, []).append(row)
                continue
            begun = f"{100 * share:.0f} % of the norm of the target {target.name!r} break"
            if not (of_atoms or symmetry.allows(tensor)):
                return (
                    f"{begun} the symmetry of the crystal, which allows no such tensor but zero in "
                    "any axes: the structure is not that of the label"
                )
            fitting = (
                f"; {what}"
                for what, convert in _conventions(tensor, symmetry)
                if symmetry.outside(tensor, convert(values), of_atoms) < NOTED
            )
            return (
                f"{begun} the symmetry of the crystal: it must be given in the axes of the cell as "
                "it is stored"
                f"{next(fitting, '')}"
            )
        return ""

    def notes(self) -> list[str]:
        """Return notes on labels that break the symmetry a little, and on unstable crystals."""
        notes = []
        for name, shares in self.shares.items():
            broken = {row: share for row, share in shares.items() if share > NOTED}
            if broken:
                worst = max(broken, key=lambda row: broken[row])
                notes.append(
                    f"{len(broken)} of {len(shares)} labels {name!r} break the symmetry of their "
                    f"crystal by more than {100 * NOTED:g} % of their norm, most {worst} with "
                    f"{100 * broken[worst]:.1f} %: check the axes in which they are given"
                )
        for name, rows in self.unstable.items():
            notes.append(
                f"{len(rows)} of {len(self.shares[name])} labels {name!r} have an eigenvalue that "
                f"is not positive, first {rows[0]}: a strain would cost no energy, and the crystal "
                "not be stable. Check signs, factors and the order of the elements"
            )
        return notes


def _is_unstable(tensor: TensorType, values: Float[np.ndarray, "..."]) -> bool:
    """Return whether a stiffness or compliance allows a strain that costs no energy."""
    return tensor.rank == 4 and bool((np.linalg.eigvalsh(to_voigt(tensor, values)) <= 0).any())


def _size(labels: Sequence[Float[np.ndarray, "..."]]) -> float:
    """Return the root mean square norm of the labels that are known."""
    norms = np.array([np.linalg.norm(label) for label in labels])
    known = norms[~np.isnan(norms)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else 0.0


def _conventions(
    tensor: TensorType, symmetry: Symmetry
) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    """Yield what may have been meant instead, with what makes the right label of it."""
    shape = voigt_shape(tensor)
    if 6 in shape:
        orders = [_OTHER_ORDER if size == 6 else np.arange(size) for size in shape]
        yield (
            "it would have it with Voigt's components in the order xx, yy, zz, xy, yz, xz, as VASP "
            "prints them: reorder them",
            lambda values: from_voigt(
                tensor, to_voigt(tensor, values)[np.ix_(np.arange(len(values)), *orders)]
            ),
        )
    if tensor.rank > 2 and tensor.symmetry:
        other = TensorType(tensor.rank, tensor.symmetry, doubled=not tensor.doubled)
        kind = "without" if tensor.doubled else "with"
        yield (
            f"it would have it {kind} the factors 2 of Voigt's notation for strains: declare "
            "another tensor",
            lambda values: from_voigt(other, to_voigt(tensor, values)),
        )
    for axes, frame in _frames(symmetry).items():
        yield (
            f"it would have it in {axes}: rotate the label or the cell",
            partial(tensor.rotate, rotation=frame),
        )


def _frames(symmetry: Symmetry) -> dict[str, Float[np.ndarray, "3 3"]]:
    """Return rotations into the axes of the cell, from other customary axes of the same cell."""
    frames, cell = {}, symmetry.crystal.cell
    for axes, first, second, order in (
        ("a along x and b in the plane xy", 0, 1, [0, 1, 2]),
        ("c along z and a in the plane xz", 2, 0, [2, 0, 1]),
        ("c along z and b in the plane yz", 2, 1, [2, 1, 0]),
    ):
        along = cell[first] / np.linalg.norm(cell[first])
        beside = cell[second] - along * (along @ cell[second])
        beside /= np.linalg.norm(beside)
        basis = np.zeros((3, 3))  # columns: where x, y and z of the other axes point
        basis[:, order[0]], basis[:, order[1]] = along, beside
        left = order[2]
        basis[:, left] = np.cross(basis[:, (left + 1) % 3], basis[:, (left + 2) % 3])
        frames[f"axes with {axes}"] = basis
    return frames | {"those of the conventional cell, as spglib turns it": symmetry.from_standard}


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
