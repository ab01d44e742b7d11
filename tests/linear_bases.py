"""What the bases of linear potentials are tested on, and how their derivatives are."""

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from xtalgraph.crystals.convert import from_ase


@pytest.fixture(scope="session")
def alloy() -> Atoms:
    """Three atoms of two elements in a sheared cell."""
    atoms = bulk("Cu", cubic=True)[:3]
    atoms.symbols[1] = "Ag"
    strain = np.array([[0.03, 0.02, 0.0], [0.0, -0.02, 0.04], [0.01, 0.0, 0.05]])
    atoms.set_cell(atoms.cell @ (np.eye(3) + strain), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms


@pytest.fixture
def check_derivatives(alloy) -> Callable[..., None]:
    """Compare forces and stress of a basis with differences of its energies."""

    def check(basis, *, step: float, differences: float, rounding: float) -> None:
        coefficients = np.random.default_rng(0).normal(size=basis.columns)

        def slope(change):
            ends = []
            for sign in (1, -1):
                moved = alloy.copy()
                change(moved, sign * step)
                ends.append(float(basis.design(from_ase(moved)).energy @ coefficients))
            return (ends[0] - ends[1]) / 2 / step

        def move(atoms, by):
            atoms.positions[1, 2] += by

        def shear(atoms, by):
            strain = np.eye(3)
            strain[0, 1] += by / 2
            strain[1, 0] += by / 2
            atoms.set_cell(atoms.cell @ strain, scale_atoms=True)

        design = basis.design(from_ase(alloy))
        forces, stress = design.forces @ coefficients, design.stress @ coefficients
        assert forces[1, 2] == pytest.approx(-slope(move), rel=differences)
        assert stress[0, 1] * alloy.get_volume() == pytest.approx(slope(shear), rel=differences)
        largest = np.abs(stress).max(), np.abs(forces).max()
        assert stress == pytest.approx(stress.swapaxes(0, 1), abs=rounding * largest[0])
        assert forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=rounding * largest[1])

    return check
