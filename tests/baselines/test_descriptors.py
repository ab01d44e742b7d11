import importlib

import numpy as np
import pytest
from ase.neighborlist import neighbor_list
from scipy.spatial.transform import Rotation

from xtalgraph.baselines.dscribe import ACSF, CHANNELS, SOAP
from xtalgraph.baselines.prdf import PRDF
from xtalgraph.conventions.errors import ConfigError, MissingExtraError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.testing.crystals import contract_crystals

ELEMENTS = [1, 3, 6, 8, 9, 11, 12, 14, 17, 22, 26, 29, 38]
CRYSTALS = {
    name: crystal
    for name, crystal in contract_crystals().items()
    if name in ("cubic", "triclinic") and set(crystal.numbers.tolist()) <= set(ELEMENTS)
}
ROCK_SALT = Crystal.from_fractional(
    5.64 * (np.ones((3, 3)) - np.eye(3)) / 2,
    np.array([[0, 0, 0], [0.5] * 3]),
    np.array([11, 17]),
)


def row(descriptor, crystal, elements=tuple(ELEMENTS)):
    found = descriptor.describe([crystal], elements)
    return np.ravel(found if isinstance(found, np.ndarray) else found.toarray())


@pytest.mark.parametrize("descriptor", [PRDF(), SOAP(), ACSF()], ids=lambda d: d.name)
@pytest.mark.parametrize("crystal", CRYSTALS.values(), ids=CRYSTALS)
def test_neither_cell_nor_place_nor_order_matters(descriptor, crystal):
    expected = row(descriptor, crystal)
    size = np.abs(expected).max()
    rotation = Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).as_matrix()
    turned = Crystal(
        crystal.cell @ rotation, crystal.positions @ rotation, crystal.numbers, crystal.pbc
    )
    order = np.arange(len(crystal))[::-1]
    reordered = Crystal(
        crystal.cell, crystal.positions[order] + 0.7, crystal.numbers[order], crystal.pbc
    )
    doubled = transforms.supercell(crystal, (2, 1, 1))
    for other in (turned, reordered, doubled):
        np.testing.assert_allclose(row(descriptor, other), expected, atol=2e-4 * size)
    strained = transforms.strain(crystal, 0.05 * np.eye(3))
    assert np.abs(row(descriptor, strained) - expected).max() > 1e-2 * size


def test_prdf_counts_the_neighbours_of_rock_salt():
    found = row(PRDF(cutoff=4.2, step=0.3), ROCK_SALT, (11, 17)).reshape(2, 2, 14)
    shell = lambda n: 4 / 3 * np.pi * ((0.3 * (n + 1)) ** 3 - (0.3 * n) ** 3)  # noqa: E731
    expected = np.zeros((2, 2, 14))
    expected[0, 1, 9] = 6 / shell(9)  # Na-Cl at 2.82 Å
    expected[[0, 1], [0, 1], 13] = 12 / shell(13)  # Na-Na and Cl-Cl at 3.988 Å
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_acsf_begins_with_the_sum_of_behlers_cutoff_function():
    descriptor = ACSF()
    found = row(descriptor, ROCK_SALT, (11, 17))
    center, neighbor, distance = neighbor_list("ijd", to_ase(ROCK_SALT), 5.0)
    cut = 0.5 * (np.cos(np.pi * distance / 5.0) + 1)
    of_chlorine = ROCK_SALT.numbers[neighbor] == 17
    per_atom = [cut[of_chlorine & (center == i)].sum() for i in range(2)]
    width = 1 + descriptor.shells
    assert found[width] == pytest.approx(np.mean(per_atom), rel=1e-5)
    gauss = np.exp(-4.0 * (distance - 1.5) ** 2) * cut
    per_atom = [gauss[~of_chlorine & (center == i)].sum() for i in range(2)]
    assert found[1] == pytest.approx(np.mean(per_atom), rel=1e-5)
    assert len(found) == 2 * width + 7


def test_soap_with_all_alike_is_that_of_a_single_element():
    from dscribe import descriptors as theirs

    sizes = {"r_cut": 5.0, "n_max": 5, "l_max": 3, "sigma": 0.5}
    soap = theirs.SOAP(**sizes, species=["H"], periodic=True, average="outer")
    atoms = to_ase(ROCK_SALT)
    atoms.set_chemical_symbols(["H", "H"])
    expected = np.ravel(soap.create(atoms))
    found = row(SOAP(), ROCK_SALT, (11, 17))
    assert len(found) == (1 + len(CHANNELS)) * len(expected)
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=1e-4, atol=1e-4)


def test_soap_tells_elements_apart_that_stand_in_the_same_places():
    potassium = Crystal(ROCK_SALT.cell, ROCK_SALT.positions, np.array([19, 17]), ROCK_SALT.pbc)
    first, second = (row(SOAP(), one, (11, 17, 19)) for one in (ROCK_SALT, potassium))
    size = len(first) // (1 + len(CHANNELS))
    np.testing.assert_allclose(first[:size], second[:size])
    assert np.abs(first[size:] - second[size:]).max() > 1e-2 * np.abs(first).max()


def test_elements_without_a_property_do_not_make_gaps():
    helium = Crystal(ROCK_SALT.cell, ROCK_SALT.positions, np.array([2, 2]), ROCK_SALT.pbc)
    assert np.isfinite(row(SOAP(), helium, (2,))).all()


@pytest.mark.parametrize("descriptor", [SOAP(), ACSF()], ids=lambda d: d.name)
def test_a_missing_library_is_named_with_its_extra(descriptor, monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'xtalgraph\[descriptors\]'"):
        descriptor.check()


def test_settings_decide_the_key():
    assert SOAP(radial=4).settings() == SOAP().settings() | {"radial": 4}
    with pytest.raises(ConfigError, match="step"):
        PRDF(step=0.0)
