import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from xtalgraph.baselines.composition import CompositionNetwork
from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.learners import LEARNERS, FeatureRegressor
from xtalgraph.conventions.errors import InputError, TargetError
from xtalgraph.crystals import transforms
from xtalgraph.testing.crystals import contract_crystals


def columns(rows=300, features=6):
    generator = np.random.default_rng(1)
    x = generator.normal(size=(rows, features))
    return x, x @ np.arange(features) + 3.0


def ones(rows):
    return np.ones(len(rows), dtype=int)


@pytest.mark.parametrize("learner", LEARNERS)
def test_each_learns_a_line_better_than_the_mean(learner):
    x, y = columns()
    model = FeatureRegressor("intensive", learner).fit(x[:200], ones(x[:200]), y[:200])
    error = np.abs(model.predict(x[200:], ones(x[200:])) - y[200:]).mean()
    assert error < 0.5 * np.abs(y[200:] - y[:200].mean()).mean()


def test_ridge_of_exact_data_is_least_squares():
    x, y = columns()
    model = FeatureRegressor("intensive", "ridge").fit(x, ones(x), y)
    expected = LinearRegression().fit(x, y).predict(x)
    np.testing.assert_allclose(model.predict(x, ones(x)), expected, atol=1e-4)
    assert model.parameters == 7


def test_the_forest_is_that_of_scikit_learn_on_any_number_of_threads():
    x, y = columns()
    theirs = RandomForestRegressor(100, max_features=1 / 3, random_state=4).fit(x, y)
    for jobs in (1, 2):
        model = FeatureRegressor("intensive", "forest", seed=4, jobs=jobs).fit(x, ones(x), y)
        assert model.predict(x, ones(x)).tolist() == theirs.predict(x).tolist()


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_extensive_target_is_learned_per_atom_and_multiplied(learner):
    x, y = columns(80)
    sizes = np.random.default_rng(0).choice([1, 2, 4, 8], size=80)  # divided by exactly
    per_atom = FeatureRegressor("intensive", learner).fit(x, ones(x), y)
    total = FeatureRegressor("extensive", learner).fit(x, sizes, y * sizes)
    expected = 3 * sizes * per_atom.predict(x, ones(x))
    np.testing.assert_allclose(total.predict(x, 3 * sizes), expected, rtol=1e-6)


def test_sparse_features_are_reduced_to_what_spans_them():
    x, y = columns()
    wide = np.zeros((300, 500))
    wide[:, ::100] = x[:, :5]
    y = wide.sum(axis=1)
    model = FeatureRegressor("intensive", "ridge").fit(csr_array(wide), ones(x), y)
    np.testing.assert_allclose(model.predict(csr_array(wide), ones(x)), y, atol=1e-3)


def test_the_network_on_compositions_ignores_the_cell():
    crystals = list(contract_crystals().values())
    counts = count_elements(crystals)
    network = CompositionNetwork("extensive").fit(counts, counts.sum(axis=1) * -2.0)
    doubled = count_elements([transforms.supercell(c, (1, 1, 1)) for c in crystals]) * 2
    np.testing.assert_allclose(network.predict(doubled), 2 * network.predict(counts))
    assert network.parameters > 128 * 64


def test_what_cannot_be_learned_is_refused():
    x, _ = columns(10)
    with pytest.raises(InputError, match="call fit first"):
        FeatureRegressor("intensive", "ridge").predict(x, ones(x))
    with pytest.raises(InputError, match="at least two finite targets"):
        FeatureRegressor("intensive", "ridge").fit(x, ones(x), np.full(10, np.nan))
    with pytest.raises((TargetError, TypeError), match="kind"):
        FeatureRegressor("atomic", "ridge")
