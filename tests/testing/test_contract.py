"""Every encoder signs the contract, and the contract catches those that should not."""

from itertools import product

import pytest
import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.neighbors import Edges
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.models.encoder import Features
from xtalgraph.models.head import Deviation
from xtalgraph.models.readouts import SumReadout
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.requirements import readout_named
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn import expansion
from xtalgraph.nn.expansion import Envelope
from xtalgraph.nn.norm import WeightedBatchNorm
from xtalgraph.testing.contract import check_contract

SIZES = {
    "alignn": {
        "width": 8,
        "embedding_width": 6,
        "alignn_layers": 2,
        "gcn_layers": 1,
        "angle_basis": 8,
        "basis_step": 0.4,
    },
    "allegro": {"edge_width": 6, "channels": 3, "radials": 4, "hidden": 6},
    "cace": {"width": 8, "channels": 6, "element_width": 2, "radials": 4},
    "cgcnn": {"width": 16, "depth": 2},
    "gcn": {"width": 16, "depth": 2},
    "gemnet": {
        "width": 10,
        "triplet_width": 6,
        "dihedral_width": 5,
        "basis_width": 4,
        "degrees": 3,
    },
    "mace": {
        "channels": 4,
        "degree": 2,
        "correlation": 2,
        "output_degree": 2,
        "radials": 4,
        "radial_width": 6,
    },
    "megnet": {"width": 8, "hidden": 12, "element_width": 6, "depth": 2, "basis_step": 0.4},
    "nequip": {"channels": [5, 3, 2], "depth": 2, "radials": 4, "radial_width": 6},
    "schnet": {"width": 16, "filters": 16, "depth": 2, "basis_step": 0.25},
    "tfn": {"channels": 4, "depth": 2, "radials": 4, "radial_width": 6},
    "xgn": {"width": 12, "edge_width": 10, "depth": 2, "angle_depth": 1, "angle_width": 6},
}
"""A small size of every encoder."""


def signed(spec: ModelSpec) -> list:
    torch.manual_seed(0)
    model = spec.make_model().double()
    with torch.no_grad():
        fitted = model.heads[0].scalers[0].shift
        shift = torch.randn_like(fitted)
        fitted.copy_(shift[0] if spec.targets[0].kind is Kind.INTENSIVE else shift)
        for buffer_name, buffer in model.named_buffers():
            if buffer_name.endswith("running_mean"):
                buffer.normal_()
            if buffer_name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
    return check_contract(model, spec)


BY_DISTANCE, BY_RANK = ("radius", {"cutoff": 5.0}), ("hybrid", {})


def cases():
    """Yield encoders with graphs and kinds of target; what repeats another is marked as long.

    No readout sees the graph or the encoder, only their vectors, which one encoder has of the whole
    crystal, too: each readout is tried with every kind once, and with those vectors.
    """
    seen = set()
    for encoder, strategy, kind in product(ENCODERS, (BY_DISTANCE, BY_RANK), Kind):
        readout = readout_named("auto", Target("y", kind), ENCODERS[encoder])
        what = readout, kind, encoder == "megnet"  # it has a vector of the crystal
        marks = [pytest.mark.long] if what in seen and kind is not Kind.EXTENSIVE else []
        seen.add(what)
        name = f"{encoder}-{strategy[0]}-{kind}"
        yield pytest.param(encoder, strategy, kind, id=name, marks=marks)


@pytest.mark.parametrize(("encoder", "strategy", "kind"), [*cases()])
def test_every_encoder_signs_the_contract(encoder, strategy, kind):
    checks = signed(ModelSpec(encoder, SIZES[encoder], "auto", *strategy, (Target("y", kind),)))
    assert len({check.check for check in checks}) >= 11
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        (BY_DISTANCE, Kind.EXTENSIVE),
        (BY_RANK, Kind.INTENSIVE),
        pytest.param(BY_DISTANCE, Kind.INTENSIVE, marks=pytest.mark.long),
        pytest.param(BY_RANK, Kind.EXTENSIVE, marks=pytest.mark.long),
    ],
    ids=str,
)
@pytest.mark.parametrize("encoder", [n for n, e in ENCODERS.items() if e.reads.reduced])
def test_it_is_signed_with_folded_graphs_too(encoder, strategy, kind):
    spec = ModelSpec(encoder, SIZES[encoder], "auto", *strategy, (Target("y", kind),), 1e-3)
    checks = signed(spec)
    tried = {check.check for check in checks}
    assert {f"{what}, reduced as full" for what in ("values", "gradients", "buffers")} <= tried
    assert {f"gradients, {what}" for what in ("rotation", "permutation", "supercell")} <= tried
    assert [check for check in checks if not check.passed] == []


OPTIONS = [
    {"basis": "bessel", "basis_size": 8},
    {"basis": "chebyshev", "basis_size": 6, "envelope": "polynomial"},
    {"basis": "lecture"},
    {"basis": "cgcnn"},
    {"element_features": "continuous", "coordination": True},
    {"element_features": "embedding"},
    {"bond_features": True},
]
"""Settings of CGCNN that change what is read of elements and edges."""


@pytest.mark.parametrize(
    "reduction_tolerance",
    [pytest.param(0.0, marks=pytest.mark.long, id="full"), pytest.param(1e-3, id="folded")],
)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_cgcnn_signs_it_with_every_kind_of_feature(options, reduction_tolerance):
    settings = SIZES["cgcnn"] | options
    target = Target("y", Kind.EXTENSIVE)
    checks = signed(
        ModelSpec("cgcnn", settings, "auto", "radius", {}, (target,), reduction_tolerance)
    )
    assert len({check.check for check in checks}) >= 14
    assert [check for check in checks if not check.passed] == []


