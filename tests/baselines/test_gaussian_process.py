import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor

from xtalgraph.baselines import gaussian_process
from xtalgraph.baselines.gaussian_process import GaussianProcess


def surface(rows, seed=0):
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 5.0


def test_a_smooth_surface_is_learned_to_a_few_percent():
    x, y = surface(300)
    new, true = surface(100, seed=1)
    error = np.abs(GaussianProcess().fit(x, y).predict(new) - true)
    assert error.mean() < 0.05 * np.abs(true - true.mean()).mean()


def test_it_is_that_of_scikit_learn_with_the_kernel_it_found():
    x, y = surface(60)
    process = GaussianProcess(seed=3).fit(x, y)
    order = np.random.default_rng(3).permutation(60)
    theirs = GaussianProcessRegressor(process.process_.kernel_, optimizer=None, normalize_y=True)
    expected = theirs.fit(x[order], y[order]).predict(x)
    np.testing.assert_array_equal(process.predict(x), expected)


def test_the_cost_is_bounded_and_what_is_drawn_follows_from_the_seed(monkeypatch):
    monkeypatch.setattr(gaussian_process, "MOST_ROWS", 40)
    monkeypatch.setattr(gaussian_process, "ROWS_OF_KERNEL", 20)
    monkeypatch.setattr(gaussian_process, "_PART", 7)
    x, y = surface(100)
    first, again, other = (GaussianProcess(seed=seed).fit(x, y) for seed in (0, 0, 1))
    assert len(first.process_.X_train_) == 40
    predicted = first.predict(x)
    np.testing.assert_array_equal(predicted, again.predict(x))
    assert (predicted != other.predict(x)).all()
    assert first.predict(x[:0]).shape == (0,)
