"""Sites of a CIF that share a position are one site, also where symmetry repeats it."""

import pytest
from pymatgen.core import Structure

from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import to_pymatgen

HEAD = """data_mixed
_cell_length_a 5.97
_cell_length_b 5.97
_cell_length_c 5.97
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
 _atom_site_label
 _atom_site_type_symbol
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 _atom_site_occupancy
"""


def read(sites: str, disorder: str = "mix"):
    (entry,) = read_cif(HEAD + sites, disorder)
    return entry


def test_symmetry_repeats_the_mixture_as_in_pymatgen(tmp_path):
    text = HEAD + "Na1 Na 0 0 0 0.75\nK1 K 0 0 0 0.25\nCl1 Cl 0.5 0.5 0.5 1\n"
    (entry,) = read_cif(text, "mix")
    path = tmp_path / "mixed.cif"
    path.write_text(text, encoding="utf-8")
    with pytest.warns(UserWarning, match="symop|symmetry"):
        theirs = Structure.from_file(path)
    assert entry.crystal is not None
    ours = to_pymatgen(entry.crystal)
    assert ours.matches(theirs, scale=False)
    assert len(ours) == len(theirs) == 8
    assert ours.composition.almost_equals(theirs.composition)


def test_the_order_of_rows_does_not_matter_and_a_deficit_is_a_vacancy():
    one = read("Na1 Na 0 0 0 0.5\nK1 K 0 0 0 0.3\nCl1 Cl 0.5 0.5 0.5 1\n").crystal
    other = read("K1 K 0 0 0 0.3\nNa1 Na 0 0 0 0.5\nCl1 Cl 0.5 0.5 0.5 1\n").crystal
    assert one.to_bytes() == other.to_bytes()
    assert one.num_atoms == pytest.approx(4 * 0.8 + 4)


def test_a_full_file_is_the_same_whatever_is_said_of_disorder():
    text = "Na1 Na 0 0 0 1.0\nCl1 Cl 0.5 0.5 0.5 1\n"
    bits = {read(text, choice).crystal.to_bytes() for choice in ("refuse", "mix", "order")}
    assert len(bits) == 1


@pytest.mark.parametrize(
    ("sites", "reason"),
    [
        ("Na1 Na 0 0 0 0.7\nK1 K 0 0 0 0.6\n", "add up to 1.3, which is more than 1"),
        ("Na1 Na 0 0 0 0\nK1 K 0.5 0.5 0.5 1\n", "occupancy 0"),
        ("Na1 Na 0 0 0 1.4\nK1 K 0.5 0.5 0.5 1\n", "occupancy 1.4"),
    ],
)
def test_what_cannot_be_is_refused(sites, reason):
    assert reason in read(sites).reason


def test_the_default_refuses_and_names_the_sites():
    reason = read("Na1 Na 0 0 0 0.5\nK1 K 0 0 0 0.5\nCl1 Cl 0.5 0.5 0.5 1\n", "refuse").reason
    assert "partial occupancy" in reason
    assert "Na1" in reason
    assert "K1" in reason


def test_split_positions_are_no_mixture():
    near = read("Na1 Na 0 0 0 0.5\nK1 K 0 0 0.008 0.5\nCl1 Cl 0.5 0.5 0.5 1\n").crystal
    assert near.site_labels[:4] == ["K0.5Na0.5"] * 4
    apart = read("Na1 Na 0 0 0 0.5\nK1 K 0 0 0.05 0.5\nCl1 Cl 0.5 0.5 0.5 1\n").crystal
    assert "overlapping" in find_problem(apart)


def test_alternatives_are_read_where_they_share_a_position():
    head = HEAD.replace("_occupancy\n", "_occupancy\n _atom_site_disorder_group\n")
    (shared,) = read_cif(
        head + "Na1 Na 0 0 0 0.5 1\nK1 K 0 0 0 0.5 2\nCl1 Cl 0.5 0.5 0.5 1 .\n", "mix"
    )
    assert shared.crystal.formula == "K2Na2Cl4"
    (apart,) = read_cif(
        head + "Na1 Na 0 0 0 0.5 1\nK1 K 0 0 0.1 0.5 2\nCl1 Cl 0.5 0.5 0.5 1 .\n", "mix"
    )
    assert "alternatives of others and stand at positions of their own" in apart.reason


@pytest.mark.parametrize(
    ("formula", "good"),
    [("'Na0.5 K0.5 Cl'", True), ("NaKCl2", True), ("'Na0.8 K0.2 Cl'", False), ("'Na Cl'", False)],
)
def test_the_formula_is_compared_with_the_occupancies(formula, good):
    text = HEAD.replace("loop_", f"_chemical_formula_sum {formula}\nloop_", 1)
    (entry,) = read_cif(text + "Na1 Na 0 0 0 0.5\nK1 K 0 0 0 0.5\nCl1 Cl 0.5 0.5 0.5 1\n", "mix")
    assert (entry.crystal is not None) is good
    assert good or "the occupancies of the cell make K2Na2Cl4" in entry.reason
