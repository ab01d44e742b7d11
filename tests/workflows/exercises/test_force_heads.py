"""Exercise 5: what is found holds for forces whose nature is known."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.workflows.exercises.force_heads import force_heads, jacobian_asymmetry


@pytest.fixture(scope="module")
def crystal():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    return from_ase(atoms)


def of_emt(crystals):
    forces = []
    for crystal in crystals:
        atoms = to_ase(crystal)
        atoms.calc = EMT()
        forces.append(atoms.get_forces())
    return np.stack(forces)


def test_the_jacobian_of_emt_is_symmetric(crystal):
    assert jacobian_asymmetry(of_emt, crystal) < 1e-6


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_the_asymmetry_of_linear_forces_is_that_of_their_matrix(share, crystal):
    drawn = np.random.default_rng(0).normal(size=(12, 12))
    matrix = (drawn + drawn.T) / 2 + share * (drawn - drawn.T) / 2
    antisymmetric = share * (drawn - drawn.T) / 2
    wanted = np.linalg.norm(antisymmetric) / np.linalg.norm(matrix)

    def forces(crystals):
        return np.stack([matrix @ one.positions.ravel() for one in crystals]).reshape(-1, 4, 3)

    assert jacobian_asymmetry(forces, crystal) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.long  # what is documented runs it each time, shorter
def test_each_head_breaks_what_it_must_and_nothing_else(tmp_path):
    found = force_heads(tmp_path, small=True, epochs=2, progress=False)
    right, equivariant, three = found.document["heads"]
    assert max(right["rotation"], right["net"]) < 1e-12
    assert right["asymmetry"] < 1e-7
    assert abs(right["drift"]) < 1e-3
    assert equivariant["rotation"] < 1e-12
    assert three["rotation"] > 0.1
    for wrong in (equivariant, three):
        assert wrong["asymmetry"] > 1e-3
        assert wrong["net"] > 1e-3
        assert abs(wrong["drift"]) > 100 * abs(right["drift"])
    assert json.loads((tmp_path / "exercise-5.json").read_text()) == found.document
    (page,) = found.pages
    assert "asymmetry λ" in page.read_text(encoding="utf-8")
