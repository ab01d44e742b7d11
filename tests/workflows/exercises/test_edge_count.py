"""Exercise 1, against the crystal that everybody can count by hand."""

from pathlib import Path

import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.workflows.exercises.edge_count import edge_count

DOCS = Path(__file__).parents[3] / "docs"


def test_rock_salt_is_that_of_the_textbook(tmp_path):
    primitive, conventional = edge_count(tmp_path).document["crystals"]
    assert (primitive["atoms"], conventional["atoms"]) == (2, 8)
    for cell, edges in ((primitive, 36), (conventional, 144)):  # 6 unlike + 12 like for each atom
        assert cell["edges"] == cell["pymatgen"] == cell["pyg"] == edges
        assert cell["shells"] == {
            "Na-Cl at 2.820 Å": 6,
            "Na-Na at 3.988 Å": 12,
            "Cl-Na at 2.820 Å": 6,
            "Cl-Cl at 3.988 Å": 12,
        }
        assert not cell["rule_suffices"]
    # One image of a pair: 3 of 6 unlike neighbours, which stand at ±a/2, and 3 of 12 like ones.
    assert conventional["minimum_image"] == 8 * (3 + 3)
    assert conventional["within_cell"] == conventional["minimum_image"], "no pair is nearer"
    assert primitive["within_cell"] == 0, "the two atoms are a √3/2 = 4.88 Å apart"
    assert (tmp_path / "exercise-1.json").is_file()


def test_a_crystal_of_ones_own(tmp_path):
    found = edge_count(tmp_path, DOCS / "examples" / "BaTiO3.cif")
    (cell,) = found.document["crystals"]
    assert cell["edges"] == cell["pymatgen"] == cell["pyg"]
    assert "they agree" in found.text


def test_what_is_no_periodic_crystal_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be used for exercise 1: .*occup"):
        edge_count(tmp_path, DOCS / "examples-graph" / "NaK-disordered.cif")
    water = tmp_path / "water.xyz"
    water.write_text("3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
    with pytest.raises(InputError, match="exercise 1"):
        edge_count(tmp_path, water)
