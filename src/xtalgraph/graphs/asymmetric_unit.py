"""The reduction by space group: atoms and edges that its operations map on each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import spglib
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.symmetry import quiet_spglib
from xtalgraph.graphs.neighbors import Edges

DEFAULT_SYMPREC: Final = 1e-4
"""How far an operation may miss an atom, Å: what coGN gets from the default of pyxtal."""
_AT_ONCE: Final = 2_000_000
"""Array elements that are held at a time, whatever the number of operations."""


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """The symmetry of a crystal: its primitive cell, and what the operations do to the atoms there.

    The operations of a supercell need not keep its lattice, those of the primitive cell do.
    Operation g takes atom p of the primitive home cell to atom ``atom[g, p]`` of the primitive cell
    ``image[g, p]``.
    """

    number: int
    """In the International Tables, 1 to 230."""
    basis: Int[np.ndarray, "3 3"]
    """Lattice vectors of the crystal as rows, in those of the primitive cell."""
    home: Int[np.ndarray, " atoms"]
    """Which atom of the primitive cell each atom of the crystal is, or is an image of."""
    offset: Int[np.ndarray, "atoms 3"]
    """In which primitive cell it stands."""
    rotation: Int[np.ndarray, "operations 3 3"]
    """Linear parts, for columns of fractional coordinates of the primitive cell."""
    atom: Int[np.ndarray, "operations primitive"]
    """To which atom each one goes."""
    image: Int[np.ndarray, "operations primitive 3"]
    """Into which cell it goes, in primitive lattice vectors."""


@dataclass(frozen=True, eq=False)
class AsymmetricUnit:
    """The orbits of the atoms and edges of a graph under a space group."""

    atom_orbit: Int[np.ndarray, " atoms"]
    """Orbit of each atom, numbered by its first atom."""
    edge_orbit: Int[np.ndarray, " edges"]
    """Orbit of each directed edge, numbered by its first edge."""
    kept: Bool[np.ndarray, " edges"]
    """Whether the edge starts at the first atom of an orbit, so that coGN keeps it."""

    @property
    def num_atoms(self) -> int:
        """Orbits of atoms."""
        return len(np.unique(self.atom_orbit))

    @property
    def num_edges(self) -> int:
        """Orbits of edges."""
        return len(np.unique(self.edge_orbit))


def find_space_group(crystal: Crystal, symprec: float = DEFAULT_SYMPREC) -> SpaceGroup:
    """Find the primitive cell of a crystal, and the operations that map it on itself.

    Args:
        crystal: Repeats in all three directions.
        symprec: How far an operation may miss an atom, Å.

    Raises:
        ConfigError: If symprec is not larger than 0.
        GraphError: If a direction does not repeat, or spglib finds no group that permutes the
            atoms.

    Source: Togo, Shinohara and Tanaka, Sci. Technol. Adv. Mater. Methods 4, 2384822 (2024),
    doi 10.1080/27660400.2024.2384822.

    >>> copper = Crystal.from_fractional(
    ...     1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29])
    ... )
    >>> find_space_group(copper).number
    225
    """
    if not (np.isfinite(symprec) and symprec > 0):
        raise ConfigError(f"symprec must be larger than 0 Å, got {symprec}")
    symmetry = symmetry_dataset(crystal, symprec)
    _, first, home = np.unique(
        symmetry.mapping_to_primitive, return_index=True, return_inverse=True
    )
    basis, offset = np.eye(3, dtype=np.int64), np.zeros((len(crystal), 3), dtype=np.int64)
    primitive = crystal
    if len(first) < len(crystal):
        cell = np.asarray(symmetry.primitive_lattice)
        primitive = crystal.take(first, crystal.positions[first], cell)
        away = crystal.positions - crystal.positions[first][home]
        basis, offset = (
            np.rint(np.linalg.solve(cell.T, rows.T).T).astype(np.int64)
            for rows in (crystal.cell, away)
        )
        symmetry = symmetry_dataset(primitive, symprec)
    rotation = symmetry.rotations.astype(np.int64)
    atom, image = _moved_atoms(primitive, rotation, symmetry.translations)
    if (np.sort(atom, axis=1) != np.arange(len(first))).any():
        raise GraphError(
            f"an operation of space group {symmetry.number} maps two atoms of {crystal.formula} on "
            f"one at symprec {symprec:g} Å; make it smaller"
        )
    return SpaceGroup(int(symmetry.number), basis, home, offset, rotation, atom, image)


def asymmetric_unit(group: SpaceGroup, edges: Edges) -> AsymmetricUnit:
    """Sort the atoms and edges of a crystal into orbits of its space group.

    An edge (i, j, n) goes to (gi, gj, R n + image(gj) − image(gi)). Where a crystal is
    symmetric within symprec only, the cutoff may cut a shell, and an edge go to a pair that is no
    edge; such a pair is passed over.

    Source: Ruff et al., Digital Discovery 3, 594 (2024), doi 10.1039/d4dd00018h. Their graph has
    one atom for each orbit and every edge into it; edges of one orbit are merged here besides.

    >>> from xtalgraph.graphs.neighbors import neighbors_within
    >>> copper = Crystal.from_fractional(
    ...     1.805 * (1 - np.eye(3)), np.zeros((1, 3)), np.array([29])
    ... )
    >>> unit = asymmetric_unit(find_space_group(copper), neighbors_within(copper, 4.0))
    >>> unit.num_atoms, int(unit.kept.sum()), unit.num_edges
    (1, 18, 2)
    """
    atoms = group.atom.shape[1]
    home = np.broadcast_to(np.arange(atoms), group.atom.shape)
    orbit = _joined(np.arange(atoms), home.ravel(), group.atom.ravel())
    atom_orbit = _numbered(orbit[group.home])
    first = np.zeros(len(atom_orbit), dtype=bool)
    first[np.unique(atom_orbit, return_index=True)[1]] = True

    shift = group.offset[edges.neighbor] - group.offset[edges.center]
    image = edges.image @ group.basis + shift
    pairs = _Pairs(group.home[edges.center], group.home[edges.neighbor], image)
    _, representative, orbit_of = np.unique(
        pairs.keys(atoms), return_index=True, return_inverse=True
    )
    pairs = _Pairs(
        pairs.center[representative], pairs.neighbor[representative], image[representative]
    )
    orbit = np.arange(len(representative))
    for part in _parts(len(group.atom), 8 * len(representative)):
        orbit = _joined(orbit, *_find(pairs, _moved_pairs(group, pairs, part), atoms))
    return AsymmetricUnit(atom_orbit, _numbered(orbit[orbit_of]), first[edges.center])


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of an atom and an image of an atom."""

    center: Int[np.ndarray, "*any"]
    neighbor: Int[np.ndarray, "*any"]
    image: Int[np.ndarray, "*any 3"]

    @property
    def reach(self) -> int:
        """Into how far a cell they go."""
        return int(np.abs(self.image).max(initial=0))

    def keys(self, atoms: int, reach: int | None = None) -> Int[np.ndarray, "*any"]:
        """Return a number for each pair, different for different ones up to the reach."""
        far = self.reach if reach is None else reach
        key = self.center * atoms + self.neighbor
        for axis in range(3):
            key = key * (2 * far + 1) + self.image[..., axis] + far
        return key


