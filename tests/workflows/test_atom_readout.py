"""A readout on fixed vectors of atoms: what it learns, of which targets, and what it keeps."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import GraphError, InputError
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.described_graph import DescribedGraph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.head import Head
from xtalgraph.models.model import PropertyModel
from xtalgraph.models.requirements import readout_named
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.leaderboard.atom_readout import WIDTH, FixedVectors
from xtalgraph.workflows.leaderboard.descriptors import Described


class Network:
    """It has the interface of CHGNet; an atom's vector says how close its neighbours are."""

    described = 0

    @classmethod
    def load(cls, **settings):
        return cls()

    def predict_structure(self, structure, **asked):
        Network.described += 1
        near = [
            sum(np.exp(-site.nn_distance) for site in neighbors)
            for neighbors in structure.get_all_neighbors(5.0)
        ]
        return {"e": np.zeros(()), "atom_fea": np.stack([near, structure.atomic_numbers], axis=1)}


@pytest.fixture
def chgnet(monkeypatch):
    module = ModuleType("chgnet.model")
    module.CHGNet = Network
    monkeypatch.setitem(sys.modules, "chgnet", ModuleType("chgnet"))
    monkeypatch.setitem(sys.modules, "chgnet.model", module)
    monkeypatch.setattr(Network, "described", 0)


def errors_of(data, out, target, **options):
    found = xtalgraph.compare(
        data,
        target=target,
        out=out,
        baselines=["mean", "chgnet-readout"],
        models=["gcn"],
        overrides=["model.width=8", "model.depth=1", "training.batch_size=8"],
        progress=False,
        **options,
    )
    return {entry["name"]: entry["metrics"]["mae"]["value"] for entry in found.document["entries"]}


def test_totals_are_learned_from_what_the_vectors_say_of_atoms(chgnet, csv_path, tmp_path):
    options = {"kind": "extensive", "unit": "eV/cell", "epochs": 30}
    errors = errors_of(csv_path, tmp_path / "totals", "energy", **options)
    assert errors["chgnet-readout"] < 0.3 * errors["mean"]
    assert Network.described == 48
    assert errors_of(csv_path, tmp_path / "totals", "energy", **options) == errors
    assert Network.described == 48, "the vectors are kept"


def test_a_number_of_each_atom_is_learned_too(chgnet, table, tmp_path):
    frame = table.drop(columns=["cif"])
    frame["near"] = [
        [float(near) for near, _ in Network().predict_structure(s)["atom_fea"]]
        for s in frame["structure"]
    ]
    options = {"kind": "atomic", "unit": "1", "epochs": 30}
    errors = errors_of(frame, tmp_path / "sites", "near", **options)
    assert errors["chgnet-readout"] < 0.5 * errors["mean"]


def test_a_class_is_learned_as_a_probability(chgnet, table, tmp_path):
    frame = table.drop(columns=["structure", "charges"])
    frame["high"] = (frame["energy_per_atom"] > frame["energy_per_atom"].median()).astype(int)
    found = xtalgraph.compare(
        frame,
        target="high",
        kind="intensive",
        task="classification",
        out=tmp_path / "classes",
        baselines=["mean", "chgnet-readout"],
        models=["gcn"],
        epochs=30,
        overrides=["model.width=8", "model.depth=1", "training.batch_size=8"],
        progress=False,
    )
    losses = {e["name"]: e["metrics"]["log_loss"]["value"] for e in found.document["entries"]}
    assert losses["chgnet-readout"] < 0.5 * losses["mean"]


def test_a_doubled_cell_has_twice_the_total_and_the_same_mean():
    crystals = [contract_crystals()["cubic"], contract_crystals()["triclinic"]]
    doubled = [supercell(crystal, (2, 1, 1)) for crystal in crystals]
    rng = np.random.default_rng(0)
    of_element = rng.normal(size=(120, 3)).astype(np.float32)
    graph, larger = (
        DescribedGraph.of(cells, np.concatenate([of_element[c.numbers] for c in cells]))
        for cells in (crystals, doubled)
    )
    for kind, factor in ((Kind.EXTENSIVE, 2), (Kind.INTENSIVE, 1)):
        torch.manual_seed(0)
        target = Target("y", kind, "eV")
        readout = readout_named("auto", target, FixedVectors)(WIDTH)
        model = PropertyModel(FixedVectors(graph.vector.numpy()), {"y": Head(target, [readout])})
        values = model(graph).values["y"]
        assert len(values) == 2
        assert values[0] != values[1]
        assert model(larger).values["y"].tolist() == pytest.approx((factor * values).tolist())
        second = model(graph.select([1])).values["y"]
        assert second.item() == pytest.approx(values[1].item())


def test_a_vector_that_is_the_same_everywhere_is_no_reason_to_divide_by_nothing():
    crystal = contract_crystals()["cubic"]
    rows = np.ones((crystal.num_atoms, 2), dtype=np.float32)
    features = FixedVectors(rows)(DescribedGraph.of([crystal], rows))
    assert torch.isfinite(features.atom).all()


def test_what_has_no_vectors_is_refused():
    crystal = contract_crystals()["cubic"]
    rows = np.ones((crystal.num_atoms, 2), dtype=np.float32)
    with pytest.raises(GraphError, match="CrystalGraph have no fixed vectors"):
        FixedVectors(rows)(build_graph(crystal, Radius(4.0)))
    with pytest.raises(InputError, match="crystals alone"):
        Described(rows, 0.0).of_atoms()
