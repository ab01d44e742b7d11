"""Every architecture reads mixtures: linear at the start, continuous, the same in any cell."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import permute, supercell
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.head import Scaler
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec

FCC = 2.98 * (1 - np.eye(3))
SITES = np.array([[0.0, 0, 0], [2.98, 2.98, 2.98]])
SMALL = {
    "alignn": {"width": 8, "alignn_layers": 1, "gcn_layers": 1},
    "cgcnn": {"width": 8, "depth": 2},
    "gcn": {"width": 8, "depth": 2},
    "megnet": {"width": 8, "hidden": 8, "depth": 1},
    "schnet": {"width": 8, "filters": 8, "depth": 2},
    "xgn": {"width": 8, "edge_width": 8, "depth": 2},
}
MIXING = [name for name, encoder in ENCODERS.items() if encoder.reads.mixtures]


def salt(*held) -> Crystal:
    return Crystal.from_sites(FCC, SITES, held)


PURE = Crystal(FCC, SITES, np.array([11, 17]), np.ones(3, dtype=bool))
HALF = salt({11: 0.5, 19: 0.5}, {17: 1.0})
POOR = salt({11: 0.25, 19: 0.5}, {17: 1.0})


def spec_of(encoder: str, kind: Kind, **settings) -> ModelSpec:
    known = SMALL.get(encoder, {}) | settings
    reduced = 1e-3 if ENCODERS[encoder].reads.reduced else 0.0
    target = Target("y", kind)
    return ModelSpec(
        encoder, known, "auto", "radius", {"cutoff": 4.5}, (target,), reduced, disorder="mix"
    )


def predictor_of(spec: ModelSpec):
    torch.manual_seed(3)
    model = spec.make_model().double().eval()
    model.heads[0].scalers[0].shift.copy_(torch.arange(119.0))

    def predict(*crystals: Crystal, whole: bool = False) -> np.ndarray:
        graph_settings = replace(spec, reduction_tolerance=0.0) if whole else spec
        with torch.no_grad():
            return model(graph_settings.make_graph(crystals)).values["y"].numpy()

    return predict


@pytest.mark.parametrize("kind", [Kind.EXTENSIVE, Kind.INTENSIVE])
@pytest.mark.parametrize("encoder", MIXING)
def test_the_contract_of_a_mixture(encoder, kind):
    predict = predictor_of(spec_of(encoder, kind))
    times = 2 if kind is Kind.EXTENSIVE else 1
    for crystal in (HALF, POOR):
        (value,) = predict(crystal)
        assert predict(supercell(crystal, (1, 2, 1))) == pytest.approx(times * value, rel=1e-10)
        assert predict(permute(crystal, np.array([1, 0]))) == pytest.approx(value, rel=1e-10)
        assert predict(crystal, whole=True) == pytest.approx(value, rel=1e-10)
        assert predict(PURE, crystal)[1] == pytest.approx(value, rel=1e-10)  # batch as single


@pytest.mark.parametrize("encoder", MIXING)
def test_small_admixtures_go_to_the_ordered_crystal(encoder):
    predict = predictor_of(spec_of(encoder, Kind.EXTENSIVE))
    (pure,) = predict(PURE)
    for admixed in (lambda x: {11: 1 - x, 19: x}, lambda x: {11: 1 - x}):
        steps = np.array([1e-3, 1e-4, 1e-5])
        change = np.array([predict(salt(admixed(x), {17: 1.0}))[0] - pure for x in steps]) / steps
        assert np.isfinite(change).all()
        assert abs(change[0]) > 1e-3
        assert change[2] == pytest.approx(change[1], rel=1e-2, abs=1e-5)


def test_full_occupancy_gives_the_bits_of_the_ordered_crystal():
    predict = predictor_of(spec_of("xgn", Kind.EXTENSIVE))
    full = salt({11: 1.0, 19: 0.0}, {17: 1.0})
    assert predict(full).tobytes() == predict(PURE).tobytes()
    assert predict(PURE, HALF)[:1] == pytest.approx(predict(PURE), rel=1e-12)


def test_a_half_empty_site_counts_half_in_a_total():
    predict = predictor_of(spec_of("gcn", Kind.EXTENSIVE))
    scaler = Scaler()
    scaler.shift.copy_(torch.arange(119.0))
    nothing = torch.zeros(2, dtype=torch.float64)
    graph = build_graph([salt({11: 0.5}, {17: 1.0}), PURE], Radius(4.0))
    assert scaler(nothing, graph, Target("y", Kind.EXTENSIVE)).tolist() == [0.5 * 11 + 17, 28]
    assert np.isfinite(predict(POOR)).all()


def test_shifts_are_fitted_to_amounts():
    crystals = [salt({11: x, 19: 1 - x}, {17: 1.0}) for x in (0.2, 0.5, 0.8)] * 20
    values = np.array([-2.0 * one.amounts[11] - 5.0 * one.amounts[19] for one in crystals])
    scaler = Scaler()
    scaler.fit(values, [one.amounts for one in crystals], Target("y", Kind.EXTENSIVE))
    said = np.stack([one.amounts for one in crystals]) @ scaler.shift.numpy()
    assert said == pytest.approx(values, abs=0.02)


def test_what_reads_one_element_is_refused_with_the_reason():
    with pytest.raises(ConfigError, match=r"model\.bond_features reads one element at each atom"):
        spec_of("cgcnn", Kind.EXTENSIVE, bond_features=True)
    with pytest.raises(ConfigError, match="'y' is declared atomic"):
        replace(
            spec_of("gcn", Kind.EXTENSIVE),
            targets=(Target("y", Kind.ATOMIC),),
            reduction_tolerance=0.0,
        )
    with pytest.raises(ConfigError, match="did you mean 'mix'"):
        replace(spec_of("gcn", Kind.EXTENSIVE), disorder="mixed")
    plain = spec_of("cgcnn", Kind.EXTENSIVE)
    model = replace(
        plain, disorder="refuse", settings=plain.settings | {"bond_features": True}
    ).make_model()
    with pytest.raises(GraphError, match="cannot read disordered sites"):
        model(plain.make_graph(HALF))


def test_the_choice_is_kept_with_the_model():
    spec = spec_of("gcn", Kind.EXTENSIVE)
    assert ModelSpec.from_dict(spec.as_dict()).disorder == "mix"
    assert replace(spec, disorder="refuse").as_dict()["disorder"] == "refuse"
