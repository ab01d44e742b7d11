"""Sizes of many graphs against the sum of each alone."""

import numpy as np
import pytest
from test_reduction import DIAMOND, IDEAL, SALT

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs import survey
from xtalgraph.graphs.strategies import KNearest, Radius
from xtalgraph.testing.crystals import contract_crystals


def test_means_are_those_of_closed_forms(monkeypatch):
    monkeypatch.setattr(survey, "_PART", 2)
    crystals = [SALT, DIAMOND, IDEAL["perovskite"]]
    (found,) = survey.survey_graphs(crystals, [Radius(4.0)]).sizes
    assert (found.strategy, found.crystals, found.unsupported) == ("radius:4", 3, ())
    # see test_asymmetric_unit; folded, O sees O at a in one edge
    expected = {
        "atoms": [8, 8, 5],
        "reduced_atoms": [2, 1, 3],
        "unit_atoms": [2, 1, 3],
        "edges": [8 * 18, 8 * 46, 106],
        "reduced_edges": [4, 5, 10],
        "unit_edges": [36, 46, 66],
        "edge_orbits": [4, 5, 11],
    }
    means = {name: getattr(found, name) for name in expected}
    assert means == pytest.approx({name: np.mean(values) for name, values in expected.items()})


def test_crystals_that_do_not_fit_are_counted_and_named():
    crystals = [SALT, contract_crystals()["slab"], DIAMOND]
    made = survey.survey_graphs(crystals, [KNearest(6, 2.9), KNearest(4, 1.6)])
    one, other = made.sizes
    assert [one.index for one in made.without_group] == [1]
    assert "pbc in all directions" in made.without_group[0].reason
    assert 0 not in [unsupported.index for unsupported in one.unsupported]
    assert 0 in [unsupported.index for unsupported in other.unsupported]
    assert other.crystals == 3 - len(other.unsupported)
    assert (other.atoms, other.reduced_atoms, other.edge_orbits) == (8, 1, 1)
    nothing = survey.survey_graphs([SALT], [KNearest(4, 1.6)]).sizes[0]
    assert (nothing.crystals, nothing.grouped) == (0, 0)
    assert (nothing.edges, nothing.unit_edges, nothing.edge_orbits) == (None, None, None)


def test_what_has_no_space_group_is_not_in_the_mean_of_the_asymmetric_unit():
    slab = contract_crystals()["slab"]
    (both,) = survey.survey_graphs([SALT, slab], [Radius(4.0)]).sizes
    assert (both.crystals, both.grouped) == (2, 1)
    assert (both.grouped_edges, both.unit_atoms, both.unit_edges) == (8 * 18, 2, 36)
    (alone,) = survey.survey_graphs([slab], [Radius(4.0)]).sizes
    assert (alone.crystals, alone.grouped, alone.unit_atoms) == (1, 0, None)
    assert alone.atoms == 3


def test_a_tolerance_of_zero_folds_nothing():
    (found,) = survey.survey_graphs([SALT], [Radius(4.0)], 0.0).sizes
    assert (found.edges, found.reduced_atoms, found.reduced_edges) == (8 * 18, None, None)


def test_tolerances_must_be_positive():
    for tolerances in ((-1.0, 1e-4), (1e-3, 0.0)):
        with pytest.raises(ConfigError, match="larger than 0"):
            survey.survey_graphs([SALT], [Radius(4.0)], *tolerances)
