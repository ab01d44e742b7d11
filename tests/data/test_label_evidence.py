"""What labels tell: a total or a mean, one value of most, outliers, the order."""

import numpy as np
import pytest

from xtalgraph.data.label_evidence import kind_evidence, kind_of_unit, outlying_labels
from xtalgraph.data.targets import Kind

DRAW = np.random.default_rng(0)
ATOMS = DRAW.integers(2, 40, size=400)


@pytest.mark.parametrize(("mean", "std"), [(-8.0, 0.1), (-1.0, 1.0), (0.0, 0.2)])
def test_an_energy_is_told_from_an_energy_per_atom(mean, std):
    each = DRAW.normal(mean, std, size=len(ATOMS))
    assert kind_evidence(each * ATOMS, ATOMS).kind is Kind.EXTENSIVE
    assert kind_evidence(each, ATOMS).kind is Kind.INTENSIVE


def test_the_ratio_of_independent_labels_is_its_closed_form():
    """Symmetric labels that do not know N: E|y/N| = E|y| E(1/N)."""
    labels = np.random.default_rng(1).normal(size=200_000)
    atoms = np.random.default_rng(2).integers(1, 9, size=200_000)
    expected = np.exp(np.log(np.arange(1, 9)).mean()) * (1 / np.arange(1, 9)).mean()
    assert kind_evidence(labels, atoms).ratio == pytest.approx(expected, rel=0.03)


def test_without_evidence_nothing_is_said():
    assert kind_evidence(DRAW.normal(size=50), np.full(50, 5)) is None
    assert kind_evidence(np.ones(50), np.arange(1, 51)) is None
    assert kind_evidence(np.arange(5.0), np.arange(1, 6)) is None
    nearly_equal = DRAW.integers(24, 26, size=50)
    assert kind_evidence(DRAW.normal(size=50), nearly_equal).kind is None


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("eV/atom", Kind.INTENSIVE),
        ("meV / Atom", Kind.INTENSIVE),
        ("eV per atom", Kind.INTENSIVE),
        ("eV atom^-1", Kind.INTENSIVE),
        ("eV/f.u.", Kind.INTENSIVE),
        ("kJ/mol", Kind.INTENSIVE),
        ("eV/cell", Kind.EXTENSIVE),
        ("eV/unit cell", Kind.EXTENSIVE),
        ("Å^3 per supercell", Kind.EXTENSIVE),
        ("eV", None),
        ("GPa", None),
        ("log10(GPa)", None),
        ("m/s", None),
        ("eV/Å", None),
        ("", None),
    ],
)
def test_units_speak_of_a_kind_or_of_none(unit, kind):
    assert kind_of_unit(unit) is kind


NORMAL = np.random.default_rng(0).normal(loc=2.0, scale=0.5, size=2000)


def test_a_label_of_another_unit_is_found_at_either_end():
    for value in (900.0, -60.0):
        found = outlying_labels(np.append(NORMAL, value))
        assert found is not None
        assert found.rows == (2000,)
        assert found.median == pytest.approx(2.0, abs=0.05)
        assert found.deviation == pytest.approx(0.5, rel=0.1), "that of the normal distribution"


def test_a_number_that_stands_for_missing_values_is_found_several_times():
    values = NORMAL.copy()
    values[[3, 70, 1500]] = -999.0
    values[8] = 2e4
    assert set(outlying_labels(values).rows) == {3, 8, 70, 1500}
    assert outlying_labels(values).rows[0] == 8, "the farthest first"


@pytest.mark.parametrize(
    "values",
    [
        NORMAL,
        np.random.default_rng(0).lognormal(size=2000),
        np.random.default_rng(0).uniform(size=2000),
        np.repeat([0.0, 100.0], 500),
        np.ones(50),
        np.append(np.ones(50), 3.0),
        np.array([1.0, 2.0, 1e9]),
        np.zeros(0),
    ],
)
def test_ordinary_labels_are_left_alone(values):
    assert outlying_labels(values) is None


def test_where_most_are_one_value_the_others_give_the_deviation():
    gaps = np.concatenate([np.zeros(300), np.linspace(0.1, 6.0, 100)])
    assert outlying_labels(gaps) is None
    assert outlying_labels(np.append(gaps, 3000.0)).rows == (400,)
