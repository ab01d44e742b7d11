"""Potentials that are linear in their coefficients, against pair potentials that are known."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from xtalgraph.baselines.linear_potential import LinearPotential
from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.splits import Split
from xtalgraph.data.values import Values
from xtalgraph.nn.linear_potential.basis import NoBasis
from xtalgraph.nn.linear_potential.pair_basis import PairBasis

TARGETS = potential_targets(["energy", "forces", "stress"])
SIZE = 24
SPLIT = Split(np.arange(16), np.arange(16, 20), np.arange(20, SIZE), {"kind": "in order"})


def frames(seed: int = 0) -> list[Atoms]:
    """Rattled, sheared cells of 1 to 4 atoms of two elements, smaller than the cutoff."""
    drawn = np.random.default_rng(seed)
    made = []
    for number in range(SIZE):
        atoms = bulk("Ar", "fcc", a=5.3, cubic=True)[: 1 + number % 4]
        atoms.symbols[0] = "Kr" if number % 3 else "Ar"
        atoms.set_cell(atoms.cell @ (np.eye(3) + drawn.uniform(-0.05, 0.05, (3, 3))), True)
        atoms.positions += drawn.normal(0.0, 0.15, atoms.positions.shape)
        made.append(atoms)
    return made


def labelled(calculate) -> tuple[list, Values]:
    crystals = [from_ase(atoms) for atoms in frames()]
    rows = [calculate(atoms) for atoms in frames()]
    arrays = {
        "energy": np.array([energy for energy, _, _ in rows]),
        "forces": np.concatenate([forces for _, forces, _ in rows]),
        "stress": np.stack([stress for _, _, stress in rows]),
    }
    return crystals, Values(TARGETS, arrays, np.array([len(crystal) for crystal in crystals]))


def lennard_jones(atoms: Atoms) -> tuple[float, np.ndarray, np.ndarray]:
    atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=6.0, ro=4.0, smooth=True)
    return atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)


def test_labels_of_its_own_functions_are_recovered_to_rounding():
    basis = PairBasis([18, 36])
    coefficients = np.random.default_rng(1).normal(size=basis.columns)
    energies = {"Ar": -1.5, "Kr": 2.0}

    def calculate(atoms):
        design = basis.design(from_ase(atoms))
        free = sum(energies[symbol] for symbol in atoms.symbols)
        parts = (design.energy, design.forces, design.stress)
        energy, forces, stress = (part @ coefficients for part in parts)
        return free + float(energy), forces, stress

    crystals, labels = labelled(calculate)
    predicted = LinearPotential(basis, {}).fit_predict(crystals, labels, SPLIT)
    for name in labels:
        size = np.abs(labels[name]).max()
        assert predicted[name] == pytest.approx(labels[name], abs=1e-6 * size), name


def test_lennard_jones_is_recovered_as_far_as_the_functions_reach():
    crystals, labels = labelled(lennard_jones)
    errors = []
    for functions in (4, 8, 14):
        fitted = LinearPotential(PairBasis([18, 36], functions=functions), {})
        predicted = fitted.fit_predict(crystals, labels, SPLIT)
        errors.append(
            [
                np.abs(predicted.of(name, SPLIT.test) - labels.of(name, SPLIT.test)).max()
                / np.abs(labels.of(name, SPLIT.test)).max()
                for name in labels
            ]
        )
    few, more, most = map(max, errors)
    assert few > 3 * more > 3 * most
    assert most < 0.02


def test_forces_and_stress_of_the_fit_are_derivatives_of_its_energy():
    basis, atoms, step = PairBasis([18, 36]), frames()[3], 1e-5
    coefficients = np.random.default_rng(2).normal(size=basis.columns)

    def energy(moved):
        return float(basis.design(from_ase(moved)).energy @ coefficients)

    design = basis.design(from_ase(atoms))
    forces, stress = design.forces @ coefficients, design.stress @ coefficients
    for atom, axis in ((0, 0), (2, 1), (3, 2)):
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            ends.append(energy(moved))
        assert forces[atom, axis] == pytest.approx(-(ends[0] - ends[1]) / 2 / step, abs=1e-6)
    for a, b in ((0, 0), (0, 1), (2, 2)):
        ends = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * step / 2
            strain[b, a] += sign * step / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell @ strain, scale_atoms=True)
            ends.append(energy(moved))
        slope = (ends[0] - ends[1]) / 2 / step
        assert stress[a, b] * atoms.get_volume() == pytest.approx(slope, abs=1e-6)


def test_reference_energies_have_no_forces_and_are_a_fit_to_energies_per_atom():
    crystals, labels = labelled(lennard_jones)
    predicted = LinearPotential(NoBasis(), {}).fit_predict(crystals, labels, SPLIT)
    assert np.abs(predicted["forces"]).max() == np.abs(predicted["stress"]).max() == 0.0
    counts = np.array([[(c.numbers == z).sum() for z in (18, 36)] for c in crystals], dtype=float)
    size = counts.sum(axis=1)
    rows, values = (counts / size[:, None])[SPLIT.train], (labels["energy"] / size)[SPLIT.train]
    expected = counts @ np.linalg.lstsq(rows, values, rcond=None)[0]
    assert predicted["energy"] == pytest.approx(expected)


def test_missing_labels_are_left_out_and_new_elements_have_no_pairs():
    crystals, labels = labelled(lennard_jones)
    gaps = {name: array.copy() for name, array in labels.arrays.items()}
    gaps["energy"][1] = gaps["stress"][2] = np.nan
    gaps["forces"][labels.rows("forces", [3])] = np.nan
    fitted = LinearPotential(PairBasis([18]), {"forces": 10.0})
    predicted = fitted.fit_predict(crystals, Values(TARGETS, gaps, labels.num_atoms), SPLIT)
    assert all(np.isfinite(predicted[name]).all() for name in predicted)
