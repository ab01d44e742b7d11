"""Exercise 4 on cases whose reason is planted."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import InputError
from xtalgraph.data.values import Values
from xtalgraph.models.predictions import Predictions
from xtalgraph.workflows.exercises.perovskite_training import perovskite_training
from xtalgraph.workflows.exercises.worst_errors import look_into, worst_errors
from xtalgraph.workflows.run import Run


def test_the_worst_are_those_of_the_predictions(run, tmp_path):
    found = worst_errors(tmp_path, run=run).document
    said = pd.read_csv(run / "predictions" / "energy.csv").query("split == 'test'")
    errors = (said["prediction"] - said["target"]).abs()
    order = said.loc[errors.sort_values(ascending=False).index]
    assert [one["id"] for one in found["worst"]] == list(order["id"][:5])
    np.testing.assert_allclose(
        [one["prediction"] for one in found["worst"]], order["prediction"][:5], rtol=1e-5
    )
    assert found == json.loads((tmp_path / "exercise-4.json").read_text())


class Says:
    """A model whose answers are known."""

    def __init__(self, predictor, answers):
        self.targets = predictor.targets
        self.answers = answers

    def predict_crystals(self, crystals, condition_values=None):
        answers = np.array([self.answers[len(one)] for one in crystals])
        sizes = np.array([len(one) for one in crystals])
        values = Values(self.targets, {self.targets[0].name: answers}, sizes)
        return SimpleNamespace(predictions=Predictions(values))


def test_a_model_that_answers_from_composition_is_seen(run, table):
    data = Run.open(run).data()
    known = {len(one): [] for one in data.dataset.table.crystals}
    for i in data.split.train:
        known[len(data.dataset.table.crystals[i])].append(data.dataset.labels.arrays["energy"][i])
    # the two compositions of the table have five and eight atoms: the mean is all one can say
    says = Says(Run.open(run).predictor, {size: np.mean(v) for size, v in known.items()})
    opened = Run.open(run)
    opened.__dict__["predictor"] = says
    worst, shares = look_into(opened, data)
    for one in worst:
        # five training crystals of the same composition stand for all of them
        assert all("(0.00)" in neighbour for neighbour in one.neighbours)
        nearer = abs(one.prediction - one.of_neighbours) < abs(one.prediction - one.target)
        assert ("shortcut" in one.verdict) == nearer
    assert set(shares) == {"rare chemistry", "large cell", "shortcut"}


@pytest.mark.long
def test_what_is_not_one_number_is_refused(csv_path, tmp_path):
    small = ["model.width=8", "training.threads=1"]
    both = xtalgraph.train(
        csv_path,
        target=["energy", "energy_per_atom"],
        out=tmp_path / "both",
        epochs=1,
        overrides=small,
        progress=False,
    )
    with pytest.raises(InputError, match="one number for each crystal"):
        worst_errors(tmp_path, run=both.folder)


def test_a_table_of_perovskites_is_trained_on_once(table, tmp_path, monkeypatch):
    path = tmp_path / "perovskites.csv"
    renamed = table.rename(columns={"energy": "e_form"}).drop(columns=["structure", "charges"])
    renamed.to_csv(path, index=False)
    found = perovskite_training(tmp_path / "out", path, epochs=1, progress=False)
    assert found.document["crystals"]["test"] == (table["fold"] == 0).sum()
    assert set(found.document["test"]) == {"cgcnn", "composition", "mean"}
    config = Run.open(tmp_path / "out" / "run").config
    assert config.spec.settings["depth"] == 3
    monkeypatch.setattr(
        "xtalgraph.workflows.exercises.perovskite_training.train", None
    )  # would be called, were the run not there
    again = perovskite_training(tmp_path / "out", path, epochs=1, progress=False)
    assert again.document == found.document
