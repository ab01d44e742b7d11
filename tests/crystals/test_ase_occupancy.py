"""Disorder that ASE keeps beside its atoms is not passed over."""

import io

import numpy as np
import pytest
from ase import Atoms
from ase.db import connect
from ase.io import write
from ase.spacegroup import crystal as ase_crystal

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.extxyz import read_extxyz
from xtalgraph.data.table import read_rows

SALT = {"spacegroup": 225, "cellpar": [5.64, 5.64, 5.64, 90, 90, 90]}
SITES = [(0, 0, 0), (0.5, 0.5, 0.5)]


@pytest.fixture
def mixed() -> Atoms:
    atoms = ase_crystal(
        ["Na", "K", "Cl"],
        [SITES[0], *SITES],
        occupancies=[0.7, 0.3, 1.0],
        onduplicates="keep",
        **SALT,
    )
    assert len(atoms) == 8, "ASE keeps one atom for each site"
    return atoms


def frame(atoms: Atoms) -> str:
    text = io.StringIO()
    write(text, atoms, format="extxyz")
    return text.getvalue()


def test_disorder_is_refused_in_memory_and_in_files(mixed):
    with pytest.raises(InputError, match="partial occupancy"):
        from_ase(mixed)
    text = frame(mixed)
    assert "occupancy" in text
    (entry,) = read_extxyz(io.StringIO(text))
    assert entry.crystal is None
    assert "partial occupancy" in entry.reason


@pytest.fixture
def kept(mixed, tmp_path) -> dict:
    """The same atoms in memory, in a frame and in a row of a database."""
    path = tmp_path / "mixed.db"
    kinds = mixed.arrays["spacegroup_kinds"].tolist()
    with connect(path) as database:
        database.write(
            mixed, data={"occupancy": mixed.info["occupancy"], "spacegroup_kinds": kinds}
        )
    file = tmp_path / "mixed.extxyz"
    file.write_text(frame(mixed))
    return {"atoms": mixed, "frame": file, "row": path}


@pytest.mark.parametrize("where", ["atoms", "frame", "row"])
def test_what_ase_keeps_of_disorder_is_read_as_a_mixture(kept, where):
    expected = {11: 0.7, 19: 0.3}
    (row,) = read_rows([kept[where]] if where == "atoms" else kept[where], "mix")
    assert row.reason is None
    held = row.crystal.occupancies
    assert held.sites.tolist() == np.flatnonzero(kept["atoms"].numbers == 11).tolist()
    assert [held.on_site(site) for site in held.sites.tolist()] == [expected] * 4
    (refused,) = read_rows([kept[where]] if where == "atoms" else kept[where])
    assert "partial occupancy: site 0 holds Na0.7 K0.3" in refused.reason


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda atoms: atoms.arrays.pop("spacegroup_kinds"), "no array 'spacegroup_kinds'"),
        (lambda atoms: atoms.numbers.__setitem__(0, 3), "species of the atom on site 0"),
        (lambda atoms: atoms.info["occupancy"].update({"0": "half"}), "has the entry 'half'"),
    ],
)
def test_disorder_of_sites_that_are_not_told_is_refused(mixed, change, why):
    change(mixed)
    with pytest.raises(InputError, match=f"not of which sites: .*{why}"):
        from_ase(mixed, "mix")


def test_full_sites_are_read():
    full = ase_crystal(["Na", "Cl"], SITES, occupancies=[1.0, 1.0], **SALT)
    assert from_ase(full).formula == "Na4Cl4"
    (entry,) = read_extxyz(io.StringIO(frame(full)))
    assert entry.crystal is not None


@pytest.mark.parametrize("column", ["occupancy", "Occupancy", "occupancies"])
def test_a_column_of_occupancies_is_looked_at(column):
    atoms = Atoms("NaCl", cell=np.eye(3) * 4.0, scaled_positions=SITES, pbc=True)
    atoms.set_array(column, np.array([1.0, 0.5]))
    (entry,) = read_extxyz(io.StringIO(frame(atoms)))
    assert entry.crystal is None
    assert column in entry.reason
