"""The least loss is that which numpy, linear programming and minimisers of scipy find."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize
from scipy.special import huber

from xtalgraph.data.targets import Kind, Target
from xtalgraph.training.least_squares import (
    PENALTIES,
    Minimum,
    Rows,
    least_loss,
    least_loss_of_folds,
)
from xtalgraph.training.objective import Objective
from xtalgraph.training.term import Term

UNIT, COLUMNS = 0.5, 4
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, COLUMNS))
Y = X @ [1.0, -2.0, 0.5, 3.0] + RANDOM.standard_t(2, size=60)


def rows_of(loss: str, x=X, y=Y, parts=(60,), weight: float = 1.0) -> list[Rows]:
    term = Term(Target("v", Kind.INTENSIVE), loss, weight)
    columns, labels = (torch.from_numpy(array).split(list(parts)) for array in (x, y))
    return [
        Rows(term, torch.zeros_like(label), some, label, torch.tensor(UNIT).double())
        for some, label in zip(columns, labels, strict=True)
    ]


def found(loss: str, x=X, y=Y, parts=(60,), penalty: float = 0.0) -> Minimum:
    rows = rows_of(loss, x, y, parts)
    return least_loss(Objective((rows[0].term,)), rows, penalty)


def test_squares_are_those_of_numpy():
    expected, (squares,), *_ = np.linalg.lstsq(X, Y, rcond=None)
    made = found("mse")
    np.testing.assert_allclose(made.change.numpy(), expected, rtol=1e-6)
    assert made.before == pytest.approx(np.mean((Y / UNIT) ** 2))
    assert made.after == pytest.approx(squares / len(Y) / UNIT**2)


def test_the_sum_of_magnitudes_is_that_of_a_linear_program():
    one = np.eye(len(Y))
    bound = np.block([[X, -one], [-X, -one]])
    costs = np.r_[np.zeros(COLUMNS), np.ones(len(Y))]
    free = [(None, None)] * len(costs)
    solved = linprog(costs, A_ub=bound, b_ub=np.r_[Y, -Y], bounds=free)
    least = solved.fun / len(Y) / UNIT
    assert least <= found("l1").after < 1.001 * least


def test_the_loss_between_is_that_of_a_minimiser():
    def loss(change):
        return np.mean(huber(1.0, (X @ change - Y) / UNIT))

    least = minimize(loss, np.zeros(COLUMNS)).fun
    assert least * (1 - 1e-9) <= found("huber").after < 1.001 * least


@pytest.mark.parametrize("loss", ["l1", "huber", "mse"])
def test_parts_and_missing_labels_change_nothing(loss):
    whole = found(loss)
    missing = np.insert(Y, [5, 40], np.nan)
    more = found(loss, np.insert(X, [5, 40], 9.0, axis=0), missing, (30, 1, 31))
    torch.testing.assert_close(more.change, whole.change)
    assert (more.before, more.after) == pytest.approx((whole.before, whole.after))


def test_targets_count_as_they_weigh():
    terms = [Term(Target(name, Kind.INTENSIVE), "mse", w) for name, w in (("a", 3.0), ("b", 1.0))]
    column, zero = torch.ones(1, 1).double(), torch.zeros(1).double()
    rows = [Rows(term, zero, column, zero + k, zero[0] + 1) for k, term in enumerate(terms)]
    made = least_loss(Objective(tuple(terms)), rows)
    assert made.change.tolist() == pytest.approx([0.25])
    assert (made.before, made.after) == pytest.approx((0.25, 0.1875))


@pytest.mark.parametrize("loss", ["l1", "huber", "mse"])
def test_what_the_rows_do_not_determine_does_not_move(loss):
    double = np.c_[X, X[:, 0], np.zeros(len(Y))]
    change = found(loss, double).change
    assert change[0] == pytest.approx(float(change[4]), rel=1e-6)
    assert change[5] == 0
    plain = found(loss)
    np.testing.assert_allclose(change[0] + change[4], plain.change[0], rtol=1e-4)


@pytest.mark.parametrize("loss", ["l1", "huber", "mse"])
def test_where_nothing_is_wrong_nothing_moves(loss):
    made = found(loss, X, np.zeros(len(Y)))
    assert made.change.abs().max() == made.before == made.after == 0
    term = Term(Target("v", Kind.INTENSIVE), loss)
    value = torch.tensor([-400.0]).double()
    row = Rows(term, value, torch.ones(1, 2).double(), value, value.abs()[0])
    assert least_loss(Objective((term,)), [row]).change.tolist() == [0.0, 0.0]


def test_a_penalty_is_that_of_ridge_regression():
    x = X * [1.0, 10.0, 0.1, 1.0]  # columns of any size are alike
    gram = x.T @ x
    for penalty in (0.01, 1.0, 100.0):
        expected = np.linalg.solve(gram + penalty * np.diag(np.diag(gram)), x.T @ Y)
        made = found("mse", x, penalty=penalty)
        np.testing.assert_allclose(made.change.numpy(), expected, rtol=1e-6)
        assert made.after == pytest.approx(np.mean((x @ expected - Y) ** 2) / UNIT**2)


@pytest.mark.parametrize("loss", ["l1", "huber"])
def test_a_larger_penalty_moves_less_and_leaves_more(loss):
    made = [found(loss, penalty=penalty) for penalty in (0.0, 0.1, 1.0, 10.0)]
    assert np.all(np.diff([np.linalg.norm(X @ m.change.numpy()) for m in made]) < 0)
    assert np.all(np.diff([m.after for m in made]) > 0)
    assert all(m.after < m.before for m in made)


@pytest.mark.parametrize("loss", ["l1", "huber", "mse"])
def test_beginning_near_leads_to_the_same_minimum(loss):
    rows, near = rows_of(loss), None
    objective = Objective((rows[0].term,))
    for penalty in PENALTIES:
        near = least_loss(objective, rows, penalty, near)
        alone = least_loss(objective, rows, penalty)
        torch.testing.assert_close(near.curvature, alone.curvature)
        least, reached = (
            m.after + penalty * float(m.curvature @ m.change.square()) / 2 for m in (alone, near)
        )
        assert (near.before, reached) == pytest.approx((alone.before, least), rel=2e-4)


@pytest.mark.parametrize("loss", ["l1", "mse"])
def test_folds_choose_the_penalty_that_predicts_others_best(loss):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 40))
    signal = x @ (0.05 * rng.normal(size=40))
    y, new = signal + rng.normal(size=80), rng.normal(size=(1000, 40))
    folds = [[row] for row in rows_of(loss, x, y, (16,) * 5)]
    objective, told = Objective((folds[0][0].term,)), []
    made = least_loss_of_folds(objective, folds, told.append)
    free = found(loss, x, y, (16,) * 5)
    assert len(told) == len(folds)
    assert np.abs(new @ made.change.numpy()).mean() < 0.7 * np.abs(new @ free.change.numpy()).mean()
    everything = [row for fold in folds for row in fold]
    chosen = [
        penalty
        for penalty in PENALTIES
        if torch.equal(least_loss(objective, everything, penalty).change, made.change)
    ]
    assert chosen == [PENALTIES[-1]]
    clear = [[row] for row in rows_of(loss, x, 20 * signal, (16,) * 5)]
    exact = least_loss_of_folds(objective, clear, told.append)
    assert exact.after < 1e-3 * exact.before


def test_of_one_fold_there_is_no_penalty():
    (row,) = rows_of("mse")
    made = least_loss_of_folds(Objective((row.term,)), [[row]], lambda text: None)
    assert torch.equal(made.change, found("mse").change)
