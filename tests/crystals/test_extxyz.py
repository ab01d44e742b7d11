import io

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from xtalgraph.conventions import limits
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.extxyz import read_extxyz
from xtalgraph.crystals.extxyz_comment import parse_comment

SITES = "\nNa 0 0 0\nCl 2 1 1\n"
CELL = [[4, 0, 0], [1, 5, 0], [0, 0, 6]]
LATTICE = 'Lattice="4 0 0 1 5 0 0 0 6"'


def only(text: str):
    (entry,) = read_extxyz(io.StringIO(text))
    return entry


def frame(comment: str, sites: str = SITES):
    return only(f"2\n{comment}{sites}")


@pytest.mark.parametrize(
    "comment",
    [
        LATTICE,
        'lattice="4 0 0 1 5 0 0 0 6" properties=species:S:1:pos:R:3',
        'LATTICE="4 0 0 1 5 0 0 0 6" PROPERTIES=species:s:1:POS:r:3',
        "Lattice='4 0 0 1 5 0 0 0 6'",
        "Lattice={4 0 0 1 5 0 0 0 6}",
        "Lattice=[4 0 0 1 5 0 0 0 6]",
        "Lattice=[4, 0, 0, 1, 5, 0, 0, 0, 6]",
        "Lattice=[[4, 0, 0], [1, 5, 0], [0, 0, 6]]",
        "Lattice = [[4,0,0],[1,5.0,0],[0,0,6]] energy=1",
        'Lattice="4.0d0, 0, 0, 1, 5.d0, 0, 0, 0, .6D1"',
        'Lattice="_JSON [[4, 0, 0], [1, 5, 0], [0, 0, 6]]"',
        f"{LATTICE} pbc=T",
        f'{LATTICE} PBC="T T T"',
        f"{LATTICE} pbc=[True, true, TRUE]",
        f'{LATTICE} pbc="1 1 1"',
        f"{LATTICE} pbc=TTT",
        f"tag= {LATTICE}",
        f'note="a \\"quoted\\" [text" {LATTICE} cell="4 5 6"',
        f"url=https://a.b/?c=d {LATTICE}",
        f"\ufeff{LATTICE}"[1:],
    ],
)
def test_every_form_of_a_lattice(comment):
    entry = frame(comment)
    assert entry.reason is None
    np.testing.assert_array_equal(entry.crystal.cell, CELL)
    assert entry.crystal.pbc.tolist() == [True] * 3
    np.testing.assert_array_equal(entry.crystal.positions, [[0, 0, 0], [2, 1, 1]])
    np.testing.assert_array_equal(entry.crystal.numbers, [11, 17])


def test_three_numbers_are_the_diagonal():
    np.testing.assert_array_equal(frame('Lattice="4 5 6"').crystal.cell, np.diag([4, 5, 6]))


@pytest.mark.parametrize(
    ("pbc", "expected"),
    [('"T T F"', "TTF"), ("[T,F,T]", "TFT"), ("F", "FFF"), ("TTF", "TTF"), ("{T F F}", "TFF")],
)
def test_periodicity(pbc, expected):
    crystal = frame(f"{LATTICE} pbc={pbc}").crystal
    assert "".join("FT"[int(p)] for p in crystal.pbc) == expected


def test_a_byte_order_mark_is_passed_over():
    assert len(only(f"\ufeff2\n{LATTICE}{SITES}").crystal) == 2


