import numpy as np
import pytest
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Structure

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import COULOMB
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import ewald

FCC = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
PEROVSKITE = [[0.5, 0.5, 0.5], [0.0, 0.0, 0.0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]

# Madelung constant for the nearest distance: cell, sites, charges, that distance.
# NaCl: OEIS A085469; CsCl: A181152; zincblende: A182566; fluorite: Zucker, J. Phys. A 8, 1734
# (1975), per formula unit.
MADELUNG = {
    "rock salt": (FCC, [[0, 0, 0], [0.5] * 3], [1, -1], 0.5, 1.747564594633),
    "caesium chloride": (np.eye(3), [[0, 0, 0], [0.5] * 3], [1, -1], 0.75**0.5, 1.762674773070),
    "zincblende": (FCC, [[0, 0, 0], [0.25] * 3], [1, -1], 0.1875**0.5, 1.638055053388),
    "fluorite": (
        FCC,
        [[0, 0, 0], [0.25] * 3, [0.75] * 3],
        [2, -1, -1],
        0.1875**0.5,
        5.038784880,
    ),
}


def crystal_of(cell, sites) -> Crystal:
    return Crystal.from_fractional(
        np.asarray(cell, dtype=float), np.asarray(sites, dtype=float), np.arange(1, len(sites) + 1)
    )


def random_crystal(num_atoms: int = 7) -> tuple[Crystal, np.ndarray]:
    rng = np.random.default_rng(3)
    cell = np.array([[4.1, 0.3, -0.2], [1.4, 5.2, 0.1], [-0.6, 0.9, 6.3]])
    charges = rng.normal(size=num_atoms)
    return crystal_of(cell, rng.uniform(size=(num_atoms, 3))), charges - charges.mean()


@pytest.mark.parametrize("name", MADELUNG)
def test_published_madelung_constants(name):
    cell, sites, charges, nearest, expected = MADELUNG[name]
    result = ewald(crystal_of(cell, sites), np.array(charges, dtype=float), accuracy=1e-14)
    assert -result.energy * nearest / COULOMB == pytest.approx(expected, abs=1e-8)
    assert result.forces == pytest.approx(np.zeros((len(sites), 3)), abs=1e-10)
    # E is proportional to 1/a, so the trace of the stress is -E/V.
    volume = abs(np.linalg.det(cell))
    assert np.trace(result.stress) == pytest.approx(-result.energy / volume, rel=1e-10)


def test_published_madelung_constant_of_perovskite():
    """The five sites are simple cubic lattices; published constants give each interaction.

    The potential of one simple cubic lattice (edge 1, in a neutralising background) at its own
    sites and at the sites of a shifted one follows from the energies of the cubic Wigner lattices
    in units of e²/r_s (Coldwell-Horsfall and Maradudin, J. Math. Phys. 1, 395 (1960): -1.76011888
    for sc, -1.79174723 for fcc, for two electrons), from CsCl and from NaCl.
    """
    own = -1.760118884 * (4 * np.pi / 3) ** (1 / 3)
    centre = own + 2 * 1.762674773070 / 3**0.5
    fcc = -1.791747230 * (16 * np.pi / 3) ** (1 / 3)  # one lattice and three at face centres
    face = (fcc - own) / 3
    edge = (own + 3 * face - centre + 2 * 1.747564594633) / 3
    for a, b in ((2, 4), (1, 5), (3, 3)):
        x = -(a + b) / 3
        expected = 0.5 * (a * a + b * b + 3 * x * x) * own
        expected += a * b * centre + 3 * (a * x + x * x) * face + 3 * b * x * edge
        result = ewald(crystal_of(np.eye(3), PEROVSKITE), np.array([a, b, x, x, x], dtype=float))
        assert result.energy / COULOMB == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("sites", ["random", "perovskite"])
def test_agrees_with_pymatgen(sites):
    if sites == "random":
        crystal, charges = random_crystal()
    else:
        crystal = crystal_of(3.9 * np.eye(3), PEROVSKITE)
        charges = np.array([2.0, 4.0, -2.0, -2.0, -2.0])
    result = ewald(crystal, charges)
    structure = Structure(crystal.cell, ["H"] * len(crystal), crystal.fractional)
    structure.add_oxidation_state_by_site(charges.tolist())
    theirs = EwaldSummation(structure, acc_factor=14, compute_forces=True)
    # pymatgen has another digit in e²/(4πε₀).
    scale = COULOMB / EwaldSummation.CONV_FACT
    assert result.energy == pytest.approx(theirs.total_energy * scale, rel=1e-9)
    assert result.forces == pytest.approx(theirs.forces * scale, rel=1e-6, abs=1e-8)


def test_does_not_depend_on_the_splitting():
    crystal, charges = random_crystal()
    results = [ewald(crystal, charges, splitting=s, accuracy=1e-13) for s in (0.3, 0.45, 0.7)]
    for other in results[1:]:
        assert other.energy == pytest.approx(results[0].energy, rel=1e-11)
        assert other.forces == pytest.approx(results[0].forces, rel=1e-10, abs=1e-11)
        assert other.stress == pytest.approx(results[0].stress, rel=1e-10, abs=1e-12)


def test_supercell_has_the_energy_of_its_cells():
    crystal, charges = random_crystal()
    shifts = np.array([[i, j, 0] for i in range(2) for j in range(3)])
    positions = (crystal.positions[None] + (shifts @ crystal.cell)[:, None]).reshape(-1, 3)
    large = Crystal(
        np.diag([2, 3, 1]) @ crystal.cell, positions, np.tile(crystal.numbers, 6), crystal.pbc
    )
    one, six = ewald(crystal, charges), ewald(large, np.tile(charges, 6))
    assert six.energy == pytest.approx(6 * one.energy, rel=1e-9)
    assert six.forces == pytest.approx(np.tile(one.forces, (6, 1)), rel=1e-7, abs=1e-8)
    assert six.stress == pytest.approx(one.stress, rel=1e-7, abs=1e-9)


def test_left_handed_and_shifted_cells_are_the_same_crystal():
    crystal, charges = random_crystal()
    swapped = Crystal(crystal.cell[[1, 0, 2]], crystal.positions, crystal.numbers, crystal.pbc)
    shift = np.random.default_rng(1).integers(-3, 4, (len(crystal), 3)) @ crystal.cell
    moved = Crystal(crystal.cell, crystal.positions + shift, crystal.numbers, crystal.pbc)
    expected = ewald(crystal, charges)
    for same in (swapped, moved):
        result = ewald(same, charges)
        assert result.energy == pytest.approx(expected.energy, rel=1e-10)
        assert result.forces == pytest.approx(expected.forces, rel=1e-8, abs=1e-9)


def test_charged_cell_is_refused():
    with pytest.raises(InputError, match=r"charges must add up to 0, got 0\.5 e in HHe"):
        ewald(crystal_of(np.eye(3), [[0, 0, 0], [0.5] * 3]), np.array([1.0, -0.5]))


def test_slab_is_refused():
    crystal = Crystal(np.eye(3), np.zeros((1, 3)), np.array([1]), np.array([True, True, False]))
    with pytest.raises(InputError, match="must repeat in three directions"):
        ewald(crystal, np.zeros(1))
