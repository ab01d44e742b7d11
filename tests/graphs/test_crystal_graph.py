"""The graph type: identities, collating, selecting, moving."""

import dataclasses

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.angles import Angles, add_triplets
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import COUNTS, Scope, collate
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = list(contract_crystals().values())


@pytest.fixture(scope="module")
def batch() -> CrystalGraph:
    return build_graph(CRYSTALS, Radius(5.0))


def assert_same(one: CrystalGraph, other: CrystalGraph) -> None:
    for field in dataclasses.fields(CrystalGraph):
        assert torch.equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_every_field_declares_its_scope():
    for field in dataclasses.fields(CrystalGraph):
        assert isinstance(field.metadata["scope"], Scope)
    assert set(COUNTS) == set(Scope) - {Scope.CRYSTAL}


def test_the_vector_is_the_identity_of_the_conventions(batch):
    cell = batch.cell[batch.crystal_of_edge].numpy()
    shift = np.einsum("ei,eij->ej", batch.image.numpy(), cell)
    position = batch.position.numpy()
    expected = position[batch.neighbor.numpy()] + shift - position[batch.center.numpy()]
    np.testing.assert_allclose(batch.vector.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(batch.distance.numpy(), np.linalg.norm(expected, axis=1), atol=1e-12)
    assert batch.distance.max() <= 5.0


def test_every_edge_has_its_reverse_with_the_opposite_vector(batch):
    forward = {
        (c, n, *i): v
        for c, n, i, v in zip(
            batch.center.tolist(),
            batch.neighbor.tolist(),
            batch.image.tolist(),
            batch.vector.numpy(),
            strict=True,
        )
    }
    for (c, n, *i), vector in forward.items():
        np.testing.assert_allclose(forward[(n, c, *(-k for k in i))], -vector, atol=1e-12)


def test_a_batch_is_its_crystals_collated(batch):
    singles = [build_graph(crystal, Radius(5.0)) for crystal in CRYSTALS]
    assert_same(collate(singles), batch)
    for single, part in zip(singles, batch.split(), strict=True):
        assert_same(single, part)


def test_selecting_takes_any_order_and_repeats(batch):
    chosen = [3, 0, 8, 3]
    parts = batch.split()
    assert_same(batch.select(chosen), collate([parts[i] for i in chosen]))


def test_counts_and_degrees_agree(batch):
    assert int(batch.num_atoms.sum()) == len(batch.number)
    assert int(batch.num_edges.sum()) == len(batch.center) == int(batch.degree.sum())
    assert batch.num_edges[-1] == 0, "the lone atom has no edge"


def test_the_edges_of_an_atom_lie_between_its_start_and_the_next(batch):
    reduced = add_triplets(batch, Angles(4.0)), reduce_graph(add_triplets(batch, Angles(4.0)))
    for graph in reduced:
        for starts, owner in (
            (graph.edge_starts, graph.center),
            (graph.triplet_starts, graph.receiving_edge),
        ):
            rows = torch.arange(len(starts) - 1).repeat_interleave(starts.diff())
            assert torch.equal(rows, owner)
    turned = batch.replace(center=batch.center.flip(0), neighbor=batch.neighbor.flip(0))
    assert turned.edge_starts is None, "which are not sorted"


def test_moving_changes_the_floating_point_fields_only(batch):
    moved = batch.to("cpu", torch.float32)
    assert moved.position.dtype == moved.cell.dtype == torch.float32
    assert moved.center.dtype == torch.int64


def test_the_graph_is_frozen(batch):
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.number = batch.number + 1


def test_the_distance_is_differentiable():
    graph = build_graph(CRYSTALS[1], Radius(4.0))
    position = graph.position.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(graph.replace(position=position).distance.sum(), position)
    assert torch.isfinite(gradient).all()
    torch.testing.assert_close(gradient.sum(0), torch.zeros(3, dtype=torch.float64))


def test_nothing_makes_no_graph():
    with pytest.raises(GraphError, match="0 crystals"):
        build_graph([], Radius())
    with pytest.raises(GraphError, match="0 graphs"):
        collate([])


def test_graphs_of_two_types_make_no_batch(batch):
    with pytest.raises(GraphError, match="got CrystalGraph and InvariantGraph"):
        collate([batch, reduce_graph(batch)])


def test_a_graph_in_space_counts_every_atom_and_edge_once(batch):
    assert bool((batch.atom_multiplicity == 1).all())
    assert bool((batch.edge_multiplicity == 1).all())
    expected = np.bincount(batch.center.numpy(), minlength=len(batch.number))
    np.testing.assert_array_equal(batch.degree.numpy(), expected)


def test_the_repr_is_one_line(batch):
    assert repr(batch).startswith("CrystalGraph(9 crystals, 27 atoms, ")
