import numpy as np
import pytest

from xtalgraph.baselines.baseline import MeanBaseline
from xtalgraph.conventions.errors import InputError, TargetError


def cells(*sizes):
    counts = np.zeros((len(sizes), 119))
    counts[:, 14] = sizes
    return counts


def test_intensive_target_gets_the_mean():
    baseline = MeanBaseline("intensive").fit(cells(1, 2, 8), np.array([1.0, 2.0, 6.0]))
    assert baseline.predict(cells(5, 1)).tolist() == [3.0, 3.0]


def test_extensive_target_gets_the_atoms_times_the_mean_per_atom():
    baseline = MeanBaseline("extensive").fit(cells(1, 2, 4), np.array([1.0, 6.0, 20.0]))
    # per atom 1, 3, 5
    assert baseline.predict(cells(1, 10)).tolist() == [3.0, 30.0]


def test_supercells_in_the_training_set_change_nothing():
    small = MeanBaseline("extensive").fit(cells(1, 2), np.array([1.0, 6.0]))
    large = MeanBaseline("extensive").fit(cells(8, 2), np.array([8.0, 6.0]))
    assert small.predict(cells(3)) == large.predict(cells(3))


def test_no_crystals_to_predict():
    assert MeanBaseline("extensive").fit(cells(1), np.ones(1)).predict(cells()).shape == (0,)


def test_misuse_is_explained():
    with pytest.raises(InputError, match="call fit first"):
        MeanBaseline("intensive").predict(cells(1))
    with pytest.raises(InputError, match="at least one crystal"):
        MeanBaseline("intensive").fit(cells(), np.zeros(0))
    with pytest.raises(InputError, match="got nan in row 1"):
        MeanBaseline("intensive").fit(cells(1, 1), np.array([0.0, np.nan]))
    with pytest.raises(InputError, match="at least one atom"):
        MeanBaseline("extensive").fit(cells(1, 0), np.zeros(2))
    with pytest.raises((TargetError, TypeError), match="kind"):
        MeanBaseline("atomic")