@pytest.mark.parametrize("comment", ["", "hydrogen, E = -1.17", "salt's dimer", "energy=-1", "T 3"])
def test_without_any_lattice_it_is_a_molecule(comment):
    crystal = frame(comment).crystal
    assert not crystal.pbc.any()
    assert len(crystal) == 2


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ('Lattice="4 5"', "Lattice must be 9 numbers"),
        ('Lattice="4 5 6 90 90 90"', "Lattice must be 9 numbers"),
        ("Lattice=cubic", "Lattice must be 9 numbers"),
        ("Lattice", "Lattice must be 9 numbers"),
        ('Lattice="4 0 0 1 5 0 0 0 x"', "Lattice must be 9 numbers"),
        (f'{LATTICE} lattice="4 0 0 1 5 0 0 0 7"', "Lattice and lattice: which is right?"),
        (f'{LATTICE} Lattice="4 0 0 1 5 0 0 0 7"', "'Lattice' has two values"),
        ('Lattice="4 0 0 1 5 0 0 0 6', "cannot be read as keys and values from column 9"),
        ("Lattice=[[4,0,0],[1,5,0]", "is not closed"),
        ("Lattice=[[4,0,0],[1,5],[0,0,6]]", "differ in length"),
        ('Lattice="4 0 0 0 0 0 0 0 6"', "direction b repeats but has no lattice vector"),
        ('cell="4 0 0 1 5 0 0 0 6"', "'cell' may mean one"),
        ('unit_cell="4 5 6 90 90 90"', "'unit_cell' may mean one"),
        ("box={4 5 6}", "'box' may mean one"),
        ("Latice={4 5 6}", "'Latice' may mean one"),
        ("lattice_constant=4", "'lattice_constant' may mean one"),
        ("a=4 b=5 c=6", "'a, b, c' may mean one"),
        ("Lattice: 4 0 0 1 5 0 0 0 6", "may mean one"),
        ("cell 4 5 6", "'cell 4 5 6' may mean one"),
        ("pbc=T", "direction a repeats but has no lattice vector"),
        (f'{LATTICE} pbc="T T"', "pbc must be three of T and F"),
        (f"{LATTICE} pbc=yes", "pbc must be three of T and F"),
        (f"{LATTICE} Properties=species:S:1:pos:R", "Properties must be name:type:columns"),
        (f"{LATTICE} Properties=species:S:1:pos:Q:3", "must be of type R, I, S or L, got 'Q'"),
        (f"{LATTICE} Properties=species:S:1:pos:R:0", "must be 1 wide or more, got '0'"),
        (f"{LATTICE} Properties=species:S:2147483648:pos:R:3", "1 wide or more, got '2147483648'"),
        (f"{LATTICE} Properties=species:S:214748364:pos:R:3", "1000 columns at most"),
        (f"{LATTICE} Properties=species:S:1:pos:R:3:Pos:R:3", "names the column 'pos' twice"),
        (f"{LATTICE} Properties=species:S:1:xyz:R:3", "no column pos:R:3"),
        (f"{LATTICE} Properties=kind:S:1:pos:R:3", "no column species:S:1 or Z:I:1"),
        (f"{LATTICE} Properties=species:S:1:pos:R:3:f:R:3", "site 0 must have 7 columns, got 4"),
        (f"{LATTICE} Properties=species:S:1:pos:R:2", "site 0 must have 3 columns, got 4"),
        (f"{LATTICE} " + " ".join(f"k{n}=1" for n in range(1001)), "1000 keys at most"),
        (f"{LATTICE} n=" + "9" * 5000, "it is malformed"),
    ],
)
def test_what_may_change_the_crystal_and_is_not_understood_is_refused(comment, words):
    entry = frame(comment)
    assert entry.crystal is None
    assert words in entry.reason
    assert entry.reason.startswith("frame 0: ")


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ("\nNa 0 0 0\nQq 1 1 1\n", "site 1: 'Qq' is not an element"),
        ("\nNa 0 0 0\nCl 1 **** 1\n", "site 1 has '****' in the column 'pos'"),
        ("\nNa 0 0 0\nCl 1 1_0 1\n", "site 1 has '1_0' in the column 'pos'"),
    ],
)
def test_bad_sites_are_named(sites, words):
    assert words in frame(LATTICE, sites).reason


def test_columns_keep_their_type():
    text = (
        "2\n" + LATTICE + " Properties=tag:S:1:Z:I:1:pos:R:3:fixed:L:1:forces:R:3:label:S:2\n"
        "001 11 0 0 0 T 1.5d0 0 0 1 02\n1e5 17 2 1 1 F 0 0 -1 3 04\n"
    )
    entry = only(text)
    np.testing.assert_array_equal(entry.crystal.numbers, [11, 17])
    assert entry.values["tag"].tolist() == ["001", "1e5"]
    assert entry.values["fixed"].tolist() == [True, False]
    assert entry.values["label"].tolist() == [["1", "02"], ["3", "04"]]
    np.testing.assert_array_equal(entry.values["forces"], [[1.5, 0, 0], [0, 0, -1]])


def test_species_and_numbers_must_agree():
    columns = f"{LATTICE} Properties=species:S:1:Z:I:1:pos:R:3"
    assert len(frame(columns, "\nNa 11 0 0 0\nCl 17 2 1 1\n").crystal) == 2
    reason = frame(columns, "\nNa 11 0 0 0\nCl 16 2 1 1\n").reason
    assert "site 1 has the species Cl and Z 16" in reason


def test_values_of_the_comment_line():
    values = parse_comment(
        'name=001 code="007" n=-3 x=1e-3 f=1.5D2 ok=T no=false flag words="two words" '
        "list={a b} ints=[1, 2] reals=[1, 2.5] mpid=mp-22862 date=2020-01-02 bad=nan e='' "
        'json="_JSON {\\"a\\": [1]}" two=[[1, 2], [3, 4]] uid=12e3'
    )
    plain = {key: v.tolist() if isinstance(v, np.ndarray) else v for key, v in values.items()}
    assert np.isnan(plain.pop("bad"))
    assert plain == {
        "name": "001", "code": "007", "n": -3, "x": 1e-3, "f": 150.0, "ok": True, "no": False,
        "flag": True, "words": "two words", "list": ["a", "b"], "ints": [1, 2],
        "reals": [1.0, 2.5], "mpid": "mp-22862", "date": "2020-01-02", "e": "",
        "json": {"a": [1]}, "two": [[1, 2], [3, 4]], "uid": "12e3",
    }  # fmt: skip
    assert type(plain["n"]) is int
    with pytest.raises(InputError, match="'a' has two values in the comment line: 1 and 2"):
        parse_comment("a=1 a=2")
    assert parse_comment("a=1 a=1") == {"a": 1}


