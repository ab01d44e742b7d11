"""What trainings on the same source share: it is read, built and divided once, and the same."""

import numpy as np
import pytest

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.dataset import Divided, read_dataset
from xtalgraph.data.splits import random_split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.workflows import compare_baselines
from xtalgraph.workflows import prepared as module
from xtalgraph.workflows.compare_baselines import fit_baselines
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.request import Request

SHARED = ("read_table", "make_graphs", "split_document", "fit_baselines")


@pytest.fixture
def calls(monkeypatch):
    """What was done, in order."""
    made = []
    for name in SHARED:
        home = compare_baselines if name == "fit_baselines" else module  # imported when called
        real = getattr(home, name)

        def spied(*args, name=name, real=real, **options):
            made.append(name)
            return real(*args, **options)

        monkeypatch.setattr(home, name, spied)
    return made


@pytest.fixture
def request_of(csv_path):
    return Request.of(csv_path, {"target": "energy", "kind": "extensive"})


def test_what_two_settings_share_is_made_once(request_of, calls):
    preparations = Preparations(request_of)
    for changes in ({}, {"model.depth": 2}, {"training.epochs": 3}):
        config = request_of.config(changes)
        divided = preparations.prepared(config).divided
        preparations.split_document(divided)
        preparations.baselines(divided, config.training.seed)
    assert calls == list(SHARED)


def test_what_they_do_not_share_is_made_again(request_of, calls):
    preparations = Preparations(request_of)
    for changes, again in (
        ({}, list(SHARED)),
        ({"graph.cutoff": 4.0}, ["make_graphs"]),
        ({"data.kind": "intensive", "graph.cutoff": 4.0}, [*SHARED[1:]]),
        ({"training.seed": 1}, [*SHARED[1:]]),
    ):
        calls.clear()
        config = request_of.config(changes)
        divided = preparations.prepared(config).divided
        preparations.split_document(divided)
        preparations.baselines(divided, config.training.seed)
        assert calls == again, changes


def test_prepared_data_are_those_of_a_single_training(request_of, csv_path):
    preparations, config = Preparations(request_of), request_of.config()
    prepared = preparations.prepared(config)
    target = Target("energy", Kind.EXTENSIVE)
    alone = read_dataset(csv_path, target)
    assert prepared.dataset.content_hash == alone.content_hash
    split = random_split(len(alone), val=0.1, test=0.1, seed=0)
    for name, rows in split.parts().items():
        np.testing.assert_array_equal(prepared.split.parts()[name], rows)
    shared = preparations.baselines(prepared.divided, 0)["energy"]
    for one, other in zip(
        shared, fit_baselines(Divided(alone, split), target, seed=0), strict=True
    ):
        assert one.name == other.name
        np.testing.assert_array_equal(
            *(found.predictions.values.arrays["energy"] for found in (one, other))
        )


def test_the_test_part_is_not_prepared_for_a_validation(request_of):
    preparations, config = Preparations(request_of), request_of.config({"data.val_fraction": 0.2})
    whole, some = preparations.prepared(config), preparations.for_validation(config)
    ids = {
        name: {whole.dataset.table.ids[i] for i in rows}
        for name, rows in whole.split.parts().items()
    }
    assert set(some.dataset.table.ids) == ids["train"] | ids["val"]
    for part in ("train", "val"):
        assert {some.dataset.table.ids[i] for i in some.split.parts()[part]} == ids[part]
    assert len(some.split.test) == 0
    assert len(some.graphs.source) == len(some.dataset)


def test_elements_and_mean_number_of_neighbors_are_taken_from_the_data(request_of):
    small = {"model.name": "tfn", "graph.strategy": "radius", "graph.cutoff": 4.0}
    config = request_of.config(small)
    prepared = Preparations(request_of).prepared(config)
    measured = prepared.measured(config.spec)
    crystals = prepared.dataset.table.crystals
    train = [crystals[row] for row in prepared.split.train]
    edges = sum(len(neighbors_within(crystal, 4.0).distance) for crystal in train)
    mean = edges / sum(map(len, train))
    assert measured.settings["neighbors"] == pytest.approx(mean, abs=1e-3)
    held = set().union(*(crystal.elements for crystal in crystals))
    assert measured.settings["elements"] == [SYMBOLS[number] for number in sorted(held)]
    given = request_of.config({**small, "model.neighbors": 9.0, "model.elements": ["Na", "Cl"]})
    assert prepared.measured(given.spec) == given.spec
    properties = request_of.config({**small, "model.element_features": "binned"})
    assert prepared.measured(properties.spec).settings["elements"] is None
    assert prepared.measured(request_of.config().spec) == request_of.config().spec
