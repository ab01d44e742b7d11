"""Which edges form angles: all, some or none; and a graph that was built without."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals

SMALL = {
    "alignn": {"width": 8, "embedding_width": 6, "alignn_layers": 1, "gcn_layers": 1},
    "gemnet": {"width": 8, "triplet_width": 6, "dihedral_width": 5, "degrees": 3, "depth": 1},
    "xgn": {"width": 8, "edge_width": 8, "depth": 2, "angle_depth": 1, "angle_width": 6},
}
READERS = [name for name, encoder in ENCODERS.items() if encoder.reads.angles]
CUBIC = contract_crystals()["cubic"]


def spec_of(encoder: str, angle_neighbors: int | None, **settings: object) -> ModelSpec:
    chosen = {"angle_neighbors": angle_neighbors, "angle_cutoff": 4.0}
    settings = SMALL[encoder] | chosen | settings
    return ModelSpec(encoder, settings, "auto", "radius", {}, (Target("y", Kind.EXTENSIVE),))


def largest_jump(spec: ModelSpec) -> float:
    """Move an atom in steps of 1e-4 Å past the place where two neighbours change their ranks."""
    torch.manual_seed(0)
    model = spec.make_model().double().eval()
    rest = 1.9 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0.2, 0], [0, -1, 0.3]])
    numbers = np.array([22, 8, 8, 9, 7, 17, 16])
    way = np.array([0.48, 0.6, -0.64])

    def at(length: float) -> float:
        positions = np.vstack([rest, length * way])
        crystal = Crystal(50 * np.eye(3), positions, numbers, np.zeros(3, bool))
        with torch.no_grad():
            return float(model(spec.make_graph(crystal)).values["y"])

    values = np.array([at(1.8 + 1e-4 * step) for step in range(2500)[::25]])
    fine = np.array([at(1.89 + 1e-4 * step) for step in range(200)])
    slope = np.abs(np.diff(values)).max() / 25e-4
    return float(np.abs(np.diff(fine)).max() / (slope * 1e-4 + 1e-12))


@pytest.mark.parametrize(
    "encoder",
    [pytest.param(name, marks=[] if name == "xgn" else [pytest.mark.long]) for name in READERS],
)
def test_with_all_edges_nothing_jumps_where_the_ranks_of_neighbours_change(encoder):
    assert largest_jump(spec_of(encoder, None)) < 3
    assert largest_jump(spec_of(encoder, 3)) > 10


@pytest.mark.parametrize("encoder", READERS)
def test_with_all_edges_the_contract_is_signed(encoder):
    spec = spec_of(encoder, None)
    torch.manual_seed(0)
    checks = check_contract(spec.make_model(), spec)
    assert "slope at the cutoff of angles" in {check.check for check in checks}
    assert [check for check in checks if not check.passed] == []
    assert spec.make_angles() == Angles(4.0, None)


@pytest.mark.parametrize("encoder", READERS)
def test_a_graph_without_angles_is_refused(encoder):
    spec = spec_of(encoder, 4)
    model = spec.make_model()
    bare = build_graph([CUBIC, CUBIC], Radius(5.0))
    with pytest.raises(GraphError, match=r"built without: .*angles=Angles\(4, 4\)"):
        model(bare)
    with pytest.raises(GraphError, match="built without"):
        model.encoder(bare)
    model(add_triplets(bare, Angles(4.0, 4)))
    if ENCODERS[encoder].reads.reduced:
        with pytest.raises(GraphError, match="built without"):
            model(reduce_graph(bare))
        model(reduce_graph(add_triplets(bare, Angles(4.0, 4))))


@pytest.mark.parametrize("encoder", READERS)
def test_a_pair_of_atoms_has_no_angles_and_is_not_refused(encoder):
    spec = spec_of(encoder, 4)
    positions, numbers = np.array([[0.0, 0, 0], [1.1, 0, 0]]), np.array([6, 8])
    pair = spec.make_graph(Crystal(20 * np.eye(3), positions, numbers, np.zeros(3, bool)))
    assert len(pair.receiving_edge) == 0
    assert torch.isfinite(spec.make_model()(pair).values["y"]).all()
    assert collate([pair, spec.make_graph(CUBIC)]).has_angles.all()
    with pytest.raises(GraphError, match="some of the graphs have angles and others none"):
        collate([pair, build_graph(CUBIC, Radius(5.0))])


@pytest.mark.parametrize("encoder", READERS)
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"angle_neighbors": 1}, "angle_neighbors must be at least 2, for an angle needs two"),
        ({"angle_neighbors": -3}, "angle_neighbors must be at least 0, got -3"),
        ({"angle_cutoff": 0.0}, r"model\.angle_cutoff must be larger than 0 Å, got 0\.0"),
        ({"angle_cutoff": float("nan")}, "got nan"),
    ],
)
def test_settings_of_angles_that_cannot_be_are_refused_alike(encoder, settings, said):
    with pytest.raises(ConfigError, match=said):
        ENCODERS[encoder].Config(**settings)


def test_without_layers_on_the_line_graph_there_are_no_triplets():
    spec = spec_of("alignn", 12, alignn_layers=0)
    assert spec.make_angles() is None
    graph = spec.make_graph(CUBIC)
    assert len(graph.receiving_edge) == 0
    assert spec.make_model()(graph).values["y"].shape == (1,)
