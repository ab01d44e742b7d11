"""The numbers of a run by target: one layout for every target, and older layouts read as it."""

import json

import numpy as np
import pandas as pd
import pytest

from xtalgraph.data.dataset import Dataset, Divided, read_dataset
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.evidence.run_files import (
    COLUMNS,
    prediction_files,
    prediction_tables,
    read_metrics,
    read_predictions,
    read_worst,
)
from xtalgraph.models.predictions import Predictions
from xtalgraph.testing.crystals import contract_crystals

ENERGY, CHARGE = Target("last peak", Kind.EXTENSIVE, "eV"), Target("charge", Kind.ATOMIC, "e")
SPLIT = Split(np.array([0]), np.array([1]), np.array([2]), {"kind": "for a test"})


@pytest.fixture(scope="module")
def divided() -> Divided:
    crystals = [contract_crystals()[name] for name in ("cubic", "triclinic", "cubic")]
    frame = pd.DataFrame(
        {
            "id": ["007", "b", "c"],
            "structure": crystals,
            "last peak": [0.1, None, -1e-300],
            "charge": [np.arange(len(c)) / 3 for c in crystals],
        }
    )
    return Divided(read_dataset(frame, [ENERGY, CHARGE]), SPLIT)


def predicted(dataset: Dataset, step: float) -> Values:
    arrays = {name: array + step for name, array in dataset.labels.arrays.items()}
    arrays["last peak"] = np.array([1 / 3, 2 / 3, np.pi]) + step
    return Values(dataset.targets, arrays, dataset.labels.num_atoms)


def test_every_number_comes_back_to_the_bit(divided, tmp_path):
    predictions = Predictions(predicted(divided.dataset, 0.0), predicted(divided.dataset, 1.0))
    for name, text in prediction_tables(divided, predictions).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_predictions(tmp_path, ["last peak", "charge"])
    for name, table in found.items():
        assert tuple(table.columns) == COLUMNS
        for column, values in (
            ("target", divided.dataset.labels),
            ("prediction", predictions.values),
            ("std", predictions.std),
        ):
            np.testing.assert_array_equal(table[column], values[name])
        assert table["lower"].isna().all()
    peaks, charges = found["last peak"], found["charge"]
    assert list(peaks["id"]) == ["007", "b", "c"]
    assert list(peaks["split"]) == ["train", "val", "test"]
    assert peaks["site"].isna().all()
    assert set(peaks["unit"]) == {"eV"}
    sites = np.concatenate([np.arange(n) for n in divided.dataset.labels.num_atoms])
    np.testing.assert_array_equal(charges["site"], sites)


def test_names_of_targets_become_names_of_files():
    names = ["e_form", "last phdos peak", "v[0]", "a/../b", "a_.._b", "E_FORM", "ΔH", ""]
    files = prediction_files(names)
    assert files["e_form"] == "predictions/e_form.csv"
    assert files["last phdos peak"] == "predictions/last_phdos_peak.csv"
    assert len({name.casefold() for name in files.values()}) == len(names)
    assert all(name.count("/") == 1 for name in files.values())


def test_several_targets_of_older_runs_are_read_one_by_one(tmp_path):
    (tmp_path / "predictions.csv").write_text(
        "id,split,target:a,prediction:a,spread:a,unit:a,target:b,prediction:b,spread:b,unit:b\n"
        "x,train,1.0,1.5,0.1,eV,,2.5,0.2,\n"
    )
    metrics = {"mae": {"value": 0.1}}
    each = {
        name: {
            "target": {"name": name, "kind": "intensive", "unit": "eV"},
            "model": "gcn",
            "splits": {"train": 1},
            "models": {"gcn": {"test": metrics}},
            "uncertainty": {"members": 2, "spread": {"error_over_spread": 0.5}},
        }
        for name in ("a", "b")
    }
    old = {"model": "gcn", "splits": {"train": 1}, "targets": each}
    (tmp_path / "metrics.json").write_text(json.dumps(old))
    (tmp_path / "worst.json").write_text(json.dumps({"a": [{"id": "x"}], "b": []}))
    found = read_metrics(tmp_path)
    assert found["model"] == "gcn"
    assert found["targets"]["a"]["uncertainty"]["std"] == {"error_over_std": 0.5}
    tables = read_predictions(tmp_path, ["a", "b"])
    assert tables["a"].iloc[0][["target", "prediction", "std"]].tolist() == [1.0, 1.5, 0.1]
    assert np.isnan(tables["b"]["target"][0])
    assert read_worst(tmp_path, ["a", "b"])["a"] == [{"id": "x"}]


def test_a_single_target_of_older_runs_was_the_document(run):
    found = read_metrics(run)
    assert list(found["targets"]) == ["e_form"]
    assert found["model"] == "cgcnn"
    assert found["targets"]["e_form"]["models"]["mean"]["seconds"] == 0.001
    assert len(read_predictions(run, ["e_form"])["e_form"]) == 200
    assert read_worst(run, ["e_form"])["e_form"][0]["id"] == "row-177"
