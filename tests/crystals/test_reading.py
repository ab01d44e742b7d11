import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.reading import READABLE_SUFFIXES, format_of, read_file
from xtalgraph.crystals.writing import to_cif

SALT = bulk("NaCl", "rocksalt", a=5.64)
STRESS = np.array([[0.1, 0.4, 0.5], [0.4, 0.2, 0.6], [0.5, 0.6, 0.3]])


def with_results(atoms: Atoms, energy: float) -> Atoms:
    atoms = atoms.copy()
    forces = np.arange(3.0 * len(atoms)).reshape(-1, 3)
    atoms.info["config"] = "bulk"
    atoms.new_array("charge_state", np.arange(len(atoms)))
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=STRESS)
    return atoms


def reason(path) -> str:
    (entry,) = read_file(path)
    assert entry.crystal is None
    return entry.reason


def assert_salt(crystal) -> None:
    np.testing.assert_allclose(crystal.positions, SALT.positions, atol=1e-8)
    np.testing.assert_allclose(crystal.cell, SALT.cell.array, atol=1e-8)
    np.testing.assert_array_equal(crystal.numbers, SALT.numbers)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.cif", "cif"),
        ("A.CIF", "cif"),
        ("POSCAR", "poscar"),
        ("CONTCAR", "poscar"),
        ("POSCAR_relaxed", "poscar"),
        ("POSCAR-001", "poscar"),
        ("x.poscar", "poscar"),
        ("x.vasp", "poscar"),
        ("POSCAR.cif", "cif"),
        ("a.xyz", "xyz"),
        ("a.extxyz", "xyz"),
        ("a.db", "database"),
        ("a.txt", None),
        ("POSCARS", None),
        ("cif", None),
        ("poscar", "poscar"),
        ("contcar_1", "poscar"),
        ("a.cif.gz", "packed"),
        ("POSCAR.bz2", "packed"),
        ("t.csv.gz", None),
    ],
)
def test_formats_by_name(name, kind):
    assert format_of(name) == kind


@pytest.mark.parametrize("name", ["POSCAR", "CONTCAR_2", "salt.vasp", "salt.poscar"])
@pytest.mark.parametrize("direct", [True, False])
def test_poscar(tmp_path, name, direct):
    write(tmp_path / name, SALT, format="vasp", direct=direct)
    (entry,) = read_file(tmp_path / name)
    assert entry.name == ""
    assert_salt(entry.crystal)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("NaCl\n1.0\n", "has only 2 lines"),
        ("a\n1.0\n4 0 0\n0 4 0\n0 0 4\n1 1\nDirect\n0 0 0\n.5 .5 .5\n", "names no elements"),
        ("a\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n", "breaks off or is malformed"),
        ("a\n1.0\n4 0 0\n0 b 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n", "breaks off or is malformed"),
    ],
)
def test_bad_poscars(tmp_path, text, words):
    (tmp_path / "POSCAR").write_text(text)
    assert words in reason(tmp_path / "POSCAR")


