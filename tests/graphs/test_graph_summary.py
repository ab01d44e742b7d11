"""What is said of a graph."""

import json
from pathlib import Path

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.graphs.strategies import Bonded, Radius
from xtalgraph.graphs.summary import bonds_of, summarize

PHONONS = Path(__file__).parents[3] / "shared" / "data" / "matbench_phonons.json.gz"


def test_perovskite_coordinations_are_the_textbook_ones():
    sites = np.array([[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    crystal = Crystal.from_fractional(3.905 * np.eye(3), sites, np.array([38, 22, 8, 8, 8]))
    summary = summarize(crystal, Radius(4.0))
    assert [site.coordination for site in summary.sites] == [12, 6, 6, 6, 6]
    assert [site.shell for site in summary.sites] == ["O12", "O6", *["Sr4Ti2"] * 3]
    assert summary.formula == "SrTiO3"
    assert summary.sites[1].nearest == pytest.approx(3.905 / 2)
    assert summary.warnings == []
    assert [(one.element, one.multiplicity) for one in summary.reduced.classes] == [
        ("Sr", 1),
        ("Ti", 1),
        ("O", 3),
    ]
    assert [site.atom_class for site in summary.sites] == [0, 1, 2, 2, 2]
    # Ti sees 6 O and 6 Ti, Sr 12 O, 8 Ti and 6 Sr, O 2 Ti, 4 Sr, 8 + 6 O
    assert summary.degree_histogram == [0] * 20 + [4] + [0] * 5 + [1]
    assert [round(peak.neighbors * 5) for peak in summary.peaks[:3]] == [12, 48, 16]


@pytest.mark.parametrize(
    ("cell", "shell"), [((1 - np.eye(3)) * 1.8, 12), (1.43 * (1 - 2 * np.eye(3)), 8)]
)
def test_first_shells_of_fcc_and_bcc(cell, shell):
    crystal = Crystal(cell, np.zeros((1, 3)), np.array([29]), np.ones(3, bool))
    assert summarize(crystal, Radius(5.0)).sites[0].coordination == shell


def one_sided(crystal):
    """The bonds of a crystal of which the other end has not the reverse."""
    bonds = bonds_of(crystal)
    ends = np.column_stack([bonds.center, bonds.neighbor, bonds.image]).tolist()
    found = {tuple(one) for one in ends}
    return [(i, j, *r) for i, j, *r in found if (j, i, *(-n for n in r)) not in found]


def test_what_is_a_neighbour_has_the_other_as_its_own():
    """Y2O2S: Y has 4 O and, 0.6 Å farther away, 3 S, as Wells has it; these S have 6 Y."""
    a, c = 3.8193, 6.6387
    cell = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(0.75), 0], [0, 0, c]])
    third, two = 1 / 3, 2 / 3
    places = [[third, two, 0.63], [two, third, 0.37], [0, 0, 0], [two, third, 0.7179]]
    places += [[third, two, 0.2821]]
    crystal = Crystal.from_fractional(cell, np.array(places), np.array([8, 8, 16, 39, 39]))
    assert one_sided(crystal) == []
    sites = summarize(crystal, Radius(4.0)).sites
    assert [site.shell for site in sites] == ["Y4", "Y4", "Y6", "O4S3", "O4S3"]


@pytest.mark.skipif(not PHONONS.is_file(), reason="needs ../shared/data")
def test_no_bond_of_500_real_crystals_has_one_end():
    crystals = read_table(PHONONS).crystals[:500]
    assert sum(bool(one_sided(crystal)) for crystal in crystals) == 0


@pytest.mark.long
@pytest.mark.skipif(not PHONONS.is_file(), reason="needs ../shared/data")
def test_first_shells_are_nearly_the_bonds_of_crystalnn():
    """On the crystals of which the guide speaks."""
    crystals = [one for one in read_table(PHONONS).crystals[:400:4] if len(one) <= 16]
    agree = []
    for crystal in crystals:
        own, theirs = (
            {tuple(row) for row in np.column_stack([e.center, e.neighbor, e.image]).tolist()}
            for e in (bonds_of(crystal), Bonded().edges(crystal))
        )
        agree.append(2 * len(own & theirs) / (len(own) + len(theirs)))
    assert len(agree) == 99
    assert np.mean(agree) == pytest.approx(0.94, abs=0.01)


def test_a_graph_that_falls_apart_and_an_atom_alone_are_told():
    sites = np.array([[0, 0, 0], [1.0, 0, 0], [9.0, 0, 0], [10.0, 0, 0], [15.0, 5, 5]])
    crystal = Crystal(20 * np.eye(3), sites, np.array([1] * 5), np.ones(3, bool))
    summary = summarize(crystal, Radius(3.0))
    assert summary.components == 3
    assert summary.degrees == [1, 1, 1, 1, 0]
    assert "1 of 5 atoms have no neighbour within 3 Å" in summary.warnings[0]
    assert "falls into 3 pieces" in summary.warnings[1]
    assert json.loads(json.dumps(summary.as_dict()))["num_edges"] == 4


def test_a_graph_without_edges_is_described():
    crystal = Crystal(40 * np.eye(3), np.zeros((1, 3)), np.array([18]), np.zeros(3, bool))
    summary = summarize(crystal, Radius(3.0))
    assert (summary.num_edges, summary.shortest, summary.sites[0].coordination) == (0, None, 0)
