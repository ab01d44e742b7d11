"""Models of which one knows what they read, and labels that follow from size."""

from dataclasses import replace

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.targets import Kind
from xtalgraph.evidence.diagnostics.evaluator import Halves
from xtalgraph.evidence.diagnostics.result import Verdict
from xtalgraph.evidence.diagnostics.shortcuts import (
    replaced_geometry,
    retrained,
    shuffle,
    shuffled_species,
    size_alone,
    transplant,
)


def blind_to_elements(encoder):
    for name, weight in encoder.named_parameters():
        if name == "embed.weight":
            weight.zero_()


def blind_to_geometry(encoder):
    """With the scale of the normalisation 0, nothing that a neighbour sends arrives."""
    for name, weight in encoder.named_parameters():
        if "norm" in name:
            weight.zero_()


def test_a_model_that_reads_both_raises_no_alarm(untrained):
    tested = untrained()
    for examine in (shuffled_species, replaced_geometry):
        result = examine(tested)
        assert result.verdict is Verdict.OK
        assert result.numbers.r2[0] > 0.99
        assert result.numbers.r2[1] < result.threshold


def test_a_model_without_elements_keeps_all_of_r2(untrained):
    result = shuffled_species(untrained(blind_to_elements))
    assert result.verdict is Verdict.ALARM
    assert result.number == pytest.approx(1.0, abs=1e-6)
    assert replaced_geometry(untrained(blind_to_elements)).verdict is Verdict.OK


def test_a_model_without_geometry_keeps_all_of_r2(untrained):
    result = replaced_geometry(untrained(blind_to_geometry))
    assert result.verdict is Verdict.ALARM
    assert result.number == pytest.approx(1.0, abs=1e-6)
    assert shuffled_species(untrained(blind_to_geometry)).verdict is Verdict.OK


def test_one_composition_has_no_other_elements(untrained, perovskites, says):
    carbon = [Crystal(c.cell, c.positions, np.full(len(c), 6), c.pbc) for c in perovskites]
    result = shuffled_species(untrained(crystals=carbon))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "one composition" in says(result)


def test_a_model_that_explains_nothing_is_not_judged(untrained):
    noise = np.random.default_rng(1).normal(size=110)
    assert shuffled_species(untrained(labels=noise)).verdict is Verdict.SHOWN


def test_shuffled_species_keep_sites_and_are_others(perovskites):
    seen = np.zeros(119, dtype=np.int64)
    seen[20:60] = 1
    crystal, rng = perovskites[0], np.random.default_rng(0)
    other = shuffle(crystal, seen, rng)
    assert not set(other.numbers.tolist()) & set(crystal.numbers.tolist())
    _, sites = np.unique(crystal.numbers, return_inverse=True)
    for kind in np.unique(sites):
        assert len(np.unique(other.numbers[sites == kind])) == 1
    assert len(np.unique(other.numbers)) == len(np.unique(crystal.numbers))
    np.testing.assert_array_equal(other.positions, crystal.positions)


def test_a_transplant_has_the_composition_of_one_and_the_sites_of_the_other(perovskites):
    first = perovskites[0]
    donor = next(c for c in perovskites[40:] if len(c) == len(first))
    moved = transplant(first, donor, np.random.default_rng(0))
    assert sorted(moved.numbers.tolist()) == sorted(first.numbers.tolist())
    np.testing.assert_array_equal(moved.positions, donor.positions)


@pytest.mark.parametrize("kind", [Kind.INTENSIVE, Kind.EXTENSIVE])
def test_a_label_that_is_a_function_of_the_number_of_atoms_is_caught(untrained, perovskites, kind):
    sizes = np.array([len(c) for c in perovskites], dtype=float)
    result = size_alone(untrained(labels=np.sin(sizes) * sizes, kind=kind))
    assert result.verdict is Verdict.ALARM
    assert result.numbers.r2[0] > 0.9


def test_a_label_proportional_to_the_number_of_atoms_is_caught(untrained, perovskites, says):
    sizes = np.array([len(c) for c in perovskites], dtype=float)
    result = size_alone(untrained(labels=-3.7 * sizes, kind=Kind.EXTENSIVE))
    assert result.verdict is Verdict.ALARM
    assert "proportional to the number of atoms" in says(result)


@pytest.mark.parametrize("kind", [Kind.INTENSIVE, Kind.EXTENSIVE])
def test_a_label_that_does_not_follow_size_raises_no_alarm(untrained, kind):
    assert size_alone(untrained(kind=kind)).verdict is Verdict.OK


def test_where_all_crystals_have_one_size_the_volume_is_a_density(untrained, perovskites):
    five = [c for c in perovskites if len(c) == 5] * 3
    volumes = np.array([c.volume for c in five])
    result = size_alone(untrained(labels=volumes, crystals=five))
    assert result.verdict is Verdict.OK
    assert result.numbers.r2[1] > 0.9


def test_a_supercell_counts_with_its_atoms(untrained, perovskites):
    doubled = [supercell(c, (1, 1, 1 + n % 2)) for n, c in enumerate(perovskites)]
    labels = np.array([float(n % 2) for n in range(len(doubled))]) * 0.1
    labels += np.array([len(c) for c in doubled]) * 1.0
    assert size_alone(untrained(labels=labels, crystals=doubled)).verdict is Verdict.ALARM


@pytest.mark.parametrize(
    ("geometry", "composition", "verdict", "word"),
    [
        (2.0, 2.0, Verdict.OK, "Both geometry and composition"),
        (0.0, 2.0, Verdict.ALARM, "Geometry alone"),
        (2.0, 0.0, Verdict.ALARM, "Composition alone"),
    ],
)
def test_a_half_that_does_as_well_is_an_alarm(
    untrained, says, geometry, composition, verdict, word
):
    tested = untrained()
    truth = tested.values[tested.test]
    rng = np.random.default_rng(0)
    noise = [truth.std() * rng.normal(size=len(truth)) for _ in range(2)]
    predicted = truth + geometry * noise[0], truth + composition * noise[1]
    result = retrained(replace(tested, train_halves=lambda _: Halves(*predicted, "O", 3, 9)))
    assert result.verdict is verdict
    assert word in says(result)
    assert "3 epochs, the model 9" in says(result)


def test_trained_again_is_one_model_beside_the_members_of_a_run(untrained, says):
    tested = untrained(members=2)
    truth = tested.values[tested.test]
    result = retrained(replace(tested, train_halves=lambda _: Halves(truth, truth, "O", 3, 9)))
    assert "one model, 3 epochs; the run has 2 members of 9" in says(result)
