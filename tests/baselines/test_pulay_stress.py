"""Stresses that are not the derivatives of the energies beside them are found and measured."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from xtalgraph.baselines.pulay_stress import FEWEST, pulay_stress
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.values import Values

TARGETS = (energy_target(), forces_target(), stress_target())


def labelled(symbols: list[str], count: int = 48, seed: int = 0) -> tuple[list[Crystal], Values]:
    """Strained and rattled fcc cells of 8 atoms, labelled by effective medium theory."""
    rng = np.random.default_rng(seed)
    crystals, energies, forces, stresses = [], [], [], []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", 3.8, cubic=True).repeat((2, 1, 1))
        atoms.symbols = rng.choice(symbols, len(atoms))
        strain = rng.normal(scale=0.02, size=(3, 3)) + rng.normal(scale=0.02) * np.eye(3)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        atoms.positions += rng.normal(scale=0.08, size=(len(atoms), 3))
        atoms.calc = EMT()
        pbc = np.ones(3, dtype=bool)
        crystals.append(Crystal(atoms.cell.array, atoms.positions, atoms.numbers, pbc))
        energies.append(atoms.get_potential_energy())
        forces.append(atoms.get_forces())
        stresses.append(atoms.get_stress(voigt=False))
    arrays = {
        "energy": np.array(energies),
        "forces": np.concatenate(forces),
        "stress": np.stack(stresses),
    }
    return crystals, Values(TARGETS, arrays, np.array([len(c) for c in crystals]))


def with_virials(crystals: list[Crystal], labels: Values, virials: dict[int, float]) -> Values:
    stresses = labels["stress"].copy()
    for row, crystal in enumerate(crystals):
        for number, virial in virials.items():
            density = (crystal.numbers == number).sum() / crystal.volume
            stresses[row] += virial * density * np.eye(3)
    return Values(labels.targets, {**labels.arrays, "stress": stresses}, labels.num_atoms)


@pytest.mark.parametrize(
    ("symbols", "virials"),
    [
        (["Cu"], {"Cu": 0.2}),
        (["Cu"], {"Cu": -0.1}),
        (["Cu", "Au"], {"Cu": 0.2, "Au": 0.1}),
        (["Cu", "Au", "Pd"], {"Cu": 0.2, "Au": 0.15, "Pd": 0.1}),
        (["Cu", "Au", "Pd", "Ag"], {"Cu": 0.1, "Au": 0.14, "Pd": 0.12, "Ag": 0.16}),
    ],
)
def test_a_virial_of_each_element_is_found(symbols, virials):
    crystals, labels = labelled(symbols)
    rows = np.arange(len(crystals))
    true = pulay_stress(crystals, labels, rows)
    assert true is not None
    assert not true.is_there
    added = {ATOMIC_NUMBERS[name]: value for name, value in virials.items()}
    wrong = pulay_stress(crystals, with_virials(crystals, labels, added), rows)
    assert wrong is not None
    assert wrong.is_there
    assert wrong.frames == len(crystals)
    for name, virial in virials.items():
        assert wrong.virials[name] == pytest.approx(virial, abs=0.03)
        low, high = wrong.ends[name]
        assert low < wrong.virials[name] < high
    low, high = wrong.stress_ends
    assert low < wrong.stress < high
    mean = np.mean(
        [sum(v * (c.numbers == z).sum() for z, v in added.items()) / c.volume for c in crystals]
    )
    assert wrong.stress == pytest.approx(mean, rel=0.1)


def test_only_the_rows_that_are_given_and_have_all_labels_are_compared():
    crystals, labels = labelled(["Cu"], FEWEST + 4)
    wrong = with_virials(crystals, labels, {29: 0.2})
    arrays = {name: array.copy() for name, array in labels.arrays.items()}
    arrays["stress"][FEWEST:] = 1e3
    rows = np.arange(FEWEST)
    damaged = Values(TARGETS, arrays, labels.num_atoms)
    whole = pulay_stress(crystals, labels, rows)
    assert whole is not None
    assert pulay_stress(crystals, damaged, rows) == whole
    wrong.arrays["stress"][3] = np.nan
    assert pulay_stress(crystals, wrong, rows) is None
    left = pulay_stress(crystals, wrong, np.arange(FEWEST + 1))
    assert left is not None
    assert left.frames == FEWEST


def test_atoms_in_a_vacuum_and_large_frames_are_left_out():
    crystals, labels = labelled(["Cu"], FEWEST)
    wrong = with_virials(crystals, labels, {29: 0.2})
    pbc = np.ones(3, dtype=bool)
    alone = Crystal(15.0 * np.eye(3), np.zeros((1, 3)), np.array([29]), pbc)
    places = np.random.default_rng(0).uniform(0, 30, (600, 3))
    large = Crystal(20.0 * np.eye(3), places, np.full(600, 29), pbc)
    more = {
        "energy": np.array([3.5, 1e4]),
        "forces": np.zeros((601, 3)),
        "stress": np.ones((2, 3, 3)),
    }
    arrays = {name: np.concatenate([wrong.arrays[name], more[name]]) for name in more}
    both = Values(TARGETS, arrays, np.append(wrong.num_atoms, [1, 600]))
    rows = np.arange(FEWEST)
    few = pulay_stress(crystals, wrong, rows)
    many = pulay_stress([*crystals, alone, large], both, np.arange(FEWEST + 2))
    assert few is not None
    assert many is not None
    assert few.is_there
    assert many.is_there
    assert many.frames == few.frames
    assert many.virials["Cu"] == pytest.approx(few.virials["Cu"], rel=1e-6)
    assert pulay_stress(crystals, wrong, rows[:0]) is None


def test_many_elements_are_not_compared():
    crystals, labels = labelled(["Cu", "Au", "Pd", "Ag", "Ni", "Pt", "Al"], FEWEST)
    assert pulay_stress(crystals, labels, np.arange(FEWEST)) is None


def test_without_stresses_or_forces_nothing_is_compared():
    crystals, labels = labelled(["Cu"], FEWEST)
    for names in ({"energy", "forces"}, {"energy", "stress"}):
        targets = tuple(target for target in TARGETS if target.name in names)
        some = Values(targets, {n: labels.arrays[n] for n in names}, labels.num_atoms)
        assert pulay_stress(crystals, some, np.arange(FEWEST)) is None
