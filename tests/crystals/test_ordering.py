"""The most probable ordering keeps the composition, and is the textbook's where there is one."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import resolve_disorder
from xtalgraph.crystals.ordering import most_probable_ordering
from xtalgraph.graphs.asymmetric_unit import find_space_group

FCC = 2.98 * (1 - np.eye(3))
SITES = np.array([[0.0, 0, 0], [2.98, 2.98, 2.98]])


def test_an_even_alloy_is_layered_as_copper_gold_is(caplog):
    alloy = Crystal.from_sites(1.95 * (1 - np.eye(3)), SITES[:1], [{29: 0.5, 79: 0.5}])
    with caplog.at_level("INFO", "xtalgraph"):
        ordered = most_probable_ordering(alloy)
    assert ordered.formula == "CuAu"
    assert len(ordered) == 2
    assert find_space_group(ordered).number == 123  # P4/mmm, that of L1_0
    assert "Cu0.5Au0.5 is ordered to CuAu, the ordering with the most even" in caplog.text


def test_the_smallest_cell_with_the_composition_is_taken_and_nothing_is_random():
    salt = Crystal.from_sites(FCC, SITES, [{11: 0.75, 19: 0.25}, {17: 1.0}])
    ordered = most_probable_ordering(salt)
    assert ordered.formula == "KNa3Cl4"
    assert ordered.volume == pytest.approx(4 * salt.volume)
    assert most_probable_ordering(salt).to_bytes() == ordered.to_bytes()


def test_charges_decide_where_they_tell_the_species_apart(caplog):
    crystal = Crystal.from_sites(FCC, SITES, [{11: 0.5, 39: 0.5}, {8: 1.0}])
    with caplog.at_level("INFO", "xtalgraph"):
        ordered = most_probable_ordering(crystal)
    assert ordered.formula == "NaYO2"
    assert "lowest electrostatic energy of ions" in caplog.text


def test_vacancies_leave_sites_out():
    crystal = Crystal.from_sites(FCC, SITES, [{12: 0.5}, {9: 1.0}])
    assert most_probable_ordering(crystal).formula == "MgF2"


def test_what_has_no_small_ordering_is_refused():
    crystal = Crystal.from_sites(FCC, SITES, [{11: 0.987, 19: 0.013}, {17: 1.0}])
    with pytest.raises(InputError, match="no ordering in up to 20 of its cells"):
        most_probable_ordering(crystal)
    slab = Crystal.from_sites(FCC, SITES, [{11: 0.5, 19: 0.5}, {17: 1.0}], (True, True, False))
    with pytest.raises(InputError, match="repeats in all three directions"):
        most_probable_ordering(slab)


def test_the_choice_is_one_of_three():
    ordered = Crystal(FCC, SITES, np.array([11, 17]), np.ones(3, dtype=bool))
    assert resolve_disorder(ordered, "order") is ordered
    with pytest.raises(ConfigError, match="did you mean 'mix'"):
        resolve_disorder(ordered, "mixed")
