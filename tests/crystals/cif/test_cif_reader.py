import csv
import gzip
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifParser, CifWriter

from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal

DATA = Path(__file__).parents[3].parent / "shared" / "data"

ROCK_SALT = """data_NaCl
_space_group_name_H-M_alt 'F m -3 m'
_cell_length_a 5.640(2)
_cell_length_b 5.640(2)
_cell_length_c 5.640(2)
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
 _atom_site_label
 _atom_site_type_symbol
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 _atom_site_occupancy
 Na1 Na1+ 0 0 0 1
 Cl1 Cl1- 0.5 0.5 0.5(0) 1.000(3)
"""


def only(text: str) -> Crystal:
    (entry,) = read_cif(text)
    assert entry.reason is None, entry.reason
    return entry.crystal


def reason(text: str) -> str:
    (entry,) = read_cif(text)
    assert entry.crystal is None
    assert entry.reason
    return entry.reason


def shells(structure: Structure, radius: float = 4.5) -> tuple[np.ndarray, np.ndarray]:
    """Element pairs and distances in order: the same for the same crystal in any setting."""
    i, j, _, distances = structure.get_neighbor_list(radius)
    z = np.array([site.specie.Z for site in structure])
    pairs = np.sort(np.stack([z[i], z[j]], axis=1), axis=1)
    order = np.lexsort((distances, pairs[:, 1], pairs[:, 0]))
    return pairs[order], distances[order]


def with_loop(old: str, new: str) -> str:
    assert old in ROCK_SALT
    return ROCK_SALT.replace(old, new)


def phonon_structures(step: int) -> list[Structure]:
    path = DATA / "matbench_phonons.json.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    with gzip.open(path) as file:
        rows = json.load(file)["data"]
    return [Structure.from_dict(row[0]) for row in rows[::step]]


def test_symmetrised_files_of_real_crystals_agree_with_pymatgen():
    structures = phonon_structures(25)
    assert len(structures) > 50
    for structure in structures:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = str(CifWriter(structure, symprec=0.01))
            (expected,) = CifParser.from_str(text).parse_structures(primitive=False)
        crystal = only(text)
        assert len(crystal) == len(expected)
        pairs, distances = shells(to_pymatgen(crystal))
        expected_pairs, expected_distances = shells(expected)
        np.testing.assert_array_equal(pairs, expected_pairs)
        np.testing.assert_allclose(distances, expected_distances, atol=1e-3)


@pytest.mark.parametrize("name", ["Fm-3m", "P6_3/mmc", "R-3m", "P2_1/c", "Pnma"])
def test_a_space_group_by_name_gives_what_its_listed_operations_give(name):
    lattice = {
        "Fm-3m": Lattice.cubic(5.6),
        "P6_3/mmc": Lattice.hexagonal(3.2, 5.2),
        "R-3m": Lattice.hexagonal(4.0, 20.0),
        "P2_1/c": Lattice.monoclinic(5.0, 6.0, 7.0, 100.0),
        "Pnma": Lattice.orthorhombic(5.0, 6.0, 7.0),
    }[name]
    oxygen = [1 / 3, 2 / 3, 0.25] if name == "P6_3/mmc" else [0.1, 0.25, 0.41]
    structure = Structure.from_spacegroup(name, lattice, ["Mg", "O"], [[0, 0, 0], oxygen])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(CifWriter(structure, symprec=1e-3))
    listed = only(text)
    named = only(re.sub(r"loop_\n _symmetry_equiv_pos_site_id.*?loop_", "loop_", text, flags=re.S))
    assert len(listed) == len(named) > 2
    np.testing.assert_allclose(
        shells(to_pymatgen(listed), 4.0)[1], shells(to_pymatgen(named), 4.0)[1], atol=1e-6
    )


def test_all_perovskites_equal_pymatgen():
    path = DATA / "perovskites.csv.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    with gzip.open(path, "rt", newline="") as file:
        texts = [row["cif"] for row in csv.DictReader(file)]
    assert len(texts) == 13600
    for text in texts[::75]:
        crystal = only(text)
        (expected,) = CifParser.from_str(text).parse_structures(primitive=False)
        np.testing.assert_allclose(crystal.cell, expected.lattice.matrix, atol=1e-6)
        # pymatgen puts the elements in another order.
        step = crystal.fractional[:, None] - expected.frac_coords[None]
        same = np.abs(step - np.round(step)).max(axis=2) < 1e-6
        same &= crystal.numbers[:, None] == np.array(expected.atomic_numbers)[None]
        np.testing.assert_array_equal(same.sum(axis=0), 1)
        np.testing.assert_array_equal(same.sum(axis=1), 1)


def test_rock_salt_has_eight_atoms_and_the_known_distance():
    crystal = only(ROCK_SALT)
    assert crystal.formula == "Na4Cl4"
    assert shells(to_pymatgen(crystal), 3.0)[1] == pytest.approx(np.full(48, 2.82))


def test_thirds_rounded_to_three_digits_are_one_atom_on_its_special_position():
    text = """data_Mg
_space_group_name_H-M_alt 'P 63/m m c'
_cell_length_a 3.209
_cell_length_b 3.209
_cell_length_c 5.211
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
loop_
 _atom_site_label
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 Mg1 0.333 0.667 0.25
"""
    crystal = only(text)
    assert len(crystal) == 2
    np.testing.assert_allclose(
        sorted(crystal.fractional.tolist()),
        [[1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]],
        atol=1e-12,
    )


def test_an_atom_off_its_special_position_keeps_its_images():
    crystal = only(with_loop("0.5 0.5 0.5(0)", "0.5 0.5 0.47"))
    # Wyckoff position 24e: x,0,0.
    assert (crystal.numbers == 17).sum() == 24