VARIANCE = [(0.0, "auto", kind) for kind in Kind] + [
    (0.001, "auto", Kind.EXTENSIVE),
    (0.001, "n-times-attention", Kind.EXTENSIVE),
    (0.001, "set2set", Kind.INTENSIVE),
]
"""Tolerances of folding, readouts and kinds of targets whose deviation signs it, too."""


@pytest.mark.parametrize(("reduction_tolerance", "readout", "kind"), VARIANCE, ids=str)
def test_a_learned_deviation_signs_it_as_its_target(reduction_tolerance, readout, kind):
    target, settings = Target("y", kind), SIZES["cgcnn"]
    spec = ModelSpec(
        "cgcnn", settings, readout, "radius", {}, (target,), reduction_tolerance, variance=True
    )
    model = spec.make_model()
    model.heads[0].scalers[0].scale.fill_(3.0)
    checks = check_contract(model, spec)
    assert len({check.check for check in checks}) >= 11
    assert [check for check in checks if not check.passed] == []


REDUCED = {f"{what}, reduced as full" for what in ("values", "gradients", "buffers")}


def failed(spec: ModelSpec) -> set[str]:
    return {check.check for check in signed(spec) if not check.passed}


def test_a_hard_cutoff_is_caught():
    spec = ModelSpec(
        "cgcnn",
        {"width": 16, "envelope": "none"},
        "auto",
        "radius",
        {},
        (Target("y", Kind.EXTENSIVE),),
    )
    assert failed(spec) >= {"value at the cutoff", "slope at the cutoff"}


def test_a_search_without_images_is_caught(monkeypatch):
    def within_the_cell(self: Radius, crystal: Crystal) -> Edges:
        found = original(self, crystal)
        return found.select((found.image == 0).all(axis=1))

    original = Radius.edges
    monkeypatch.setattr(Radius, "edges", within_the_cell)
    spec = ModelSpec("cgcnn", SIZES["cgcnn"], "auto", "radius", {}, (Target("y", Kind.EXTENSIVE),))
    assert failed(spec) >= {"supercell", "periodic shift"}


def test_a_strict_cut_through_a_shell_is_caught(monkeypatch):
    def strict(self: Hybrid, crystal: Crystal) -> Edges:
        found = original(self, crystal)
        rank = [int((found.center[:i] == c).sum()) for i, c in enumerate(found.center)]
        return found.select(torch.tensor(rank).numpy() < self.max_neighbors)

    original = Hybrid.edges
    monkeypatch.setattr(Hybrid, "edges", strict)
    spec = ModelSpec("cgcnn", SIZES["cgcnn"], "auto", "hybrid", {}, (Target("y", Kind.EXTENSIVE),))
    assert failed(spec) & {"supercell", "permutation", "lattice basis"}


def test_sums_that_forget_the_multiplicity_are_caught(monkeypatch):
    def forgetful(values: torch.Tensor, multiplicity: torch.Tensor) -> torch.Tensor:
        return values

    spec = ModelSpec("cgcnn", SIZES["cgcnn"], "auto", "radius", {}, (Target("y", Kind.EXTENSIVE),))
    monkeypatch.setattr(expansion, "weighted", forgetful)
    assert failed(spec) == REDUCED | {"reduced as full, merged distances"}


def test_statistics_that_forget_the_multiplicity_are_caught(monkeypatch):
    def forgetful(self: WeightedBatchNorm, values: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return original(self, values, torch.ones(len(values), dtype=torch.long))

    original = WeightedBatchNorm.forward
    spec = ModelSpec("cgcnn", SIZES["cgcnn"], "auto", "radius", {}, (Target("y", Kind.EXTENSIVE),))
    monkeypatch.setattr(WeightedBatchNorm, "forward", forgetful)
    assert failed(spec) == REDUCED


def test_a_deviation_that_is_made_positive_after_the_sum_is_caught(monkeypatch):
    def late(self: Deviation, features: Features, graph: Graph) -> torch.Tensor:
        return torch.nn.functional.softplus(self.readout(features, graph))

    target = Target("y", Kind.EXTENSIVE)
    spec = ModelSpec("cgcnn", SIZES["cgcnn"], "auto", "radius", {}, (target,), variance=True)
    monkeypatch.setattr(Deviation, "forward", late)
    assert failed(spec) == {"supercell", "gradients, supercell"}


def test_a_model_that_learns_less_from_larger_cells_is_caught(monkeypatch):
    def slow(self: SumReadout, features: Features, graph: Graph) -> torch.Tensor:
        said = original(self, features, graph)
        return said if len(graph.number) <= 3 else (said + said.detach()) / 2

    original = SumReadout.forward
    spec = ModelSpec("cgcnn", SIZES["cgcnn"], "auto", "radius", {}, (Target("y", Kind.EXTENSIVE),))
    monkeypatch.setattr(SumReadout, "forward", slow)
    assert failed(spec) == {"gradients, supercell"}


def test_angles_that_do_not_fade_are_caught(monkeypatch):
    settings = {**SIZES["xgn"], "angle_cutoff": 4.0}
    spec = ModelSpec("xgn", settings, "auto", "radius", {}, (Target("y", Kind.EXTENSIVE),))
    assert failed(spec) == set()

    def unfaded(envelope: Envelope, graph: Graph, dtype: torch.dtype) -> torch.Tensor:
        return torch.ones(len(graph.receiving_edge), dtype=dtype)

    monkeypatch.setattr(expansion, "triplet_envelope", unfaded)
    assert failed(spec) == {"value at the cutoff of angles", "slope at the cutoff of angles"}
