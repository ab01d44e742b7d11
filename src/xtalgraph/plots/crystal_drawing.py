"""A crystal with its bonds, and what a picture of it is made of: balls, sticks, cell edges."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import InputError


@dataclass(frozen=True, eq=False)
class BondedCrystal:
    """A crystal with the bonds to draw, ``position[neighbor] + image @ cell - position[center]``.

    Raises:
        InputError: When a bond names an atom that does not exist, or crosses a wall along a
            direction that does not repeat.
    """

    cell: Float[np.ndarray, "3 3"]
    """Lattice vectors as rows, Å."""
    positions: Float[np.ndarray, "atoms 3"]
    """Cartesian coordinates, Å."""
    numbers: Int[np.ndarray, " atoms"]
    pbc: Bool[np.ndarray, "3"]
    """Which lattice directions repeat."""
    center: Int[np.ndarray, " bonds"]
    """Atom at which each bond starts."""
    neighbor: Int[np.ndarray, " bonds"]
    """Atom at which it ends."""
    image: Int[np.ndarray, "bonds 3"]
    """In which cell that atom stands, in lattice vectors."""
    classes: Int[np.ndarray, " atoms"] | None = None
    """Symmetry class of each atom, counted from 0; None where it is not known."""

    def __post_init__(self) -> None:
        atoms = len(self.numbers)
        for name, index in (("center", self.center), ("neighbor", self.neighbor)):
            wrong = index[(index < 0) | (index >= atoms)]
            if len(wrong):
                raise InputError(
                    f"{name} of a bond must be an atom between 0 and {atoms - 1}, got {wrong[0]}"
                )
        if (self.image[:, ~self.pbc] != 0).any():
            axes = ", ".join("abc"[axis] for axis in np.flatnonzero(~self.pbc))
            raise InputError(
                f"bonds must not cross the wall along {axes}, which does not repeat; "
                "set pbc there, or take these bonds out"
            )

    @property
    def has_volume(self) -> bool:
        """Whether the lattice vectors span a cell."""
        return abs(float(np.linalg.det(self.cell))) > 1e-9


WRAP_TOLERANCE = 1e-6
"""Fractional coordinates this little below a cell wall count as on it."""


@dataclass(frozen=True, eq=False)
class CrystalDrawing:
    """Balls and the sticks between them. The first ``atoms`` balls are the atoms of the cell."""

    positions: Float[np.ndarray, "balls 3"]
    """Centres, Å: the atoms wrapped into the cell, then the images that bonds reach."""
    numbers: Int[np.ndarray, " balls"]
    site: Int[np.ndarray, " balls"]
    """Which atom of the crystal each ball is, or is an image of."""
    offset: Int[np.ndarray, "balls 3"]
    """In which cell each ball stands, in lattice vectors; zero for the atoms themselves."""
    is_image: Bool[np.ndarray, " balls"]
    """Whether the ball stands in a neighbouring cell."""
    sticks: Int[np.ndarray, "sticks 2"]
    """The two balls of each stick."""
    edges: Float[np.ndarray, "edges 2 3"]
    """Ends of the cell's edges, Å; none where the cell has no volume."""
    edge_axis: Int[np.ndarray, " edges"]
    """Which lattice vector each edge runs along."""
    coordination: Int[np.ndarray, " atoms"]
    """How many of the given directed bonds start at each atom."""


def draw_crystal(crystal: BondedCrystal) -> CrystalDrawing:
    """Lay out atoms and bonds.

    Atoms are wrapped into the cell along the periodic directions, and the images with them. A
    bond given once or in both directions is one stick. A bond that crosses the wall shows at
    both walls, each time from the atom inside to the image of its partner, so that every atom
    of the cell has all its bonds.
    """
    cell, atoms = crystal.cell, len(crystal.numbers)
    center, neighbor = crystal.center, crystal.neighbor
    shift = np.zeros((atoms, 3), dtype=np.int64)
    if crystal.has_volume:
        fractional = np.linalg.solve(cell.T, crystal.positions.T).T
        wrapped = np.floor(fractional + WRAP_TOLERANCE)
        shift = np.where(crystal.pbc, wrapped, 0.0).astype(np.int64)
    inside = crystal.positions - shift @ cell
    image = crystal.image + shift[neighbor] - shift[center]

    balls: dict[tuple[int, int, int, int], int] = {(i, 0, 0, 0): i for i in range(atoms)}
    sticks: set[tuple[int, int]] = set()
    for c, n, (i, j, k) in zip(center.tolist(), neighbor.tolist(), image.tolist(), strict=True):
        for start, end in ((c, (n, i, j, k)), (n, (c, -i, -j, -k))):
            ball = balls.setdefault(end, len(balls))
            sticks.add((min(start, ball), max(start, ball)))
    keys = np.array(list(balls), dtype=np.int64).reshape(-1, 4)
    site = keys[:, 0]
    edges, axis = (
        _cell_edges(cell) if crystal.has_volume else (np.zeros((0, 2, 3)), np.zeros(0, int))
    )
    return CrystalDrawing(
        positions=inside[site] + keys[:, 1:] @ cell,
        numbers=crystal.numbers[site],
        site=site,
        offset=keys[:, 1:],
        is_image=np.arange(len(site)) >= atoms,
        sticks=np.array(sorted(sticks), dtype=np.int64).reshape(-1, 2),
        edges=edges,
        edge_axis=axis,
        coordination=np.bincount(center, minlength=atoms),
    )


def viewpoint(cell: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation that shows a cell well: rows are the directions right, up and to the viewer.

    The cell is first turned so that **a** points right and **b** away, whichever way it lies in
    its file; then the viewer steps 20° aside and 14° up.

    Args:
        cell: Lattice vectors as rows, Å.

    Returns:
        An orthogonal matrix to be applied as ``positions @ rotation.T``.
    """
    az, el = np.radians([20.0, 14.0])
    viewer = np.array([np.sin(az) * np.cos(el), -np.cos(az) * np.cos(el), np.sin(el)])
    right = np.array([np.cos(az), np.sin(az), 0.0])
    camera = np.stack([right, np.cross(viewer, right), viewer])
    return camera @ _upright(cell)


def view_along(cell: Float[np.ndarray, "3 3"], axis: int) -> Float[np.ndarray, "3 3"]:
    """The rotation that looks down one lattice vector, as rows right, up and to the viewer.

    Args:
        cell: Lattice vectors as rows, Å.
        axis: 0, 1 or 2 for **a**, **b** or **c**; the next but one points up.

    Returns:
        An orthogonal matrix to be applied as ``positions @ rotation.T``.
    """
    viewer = cell[axis] / np.linalg.norm(cell[axis])
    upward = cell[(axis + 2) % 3]
    up = upward - (upward @ viewer) * viewer
    up = up / np.linalg.norm(up)
    return np.stack([np.cross(up, viewer), up, viewer])


def _upright(cell: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    if abs(float(np.linalg.det(cell))) < 1e-9:
        return np.eye(3)
    x = cell[0] / np.linalg.norm(cell[0])
    y = cell[1] - (cell[1] @ x) * x
    y = y / np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)])


def _cell_edges(
    cell: Float[np.ndarray, "3 3"],
) -> tuple[Float[np.ndarray, "edges 2 3"], Int[np.ndarray, " edges"]]:
    ends, axes = [], []
    for axis in range(3):
        first, second = cell[(axis + 1) % 3], cell[(axis + 2) % 3]
        for start in (np.zeros(3), first, second, first + second):
            ends.append(np.stack([start, start + cell[axis]]))
            axes.append(axis)
    return np.stack(ends), np.array(axes)
