"""Phonons: vibrations from the forces on displaced atoms, and what follows from them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.units import KJ_PER_MOL
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.symmetry import quiet_spglib

LENGTH: Final = 12.0
"""Distance between opposite faces of the supercell, at least, Å."""
DISPLACEMENT: Final = 0.01
"""How far an atom is displaced, Å."""
HOTTEST: Final = 1000.0
"""K; the highest temperature of heat capacity and free energy."""
IMAGINARY: Final = 0.1
"""THz; less below 0 is the noise of the acoustic modes near Γ."""
_SAME: Final = 1e-3
"""Å; within which atoms are taken for equivalent."""
_ON_PATH: Final = 51
"""Points on the longest part of the path; the others have as many for their length."""
_MESH: Final = 60.0
"""Å; a mesh of wave vectors has this over the length of a lattice vector as points."""
_POINTS: Final = 400
"""Frequencies of the density of states."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Frequencies along a straight part of the path through the Brillouin zone."""

    labels: tuple[str, str]
    """Of its ends."""
    vectors: Float[np.ndarray, "points 3"]
    """Wave vectors, in reciprocal vectors of the primitive cell."""
    distance: Float[np.ndarray, " points"]
    """Along the path, 1/Å, without the 2π."""
    frequencies: Float[np.ndarray, "points modes"]
    """THz, ascending; imaginary ones are negative."""


@dataclass(frozen=True, eq=False)
class Phonons:
    """The vibrations of a crystal in the harmonic approximation."""

    space_group: str
    """Of the crystal, its international symbol."""
    primitive: Crystal
    """The primitive cell, in the axes and with the origin of the conventional one."""
    repeats: tuple[int, ...]
    """How often it is repeated in the supercell."""
    displacements: int
    """Supercells whose forces were computed."""
    path: tuple[Segment, ...]
    """Bands along the path of the space group."""
    lowest: float
    """Lowest frequency on path and mesh, THz; negative if it is imaginary."""
    highest: float
    """Highest frequency on path and mesh, THz."""
    imaginary: float
    """Share of the modes on the mesh that are imaginary."""
    sum_rule: float
    """Largest sum of the force constants of an atom to all others, eV/Å²: 0 if a moved crystal has
    the same energy. The rest is taken away before frequencies are computed."""
    frequency: Float[np.ndarray, " frequencies"]
    """At which the density of states is known, THz."""
    density: Float[np.ndarray, " frequencies"]
    """Of states, 1/THz for each atom: its integral is 3."""
    temperature: Float[np.ndarray, " temperatures"]
    """K; what follows leaves out imaginary modes."""
    free_energy: Float[np.ndarray, " temperatures"]
    """Of the vibrations, with that of the zero point, eV/atom."""
    entropy: Float[np.ndarray, " temperatures"]
    """J/K for a mole of atoms."""
    heat_capacity: Float[np.ndarray, " temperatures"]
    """At constant volume, J/K for a mole of atoms."""
    known: Any
    """The ``Phonopy`` object, with displacements, forces and force constants."""

    @property
    def is_stable(self) -> bool:
        """Whether no mode is imaginary, beyond the noise near Γ."""
        return self.lowest > -IMAGINARY

    def save(self, path: Path) -> None:
        """Write displacements and forces in the file that ``phonopy`` and ``phonopy-load`` read."""
        self.known.save(str(path))


