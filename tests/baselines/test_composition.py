import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from xtalgraph.baselines.baseline import MeanBaseline
from xtalgraph.baselines.composition import CompositionBaseline
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError

PHONONS = Path(__file__).parents[2].parent / "shared" / "data" / "matbench_phonons.json.gz"


@pytest.fixture(scope="module")
def alloys():
    """Cells of up to three of ten elements, with an energy that is a sum over atoms."""
    generator = np.random.default_rng(0)
    counts = np.zeros((150, 119))
    for row in counts:
        elements = generator.choice(np.arange(21, 31), size=3, replace=False)
        row[elements] = generator.integers(0, 4, size=3)
        row[elements[0]] += 1
    return counts, counts @ np.linspace(-5, 5, 119)


@pytest.fixture(scope="module")
def fitted(alloys):
    """The baseline after it has seen all the alloys."""
    return CompositionBaseline("extensive").fit(*alloys)


def errors(baseline, counts, target):
    train = np.arange(len(counts)) % 5 > 0
    guess = baseline.fit(counts[train], target[train]).predict(counts[~train])
    return np.abs(guess - target[~train]).mean()


def test_it_learns_a_sum_over_atoms(alloys):
    counts, total = alloys
    ours = errors(CompositionBaseline("extensive"), counts, total)
    assert ours < 0.15 * errors(MeanBaseline("extensive"), counts, total)


def test_supercells_get_their_multiple_or_the_same(alloys, fitted):
    counts, total = alloys
    assert fitted.predict(4 * counts[:20]) == pytest.approx(4 * fitted.predict(counts[:20]))
    intensive = CompositionBaseline("intensive").fit(counts, total / counts.sum(axis=1))
    assert intensive.predict(4 * counts[:20]) == pytest.approx(intensive.predict(counts[:20]))


def test_the_same_bits_on_any_number_of_threads(alloys, fitted):
    counts, total = alloys
    with threadpool_limits(limits=4):
        again = CompositionBaseline("extensive").fit(counts, total).predict(counts)
    assert (again == fitted.predict(counts)).all()
    other = CompositionBaseline("extensive", seed=1).fit(counts, total).predict(counts)
    assert (again != other).any()


@pytest.mark.parametrize("rows", [1, 2, 5, 49, 50])
def test_few_rows(alloys, rows):
    counts, total = alloys
    guess = CompositionBaseline("extensive").fit(counts[:rows], total[:rows]).predict(counts[:60])
    assert np.isfinite(guess).all()
    if rows == 1:
        per_atom = total[0] / counts[0].sum()
        assert guess == pytest.approx(per_atom * counts[:60].sum(axis=1))


def test_one_composition_only_gets_its_mean():
    counts = np.zeros((80, 119))
    counts[:, 6] = 8
    energy = np.random.default_rng(0).normal(size=80)
    guess = CompositionBaseline("intensive").fit(counts, energy).predict(counts)
    assert np.ptp(guess) == 0
    assert abs(guess[0] - energy.mean()) < 0.3  # the mean or, by the error held out, the median


def test_elements_never_seen_and_properties_not_known_are_predicted(fitted):
    xenon = np.zeros((1, 119))
    xenon[0, [54, 9]] = 1, 2
    assert np.isfinite(fitted.predict(xenon)).all()


def test_predicting_before_fitting_is_explained():
    with pytest.raises(InputError, match="composition baseline has learned nothing"):
        CompositionBaseline("intensive").predict(np.ones((1, 119)))


def test_phonons_are_predicted_better_than_by_the_published_forest():
    # Matbench fold 0, harder than the others; a random forest on Magpie has 67.6 over all five.
    if not PHONONS.exists():
        pytest.skip("needs ../shared/data")
    with gzip.open(PHONONS, "rt") as file:
        rows = json.load(file)["data"]
    counts, target = np.zeros((len(rows), 119)), np.array([row[1] for row in rows])
    for row, (structure, _) in zip(counts, rows, strict=True):
        for site in structure["sites"]:
            row[ATOMIC_NUMBERS[site["species"][0]["element"]]] += 1
    folds = KFold(5, shuffle=True, random_state=18012019).split(counts)
    train, test = next(folds)
    baseline = CompositionBaseline("intensive").fit(counts[train], target[train])
    assert np.abs(baseline.predict(counts[test]) - target[test]).mean() < 66
