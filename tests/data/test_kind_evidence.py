"""Totals and means are told apart by numbers and by units, and nothing is said without evidence."""

import numpy as np
import pytest

from xtalgraph.data.kind_evidence import kind_evidence, kind_of_unit
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
