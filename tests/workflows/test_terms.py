"""Terms of a potential from a command to its use."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import xtalgraph

SMALL = ["model.width=8", "model.filters=8", "model.depth=1", "model.basis_step=0.5"]


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Return a file of rattled copper."""
    path, several = tmp_path_factory.mktemp("frames") / "copper.extxyz", []
    for seed in range(12):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        several.append(atoms)
    write(path, several)
    return path


def trained(frames, out, *overrides: str):
    xtalgraph.train(
        frames,
        target=["energy", "forces"],
        model="schnet",
        epochs=2,
        out=out,
        overrides=[*SMALL, *overrides],
        progress=False,
    )
    return xtalgraph.calculator(out)


def test_atoms_of_a_trained_run_do_not_fall_into_each_other(frames, tmp_path):
    calculator = trained(frames, tmp_path / "run", "model.terms=zbl")
    for distance, least in ((0.5, 1000.0), (1.0, 100.0)):
        pair = Atoms("Cu2", [[0, 0, 0], [0, 0, distance]], calculator=calculator)
        force = pair.get_forces()
        assert force[1, 2] > least  # away from the other
        assert np.abs(force[0] + force[1]).max() < 1e-8
