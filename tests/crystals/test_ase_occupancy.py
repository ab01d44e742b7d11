"""Disorder that ASE keeps beside its atoms is not passed over."""

import io

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.spacegroup import crystal as ase_crystal

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.extxyz import read_extxyz

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