@contextmanager
def _recursion_limit_kept() -> Iterator[None]:
    """Undo what symfc does, which phonopy loads.

    With its limit of 100,000 Python's own parsers run over the end of the stack on a deeply nested
    file.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@_recursion_limit_kept()
def phonons(
    crystal: Crystal,
    calculator: Any,
    *,
    length: float = LENGTH,
    displacement: float = DISPLACEMENT,
    hottest: float = HOTTEST,
) -> Phonons:
    """Compute the phonons of a crystal from displacements that symmetry does not repeat.

    The primitive cell and the path through the Brillouin zone are those of the space group. The
    lattice vectors of the primitive cell are repeated until the faces of the supercell are apart as
    far as was asked for.

    Args:
        crystal: At rest: relax it first.
        calculator: Of ASE.
        length: Smallest distance between opposite faces of the supercell, Å.
        displacement: Length of the displacement of an atom, Å.
        hottest: The highest temperature, K.

    Raises:
        InputError: If the crystal does not repeat in all directions, or has no symmetry that can be
            found.
        MissingExtraError: If phonopy or seekpath is not installed.

    Source: A. Togo, L. Chaput, T. Tadano and I. Tanaka, J. Phys. Condens. Matter 35, 353001 (2023),
    doi 10.1088/1361-648X/acd831; the path: Y. Hinuma et al., Comput. Mater. Sci. 128, 140 (2017),
    doi 10.1016/j.commatsci.2016.10.015.
    """
    if not crystal.pbc.all():
        raise InputError(f"{crystal.formula} must repeat in all directions to have phonons")
    standard = _standardised(crystal)
    known = _phonopy(standard, length)
    known.generate_displacements(distance=displacement)
    supercells = known.supercells_with_displacements
    rest = _forces(known.supercell, calculator)
    known.forces = [_forces(supercell, calculator) - rest for supercell in supercells]
    known.produce_force_constants(calculate_full_force_constants=False, show_drift=False)
    sum_rule = float(np.abs(known.force_constants.sum(axis=1)).max())
    known.symmetrize_force_constants(show_drift=False)
    path = _along_path(known, standard)
    mesh = known.run_mesh(_MESH)
    weights = mesh.weights / mesh.weights.sum()
    atoms = len(known.primitive)
    ends = [mesh.frequencies.min(), mesh.frequencies.max()]
    ends += [end for part in path for end in (part.frequencies.min(), part.frequencies.max())]
    pitch = (max(ends) - min(ends)) / _POINTS
    states = known.run_total_dos(freq_min=min(ends), freq_max=max(ends), freq_pitch=pitch)
    heat = known.run_thermal_properties(
        t_min=0, t_max=hottest, t_step=10, cutoff_frequency=0.0, exclude_gamma_acoustic=True
    )
    return Phonons(
        space_group=str(standard["spacegroup_international"]),
        primitive=Crystal.from_fractional(
            standard["primitive_lattice"],
            standard["primitive_positions"],
            standard["primitive_types"],
        ),
        repeats=tuple(int(n) for n in np.diag(known.supercell_matrix)),
        displacements=len(supercells),
        path=path,
        lowest=float(min(ends)),
        highest=float(max(ends)),
        imaginary=float(weights @ (mesh.frequencies < -IMAGINARY).mean(axis=1)),
        sum_rule=sum_rule,
        frequency=np.asarray(states.frequency_points),
        density=np.asarray(states.dos) / atoms,
        temperature=np.asarray(heat.temperatures),
        free_energy=np.asarray(heat.free_energy) * KJ_PER_MOL / atoms,
        entropy=np.asarray(heat.entropy) / atoms,
        heat_capacity=np.asarray(heat.heat_capacity) / atoms,
        known=known,
    )


def _standardised(crystal: Crystal) -> Any:
    """Return primitive cell, path and space group of a crystal, as seekpath names them."""
    seekpath = import_extra("seekpath")
    from spglib import SpglibError

    structure = (crystal.cell, crystal.fractional, crystal.site_kinds)
    with quiet_spglib():
        try:
            return seekpath.get_path(structure, symprec=_SAME)
        except (SpglibError, seekpath.SymmetryDetectionError) as error:
            raise InputError(f"spglib finds no space group of {crystal.formula}") from error


def _phonopy(standard: Any, length: float) -> Any:
    """Return a ``Phonopy`` object with the supercell."""
    phonopy = import_extra("phonopy")
    atoms = import_extra("phonopy.structure.atoms")
    cell = np.asarray(standard["primitive_lattice"])
    apart = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)  # between opposite faces
    repeats = np.maximum(1, np.ceil(length / apart - 1e-6)).astype(int)
    unit = atoms.PhonopyAtoms(
        numbers=standard["primitive_types"],
        cell=cell,
        scaled_positions=standard["primitive_positions"],
    )
    with quiet_spglib():
        return phonopy.Phonopy(unit, supercell_matrix=np.diag(repeats), primitive_matrix="P")


def _forces(cell: Any, calculator: Any) -> Float[np.ndarray, "atoms 3"]:
    crystal = Crystal.from_fractional(cell.cell, cell.scaled_positions, cell.numbers)
    atoms = to_ase(crystal)
    atoms.calc = calculator
    return np.array(atoms.get_forces(), dtype=float)


def _along_path(known: Any, standard: Any) -> tuple[Segment, ...]:
    """Return the bands along the path of the space group."""
    ends = [
        np.array([standard["point_coords"][label] for label in labels])
        for labels in standard["path"]
    ]
    reciprocal = np.linalg.inv(known.primitive.cell)  # columns, without 2π
    lengths = [float(np.linalg.norm(reciprocal @ (last - first))) for first, last in ends]
    points = [max(2, round(_ON_PATH * length / max(lengths))) for length in lengths]
    vectors = [
        np.linspace(first, last, count) for (first, last), count in zip(ends, points, strict=True)
    ]
    known.run_band_structure(vectors)
    bands = known.band_structure
    return tuple(
        Segment((_symbol(start), _symbol(end)), q, np.asarray(distance), np.asarray(frequencies))
        for (start, end), q, distance, frequencies in zip(
            standard["path"], vectors, bands.distances, bands.frequencies, strict=True
        )
    )


def _symbol(label: str) -> str:
    """Return the symbol of a point of the Brillouin zone: ``GAMMA`` is Γ."""
    return "Γ" if label == "GAMMA" else label