@pytest.mark.parametrize(
    ("symbol", "number"), [("Fe3+", 26), ("FE", 26), ("D", 1), ("T", 1), ("O2-", 8), ("Na+", 11)]
)
def test_symbols(symbol, number):
    assert number in only(with_loop("Na1 Na1+", f"X1 {symbol}")).numbers


def test_labels_stand_in_for_missing_symbols():
    text = ROCK_SALT.replace(" _atom_site_type_symbol\n", "")
    crystal = only(text.replace("Na1 Na1+", "Na1").replace("Cl1 Cl1-", "Cl1A"))
    assert crystal.formula == "Na4Cl4"


def test_several_blocks_are_named_and_headers_are_left_out():
    other = ROCK_SALT.replace("data_NaCl", "data_KCl").replace("Na1 Na1+", "K1 K+")
    entries = read_cif("data_publication\n_journal_year 2024\n" + ROCK_SALT + other)
    assert [entry.name for entry in entries] == ["NaCl", "KCl"]
    assert [entry.crystal.formula for entry in entries] == ["Na4Cl4", "K4Cl4"]


def test_blocks_with_one_name_stay_apart():
    assert [entry.name for entry in read_cif(ROCK_SALT + ROCK_SALT)] == ["NaCl", "NaCl#2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "no data_ block"),
        ("hello", "does not begin with a data_ block"),
        ("data_header\n_journal_year 2024\n", "holds no atoms"),
        (with_loop("1.000(3)", "0.5"), r"partial occupancy: Cl1 \(Cl 0\.5\)"),
        (with_loop("Cl1 Cl1- 0.5", "Cl1 Cl1- ?"), r"site Cl1 has the coordinate '\?'"),
        (with_loop("Cl1 Cl1- 0.5", "Cl1 Cl1- ."), r"site Cl1 has the coordinate '\.'"),
        (with_loop("_cell_length_b 5.640(2)\n", ""), "no cell: _cell_length_b is missing"),
        (
            with_loop("_cell_length_a 5.640(2)", "_cell_length_a -5.64"),
            "no cell has the lengths -5",
        ),
        (with_loop("_cell_length_a 5.640(2)", "_cell_length_a 0"), "no cell has the lengths 0"),
        (
            with_loop("_cell_length_a 5.640(2)", "_cell_length_a 1e300"),
            "no cell has the lengths 1e",
        ),
        (with_loop("_cell_angle_beta 90", "_cell_angle_beta -90"), "no cell has the angles"),
        (with_loop("_cell_angle_beta 90", "_cell_angle_beta 270"), "no cell has the angles"),
        (with_loop("Cl1 Cl1- 0.5", "Cl1 Cl1- 1e300"), r"site Cl1 has absurd coordinates"),
        (with_loop("_cell_angle_beta 90", "_cell_angle_beta ?"), "_cell_angle_beta is '?'"),
        (
            with_loop("90\n_cell_angle_beta 90", "30\n_cell_angle_beta 30"),
            "no cell has the angles 30",
        ),
        (with_loop("_cell_length_a 5.640(2)", "_cell_length_a 6.5"), "cell and symmetry contra"),
        (with_loop("F m -3 m", "F m -3 q"), "space group 'F m -3 q' is not known"),
        (with_loop("F m -3 m", "F d -3 m"), "two choices of origin"),
        (with_loop("Na1 Na1+", "W1 Wat"), "site W1: 'Wat' is not an element"),
        (ROCK_SALT.replace("_fract_", "_Cartn_"), "Cartesian coordinates"),
        (ROCK_SALT[:-20], "malformed at line"),
        (ROCK_SALT[: ROCK_SALT.index("loop_")], "holds no atoms"),
        (
            ROCK_SALT.replace("loop_", "_chemical_formula_sum 'Na Cl F'\nloop_"),
            "atoms are missing",
        ),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(text, words):
    assert re.search(words.replace("'?'", r"'\?'"), reason(text))


def test_two_species_on_one_site_are_both_named():
    mixed = ROCK_SALT.replace("Na1 Na1+ 0 0 0 1", "Na1 Na1+ 0 0 0 0.7\n K1 K1+ 0 0 0 0.3")
    assert "Na1 (Na 0.7) with K1 (K 0.3)" in reason(mixed)


def test_the_origin_choice_is_understood_where_it_is_given():
    diamond = with_loop("F m -3 m", "F d -3 m:2").replace(" Cl1 Cl1- 0.5 0.5 0.5(0) 1.000(3)\n", "")
    assert len(only(diamond.replace("0 0 0 1", "0.125 0.125 0.125 1"))) == 8
    assert len(only(diamond.replace("0 0 0 1", "0 0 0 1"))) == 16


def test_no_cut_through_a_file_gives_another_crystal():
    structure = Structure(Lattice.cubic(4.1), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    text = str(CifWriter(structure))
    whole = only(text)
    for cut in range(len(text)):
        for entry in read_cif(text[:cut]):
            if entry.crystal is not None:
                np.testing.assert_array_equal(entry.crystal.positions, whole.positions)
                np.testing.assert_array_equal(entry.crystal.numbers, whole.numbers)


def test_a_single_atom_may_be_written_without_a_loop():
    head, _, _ = ROCK_SALT.partition("loop_")
    atom = "".join(
        f"_atom_site_{n} {v}\n"
        for n, v in [("label", "Cu1"), ("fract_x", 0), ("fract_y", 0), ("fract_z", 0)]
    )
    assert only(head + atom).formula == "Cu4"


def test_items_may_be_written_in_any_case():
    assert only(ROCK_SALT.replace("_atom_site_", "_ATOM_site_")).formula == "Na4Cl4"
