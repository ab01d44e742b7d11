"""The labels of a potential in numbers and in words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.potential_summary import summarise_labels
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.evidence.text.potential import about_labels, warnings_about_labels

TARGETS = potential_targets(["energy", "forces", "stress"])
SALT = Crystal.from_fractional(
    np.diag([3.0, 4.0, 5.0]), np.array([[0.0, 0, 0], [0.4, 0.5, 0.6]]), np.array([11, 17])
)


def dataset(factor: float = 1.0, largest: float = 0.3, missing: bool = False):
    rows = []
    for number, size in enumerate(np.linspace(-0.02, 0.02, 5)):
        crystal = transforms.strain(SALT, size * np.eye(3))
        stress = 0.8 * 3 * size * np.eye(3) * SALT.volume / crystal.volume
        rows.append(
            {
                "structure": crystal,
                "energy": SALT.volume * 0.8 * (3 * size) ** 2 / 2,
                "forces": np.array([[0.1 * number, 0, 0], [0, 0.2, 0]]),
                "stress": factor * stress,
            }
        )
    rows[1]["forces"] = np.array([[largest, 0.0, 0.0], [0.0, 0.0, 0.2]])
    if missing:
        rows[2]["forces"] = None
    return read_dataset(pd.DataFrame(rows), TARGETS)


def test_labels_are_counted_and_measured():
    summary = summarise_labels(dataset(largest=0.7, missing=True))
    assert (summary.crystals, summary.atoms) == (5, 10)
    assert summary.counts == {"energy": 5, "forces": 4, "stress": 5}
    assert summary.by_element == {"Na": (4, 0.7), "Cl": (4, 0.2)}
    assert summary.worst[0] == ("1", 0.7)
    assert summary.ranges["forces"] == pytest.approx((0.0, 0.7))
    assert summary.ranges["energy"][1] == pytest.approx(60.0 * 0.8 * 0.06**2 / 2 / 2)
    assert (summary.far, summary.dense) == (False, False)


def test_right_labels_give_no_warning_and_say_that_the_stress_was_looked_at():
    summary = summarise_labels(dataset())
    assert warnings_about_labels(summary) == []
    assert "Sign and unit fit the energies of 10 pairs" in " ".join(about_labels(summary))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"factor": -1.0}, "seem to be of the other sign"),
        ({"factor": 160.2}, "seem to be in GPa"),
        ({"factor": 1602.0}, "seem to be in kbar"),
        ({"largest": 500.0}, "1 has a force of 500 eV/Å"),
        ({"missing": True}, "1 crystal of 5 have no forces"),
    ],
)
def test_what_may_be_wrong_is_told(given, told):
    (warning,) = warnings_about_labels(summarise_labels(dataset(**given)))
    assert told in warning


def test_reference_energies_that_are_not_known_are_said():
    summary = summarise_labels(dataset())
    assert (summary.elements, summary.independent, summary.isolated) == (("Na", "Cl"), 1, {})
    told = " ".join(about_labels(summary))
    assert "the compositions tell 1 of those of Na, Cl apart" in told
    assert "No frame holds an isolated atom" in told
    alone = replace(summary, independent=2, isolated={"Na": -0.25})
    told = " ".join(about_labels(alone))
    assert "Isolated atoms, eV: Na -0.25; model.reference_energies=isolated takes them" in told
    assert "apart" not in told
