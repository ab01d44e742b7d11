"""Labels that slipped, that are shuffled, that are sorted; crystals on both sides of a split."""

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import rotate, strain, supercell
from xtalgraph.data.targets import Kind
from xtalgraph.evidence.diagnostics.labels import duplicates, shifted_labels, sorted_target
from xtalgraph.evidence.diagnostics.result import Verdict


@pytest.fixture(scope="module")
def shuffled(perovskites):
    """In a drawn order: the generator writes crystals of one compound one after the other."""
    order = np.random.default_rng(3).permutation(len(perovskites))
    return [perovskites[n] for n in order]


def density(crystals):
    return np.array([c.numbers.sum() / c.volume for c in crystals])


@pytest.mark.parametrize("kind", [Kind.INTENSIVE, Kind.EXTENSIVE])
def test_labels_where_they_belong_raise_no_alarm(untrained, shuffled, kind):
    labels = density(shuffled)
    if kind is Kind.EXTENSIVE:
        labels = labels * np.array([len(c) for c in shuffled])
    result = shifted_labels(untrained(labels=labels, crystals=shuffled, kind=kind))
    assert result.verdict is Verdict.OK
    assert result.numbers.spearman[2] > 0.9


@pytest.mark.parametrize("kind", [Kind.INTENSIVE, Kind.EXTENSIVE])
@pytest.mark.parametrize("shift", [-1, 1])
def test_labels_that_slipped_by_a_row_are_caught(untrained, shuffled, kind, shift, says):
    labels = density(shuffled)
    if kind is Kind.EXTENSIVE:
        labels = labels * np.array([len(c) for c in shuffled])
    moved = np.roll(labels, shift)  # the label of row i stands in row i + shift
    result = shifted_labels(untrained(labels=moved, crystals=shuffled, kind=kind))
    assert result.verdict is Verdict.ALARM
    assert f"1 row {'below' if shift > 0 else 'above'}" in says(result)


def test_labels_that_slipped_are_caught_where_geometry_alone_tells(untrained, shuffled):
    carbon = [Crystal(c.cell, c.positions, np.full(len(c), 6), c.pbc) for c in shuffled]
    labels = np.array([c.volume / len(c) for c in carbon])
    assert shifted_labels(untrained(labels=labels, crystals=carbon)).verdict is Verdict.OK
    moved = untrained(labels=np.roll(labels, 1), crystals=carbon)
    assert shifted_labels(moved).verdict is Verdict.ALARM


def test_shuffled_labels_are_caught(untrained, shuffled, says):
    labels = np.random.default_rng(0).permutation(density(shuffled))
    result = shifted_labels(untrained(labels=labels, crystals=shuffled))
    assert result.verdict is Verdict.ALARM
    assert "shuffled" in says(result)


def test_a_few_crystals_tell_nothing(untrained, shuffled):
    result = shifted_labels(untrained(crystals=shuffled[:30]))
    assert result.verdict is Verdict.NOT_APPLICABLE


def test_a_file_sorted_by_its_target_is_caught(untrained, shuffled):
    labels = density(shuffled)
    order = np.argsort(labels)
    there = untrained(labels=labels[order], crystals=[shuffled[n] for n in order])
    result = sorted_target(there)
    assert result.verdict is Verdict.ALARM
    assert result.number == pytest.approx(1.0)
    assert sorted_target(untrained(labels=labels, crystals=shuffled)).verdict is Verdict.OK


def test_a_constant_has_no_order(untrained):
    result = sorted_target(untrained(labels=np.ones(110)))
    assert result.verdict is Verdict.NOT_APPLICABLE


def test_duplicates_across_the_split_are_caught_however_they_are_written(untrained, shuffled):
    tested = untrained(crystals=shuffled)
    assert duplicates(tested).verdict is Verdict.OK
    crystals = list(shuffled)
    turn = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    taken = tested.split.train[:3]
    ways = [lambda c: c, lambda c: rotate(c, turn), lambda c: supercell(c, (1, 1, 2))]
    for row, source, way in zip(tested.split.test[:3], taken, ways, strict=True):
        crystals[row] = way(shuffled[source])
    planted = duplicates(untrained(crystals=crystals))
    assert planted.verdict is Verdict.ALARM
    expected = [[f"c{row}", f"c{n}"] for row, n in zip(tested.split.test[:3], taken, strict=True)]
    assert planted.numbers.copies == expected
    assert planted.number == pytest.approx(3 / len(tested.test))


def test_copies_with_other_labels_are_told_and_are_no_leak(untrained, shuffled):
    tested = untrained(crystals=shuffled)
    row, source = int(tested.test[0]), int(tested.split.train[0])
    crystals = list(shuffled)
    crystals[row] = strain(shuffled[source], 0.006 * np.eye(3))
    labels = untrained(crystals=crystals).labels.copy()
    for label, verdict in ((labels[source] + 9, Verdict.OK), (labels[source], Verdict.ALARM)):
        labels[row] = label
        result = duplicates(untrained(crystals=crystals, labels=labels))
        assert ([f"c{row}", f"c{source}"] in result.numbers.copies) == (verdict is Verdict.ALARM)
        assert result.verdict is verdict


def test_strained_crystals_are_no_duplicates(untrained, shuffled):
    tested = untrained(crystals=shuffled)
    crystals = list(shuffled)
    for row, source in zip(tested.split.test[:3], tested.split.train[:3], strict=True):
        crystals[row] = strain(shuffled[source], 0.05 * np.eye(3))
    assert duplicates(untrained(crystals=crystals)).verdict is Verdict.OK
