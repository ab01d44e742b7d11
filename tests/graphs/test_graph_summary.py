"""What is said of a graph."""

import json

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.strategies import Radius
from xtalgraph.graphs.summary import summarize


def test_perovskite_coordinations_are_the_textbook_ones():
    sites = np.array([[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    crystal = Crystal.from_fractional(3.905 * np.eye(3), sites, np.array([38, 22, 8, 8, 8]))
    summary = summarize(crystal, Radius(4.0))
    assert [site.coordination for site in summary.sites[:2]] == [12, 6]
    assert [site.shell for site in summary.sites[:2]] == ["O12", "O6"]
    assert summary.formula == "SrTiO3"
    assert summary.sites[1].nearest == pytest.approx(3.905 / 2)
    assert summary.warnings == []
    assert [(one.element, one.multiplicity) for one in summary.folded.classes] == [
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