def test_extxyz_brings_values_of_crystal_and_atoms(tmp_path):
    frames = [with_results(SALT, -3.0), with_results(SALT * (2, 1, 1), -6.5)]
    write(tmp_path / "a.extxyz", frames)
    first, second = read_file(tmp_path / "a.extxyz")
    assert (first.name, second.name) == ("0", "1")
    assert_salt(first.crystal)
    assert len(second.crystal) == 4
    assert (first.values["energy"], second.values["energy"]) == (-3.0, -6.5)
    assert second.values["config"] == "bulk"
    np.testing.assert_array_equal(second.values["forces"], np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(second.values["charge_state"], np.arange(4))
    np.testing.assert_allclose(first.values["stress"], STRESS)


def test_plain_xyz_is_a_molecule(tmp_path):
    (tmp_path / "h2.xyz").write_text("2\nhydrogen\nH 0 0 0\nH 0.74 0 0\n")
    (entry,) = read_file(tmp_path / "h2.xyz")
    assert entry.name == ""
    assert not entry.crystal.pbc.any()


def test_a_truncated_extxyz_keeps_its_whole_frames(tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, [with_results(SALT, 1.0)] * 3)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    entries = list(read_file(path))
    assert [entry.reason for entry in entries[:2]] == [None, None]
    assert entries[2].reason == "frame 2: it breaks off after 1 of 2 atoms"


def test_a_bad_frame_does_not_take_the_others_along(tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, [SALT] * 3)
    lines = path.read_text().splitlines()
    lines[6] = lines[6].replace("Na", "Qq")
    path.write_text("\n".join(lines))
    entries = list(read_file(path))
    assert [entry.crystal is None for entry in entries] == [False, True, False]
    assert entries[1].reason == "frame 1: site 0: 'Qq' is not an element"


@pytest.mark.parametrize(
    ("text", "words"), [("", "empty"), ("\n\n", "empty"), ("Lattice\n", "got 'Lattice'")]
)
def test_bad_extxyz(tmp_path, text, words):
    (tmp_path / "a.xyz").write_text(text)
    assert words in reason(tmp_path / "a.xyz")


def test_ase_database(tmp_path):
    path = tmp_path / "a.db"
    with connect(path) as database:
        atoms = SALT.copy()
        atoms.calc = SinglePointCalculator(atoms, energy=-1.5, forces=np.ones((2, 3)))
        database.write(atoms, gap=5.0, data={"spectrum": [1, 2]})
        database.write(bulk("Cu"), gap=0.0)
    first, second = read_file(path)
    assert (first.name, second.name) == ("1", "2")
    assert_salt(first.crystal)
    assert first.values["gap"] == 5.0
    assert first.values["spectrum"] == [1, 2]
    assert first.values["energy"] == -1.5
    np.testing.assert_array_equal(first.values["forces"], np.ones((2, 3)))
    assert "energy" not in second.values


def test_databases_of_something_else(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("create table songs (name)")
    database.close()
    before = (tmp_path / "other.db").read_bytes()
    assert "not an ASE database" in reason(tmp_path / "other.db")
    assert (tmp_path / "other.db").read_bytes() == before
    (tmp_path / "text.db").write_text("hello")
    assert "not an SQLite file" in reason(tmp_path / "text.db")
    (tmp_path / "empty.db").write_text("")
    assert "empty" in reason(tmp_path / "empty.db")


def test_files_that_are_no_crystals(tmp_path):
    (tmp_path / "photo.cif").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)))
    assert reason(tmp_path / "photo.cif") == "not a crystal file: it is a JPEG picture"
    (tmp_path / "noise.vasp").write_bytes(bytes(range(256)))
    assert reason(tmp_path / "noise.vasp") == "not a crystal file: it is not text"
    assert reason(tmp_path / "missing.cif") == "no such file"
    assert reason(tmp_path) == "is a folder, not a file"
    (tmp_path / "notes.txt").write_text("hello")
    assert all(suffix in reason(tmp_path / "notes.txt") for suffix in READABLE_SUFFIXES)


def test_latin_1_authors_do_not_matter(tmp_path):
    text = to_cif(from_ase(SALT)).replace("loop_", "_audit_author_name 'Müller'\nloop_", 1)
    (tmp_path / "a.cif").write_bytes(text.encode("latin-1"))
    (entry,) = read_file(tmp_path / "a.cif")
    assert entry.crystal.formula == "NaCl"


def test_libraries_load_only_when_they_are_used():
    code = (
        "import sys, xtalgraph.crystals.reading, xtalgraph.crystals.convert\n"
        "print([m for m in ('ase', 'pymatgen', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_magnetic_cif_is_known_by_its_suffix(tmp_path):
    path = tmp_path / "CsCl.MCIF"
    text = "data_x\n_cell_length_a 4.1\n_cell_length_b 4.1\n_cell_length_c 4.1\n"
    text += "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n"
    text += "_space_group_symop_magn_operation.xyz\nx,y,z,+1\nloop_\n_atom_site_label\n"
    text += "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCs1 0 0 0\nCl1 .5 .5 .5\n"
    path.write_text(text)
    (entry,) = read_file(path)
    assert entry.crystal.formula == "CsCl"
