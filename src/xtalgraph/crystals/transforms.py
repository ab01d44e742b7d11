"""Crystals from crystals. Each function returns a new crystal and leaves its input alone."""

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import MAX_ATOMS
from xtalgraph.conventions.units import BOLTZMANN
from xtalgraph.crystals.crystal import Crystal


def supercell(
    crystal: Crystal, multiples: tuple[int, int, int] | Int[np.ndarray, "3 3"]
) -> Crystal:
    """Return the same crystal with a larger cell.

    Args:
        crystal: The crystal to repeat.
        multiples: How often each lattice vector is repeated, or the integer matrix M of the new
            lattice vectors M @ cell. The volume grows by abs(det M).

    Returns:
        A crystal whose atoms are grouped by image: all atoms of one image, then of the next.

    Raises:
        InputError: M is singular or not integer, or mixes in a direction that does not repeat, or
            the new cell holds more than `MAX_ATOMS` atoms.
    """
    given = np.asarray(multiples)
    given = np.diag(given) if given.ndim == 1 else given
    matrix = _integer_matrix(given, crystal)
    atoms = len(crystal) * abs(float(np.linalg.det(given.astype(float))))
    if atoms > MAX_ATOMS:
        raise InputError(f"a supercell must have {MAX_ATOMS} atoms at most, got {atoms:.1e}")
    images = _images(matrix)
    positions = (images @ crystal.cell)[:, None] + crystal.positions[None]
    order = np.tile(np.arange(len(crystal)), len(images))
    return crystal.take(order, positions.reshape(-1, 3), matrix @ crystal.cell)


def change_basis(crystal: Crystal, matrix: Int[np.ndarray, "3 3"]) -> Crystal:
    """Return the same crystal described by other lattice vectors, matrix @ cell.

    Args:
        crystal: The crystal.
        matrix: Whole numbers, determinant 1 or -1.

    Raises:
        InputError: The matrix is not integer with determinant 1 or -1, or mixes in a direction that
            does not repeat.
    """
    matrix = _integer_matrix(np.asarray(matrix), crystal)
    determinant = round(float(np.linalg.det(matrix)))
    if abs(determinant) != 1:
        raise InputError(f"a change of basis has determinant 1 or -1, got {determinant}")
    return crystal.moved(matrix @ crystal.cell, crystal.positions)


def rotate(crystal: Crystal, matrix: Float[np.ndarray, "3 3"]) -> Crystal:
    """Return the crystal turned by an orthogonal matrix, which may reflect.

    Args:
        crystal: The crystal.
        matrix: R; cell vectors and positions become R x.

    Raises:
        InputError: The matrix is not orthogonal.
    """
    matrix = np.asarray(matrix, dtype=float)
    error = np.abs(matrix @ matrix.T - np.eye(3)).max()
    if not error < 1e-8:
        raise InputError(f"a rotation is orthogonal, got R Rᵀ that differs from 1 by {error:.2g}")
    return crystal.moved(crystal.cell @ matrix.T, crystal.positions @ matrix.T)


def translate(crystal: Crystal, vector: Float[np.ndarray, "3"]) -> Crystal:
    """Return the crystal with every atom moved by the same vector, in Å."""
    positions = crystal.positions + np.asarray(vector, dtype=float)
    return crystal.moved(crystal.cell, positions)


def permute(crystal: Crystal, order: Int[np.ndarray, " atoms"]) -> Crystal:
    """Return the crystal with its atoms in another order: new atom i is old atom order[i].

    Args:
        crystal: The crystal.
        order: Each of 0 to N - 1 once.

    Raises:
        InputError: The order does not hold every atom once.
    """
    order = np.asarray(order)
    if not np.array_equal(np.sort(order), np.arange(len(crystal))):
        raise InputError(f"an order holds each of 0 to {len(crystal) - 1} once, got {order}")
    return crystal.take(order, crystal.positions[order])


def shift_images(crystal: Crystal, images: Int[np.ndarray, "atoms 3"]) -> Crystal:
    """Return the same crystal with each atom given by another of its periodic images.

    Args:
        crystal: The crystal.
        images: Whole lattice vectors by which each atom is moved: positions + images @ cell.

    Raises:
        InputError: The images are not whole numbers, or move along a direction that does
            not repeat.
    """
    images = np.asarray(images)
    if images.shape != (len(crystal), 3) or not np.array_equal(images, np.round(images)):
        raise InputError(f"images are whole numbers of shape ({len(crystal)}, 3), got {images}")
    if np.any(images[:, ~crystal.pbc]):
        raise InputError("an atom cannot move to an image along a direction that does not repeat")
    positions = crystal.positions + images @ crystal.cell
    return crystal.moved(crystal.cell, positions)


def strain(crystal: Crystal, strain: Float[np.ndarray, "3 3"]) -> Crystal:
    """Return the crystal with cell and positions deformed homogeneously, x → (1 + strain) x."""
    deformation = np.eye(3) + np.asarray(strain, dtype=float)
    return crystal.moved(crystal.cell @ deformation.T, crystal.positions @ deformation.T)


def _integer_matrix(matrix: np.ndarray, crystal: Crystal) -> np.ndarray:
    if matrix.shape != (3, 3) or not np.array_equal(matrix, np.round(matrix)):
        raise InputError(f"lattice vectors are whole combinations of the old ones, got {matrix}")
    if round(float(np.linalg.det(matrix))) == 0:
        raise InputError(f"the new lattice vectors lie in one plane: {matrix.tolist()}")
    fixed = ~crystal.pbc
    if not np.array_equal(matrix[fixed], np.eye(3)[fixed]) or np.any(
        matrix[np.ix_(crystal.pbc, fixed)]
    ):
        raise InputError("a direction that does not repeat keeps its lattice vector to itself")
    return matrix.astype(np.int64)


def _images(matrix: np.ndarray) -> Int[np.ndarray, "images 3"]:
    """Return the lattice points, in old vectors, of one new cell."""
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) @ matrix
    axes = [
        np.arange(low, high + 1) for low, high in zip(corners.min(0), corners.max(0), strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.linalg.solve(matrix.T.astype(float), points.T.astype(float)).T
    chosen = np.all((inside > -1e-9) & (inside < 1 - 1e-9), axis=1)
    return points[chosen]


def thermal_momenta(
    masses: Float[np.ndarray, " atoms"], temperature: float, generator: np.random.Generator
) -> Float[np.ndarray, "atoms 3"]:
    """Draw momenta from the distribution of Maxwell and Boltzmann.

    The crystal as a whole does not move, and the kinetic energy is that of the temperature: 3/2 kT
    for each atom, of one atom alone none.

    Args:
        masses: In atomic mass units.
        temperature: K.
        generator: Draws them.

    Returns:
        In √(eV u), the units of ASE.

    >>> momenta = thermal_momenta(np.array([1.0, 4.0]), 300.0, np.random.default_rng(0))
    >>> bool(np.allclose(momenta.sum(axis=0), 0.0))
    True
    """
    mass = masses[:, None]
    momenta = generator.normal(size=(len(masses), 3)) * np.sqrt(mass)
    momenta -= mass * momenta.sum(axis=0) / masses.sum()
    kinetic = float((momenta**2 / (2.0 * mass)).sum())
    wanted = 1.5 * len(masses) * BOLTZMANN * temperature
    return momenta * np.sqrt(wanted / kinetic) if kinetic > 1e-20 else np.zeros_like(momenta)