def _moved_pairs(group: SpaceGroup, pairs: _Pairs, part: slice) -> _Pairs:
    atom, image = group.atom[part], group.image[part]
    turned = np.einsum("gxy,ey->gex", group.rotation[part], pairs.image)
    return _Pairs(
        atom[:, pairs.center],
        atom[:, pairs.neighbor],
        turned + image[:, pairs.neighbor] - image[:, pairs.center],
    )


def _find(
    pairs: _Pairs, moved: _Pairs, atoms: int
) -> tuple[Int[np.ndarray, " found"], Int[np.ndarray, " found"]]:
    """Return the pairs that go to pairs, and to which."""
    reach = max(pairs.reach, moved.reach)
    have, wanted = pairs.keys(atoms, reach), moved.keys(atoms, reach)
    order = np.argsort(have)
    position = np.searchsorted(have[order], wanted).clip(max=max(len(have) - 1, 0))
    hit = have[order][position] == wanted
    return np.broadcast_to(np.arange(len(have)), wanted.shape)[hit], order[position[hit]]


def _joined(
    orbit: Int[np.ndarray, " rows"],
    source: Int[np.ndarray, " links"],
    target: Int[np.ndarray, " links"],
) -> Int[np.ndarray, " rows"]:
    """Join the orbits of rows that are linked."""
    ones, size = np.ones(len(source), dtype=np.int8), len(orbit)
    links = coo_array((ones, (orbit[source], orbit[target])), shape=(size, size))
    return connected_components(links, directed=False)[1].astype(np.int64)[orbit]


def _numbered(label: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """Number the labels by their first row."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _moved_atoms(
    crystal: Crystal,
    rotation: Int[np.ndarray, "operations 3 3"],
    translation: Float[np.ndarray, "operations 3"],
) -> tuple[Int[np.ndarray, "operations atoms"], Int[np.ndarray, "operations atoms 3"]]:
    """Return the atom nearest to where each operation takes an atom, and the cell it stands in."""
    fractional, shape = crystal.fractional, (len(rotation), len(crystal))
    atom, image = np.empty(shape, dtype=np.int64), np.empty((*shape, 3), dtype=np.int64)
    unlike = crystal.site_kinds[:, None] != crystal.site_kinds
    for part in _parts(len(rotation), 3 * len(crystal) ** 2):
        moved = np.einsum("gxy,iy->gix", rotation[part], fractional) + translation[part, None]
        away = moved[:, :, None] - fractional
        away = (away - np.rint(away)) @ crystal.cell
        atom[part] = np.where(unlike, np.inf, np.linalg.norm(away, axis=-1)).argmin(axis=-1)
        image[part] = np.rint(moved - fractional[atom[part]])
    return atom, image


def symmetry_dataset(crystal: Crystal, symprec: float) -> Any:
    """Return what spglib knows of the symmetry of a crystal; a `GraphError` without a group.

    `symprec` is how far an operation may miss an atom, Å. A direction that does not repeat is a
    `GraphError`, too.
    """
    if not crystal.pbc.all():
        raise GraphError(f"a space group needs pbc in all directions; got {crystal.pbc.tolist()}")
    cell = (crystal.cell, crystal.fractional, crystal.site_kinds)
    reason = "it found none"
    with quiet_spglib():
        try:
            symmetry = spglib.get_symmetry_dataset(cell, symprec=symprec)
        except spglib.SpglibError as error:
            symmetry, reason = None, str(error)
    if symmetry is None:
        raise GraphError(
            f"spglib gives no space group for {crystal.formula} at symprec {symprec:g} Å: {reason}"
        )
    return symmetry


def _parts(operations: int, size: int) -> Iterator[slice]:
    """Cut the operations into parts of which so much may be held at a time."""
    step = max(_AT_ONCE // max(size, 1), 1)
    return (slice(start, start + step) for start in range(0, operations, step))
