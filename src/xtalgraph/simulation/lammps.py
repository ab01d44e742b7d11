"""A calculator as the forces of LAMMPS, through its ``fix external``.

Nothing is imported from LAMMPS: the object that its Python module makes is given by the user.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, final

import numpy as np
from ase import Atoms
from ase.data import atomic_masses
from jaxtyping import Float, Integer

from xtalgraph.conventions.boundary import guarded
from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS
from xtalgraph.conventions.errors import ConfigError, XtalgraphError
from xtalgraph.conventions.logs import log

_VIRIAL: Final = ((0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2))
"""Rows and columns of xx, yy, zz, xy, xz and yz, the order of LAMMPS."""
_MASS: Final = 0.05
"""How far a mass of LAMMPS may be from that of the element, relative to it."""


@final
class LammpsPotential:
    """Energy, forces and virial of a calculator in LAMMPS.

    It adds ``fix NAME all external pf/callback 1 1``, which asks the calculator at each step, and
    ``fix NAME_failed all halt``, which ends a run with an error where the calculator failed; what
    it failed of is in the log and in ``error``. Other fixes that change forces come after it.

    Args:
        lmp: The ``lammps`` of LAMMPS, with units metal, its box made, on one process.
        calculator: Of ASE. Without stress, the pressure of LAMMPS is NaN.
        elements: Symbol of each atom type, in the order of the types.
        fix: Name of the fix.

    Raises:
        ConfigError: If units, box, processes or elements are others.
    """

    def __init__(
        self, lmp: Any, calculator: Any, elements: Sequence[str], fix: str = "external"
    ) -> None:
        self.lmp, self.calculator, self.fix = lmp, calculator, fix
        self.numbers = _numbers(lmp, elements)
        self.atoms: Any = None
        """The ``Atoms`` of the last step in the order of their ids, with what was computed."""
        self.error: BaseException | None = None
        """Why the last step could not be computed."""
        self._ids: Integer[np.ndarray, " atoms"] = np.zeros(0, dtype=int)
        self._has_stress = "stress" in calculator.implemented_properties
        if not self._has_stress:
            log.warning(
                "%s computes no stress: the pressure of LAMMPS is NaN, and its cell must be kept",
                type(calculator).__name__,
            )
        self._failed = f"{fix}_failed"
        lmp.command(f"fix {fix} all external pf/callback 1 1")
        lmp.command(f"variable {self._failed} internal 0")
        lmp.command(f"fix {self._failed} all halt 1 v_{self._failed} > 0 error hard")
        lmp.set_fix_external_callback(fix, self._step)

    def _step(
        self,
        _caller: Any,
        step: int,
        count: int,
        ids: Integer[np.ndarray, "..."],
        positions: Float[np.ndarray, "atoms 3"],
        forces: Float[np.ndarray, "atoms 3"],
    ) -> None:
        """Compute one step; LAMMPS calls it, and an exception that left it would be lost."""
        work = partial(self._compute, np.ravel(ids), positions, self._types(count))
        try:
            energy, forces[:], virial = guarded(work, f"step {step} in LAMMPS")
            self.error = None
        except (XtalgraphError, KeyboardInterrupt) as error:
            energy, forces[:], virial = np.nan, np.nan, np.full(6, np.nan)
            self.error = error
            reason = str(error) or "interrupted"
            log.error("step %d in LAMMPS could not be computed: %s", step, reason)
        self.lmp.set_internal_variable(self._failed, float(self.error is not None))
        self.lmp.fix_external_set_energy_global(self.fix, energy)
        self.lmp.fix_external_set_virial_global(self.fix, virial.tolist())

    def _compute(
        self,
        ids: Integer[np.ndarray, " atoms"],
        positions: Float[np.ndarray, "atoms 3"],
        types: Integer[np.ndarray, " atoms"],
    ) -> tuple[float, Float[np.ndarray, "atoms 3"], Float[np.ndarray, "6"]]:
        """Return energy (eV), forces (eV/Å, in the order of LAMMPS) and virial (eV)."""
        if self.atoms is None:
            self._check_masses()
        order = np.argsort(ids)
        low, cell, pbc = self._box()
        atoms = Atoms(self.numbers[types[order] - 1], positions[order] - low, cell=cell, pbc=pbc)
        if self.atoms is not None and np.array_equal(self._ids, ids[order]):
            _unwrap(atoms, self.atoms)
        self.atoms, self._ids = atoms, ids[order]
        atoms.calc = self.calculator
        virial = np.full(6, np.nan)
        if self._has_stress:  # asked for first, as energy and forces are computed with it
            virial = -atoms.get_volume() * atoms.get_stress(voigt=False)[_VIRIAL]
        forces = np.empty_like(positions)
        forces[order] = atoms.get_forces()
        return float(atoms.get_potential_energy()), forces, virial

    def _types(self, count: int) -> Integer[np.ndarray, " atoms"]:
        """Return the types of the atoms, from 1, in the order of LAMMPS."""
        return np.ravel(self.lmp.numpy.extract_atom("type"))[:count]

    def _box(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"], list[bool]]:
        """Return the origin, Å, the cell with vectors as rows, Å, and which directions repeat.

        The origin is 0 in a direction that does not repeat: its walls may follow the atoms.
        """
        low, high, xy, yz, xz, periodic, _ = self.lmp.extract_box()
        cell = np.diag(np.subtract(high, low))
        cell[1, 0], cell[2, 0], cell[2, 1] = xy, xz, yz
        return np.multiply(low, periodic), cell, [bool(repeats) for repeats in periodic]

    def _check_masses(self) -> None:
        """Warn of masses that tell of another element, as where types are in another order."""
        masses = self.lmp.numpy.extract_atom("mass")
        if masses is None:  # of each atom, not of each type
            return
        for number, mass in zip(self.numbers.tolist(), masses[1:].tolist(), strict=False):
            if abs(mass / atomic_masses[number] - 1.0) > _MASS:
                log.warning(
                    "a type of LAMMPS has the mass %g and is %s for the potential, whose mass is "
                    "%g: are the elements in the order of the types?",
                    mass,
                    SYMBOLS[number],
                    atomic_masses[number],
                )


def _numbers(lmp: Any, elements: Sequence[str]) -> Integer[np.ndarray, " types"]:
    """Return the atomic number of each type, if LAMMPS is as it must be."""
    units, types = lmp.extract_global("units"), lmp.extract_setting("ntypes")
    if units != "metal":
        raise ConfigError(
            f"a potential has eV, Å and ps, which LAMMPS calls units metal, got units {units}"
        )
    if (processes := lmp.extract_setting("world_size")) != 1:
        raise ConfigError(
            f"a potential needs all atoms, and LAMMPS has divided them between {processes} "
            "processes: run it on one"
        )
    if len(elements) != types:
        raise ConfigError(
            f"LAMMPS has {types} atom types and elements are given for {len(elements)}: make the "
            "box first, and give the element of each type"
        )
    unknown = [symbol for symbol in elements if symbol not in ATOMIC_NUMBERS]
    if unknown:
        raise ConfigError(f"{', '.join(map(repr, unknown))} is no element")
    return np.array([ATOMIC_NUMBERS[symbol] for symbol in elements])


def _unwrap(atoms: Any, before: Any) -> None:
    """Move atoms by lattice vectors to beside where they were, so that neighbours are kept."""
    moved = before.get_scaled_positions(wrap=False) - atoms.get_scaled_positions(wrap=False)
    atoms.positions += (np.rint(moved) * atoms.pbc) @ atoms.cell.array
