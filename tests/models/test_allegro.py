"""Allegro is its equations, written out edge by edge on e3nn; it is strictly local."""

import numpy as np
import pytest
import torch
from e3nn import o3
from torch.nn.functional import silu

from xtalgraph.conventions.errors import GraphError, TargetError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.models.allegro import Allegro
from xtalgraph.models.requirements import readout_named
from xtalgraph.models.schnet import SchNet
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 4.0
SIZE = {"edge_width": 5, "channels": 3, "radials": 4, "hidden": 6}


def encoder(**settings) -> Allegro:
    torch.manual_seed(0)
    return Allegro(Allegro.Config(**SIZE | settings), CUTOFF).double()


def network(model: torch.nn.Module, values: torch.Tensor) -> torch.Tensor:
    first, last = model.weights
    return silu(values @ first) @ last


def by_edges(model: Allegro, graph: CrystalGraph) -> tuple[torch.Tensor, dict]:
    """Scalars of the edges, and tensors of the last layer by representation, for each edge."""
    degree, channels, width = model.config.degree, model.config.channels, model.config.edge_width
    distance, orders = graph.distance, range(degree + 1)
    envelope = model.edges.envelope(distance).unsqueeze(-1)
    waves = torch.arange(1, model.config.radials + 1) * torch.pi / CUTOFF
    basis = 2**0.5 * torch.sin(distance.unsqueeze(-1) * waves) / distance.unsqueeze(-1) * envelope
    elements = torch.cat(
        [
            model.two_body.of_center(graph)[graph.center],
            model.two_body.of_neighbor(graph)[graph.neighbor],
        ],
        dim=1,
    )
    x = network(model.two_body.network, elements * (basis @ model.two_body.of_basis.weight.T))
    start = x @ model.start.weight.T
    count = (degree + 1) * channels
    scalars, of_edge, of_environment = start.split([width, count, count], dim=1)
    unit = graph.vector / distance.unsqueeze(-1)
    harmonics = {
        (order, (-1) ** order): o3.spherical_harmonics(
            order, unit, False, normalization="component"
        ).unsqueeze(1)
        for order in orders
    }
    weights = of_edge.unflatten(1, (degree + 1, channels, 1))
    tensors = {irrep: weights[:, irrep[0]] * values for irrep, values in harmonics.items()}
    for layer, ends in zip(model.layers, model.tracks[1:], strict=True):
        weights = of_environment.unflatten(1, (degree + 1, channels, 1))
        environment = {}
        for irrep, values in harmonics.items():
            message = 0.25 * weights[:, irrep[0]] * values
            total = message.new_zeros(len(graph.number), *message.shape[1:])
            environment[irrep] = total.index_add(0, graph.center, message)[graph.center]
        made, path = {}, 0
        for end in ends:
            made[end] = torch.zeros(len(distance), channels, 2 * end[0] + 1)
            for irrep, left in tensors.items():
                for other, right in environment.items():
                    if o3.Irrep(*end) not in o3.Irrep(*irrep) * o3.Irrep(*other):
                        continue
                    table = (2 * end[0] + 1) ** 0.5 * o3.wigner_3j(irrep[0], other[0], end[0])
                    coupled = torch.einsum("eua,eub,abc->euc", left, right, table)
                    made[end] = made[end] + layer.product.weight[:, path, None] * coupled
                    path += 1
        assert path == layer.product.weight.shape[1]
        tensors = made
        more = network(layer.network, torch.cat([scalars, made[0, 1][..., 0]], dim=1))
        scalars = torch.cat([scalars, more[:, :width]], dim=1)
        of_environment = more[:, width:]
    return scalars, tensors


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("strategy", [Radius(CUTOFF), Hybrid(CUTOFF, 6)], ids=["pairs", "no pairs"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"parity": False, "depth": 3},
        {"degree": 3, "last": "scalars"},
        {"degree": 1, "depth": 1},
    ],
    ids=str,
)
def test_it_is_its_equations_for_each_edge(settings, strategy):
    model = encoder(**settings)
    crystals = contract_crystals()
    graph = build_graph([crystals["triclinic"], crystals["cubic"]], strategy)
    scalars, tensors = by_edges(model, graph)
    features = model(graph)
    torch.testing.assert_close(features.edge, scalars, rtol=0, atol=1e-10)
    atoms = len(graph.number)
    summed = 0.25 * scalars.new_zeros(atoms, scalars.shape[1]).index_add(0, graph.center, scalars)
    torch.testing.assert_close(features.atom, summed, rtol=0, atol=1e-10)
    assert list(features.tensor) == [irrep for irrep in tensors if irrep != (0, 1)]
    assert model.tensors == dict.fromkeys(features.tensor, 3)
    for irrep, values in features.tensor.items():
        total = values.new_zeros(atoms, 3, 2 * irrep[0] + 1)
        total = 0.25 * total.index_add(0, graph.center, tensors[irrep])
        torch.testing.assert_close(values, total.mT, rtol=0, atol=1e-10)


def test_an_edge_feels_nothing_beyond_the_cutoff_of_its_center():
    model = encoder(depth=3, last="scalars")
    cell, numbers = 30.0 * np.eye(3), np.array([14, 14, 14, 8])
    features = []
    for far in (6.0, 6.5):
        positions = np.array([(0, 0, 0), (3, 0, 0), (0, 3, 0), (far, 0, 0)], dtype=float)
        crystal = Crystal(cell, positions, numbers, np.zeros(3, dtype=bool))
        features.append(model(build_graph(crystal, Radius(CUTOFF))))
    there, here = (values.atom for values in features)
    torch.testing.assert_close(there[0], here[0], rtol=0, atol=0)  # a neighbour of a neighbour
    assert not torch.allclose(there[1], here[1])


def test_the_readout_of_edges_needs_an_encoder_that_returns_them():
    target = Target("y", Kind.EXTENSIVE)
    assert readout_named("auto", target, Allegro).name == "edges"
    with pytest.raises(TargetError, match="SchNet returns vectors of atoms alone"):
        readout_named("edges", target, SchNet)


def test_the_energy_is_a_sum_over_edges():
    target = Target("y", Kind.EXTENSIVE)
    spec = ModelSpec("allegro", SIZE, "auto", "radius", {"cutoff": CUTOFF}, (target,))
    model = spec.make_model().double()
    graph = spec.make_graph(contract_crystals()["triclinic"])
    hidden, _, last = model.heads[0].readouts[0].head
    edges = silu(model.encoder(graph).edge @ hidden.weight.T) @ last.weight.T
    torch.testing.assert_close(model(graph).values["y"], 0.25 * edges.sum().view(1))


def test_a_graph_without_directions_is_an_error():
    graph = build_reduced([contract_crystals()["cubic"]], Radius(CUTOFF), 0.01)
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        encoder()(graph)
