"""Where the graphs are does not matter: from a store the bits are those from memory."""

import numpy as np
import pytest
import torch

from xtalgraph.crystals import transforms
from xtalgraph.data.store_building import build_store
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.inference import concatenated, infer
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.examples import (
    Examples,
    GraphSource,
    Labels,
    ordered_graphs,
    shuffled_batches,
)
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig

RANDOM = np.random.default_rng(0)
CRYSTALS = [
    transforms.strain(crystal, np.diag(RANDOM.uniform(-0.05, 0.05, 3)))
    for _ in range(3)
    for crystal in contract_crystals().values()
]
KINDS = {
    Kind.EXTENSIVE: (Target("v", Kind.EXTENSIVE, "eV"), 1e-3, Scope.CRYSTAL),
    Kind.INTENSIVE: (Target("v", Kind.INTENSIVE, "eV"), 0.0, Scope.CRYSTAL),
    Kind.ATOMIC: (Target("v", Kind.ATOMIC, "e"), 0.0, Scope.ATOM),
}


@pytest.fixture(params=KINDS)
def sources(request, tmp_path):
    """The same examples from memory and from a store, and the model for them."""
    target, tolerance, scope = KINDS[request.param]
    spec = ModelSpec("cgcnn", {"width": 8, "depth": 2}, "auto", "hybrid", {}, (target,), tolerance)
    graph = spec.make_graph(CRYSTALS)
    stored = StoredGraphs.all_of(
        build_store(CRYSTALS, spec.make_graph_settings(), tmp_path / "store")
    )
    rows = len(graph.number) if scope is Scope.ATOM else len(graph)
    values = torch.from_numpy(np.random.default_rng(1).normal(size=rows))
    labels = {"v": Labels(values, scope)}
    return spec, Examples(graph, labels), Examples(stored, labels)


def test_both_are_sources(sources):
    for examples in sources[1:]:
        assert isinstance(examples.graph, GraphSource)


def test_the_batches_of_an_epoch_are_the_same(sources):
    _, memory, disk = sources
    pairs = zip(*(shuffled_batches(e, 4, seed=3, epoch=2) for e in (memory, disk)), strict=True)
    for one, other in pairs:
        assert torch.equal(one.labels["v"].values, other.labels["v"].values)
        assert torch.equal(one.graph.number, other.graph.number)
        assert torch.equal(one.graph.neighbor, other.graph.neighbor)
        assert torch.equal(one.graph.distance, other.graph.distance)


def test_the_weights_and_predictions_are_the_same(sources, tmp_path):
    spec, memory, disk = sources
    numbers = [crystal.numbers for crystal in CRYSTALS]
    config = TrainingConfig(epochs=3, batch_size=4)
    found = []
    for name, examples in (("memory", memory), ("disk", disk)):
        torch.manual_seed(0)
        model = spec.make_model()
        model.heads[0].fit(memory.labels["v"].values.numpy(), numbers)
        trainer = Trainer(model, examples, examples, config, tmp_path / name, "k")
        progress = trainer.fit()
        batches = infer([model], ordered_graphs(examples.graph))
        values, _ = concatenated(batch.outputs[0] for batch in batches)
        found.append((progress.selected_error, dict(model.state_dict()), values["v"]))
    (error, weights, values), (other_error, other_weights, other_values) = found
    assert error == other_error
    assert torch.equal(values, other_values)
    for name, value in weights.items():
        assert torch.equal(value, other_weights[name]), name
