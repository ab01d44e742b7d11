"""XGN against its equations, written out edge by edge and triplet by triplet."""

import pytest
import torch
from torch.nn import functional

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.xgn import XGN
from xtalgraph.testing.crystals import contract_crystals

SMALL = {"width": 6, "edge_width": 5, "angle_width": 4, "depth": 3, "angle_depth": 2}
TARGET = Target("energy", Kind.EXTENSIVE, "eV")


def made(settings=(), tolerance=0.0):
    torch.manual_seed(0)
    spec = ModelSpec("xgn", SMALL | dict(settings), "auto", "hybrid", {}, (TARGET,), tolerance)
    crystals = contract_crystals()
    graph = spec.make_graph([crystals["triclinic"], crystals["cubic"]])
    return spec.make_model().encoder.double().eval(), graph


def gate_and_core(mixed, width):
    return torch.sigmoid(mixed[:width]) * functional.silu(mixed[width : 2 * width])


def written_out(model, graph):
    """The docstrings of the three classes, one loop for each sum."""
    distance = graph.distance
    envelope, near = model.edges.envelope(distance), model.triplets.envelope(distance)
    edge = functional.silu(model.of_length(model.edges.basis(distance)))
    atom = model.properties(graph) + model.embed.weight[graph.number]
    angle = model.triplets.basis(graph.cosine)
    for layer, block in enumerate(model.blocks):
        if layer < len(model.angle_blocks):
            part = model.angle_blocks[layer]
            normed = part.norm(edge)
            heard = torch.zeros(len(edge), SMALL["angle_width"], dtype=edge.dtype)
            for t in range(len(angle)):
                r, s = int(graph.receiving_edge[t]), int(graph.sending_edge[t])
                mixed = part.of_receiving(normed[r]) + part.of_sending(normed[s])
                mixed = mixed + part.of_angle(angle[t])
                count = graph.triplet_multiplicity[t] * near[r] * near[s]
                heard[r] = heard[r] + count * gate_and_core(mixed, SMALL["angle_width"])
            edge = edge + part.out(heard)
        normed, lines = block.atom_norm(atom), block.edge_norm(edge)
        heard = torch.zeros_like(atom)
        changed = []
        for k in range(len(edge)):
            i, j = int(graph.center[k]), int(graph.neighbor[k])
            mixed = block.of_center(normed[i]) + block.of_neighbor(normed[j])
            mixed = mixed + block.of_edge(lines[k])
            count = graph.edge_multiplicity[k] * envelope[k]
            heard[i] = heard[i] + count * gate_and_core(mixed, SMALL["width"])
            if layer + 1 < len(model.blocks):  # nothing reads the edges after the last
                changed.append(edge[k] + functional.silu(mixed[2 * SMALL["width"] :]))
        atom = atom + block.out(block.norm(heard, graph.atom_multiplicity))
        edge = torch.stack(changed) if changed else edge
    return atom


@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
@pytest.mark.parametrize("training", [False, True])
def test_it_is_its_equations(tolerance, training):
    model, graph = made(tolerance=tolerance)
    model.train(training)
    assert len(graph.receiving_edge) > 0
    torch.testing.assert_close(model(graph).atom, written_out(model, graph), rtol=1e-10, atol=1e-12)


def test_without_angles_nothing_reads_them():
    model, graph = made({"angle_depth": 0})
    assert len(graph.receiving_edge) == 0
    assert len(model.angle_blocks) == 0
    torch.testing.assert_close(model(graph).atom, written_out(model, graph), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"angle_depth": -1}, "at least 0"),
        ({"angle_neighbors": 1}, "at least 2"),
        ({"angle_depth": 2, "angle_neighbors": 0}, "needs angles"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        XGN.Config(**settings)
