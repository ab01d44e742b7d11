"""Batches out of the store are those of the graph in memory, to the bit."""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
import pytest
import safetensors.torch
import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.errors import StoreError
from xtalgraph.crystals import transforms
from xtalgraph.data import store_packing
from xtalgraph.data.store import TENSORS, GraphStore, document_digest
from xtalgraph.data.store_building import build_store
from xtalgraph.data.store_packing import join_parts, packed, write_part
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import COUNTS, Graph, Scope, scoped
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.testing.crystals import contract_crystals

KINDS = contract_crystals()
CRYSTALS = [
    transforms.supercell(crystal, (1 + i % 2, 1, 1))
    for i in range(6)
    for crystal in (*KINDS.values(), KINDS["no edges"], KINDS["one atom"])
]
"""66 crystals, also with no edges, at the beginning, the end and beside each other."""
ALL_GRAPH_SETTINGS = {"full": GraphSettings(Radius(5.0)), "folded": GraphSettings(Hybrid(), 1e-3)}
CHOICES = {
    "all": list(range(66)),
    "shuffled": np.random.default_rng(0).permutation(66).tolist(),
    "repeated": [7, 7, 0, 65, 7, 8, 8, 0],
    "no edges": [8, 9],
    "one": [13],
    "none": [],
}


def assert_same(one: Graph, other: Graph) -> None:
    assert type(one) is type(other)
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert left.dtype == right.dtype, field.name
        assert left.shape == right.shape, field.name
        assert torch.equal(left, right), field.name


@pytest.fixture(scope="module", params=ALL_GRAPH_SETTINGS)
def stored(request, tmp_path_factory):
    graph_settings = ALL_GRAPH_SETTINGS[request.param]
    store = build_store(CRYSTALS, graph_settings, tmp_path_factory.mktemp(request.param))
    return store, graph_settings.build(CRYSTALS)


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_a_batch_is_that_of_the_graph_in_memory(stored, choice):
    store, graph = stored
    expected = graph.select(choice)
    assert_same(store.select(choice), expected)
    assert_same(store.select(torch.tensor(choice, dtype=torch.long)), expected)
    assert_same(StoredGraphs.all_of(store).select(torch.tensor(choice).long()), expected)


def test_all_of_it_can_be_loaded(stored):
    store, graph = stored
    assert len(store) == len(CRYSTALS)
    assert_same(store.load(), graph)
    size = sum(getattr(graph, field.name).nbytes for field in dataclasses.fields(graph))
    assert store.bytes_in_memory == size
    assert store.rows_of[Scope.EDGE] == len(graph.center)


def test_a_part_numbers_its_own_crystals_and_rows(stored):
    store, graph = stored
    chosen = torch.tensor([5, 60, 8, 5])
    part, expected = StoredGraphs.all_of(store).part(chosen), graph.select(chosen)
    inner = torch.tensor([3, 2, 0, 0])
    assert_same(part.select(inner), expected.select(inner))
    assert_same(part.part(inner).select(torch.tensor([2, 1])), expected.select([0, 2]))
    for scope in Scope:
        assert torch.equal(part.rows(scope, inner), expected.rows(scope, inner))


def test_a_batch_can_be_changed_and_the_store_cannot(stored):
    store, graph = stored
    batch = store.select([0, 1])
    batch.number.fill_(0)
    batch.center.fill_(0)
    assert_same(store.select([0, 1]), graph.select([0, 1]))


@pytest.mark.parametrize("wrong", [-1, 66])
def test_a_crystal_that_is_not_there_is_refused(stored, wrong):
    with pytest.raises(StoreError, match=f"no crystal {wrong} in .* it has 66"):
        stored[0].select([0, wrong])


def test_others_can_read_the_file(stored):
    """With nothing but safetensors: the edges of crystal 3, numbered from its first atom."""
    store, graph = stored
    arrays = safetensors.torch.load_file(store.folder / TENSORS)
    start, stop = arrays["first_edge"][3], arrays["first_edge"][4]
    assert torch.equal(arrays["neighbor"][start:stop].long(), graph.select([3]).neighbor)
    assert arrays["center"].dtype == torch.int8
    atoms = arrays["first_atom"][3:5]
    assert torch.equal(arrays["number"][atoms[0] : atoms[1]].long(), graph.select([3]).number)


@dataclass(frozen=True, eq=False, repr=False)
class Widened(InvariantGraph):
    """A graph with fields that there are not yet."""

    twin: Int[Tensor, " edges"] = scoped(Scope.EDGE, points_to=Scope.EDGE)  # noqa: RUF009
    last: Int[Tensor, " atoms"] = scoped(Scope.ATOM, points_to=Scope.EDGE)  # noqa: RUF009
    label: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL)  # noqa: RUF009


def widened(graph: InvariantGraph) -> Widened:
    edges = torch.arange(len(graph.center))
    last = graph.num_edges.cumsum(0)[graph.crystal_of_atom] - 1
    kept = {field.name: getattr(graph, field.name) for field in dataclasses.fields(graph)}
    label = torch.arange(len(graph)) * 10**6 - 3
    return Widened(**kept, twin=edges, last=last, label=label)


def test_fields_to_come_are_kept_by_their_scope(tmp_path, monkeypatch):
    monkeypatch.setattr(store_packing, "KINDS", kinds := {**store_packing.KINDS, "wide": Widened})
    monkeypatch.setattr("xtalgraph.data.store.KINDS", kinds)
    graphs = [
        widened(ALL_GRAPH_SETTINGS["folded"].build(CRYSTALS[a:b])) for a, b in ((0, 9), (9, 66))
    ]
    for number, graph in enumerate(graphs):
        write_part(tmp_path / str(number), graph, [], {})
    said = join_parts([tmp_path / "0", tmp_path / "1"], tmp_path / TENSORS)
    document = {"format": 2, "key": "", "refused": [], "crystals": 66, **said}
    document["document_sha256"] = document_digest(document)
    (tmp_path / "store.json").write_text(json.dumps(document))
    found = GraphStore.open(tmp_path)
    last = found.select([40, 3])
    assert_same(last.select([0]), graphs[1].select([31]))
    assert_same(last.select([1]), graphs[0].select([3]))


def test_numbers_are_as_narrow_as_they_go():
    small = ALL_GRAPH_SETTINGS["full"].build(KINDS["cubic"])
    arrays = packed(small)
    assert {arrays[name].dtype.name for name in ("center", "neighbor", "image")} == {"int8"}
    assert arrays["position"].dtype == np.float64
    many = small.replace(num_atoms=small.num_atoms, number=small.number * 1000)
    assert packed(many)["number"].dtype == np.int32  # 38000 does not fit 16 bits
    assert packed(small.replace(number=small.number * 2**40))["number"].dtype == np.int64
    assert COUNTS[Scope.ATOM] in arrays
