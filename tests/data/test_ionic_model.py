import numpy as np
import pytest
from pymatgen.core import Species

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import born_mayer
from xtalgraph.data.ionic.rigid_ion import OXIDATION_STATES, RigidIonModel, ion_of, rigid_ion_energy

FCC = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
PEROVSKITE = np.array([[0.5, 0.5, 0.5], [0.0, 0.0, 0.0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])


def numbers_of(formula: str) -> np.ndarray:
    return np.array([ATOMIC_NUMBERS[s] for s in formula.split()])


def distorted_perovskite() -> Crystal:
    """Sheared, rattled, with one oxygen pushed over the cell wall, and some ions far too close."""
    rng = np.random.default_rng(5)
    cell = 3.9 * (np.eye(3) + 0.05 * rng.normal(size=(3, 3)))
    positions = PEROVSKITE @ cell + 0.15 * rng.normal(size=(5, 3))
    positions[3] += cell[0] - 2 * cell[2]
    return Crystal(cell, positions, numbers_of("Sr Ti O O O"), np.ones(3, dtype=bool))


def strained(crystal: Crystal, strain: np.ndarray) -> Crystal:
    deform = np.eye(3) + strain
    return Crystal(crystal.cell @ deform, crystal.positions @ deform, crystal.numbers, crystal.pbc)


def equilibrium(cell: np.ndarray, sites: np.ndarray, formula: str) -> float:
    """Lattice constant at which the pressure changes its sign."""
    low, high = 3.0, 9.0
    for _ in range(40):
        middle = (low + high) / 2
        crystal = Crystal.from_fractional(middle * cell, sites, numbers_of(formula))
        if np.trace(RigidIonModel.for_crystal(crystal)(crystal).stress) < 0:
            low = middle
        else:
            high = middle
    return low


def test_forces_are_minus_the_slope_of_the_energy():
    crystal = distorted_perovskite()
    model = RigidIonModel.for_crystal(crystal)
    forces, h = model(crystal).forces, 1e-4
    for atom in range(5):
        for axis in range(3):
            step = np.zeros((5, 3))
            step[atom, axis] = h
            plus, minus = (
                model(Crystal(crystal.cell, crystal.positions + s, crystal.numbers, crystal.pbc))
                for s in (step, -step)
            )
            slope = (plus.energy - minus.energy) / (2 * h)
            assert forces[atom, axis] == pytest.approx(-slope, rel=1e-6, abs=1e-6)


def test_stress_is_the_slope_of_the_energy_over_the_volume():
    crystal = distorted_perovskite()
    model = RigidIonModel.for_crystal(crystal)
    stress, h = model(crystal).stress, 1e-5
    assert stress == pytest.approx(stress.T, rel=1e-9, abs=1e-12)
    for row in range(3):
        for column in range(3):
            strain = np.zeros((3, 3))
            strain[row, column] = h
            plus, minus = (model(strained(crystal, s)).energy for s in (strain, -strain))
            slope = (plus - minus) / (2 * h) / crystal.volume
            assert stress[row, column] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_compressed_crystal_pushes_outwards():
    """Positive in tension: a crystal under pressure has a negative trace."""
    crystal = Crystal.from_fractional(3.7 * np.eye(3), PEROVSKITE, numbers_of("Sr Ti O O O"))
    model = RigidIonModel.for_crystal(crystal)
    assert np.trace(model(crystal).stress) < 0
    assert np.trace(model(strained(crystal, 0.1 * np.eye(3))).stress) > 0


def test_forces_add_up_to_zero():
    crystal = distorted_perovskite()
    total = RigidIonModel.for_crystal(crystal)(crystal).forces.sum(axis=0)
    assert total == pytest.approx(np.zeros(3), abs=1e-9)


def test_supercell_is_extensive():
    crystal = distorted_perovskite()
    shifts = np.array([[i, 0, k] for i in range(2) for k in range(2)])
    positions = (crystal.positions[None] + (shifts @ crystal.cell)[:, None]).reshape(-1, 3)
    cell = np.diag([2, 1, 2]) @ crystal.cell
    large = Crystal(cell, positions, np.tile(crystal.numbers, 4), crystal.pbc)
    assert rigid_ion_energy(large) == pytest.approx(4 * rigid_ion_energy(crystal), rel=1e-9)


def test_repulsion_of_two_ions_is_the_formula():
    """Two ions in a large box have one pair: 2 eV · exp((1.0 + 1.5 - 3.0)/0.345)."""
    positions = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    pair = Crystal(50 * np.eye(3), positions, np.array([1, 2]), np.ones(3, dtype=bool))
    result = born_mayer(pair, np.full((2, 2), 2.0), np.array([1.0, 1.5]), 0.345)
    expected = 2.0 * np.exp(-0.5 / 0.345)
    assert result.energy == pytest.approx(expected, rel=1e-14)
    assert result.forces[1, 0] == pytest.approx(expected / 0.345, rel=1e-14)


@pytest.mark.parametrize("distance", [6.5, 7.2, 8.0])
def test_repulsion_ends_smoothly(distance):
    def at(r: float) -> tuple[float, float]:
        positions = np.array([[0.0, 0.0, 0.0], [r, 0.0, 0.0]])
        pair = Crystal(50 * np.eye(3), positions, np.array([1, 2]), np.ones(3, dtype=bool))
        result = born_mayer(pair, np.full((2, 2), 1e9), np.array([1.0, 1.0]), 0.345)
        return result.energy, result.forces[1, 0]

    h = 1e-6
    below, here, above = at(distance - h), at(distance), at(distance + h)
    scale = at(6.5)[1]
    assert -(above[0] - below[0]) / (2 * h) == pytest.approx(here[1], rel=1e-6, abs=1e-7 * scale)
    assert above[1] == pytest.approx(below[1], abs=1e-4 * scale)
    assert distance < 8.0 or here == (0.0, 0.0)


# Measured lattice constants in Å (Landolt-Börnstein; of perovskites the cubic or pseudo-cubic one).
# Rigid ions without van der Waals attraction cannot be nearer than a few per cent.
@pytest.mark.parametrize(
    ("cell", "sites", "formula", "measured"),
    [
        (FCC, [[0, 0, 0], [0.5] * 3], "Na Cl", 5.64),
        (FCC, [[0, 0, 0], [0.5] * 3], "K Br", 6.60),
        (FCC, [[0, 0, 0], [0.5] * 3], "Mg O", 4.21),
        (FCC, [[0, 0, 0], [0.5] * 3], "Ba O", 5.54),
        (np.eye(3), [[0, 0, 0], [0.5] * 3], "Cs Cl", 4.12),
        (FCC, [[0, 0, 0], [0.25] * 3, [0.75] * 3], "Ca F F", 5.46),
        (np.eye(3), PEROVSKITE, "Sr Ti O O O", 3.905),
        (np.eye(3), PEROVSKITE, "La Al O O O", 3.79),
        (np.eye(3), PEROVSKITE, "K Nb O O O", 4.02),
        (np.eye(3), PEROVSKITE, "K Mg F F F", 3.99),
        (np.eye(3), PEROVSKITE, "Cs Pb Br Br Br", 5.87),
    ],
)
def test_lattice_constants_are_roughly_right(cell, sites, formula, measured):
    a = equilibrium(cell, np.asarray(sites, dtype=float), formula)
    assert a == pytest.approx(measured, rel=0.06)


def test_rock_salt_minimum_is_at_the_sum_of_radii_without_the_other_repulsions():
    """What fixes the prefactor of unlike ions, for MgO with only its six nearest neighbours."""
    contact = ion_of(12).radius + ion_of(8).radius
    sites = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
    crystal = Crystal.from_fractional(2 * contact * FCC, sites, numbers_of("Mg O"))
    model = RigidIonModel.for_crystal(crystal)
    nearest = 6 * model.prefactors[0, 1] / 0.345
    attraction = 1.747564594633 * 14.399645478 * 4 / contact**2
    assert nearest == pytest.approx(attraction, rel=1e-9)


def test_ions_are_those_of_pymatgen():
    for symbol, state in OXIDATION_STATES.items():
        assert state in Species(symbol, state).element.oxidation_states
        assert ion_of(ATOMIC_NUMBERS[symbol]).radius == Species(symbol, state).get_shannon_radius(
            "VI"
        )


def test_unknown_element_is_refused():
    crystal = Crystal.from_fractional(4 * np.eye(3), np.zeros((1, 3)), np.array([79]))
    with pytest.raises(InputError, match="got Au"):
        RigidIonModel.for_crystal(crystal)


def test_unbalanced_crystal_is_refused():
    crystal = Crystal.from_fractional(4 * np.eye(3), PEROVSKITE, numbers_of("K Ti O O O"))
    with pytest.raises(InputError, match="charges must add up to 0"):
        rigid_ion_energy(crystal)
