"""GemNet: the block of DimeNet++ by PyTorch Geometric, quadruplets in loops, and what they tell."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch_geometric.nn.models.dimenet import InteractionPPBlock

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.reduction import merge_geometry
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.gemnet import Directions, GemNet, Interaction
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

SMALL = {"width": 10, "triplet_width": 6, "dihedral_width": 5, "basis_width": 4, "degrees": 3}


def encoder(**settings: object) -> GemNet:
    torch.manual_seed(0)
    return GemNet(GemNet.Config(**SMALL | settings), 4.0).double()


@pytest.fixture(scope="module")
def graph() -> CrystalGraph:
    crystals = contract_crystals()
    few = [crystals[name] for name in ("cubic", "triclinic", "wire", "no edges")]
    return build_graph(few, Radius(4.0), angles=Angles(4.0, 3))


def without_dihedrals(directions: Directions) -> Directions:
    chains = directions.dihedrals
    none = type(chains)(*(rows[:0] for rows in vars(chains).values()))
    return Directions(**vars(directions) | {"dihedrals": none, "torsion": directions.torsion[:0]})


def test_without_dihedrals_a_block_is_that_of_pytorch_geometric(graph):
    model = encoder()
    ours, directions = model.interactions[0], without_dihedrals(model.directions(graph))
    theirs = InteractionPPBlock(10, 6, 4, 3, 6, 1, 2, functional.silu).double()
    pairs = {
        "lin_rbf1": ours.of_radial[0],
        "lin_rbf2": ours.of_radial[1],
        "lin_sbf1": ours.of_angle[0],
        "lin_sbf2": ours.of_angle[1],
        "lin_kj": ours.sent,
        "lin_ji": ours.own,
        "lin_down": ours.down,
        "lin_up": ours.up,
        "layers_before_skip.0.lin1": ours.before.first,
        "layers_before_skip.0.lin2": ours.before.second,
        "lin": ours.out,
        "layers_after_skip.0.lin1": ours.after[0].first,
        "layers_after_skip.0.lin2": ours.after[0].second,
        "layers_after_skip.1.lin1": ours.after[1].first,
        "layers_after_skip.1.lin2": ours.after[1].second,
    }
    theirs.load_state_dict(
        {f"{name}.{k}": v for name, our in pairs.items() for k, v in our.state_dict().items()}
    )
    edge = torch.randn(len(graph.center), 10, dtype=torch.float64, requires_grad=True)
    found = ours(edge, directions)
    expected = theirs(
        edge, directions.radial, directions.angular, graph.sending_edge, graph.receiving_edge
    )
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        torch.autograd.grad((found**2).sum(), edge),
        torch.autograd.grad((expected**2).sum(), edge),
        rtol=1e-9,
        atol=1e-9,
    )


def torsion(first: np.ndarray, middle: np.ndarray, last: np.ndarray, order: int) -> list[float]:
    """(sin θ_1 sin θ_2)^n cos nφ by the textbook: angles by arccos, φ between the planes."""
    one, other = np.cross(first, middle), np.cross(middle, last)
    lengths = [np.linalg.norm(v) for v in (first, middle, last)]
    sines = np.linalg.norm(one) / (lengths[0] * lengths[1])
    sines *= np.linalg.norm(other) / (lengths[1] * lengths[2])
    if sines < 1e-9:
        return [1.0] + [0.0] * order
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    return [float(sines**n * np.cos(n * angle)) for n in range(order + 1)]


def test_messages_along_quadruplets_are_the_equation_in_loops(graph):
    model = encoder(torsions=2)
    block, directions = model.interactions[0], model.directions(graph)
    sent = torch.randn(len(graph.center), 10, dtype=torch.float64)
    found = block._along_dihedrals(sent, directions)
    vector = graph.vector.numpy()
    basis = directions.angular  # that of pytorch_geometric's test above
    receiving, sending = graph.receiving_edge.tolist(), graph.sending_edge.tolist()
    expected = torch.zeros_like(found)
    count = 0
    for near, (first, middle) in enumerate(zip(receiving, sending, strict=True)):
        for far in [k for k, edge in enumerate(receiving) if edge == middle]:
            last = sending[far]
            way = sum(graph.image[edge] for edge in (first, middle, last))
            if graph.neighbor[last] == graph.center[first] and bool((way == 0).all()):
                continue
            angles = torch.tensor(torsion(vector[first], vector[middle], vector[last], 2))
            expected[first] += (
                block.of_near(basis[near])
                * (block.of_torsion.weight @ angles.double())
                * block.of_far(basis[far])
                * functional.silu(block.dihedral_down(sent[last]))
            )
            count += 1
    assert count == len(directions.dihedrals) > 100
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def peroxide(degrees: float) -> Crystal:
    """H2O2, bent by 140°, with this dihedral: nothing but its bonds is below 2.25 Å."""
    bend, turn = np.deg2rad(140.0), np.deg2rad(degrees)
    along, aside = 0.97 * np.cos(bend), 0.97 * np.sin(bend)
    positions = np.array(
        [
            [along, aside, 0.0],
            [0.0, 0.0, 0.0],
            [1.46, 0.0, 0.0],
            [1.46 - along, aside * np.cos(turn), aside * np.sin(turn)],
        ]
    )
    return Crystal(30.0 * np.eye(3), positions, np.array([1, 8, 8, 1]), np.zeros(3, bool))


def energies(encoder: str, settings: dict, crystals: list[Crystal]) -> list[float]:
    torch.manual_seed(0)
    target = Target("y", Kind.EXTENSIVE)
    spec = ModelSpec(encoder, settings, "auto", "radius", {"cutoff": 2.25}, (target,))
    model = spec.make_model().double().eval()
    with torch.no_grad():
        return model(spec.make_graph(crystals)).values["y"].tolist()


def test_it_tells_apart_what_distances_and_angles_cannot():
    cis, trans, left, right = (peroxide(degrees) for degrees in (0.0, 180.0, 112.0, -112.0))
    for name, other in ENCODERS.items():
        if other.reads.reduced:
            found = energies(name, {}, [cis, trans])
            assert found[0] == pytest.approx(found[1], abs=1e-12), name
    found = energies("gemnet", {}, [cis, trans, left, right])
    assert abs(found[0] - found[1]) > 1e-6
    assert abs(found[1] - found[2]) > 1e-6
    assert found[2] == pytest.approx(found[3], abs=1e-12), "mirror images are equal"


def test_it_learns_a_torsion():
    """The cosine of the dihedral, of which other invariants know nothing but the mean, 0."""
    torch.manual_seed(0)
    target = Target("y", Kind.INTENSIVE)
    spec = ModelSpec("gemnet", SMALL, "auto", "radius", {"cutoff": 2.25}, (target,))
    model, turns = spec.make_model(), torch.linspace(0.0, 180.0, 13)
    graph = spec.make_graph([peroxide(float(turn)) for turn in turns]).to(dtype=torch.float32)
    wanted = torch.deg2rad(turns).cos()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(200):
        optimizer.zero_grad()
        loss = ((model(graph).values["y"] - wanted) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1e-2 * float((wanted**2).mean())


def test_it_is_smooth_where_three_atoms_pass_a_line():
    def straightened(angle: float) -> Crystal:
        """The last bond of a bent peroxide, turned through the line of the one before."""
        positions = np.array(peroxide(60.0).positions)
        positions[3] = positions[2] + 0.97 * np.array([np.cos(angle), np.sin(angle), 0.0])
        return Crystal(30.0 * np.eye(3), positions, np.array([1, 8, 8, 1]), np.zeros(3, bool))

    step = 1e-4
    crystals = [straightened(k * step) for k in (-2, -1, 0, 1, 2)]
    y = np.array(energies("gemnet", {}, crystals))
    assert np.all(np.isfinite(y))
    # A kink would make the middle one of these three curvatures 1/step times a slope.
    curvature = (y[:-2] - 2 * y[1:-1] + y[2:]) / step**2
    slope = (y[-1] - y[0]) / (4 * step)
    assert abs(slope) > 1e-7
    assert np.ptp(curvature) < 1e-3 + 0.1 * abs(slope)


def test_its_gradients_by_position_are_finite_on_lines_and_right(graph):
    model = encoder(depth=1)
    position = graph.position.clone().requires_grad_()
    moved = graph.replace(position=position)
    (gradient,) = torch.autograd.grad((model(moved).atom ** 2).sum(), position)
    assert torch.isfinite(gradient).all()
    shift = torch.randn_like(gradient) * 1e-6
    with torch.no_grad():
        ends = [
            (model(graph.replace(position=graph.position + s)).atom ** 2).sum()
            for s in (shift, -shift)
        ]
    torch.testing.assert_close(
        (ends[0] - ends[1]) / 2, (gradient * shift).sum(), rtol=1e-4, atol=1e-14
    )


def test_the_number_of_chains_is_bounded_by_the_neighbours(graph):
    cubic = contract_crystals()["cubic"]
    for many in (2, 4):
        spec = ModelSpec(
            "gemnet",
            {"angle_neighbors": many},
            "auto",
            "radius",
            {},
            (Target("y", Kind.INTENSIVE),),
        )
        built = spec.make_graph(cubic)
        near = torch.bincount(built.center[built.receiving_edge.unique()])
        chains = encoder(angle_neighbors=many).directions(built).dihedrals
        assert len(chains) <= int((near * near.max() ** 2).sum())


def test_what_it_cannot_read_is_refused(graph):
    with pytest.raises(ConfigError, match="angle_neighbors must be at least 2, got 0"):
        encoder(angle_neighbors=0)
    with pytest.raises(GraphError, match="needs a CrystalGraph, got InvariantGraph"):
        encoder()(merge_geometry(graph, 1e-3))
    with pytest.raises(ConfigError, match="GemNet reads more than distances and angles"):
        ModelSpec("gemnet", {}, "auto", "radius", {}, (Target("y", Kind.INTENSIVE),), 1e-3)


def test_an_interaction_has_no_parameter_in_vain(graph):
    model = encoder()
    (model(graph).atom ** 2).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert isinstance(model.interactions[0], Interaction)
