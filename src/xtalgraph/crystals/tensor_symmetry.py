"""What the symmetry of a crystal leaves of a tensor (Neumann's principle)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import spglib
from jaxtyping import Float, Int

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.symmetry import Operations, quiet_spglib

TOLERANCE: Final = 1e-3
"""Å; within which atoms are taken for equivalent."""

_NOTHING: Final = 1e-2
"""Below which an element of a projected unit tensor is what the tolerance leaves of zero."""


@dataclass(frozen=True, eq=False)
class Symmetry:
    """The operations that take a crystal into itself, as they act on vectors and on atoms."""

    rotations: Float[np.ndarray, "operations 3 3"]
    """Orthogonal matrices R, proper and improper, that take a column vector v to R v."""
    operations: Operations
    """The same on fractional coordinates."""
    crystal: Crystal
    """What has them."""

    @classmethod
    def of(cls, crystal: Crystal, tolerance: float = TOLERANCE) -> "Symmetry":
        """Find the operations with spglib; the identity alone where it finds none.

        Args:
            crystal: Periodic in all directions, or nothing but the identity is taken.
            tolerance: Å; within which atoms are taken for equivalent.
        """
        operations = _operations(crystal, tolerance)
        basis = crystal.cell.T
        turned = np.einsum("ij,njk,kl->nil", basis, operations.rotations, np.linalg.inv(basis))
        # A cell that is symmetric to within the tolerance alone turns by nearly orthogonal ones.
        left, _, right = np.linalg.svd(turned)
        return cls(left @ right, operations, crystal)

    @cached_property
    def images(self) -> Int[np.ndarray, "operations atoms"]:
        """Onto which atom each operation takes each atom: the nearest of its kind."""
        crystal, kinds = self.crystal, self.crystal.site_kinds
        images = []
        for rotation, translation in zip(*self.operations, strict=True):
            moved = crystal.fractional @ rotation.T + translation
            step = moved[:, None] - crystal.fractional[None]
            distance = np.linalg.norm((step - np.round(step)) @ crystal.cell, axis=-1)
            distance[kinds[:, None] != kinds[None]] = np.inf
            images.append(distance.argmin(axis=1))
        return np.stack(images)

    def project(
        self, tensor: TensorType, values: Float[np.ndarray, "rows *shape"], of_atoms: bool = False
    ) -> Float[np.ndarray, "rows *shape"]:
        """Return what the symmetry leaves of tensors: their mean over all operations.

        Args:
            tensor: Of which type they are.
            values: A row for the crystal, or for each of its atoms.
            of_atoms: Whether it is for each atom.
        """
        if not of_atoms:
            distinct = np.unique(self.rotations.round(6), axis=0, return_index=True)[1]
            turned = [tensor.rotate(values, self.rotations[n]) for n in distinct]
            return np.asarray(np.mean(turned, axis=0))
        total = np.zeros_like(values)
        for rotation, image in zip(self.rotations, self.images, strict=True):
            total[image] += tensor.rotate(values, rotation)
        return total / len(self.rotations)

    def outside(
        self, tensor: TensorType, values: Float[np.ndarray, "rows *shape"], of_atoms: bool = False
    ) -> float:
        """Return which share of the norm of tensors the symmetry does not allow, see `project`."""
        norm = float(np.linalg.norm(values))
        off = float(np.linalg.norm(values - self.project(tensor, values, of_atoms)))
        return off / norm if norm > 0 else 0.0

    def allows(self, tensor: TensorType) -> bool:
        """Return whether a tensor of the crystal other than zero has the symmetry."""
        units = tensor.from_components(np.eye(tensor.num_components))
        return bool(np.abs(self.project(tensor, units)).max() > _NOTHING)

    @property
    def from_standard(self) -> Float[np.ndarray, "3 3"]:
        """The rotation that takes vectors in the axes of spglib's standardised cell into ours."""
        dataset = _ask(spglib.get_symmetry_dataset, self.crystal, TOLERANCE)
        return np.eye(3) if dataset is None else np.asarray(dataset.std_rotation_matrix.T)

    def enforced(self) -> Crystal:
        """Return the crystal with cell and positions that have the symmetry to the last digit."""
        crystal, (rotations, translations) = self.crystal, self.operations
        metric = crystal.cell @ crystal.cell.T
        metric = np.einsum("nji,jk,nkl->il", rotations, metric, rotations) / len(rotations)
        cell = np.linalg.cholesky(metric)  # the right shape, in another frame
        left, _, right = np.linalg.svd(np.linalg.solve(cell, crystal.cell))
        cell = cell @ left @ right
        shifts = np.zeros_like(crystal.fractional)
        fractional = crystal.fractional
        for rotation, translation, image in zip(rotations, translations, self.images, strict=True):
            step = fractional @ rotation.T + translation - fractional[image]
            shifts[image] += step - np.round(step)
        positions = (fractional + shifts / len(rotations)) @ cell
        return crystal.moved(positions=positions, cell=cell)


def _operations(crystal: Crystal, tolerance: float) -> Operations:
    identity = Operations(np.eye(3)[None], np.zeros((1, 3)))
    if not crystal.pbc.all():
        return identity
    dataset = _ask(spglib.get_symmetry, crystal, tolerance)
    if dataset is None:
        return identity
    return Operations(dataset["rotations"].astype(float), dataset["translations"])


def _ask(function: Callable[..., Any], crystal: Crystal, tolerance: float) -> Any:
    """Return what a function of spglib finds in a crystal; None where it finds nothing."""
    cell = crystal.cell, crystal.fractional, crystal.site_kinds
    with quiet_spglib():
        try:
            return function(cell, symprec=tolerance)
        except spglib.SpglibError:
            return None
