"""Tensors that are predicted turn with the crystal, and have its symmetry."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from two_convolutions import registered
from xtalgraph.conventions.errors import TargetError
from xtalgraph.conventions.voigt import NAMED
from xtalgraph.crystals.composition import elements_of
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with registered():
        yield


def spec_of(name, kind=Kind.INTENSIVE, readout="auto", **settings):
    target = Target("t", kind, tensor=NAMED[name])
    return ModelSpec("two-convolutions", settings, readout, "radius", {"cutoff": 4.5}, (target,))


def model_of(spec):
    torch.manual_seed(1)
    return spec.make_model().double()


@pytest.mark.parametrize(
    ("name", "kind", "degree"),
    [("dielectric", "extensive", 2), ("elastic", "intensive", 4), ("piezoelectric", "atomic", 3)],
)
def test_tensors_sign_the_contract(name, kind, degree):
    spec = spec_of(name, Kind(kind), degree=degree)
    checks = check_contract(model_of(spec), spec)
    assert [check for check in checks if not check.passed] == []
    tried = {check.check for check in checks if check.relative is not None}
    assert {"rotation", "reflection", "symmetry of the crystal"} <= tried


ROCKSALT = Crystal.from_fractional(
    2.1 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]),
    np.array([[0.0] * 3, [0.5] * 3]),
    np.array([12, 8]),
)


@pytest.mark.parametrize(
    ("name", "independent"), [("dielectric", 1), ("elastic", 3), ("piezoelectric", 0)]
)
def test_predictions_have_the_symmetry_of_their_crystal(name, independent):
    spec = spec_of(name)
    crystals = [ROCKSALT, contract_crystals()["cubic"]]
    values = model_of(spec)(spec.make_graph(crystals)).values["t"].detach().numpy()
    for row, crystal in zip(values, crystals, strict=True):
        symmetry, tensor = Symmetry.of(crystal), NAMED[name]
        off = np.linalg.norm(row - symmetry.project(tensor, row[None])[0])
        assert off <= 1e-10
        assert (np.linalg.norm(row) > 1e-6) == (independent > 0)
    if name == "elastic":  # C11, C12 and C44 are independent: the part of degree 4 is there
        stiffness = values[0]
        zener = 2 * stiffness[1, 2, 1, 2] / (stiffness[0, 0, 0, 0] - stiffness[0, 0, 1, 1])
        assert abs(zener - 1) > 1e-6


def test_scales_and_the_mean_are_fitted_and_missing_labels_left_out():
    spec = spec_of("dielectric")
    model, rng = model_of(spec), np.random.default_rng(0)
    crystals = [contract_crystals()["cubic"]] * 40
    components = rng.normal(size=(40, 6)) * 2.0
    labels = NAMED["dielectric"].from_components(components) + 5.0 * np.eye(3)
    with_gap = labels.copy()
    with_gap[7] = np.nan
    values = Values(spec.targets, {"t": with_gap}, np.full(40, 5))
    model.fit_scales(values, crystals)
    start = model.start(spec.make_graph(crystals[:2]))["t"].numpy()
    known = np.delete(labels, 7, axis=0)
    mean = np.trace(known, axis1=1, axis2=2).mean() / 3
    np.testing.assert_allclose(start, np.stack([mean * np.eye(3)] * 2), atol=1e-10)
    head = model.head_of["t"]
    deviator = known - np.trace(known, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    assert float(head.scales[1]) == pytest.approx(np.sqrt((deviator**2).sum() / 39 / 5))
    assert len(elements_of(crystals[0])) == 5


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("elastic", {"degree": 3}, "parts of degree and parity 4e"),
        ("dielectric", {"degree": 1}, "parts of degree and parity 2e"),
    ],
)
def test_an_encoder_without_the_degree_is_refused(name, settings, reason):
    with pytest.raises(TargetError, match=reason):
        spec_of(name, **settings).make_model()


@pytest.mark.parametrize("encoder", ["xgn", "cace", "schnet"])
def test_invariant_encoders_say_why_they_cannot(encoder):
    target = Target("eps", Kind.INTENSIVE, tensor=NAMED["dielectric"])
    with pytest.raises(TargetError, match="the features of this architecture do not"):
        ModelSpec(encoder, {}, "auto", "radius", {}, (target,)).make_model()


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("dielectric", {}, "do not: .* a setting, as model.output_degree"),
        ("dielectric", {"output_degree": 1}, "2e, .* let it have features of degree 2"),
        ("piezoelectric", {"degree": 3, "output_degree": 3}, "2o, .* one that has both parities"),
    ],
)
def test_mace_returns_the_parity_of_harmonics_up_to_a_degree(name, settings, reason):
    target = Target("t", Kind.INTENSIVE, tensor=NAMED[name])
    with pytest.raises(TargetError, match=reason):
        ModelSpec("mace", settings, "auto", "radius", {}, (target,))


def test_no_variance_of_a_tensor_is_learned():
    target = Target("eps", Kind.INTENSIVE, tensor=NAMED["dielectric"])
    with pytest.raises(TargetError, match="of which no variance is learned"):
        ModelSpec("two-convolutions", {}, "auto", "radius", {}, (target,), variance=True)
