"""Relaxations against the structures that a potential is known to have."""

import numpy as np
import pytest
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.simulation.relaxation import relax


def copper(rattle: float = 0.0):
    atoms = bulk("Cu", cubic=True)
    if rattle:
        atoms.rattle(rattle, seed=1)
    return from_ase(atoms)


def test_a_rattled_and_strained_cell_comes_back_to_the_same_cell():
    ideal = relax(copper(), EMT())
    strained = transforms.strain(copper(0.08), np.diag([0.04, -0.03, 0.02]))
    relaxed = relax(strained, EMT(), force=1e-3, stress=1e-5)
    assert relaxed.converged
    assert relaxed.reason == ""
    assert relaxed.energy == pytest.approx(ideal.energy, abs=1e-5)
    lengths = np.linalg.norm(relaxed.crystal.cell, axis=1)
    assert lengths == pytest.approx([3.5898] * 3, abs=2e-3)  # of EMT's copper
    assert relaxed.energy < relaxed.start


def test_a_cell_has_converged_only_when_its_stress_has():
    strained = transforms.strain(copper(), 0.02 * np.eye(3))  # no forces, by symmetry
    relaxed = relax(strained, EMT())
    assert relaxed.steps > 0
    assert relaxed.stress <= 1e-4
    kept = relax(strained, EMT(), cell=False)
    assert (kept.steps, kept.converged) == (0, True)
    assert np.array_equal(kept.crystal.cell, strained.cell)
    assert np.isnan(kept.stress)


def test_what_does_not_converge_says_so():
    relaxed = relax(copper(0.1), EMT(), force=1e-8, steps=2)
    assert not relaxed.converged
    assert relaxed.reason == "not converged after 2 steps"
    assert relaxed.force > 1e-8


def test_the_cell_of_a_slab_is_kept():
    slab = from_ase(fcc111("Cu", (1, 1, 3), vacuum=8.0))
    with pytest.raises(ConfigError, match="does not repeat in all directions"):
        relax(slab, EMT())
    assert relax(slab, EMT(), cell=False).converged


def test_each_step_is_told():
    told = []
    relax(copper(0.05), EMT(), told=lambda step, force: told.append((step, force)))
    assert [step for step, _ in told] == list(range(len(told)))
    assert told[-1][1] < told[0][1]
