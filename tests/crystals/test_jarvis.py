"""Atoms of JARVIS, with its own classes and its own readers as oracles."""

import json

import numpy as np
import pandas as pd
import pytest
from jarvis.core.atoms import Atoms

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import (
    from_any,
    from_jarvis,
    from_jarvis_dict,
    to_jarvis,
    to_jarvis_dict,
    to_pymatgen,
)
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.testing.crystals import contract_crystals

PERIODIC = [crystal for crystal in contract_crystals().values() if crystal.pbc.all()]


def assert_same(one: Crystal, other: Crystal) -> None:
    for name in ("cell", "positions", "numbers", "pbc"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("crystal", PERIODIC, ids=str)
def test_there_and_back(crystal):
    assert_same(from_jarvis(to_jarvis(crystal)), crystal)
    assert_same(from_jarvis_dict(to_jarvis_dict(crystal)), crystal)
    assert_same(from_any(to_jarvis(crystal)), crystal)
    assert_same(from_any(json.loads(json.dumps(to_jarvis_dict(crystal)))), crystal)


@pytest.mark.parametrize("crystal", PERIODIC, ids=str)
def test_the_dictionary_is_that_of_jarvis(crystal):
    ours, theirs = to_jarvis_dict(crystal), to_jarvis(crystal).to_dict()
    assert set(ours) == set(theirs)
    np.testing.assert_allclose(ours.pop("abc"), theirs.pop("abc"), atol=2e-5)
    np.testing.assert_allclose(ours.pop("angles"), theirs.pop("angles"), atol=2e-3)
    assert ours == dict(theirs)


def test_jarvis_makes_the_structure_of_pymatgen_that_we_make():
    for crystal in PERIODIC:
        theirs = to_jarvis(crystal).pymatgen_converter()
        ours = to_pymatgen(crystal)
        np.testing.assert_allclose(theirs.lattice.matrix, ours.lattice.matrix, atol=1e-5)
        np.testing.assert_allclose(theirs.cart_coords, ours.cart_coords, atol=1e-4)
        assert theirs.species == ours.species


def fractional_atoms() -> Atoms:
    cell = [[2.71512345, 2.71512345, 0], [0, 2.71512345, 2.71512345], [2.71512345, 0, 2.71512345]]
    return Atoms(lattice_mat=cell, coords=[[0, 0, 0], [0.25, 0.25, 0.25]], elements=["Si", "Si"])


def test_fractional_coordinates_are_not_rounded_as_jarvis_rounds_them():
    atoms = fractional_atoms()
    expected = np.array(atoms.coords) @ np.array(atoms.lattice_mat)
    for found in (from_jarvis(atoms), from_jarvis_dict(atoms.to_dict())):
        np.testing.assert_allclose(found.positions, expected, rtol=0, atol=1e-14)
        assert found.pbc.all()
    assert np.abs(atoms.cart_coords - expected).max() > 1e-6, "JARVIS rounds no longer"


def test_what_does_not_repeat_is_refused():
    slab = contract_crystals()["slab"]
    for convert in (to_jarvis, to_jarvis_dict):
        with pytest.raises(InputError, match="repeat in all 3 directions, got pbc=TTF"):
            convert(slab)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coords": None}, "not a JARVIS atoms dictionary"),
        ({"cartesian": "yes"}, "cartesian must be true or false, got 'yes'"),
        ({"elements": ["Si"]}, "1 elements for 2 coordinates"),
        ({"elements": ["Si", "Qq"]}, "'Qq' is not an element"),
        ({"lattice_mat": [[1, 2]]}, "not a JARVIS atoms dictionary"),
    ],
)
def test_dictionaries_that_are_something_else(changes, words):
    data = dict(fractional_atoms().to_dict()) | changes
    with pytest.raises(InputError, match=words):
        from_jarvis_dict(data)
    del data["cartesian"]
    with pytest.raises(InputError, match="'cartesian' is missing"):
        from_jarvis_dict(data)


def records() -> list[dict]:
    gaps = [1.1, "na", 0.7]
    atoms = dict(fractional_atoms().to_dict())
    return [{"jid": f"JVASP-{n}", "atoms": atoms, "gap": gap} for n, gap in enumerate(gaps)]


def test_a_data_set_of_jarvis_is_read_as_file_and_as_frame(tmp_path):
    path = tmp_path / "jdft_3d.json"
    path.write_text(json.dumps([*records(), {"jid": "JVASP-9", "atoms": "na", "gap": 1.0}]))
    frame = pd.DataFrame(records())
    atoms = fractional_atoms()
    frame["atoms"] = [atoms, atoms.to_dict(), json.dumps(atoms.to_dict())]
    for source in (path, frame):
        table = read_table(source)
        assert table.ids == ("JVASP-0", "JVASP-1", "JVASP-2")
        assert table.columns["gap"].isna().tolist() == [False, True, False]
        for crystal in table.crystals:
            assert_same(crystal, from_jarvis(fractional_atoms()))
    (bad,) = read_table(path).rejected
    assert (bad.id, bad.reason) == ("JVASP-9", "the column 'atoms' is empty")


def test_a_list_of_atoms_is_read():
    table = read_table([fractional_atoms(), fractional_atoms().to_dict()])
    assert [crystal.formula for crystal in table.crystals] == ["Si2", "Si2"]