@pytest.mark.parametrize("key", ["stress", "virial", "Stress"])
@pytest.mark.parametrize(
    "numbers", ["1 2 3 4 5 6", "1 6 5 6 2 4 5 4 3", "[1,2,3,4,5,6]", "[[1,6,5],[6,2,4],[5,4,3]]"]
)
def test_stress_and_virial_are_full_matrices(key, numbers):
    value = f'"{numbers}"' if numbers[0] != "[" else numbers
    matrix = frame(f"{LATTICE} {key}={value}").values[key]
    np.testing.assert_array_equal(matrix, [[1, 6, 5], [6, 2, 4], [5, 4, 3]])


def test_what_ase_writes_is_read_as_ase_reads_it(tmp_path):
    rng = np.random.default_rng(4)
    frames = []
    for n in range(5):
        atoms = bulk("NaCl", "rocksalt", a=5.6) * (1, 1, n + 1)
        atoms.set_cell(atoms.cell.array + rng.normal(scale=0.1, size=(3, 3)), scale_atoms=True)
        atoms.pbc = rng.integers(2, size=3).astype(bool)
        atoms.info = {"text": 'with "quotes" and [brackets]', "n": n, "list": [1, "a"], "ok": True}
        atoms.new_array("site_tag", rng.integers(9, size=len(atoms)))
        stress = rng.normal(size=6)
        forces = rng.normal(size=(len(atoms), 3))
        atoms.calc = SinglePointCalculator(atoms, energy=-n, forces=forces, stress=stress)
        frames.append(atoms)
    frames.append(Atoms("H2", [[0, 0, 0], [0.74, 0, 0]]))
    write(tmp_path / "a.extxyz", frames)
    with (tmp_path / "a.extxyz").open() as file:
        entries = list(read_extxyz(file))
    for entry, atoms in zip(entries, read(tmp_path / "a.extxyz", ":"), strict=True):
        np.testing.assert_array_equal(entry.crystal.positions, atoms.positions)
        np.testing.assert_array_equal(entry.crystal.cell, atoms.cell.complete().array)
        np.testing.assert_array_equal(entry.crystal.pbc, atoms.pbc)
        np.testing.assert_array_equal(entry.crystal.numbers, atoms.numbers)
        if atoms.calc is None:
            continue
        np.testing.assert_array_equal(entry.values["forces"], atoms.get_forces())
        np.testing.assert_array_equal(entry.values["stress"], atoms.get_stress(voigt=False))
        np.testing.assert_array_equal(entry.values["site_tag"], atoms.arrays["site_tag"])
        assert entry.values["energy"] == atoms.get_potential_energy()
        assert {name: entry.values[name] for name in atoms.info} == atoms.info


GOOD = f"2\n{LATTICE}{SITES}"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (GOOD.replace("2\n", "-2\n", 1), "expected the number of atoms, got '-2'"),
        (GOOD.replace("2\n", "2.0\n", 1), "expected the number of atoms, got '2.0'"),
        (GOOD.replace("2\n", "3\n", 1), "breaks off after 2 of 3 atoms"),
        (GOOD.replace("2\n", "1\n", 1), "after its 1 atoms the next frame must begin with"),
        (GOOD.replace("2\n", "100000000\n", 1), "1000000 atoms at most, got 100000000"),
        (GOOD.replace("2\n", "9" * 5000 + "\n", 1), "1000000 atoms at most"),
        (GOOD.replace("Cl", "Qq"), "'Qq' is not an element"),
        (GOOD.replace("Cl 2 1 1\n", ""), "breaks off after 1 of 2 atoms"),
        (GOOD.replace(f"{LATTICE}\n", ""), "breaks off after 1 of 2 atoms"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_frame_costs_itself(bad, words, place):
    frames = [GOOD] * 3
    frames[place] = bad
    entries = list(read_extxyz(io.StringIO("".join(frames) + "\n \n")))
    assert [entry.crystal is None for entry in entries] == [n == place for n in range(3)]
    assert [entry.name for entry in entries] == ["0", "1", "2"]
    assert entries[place].reason.startswith(f"frame {place}: ")
    assert words in entries[place].reason


def test_cell_vectors_behind_the_atoms():
    entry = only(f"2\nslab{SITES}VEC1 4 0 0\nVEC2 1 5 0\n")
    np.testing.assert_array_equal(entry.crystal.cell, [[4, 0, 0], [1, 5, 0], [0, 0, 1]])
    assert entry.crystal.pbc.tolist() == [True, True, False]
    assert "which is right?" in only(f"2\n{LATTICE}{SITES}VEC1 4 0 0\n").reason
    assert "expected VEC1" in only(f"2\n{SITES}VEC2 4 0 0\n".replace("\n\n", "\n \n")).reason


def test_the_limit_of_atoms_is_that_of_the_documentation():
    assert limits.MAX_ATOMS == 1_000_000
    assert limits.MAX_EXTXYZ_COLUMNS == 1_000
