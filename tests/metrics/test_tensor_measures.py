"""Measures of tensors: written out, against pymatgen, and the same in all axes."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.voigt import NAMED, to_voigt
from xtalgraph.data.targets import Kind, Target
from xtalgraph.metrics.bootstrap import compare_paired
from xtalgraph.metrics.measures import MEASURES, error_of, measures_of, rank_of
from xtalgraph.metrics.moduli import moduli
from xtalgraph.metrics.summary import evaluate
from xtalgraph.metrics.tensors import invariant_of

RNG = np.random.default_rng(2)
TARGETS = {
    name: Target("t", Kind.INTENSIVE, "GPa", tensor=tensor) for name, tensor in NAMED.items()
}


def drawn(name, rows=12):
    tensor = NAMED[name]
    values = tensor.from_components(RNG.normal(size=(rows, tensor.num_components)))
    if name == "elastic":
        values = 0.2 * values + 10.0 * tensor.isotropic_part(np.abs(values)) + stiff()
    return values


def stiff():
    eye = np.eye(3)
    return 3.0 * (np.einsum("ik,jl->ijkl", eye, eye) + np.einsum("il,jk->ijkl", eye, eye))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("vector", 5),
        ("dielectric", 8),
        ("piezoelectric", 5),
        ("elastic", 14),
        ("compliance", 5),
    ],
)
def test_each_tensor_has_its_measures_which_no_axes_change(name, keys):
    target, turn = TARGETS[name], Rotation.random(random_state=1).as_matrix()
    measures = measures_of(target)
    assert len(measures) == keys
    assert (error_of(target).key, rank_of(target).key) == ("frobenius", "norm_spearman")
    true = drawn(name)
    near, far = true + 0.1 * drawn(name), true + 0.9 * drawn(name)
    turned = [target.tensor.rotate(values, turn) for values in (true, near)]
    for measure in measures:
        assert measure.of(*turned) == pytest.approx(measure.of(true, near), abs=1e-10)
        good, bad = measure.of(true, true), measure.of(true, far)
        assert good < bad if measure.better == "low" else good >= bad
        assert good == (0.0 if measure.better == "low" else 1.0)


def test_norms_are_those_of_all_elements():
    true, near = drawn("piezoelectric"), drawn("piezoelectric")
    errors = np.sqrt(((near - true) ** 2).sum(axis=(1, 2, 3)))
    sizes = np.sqrt((true**2).sum(axis=(1, 2, 3)))
    of = {key: measure.of(true, near) for key, measure in MEASURES.items() if measure.rows and
          measure.of_tensors == "all"}  # fmt: skip
    assert of["frobenius"] == pytest.approx(errors.mean())
    assert of["frobenius_share"] == pytest.approx(errors.mean() / sizes.mean())
    near = true * (1.0 + np.linspace(0.0, 0.5, 12)[:, None, None, None])
    assert MEASURES["within_10%"].of(true, near) == 3 / 12
    assert MEASURES["within_25%"].of(true, near) == 6 / 12
    assert MEASURES["norm_spearman"].of(true, near) == pytest.approx(
        stats.spearmanr(np.linalg.norm(true.reshape(12, -1), axis=1),
                        np.linalg.norm(near.reshape(12, -1), axis=1)).statistic
    )  # fmt: skip


def test_a_forbidden_tensor_is_right_where_only_rounding_is_predicted():
    true = np.stack([5.0 * np.eye(3), np.zeros((3, 3)), np.zeros((3, 3))])
    predicted = np.stack([5.0 * np.eye(3), 1e-7 * np.eye(3), 1e-3 * np.eye(3)])
    assert MEASURES["within_10%"].of(true, predicted) == 2 / 3


def test_the_order_of_eigenvalues_counts_where_there_is_one():
    order = MEASURES["eigenvalue_order"]
    true = np.stack([np.diag([1.0, 2.0, 3.0]), np.diag([2.0, 2.0, 2.0])])
    assert order.of(true, true) == 1.0
    assert order.of(true, -true) == 0.0
    assert order.of(true, np.stack([np.eye(3)] * 2)) == 0.5
    assert order.of(true, np.stack([np.diag([1.0, 3.0, 2.0]), np.diag([1.0, 2.0, 3.0])])) == 2 / 3
    assert np.isnan(order.of(true[1:], true[1:]))


def test_moduli_are_those_of_pymatgen():
    from pymatgen.analysis.elasticity import ElasticTensor

    stiffness = drawn("elastic", rows=6)
    for mean in ("voigt", "reuss"):
        computed = moduli(stiffness, mean)
        for row, values in enumerate(stiffness):
            theirs = ElasticTensor(values)
            assert computed["bulk"][row] == pytest.approx(getattr(theirs, f"k_{mean}"))
            assert computed["shear"][row] == pytest.approx(getattr(theirs, f"g_{mean}"))
    hill = moduli(stiffness, "hill")
    for row, values in enumerate(stiffness):
        theirs = ElasticTensor(values)
        assert hill["bulk"][row] == pytest.approx(theirs.k_vrh)
        assert hill["young"][row] == pytest.approx(theirs.y_mod / 1e9)
    assert to_voigt(NAMED["elastic"], stiffness)[0, 3, 3] == stiffness[0, 1, 2, 1, 2]


def test_a_stiffness_without_inverse_has_no_reuss_mean():
    flat = np.zeros((1, 3, 3, 3, 3))
    flat[0, 0, 0, 0, 0] = 10.0
    assert not np.isfinite(moduli(flat, "reuss")["bulk"]).any()
    assert moduli(flat, "voigt")["bulk"][0] == pytest.approx(10.0 / 9.0)


def test_all_are_reported_with_intervals_and_compared_row_by_row():
    target, true = TARGETS["dielectric"], drawn("dielectric", rows=60)
    near, far = true + 0.1 * drawn("dielectric", 60), true + 0.9 * drawn("dielectric", 60)
    metrics = evaluate(target, true, near, samples=50)
    assert set(metrics) == {measure.key for measure in measures_of(target)}
    for metric in metrics.values():
        assert metric.low <= metric.value <= metric.high
    compared = compare_paired(error_of(target), target, true, near, far)
    assert compared["outcome"] == "better"
    assert compared["difference"] == pytest.approx(
        MEASURES["frobenius"].of(true, near) - MEASURES["frobenius"].of(true, far)
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("vector", "norm"),
        ("dielectric", "mean eigenvalue"),
        ("elastic", "bulk modulus (Voigt)"),
        ("compliance", "norm"),
    ],
)
def test_a_number_stands_for_each_tensor(name, what):
    tensor, values = NAMED[name], drawn(name)
    called, numbers = invariant_of(tensor, values)
    assert called == what
    turned = tensor.rotate(values, Rotation.random(random_state=5).as_matrix())
    np.testing.assert_allclose(invariant_of(tensor, turned)[1], numbers, atol=1e-10)
