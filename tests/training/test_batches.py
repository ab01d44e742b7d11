"""Batches of as many crystals, atoms or edges: the same from memory and store, and resumed."""

import math

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import settings_from
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.store_building import build_store
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.examples import Examples, Labels, shuffled_batches
from xtalgraph.training.loop import Trainer
from xtalgraph.training.objective import Objective
from xtalgraph.training.settings import TrainingConfig

TARGET = Target("v", Kind.EXTENSIVE, "eV")
SPEC = ModelSpec("cgcnn", {"width": 6, "depth": 1}, "auto", "radius", {"cutoff": 3.5}, (TARGET,))
CUBIC = contract_crystals()["cubic"]
CRYSTALS = [supercell(CUBIC, (1 + n % 4, 1 + n % 2, 1)) for n in range(40)]


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[Examples]:
    folder = tmp_path_factory.mktemp("store") / "graphs"
    store = build_store(CRYSTALS, SPEC.make_graph_settings(), folder)
    values = torch.tensor([float(len(one)) for one in CRYSTALS], dtype=torch.float64)
    labels = {"v": Labels(values + torch.arange(40) % 3, Scope.CRYSTAL)}
    return [
        Examples(SPEC.make_graph(CRYSTALS), labels),
        Examples(StoredGraphs.all_of(store), labels),
    ]


def batches(examples: Examples, by: str, epoch: int = 0, seed: int = 0) -> list[torch.Tensor]:
    sizes = examples.sizes(by)
    config = TrainingConfig(batch_by=by, batch_size={"crystals": 6, "atoms": 40, "edges": 700}[by])
    total = None if sizes is None else int(sizes.sum())
    steps = config.length(len(examples), total).steps
    numbered = Examples(examples.graph, {"v": Labels(torch.arange(40.0), Scope.CRYSTAL)})
    made = shuffled_batches(numbered, steps, seed=seed, epoch=epoch, sizes=sizes)
    return [batch.labels["v"].values.long() for batch in made]


@pytest.mark.parametrize("by", ["crystals", "atoms", "edges"])
def test_every_crystal_comes_once_in_batches_of_the_same_size(sources, by):
    memory, _ = sources
    found = batches(memory, by)
    assert torch.cat(found).sort().values.tolist() == list(range(40))
    size = {"atoms": memory.graph.num_atoms, "edges": memory.graph.num_edges}.get(by)
    sizes = torch.ones(40) if size is None else size
    each = [int(sizes[part].sum()) for part in found]
    assert max(each) - min(each) <= (1 if by == "crystals" else 2 * int(sizes.max()))
    wanted = {"crystals": 6, "atoms": 40, "edges": 700}[by]
    assert len(found) == math.ceil(int(sizes.sum()) / wanted)


@pytest.mark.parametrize("by", ["crystals", "atoms", "edges"])
def test_they_follow_from_seed_and_epoch_alone_in_memory_and_on_disk(sources, by):
    memory, disk = sources
    first = batches(memory, by, epoch=3)
    for other in (batches(memory, by, epoch=3), batches(disk, by, epoch=3)):
        assert [part.tolist() for part in other] == [part.tolist() for part in first]
    assert len(batches(memory, by, epoch=4)) == len(first), "a step is a step of the schedule"
    assert batches(memory, by, epoch=4)[0].tolist() != first[0].tolist()
    assert batches(memory, by, epoch=3, seed=1)[0].tolist() != first[0].tolist()


def test_a_crystal_larger_than_a_batch_is_one(sources):
    memory, _ = sources
    sizes = np.ones(40, dtype=int)
    sizes[7] = 1000
    made = list(shuffled_batches(memory, 30, seed=0, epoch=0, sizes=sizes))
    assert len(made) == 30
    assert min(len(one) for one in made) == 1
    config = TrainingConfig(batch_by="edges", batch_size=1)
    assert config.length(40, 100_000).steps == 40, "as many as crystals, at most"


@pytest.mark.parametrize("by", ["atoms", "edges"])
def test_training_resumes_to_the_bit(sources, tmp_path, killed_in, by):
    config = TrainingConfig(epochs=3, batch_by=by, batch_size=150 if by == "atoms" else 2000)

    def trainer(name: str, examples: Examples) -> Trainer:
        torch.manual_seed(0)
        model = SPEC.make_model()
        model.heads[0].fit(examples.labels["v"].values.numpy(), [one.numbers for one in CRYSTALS])
        return Trainer(model, examples, examples, config, tmp_path / name, "k")

    def weights(made: Trainer) -> dict:
        made.fit(resume=True)
        return made.model.state_dict()

    whole = weights(trainer("whole", sources[0]))
    killed_in(2, trainer("killed", sources[0]))
    for other in (weights(trainer("killed", sources[0])), weights(trainer("disk", sources[1]))):
        assert all(torch.equal(other[name], value) for name, value in whole.items())


def test_weights_are_by_the_name_of_the_target():
    gap = Target("gap", Kind.INTENSIVE, "eV")
    config = settings_from(TrainingConfig, {"weights": {"gap": "3"}, "per_atom": True}, "training")
    terms = Objective.of((TARGET, gap), config).terms
    assert [(term.weight, term.per_atom) for term in terms] == [(1.0, True), (3.0, False)]
    with pytest.raises(ConfigError, match=r"'gab', which is no target .*; did you mean 'gap'"):
        Objective.of((TARGET, gap), TrainingConfig(weights={"gab": 1.0}))
    for wrong in ({"gap": 0.0}, {"gap": "much"}, [1.0]):
        with pytest.raises(ConfigError, match=r"training\.weights"):
            settings_from(TrainingConfig, {"weights": wrong}, "training")
