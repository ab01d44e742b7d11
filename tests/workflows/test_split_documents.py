"""What a training says of its split, without being asked."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_pymatgen, to_pymatgen
from xtalgraph.testing.crystals import contract_crystals

SMALL = [
    "model.width=8",
    "model.name=cgcnn",
    "model.depth=1",
    "training.batch_size=8",
    "training.threads=1",
]


def trained(data, out, **options):
    given = {"target": "energy", "epochs": 1, "progress": False, "unit": "eV/atom"}
    return xtalgraph.train(data, out=out, overrides=SMALL, **{**given, **options}).folder


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Thirty perovskites, each of another formula."""
    cubic = contract_crystals()["cubic"]
    structures = []
    for z in range(30):
        numbers = np.where(cubic.numbers == 22, 39 + z, cubic.numbers)
        strained = transforms.strain(cubic, 0.002 * z * np.eye(3))
        crystal = type(cubic)(strained.cell, strained.positions, numbers, cubic.pbc)
        structures.append(to_pymatgen(crystal))
    rng = np.random.default_rng(0)
    part = ["train"] * 20 + ["val"] * 4 + ["test"] * 6
    return pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(30)],
            "structure": structures,
            "energy": rng.normal(size=30),
            "part": part,
        }
    )


def test_a_clean_run_raises_no_alarm(frame, tmp_path, caplog):
    caplog.set_level(logging.INFO, "xtalgraph")
    run = trained(frame, tmp_path / "run", split="formula")
    document = json.loads((run / "split.json").read_text())
    assert not any(leak["rows"] for leak in document["leaks"]["shared"])
    assert document["labels"]["energy"]["constant"] is None
    for part in ("test", "validation"):
        assert f"No {part} row shares its formula with a training row." in caplog.messages
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING and "row" in r.message]
    page = xtalgraph.report(run).read_text()
    assert "How the data was divided" in page
    assert "No test row shares its formula with a training row." in page
    assert "by formula" in (run / "card.md").read_text()


def test_a_planted_copy_is_told_everywhere(frame, tmp_path, caplog):
    caplog.set_level(logging.INFO, "xtalgraph")
    planted = frame.copy()
    crystal = transforms.supercell(from_pymatgen(frame.loc[0, "structure"]), (2, 1, 1))
    turned = transforms.rotate(crystal, np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]))
    planted.at[29, "structure"] = to_pymatgen(turned)
    run = trained(planted, tmp_path / "run", split="column:part")
    text = "1 of 6 test rows hold a crystal that is also in the training part"
    assert any(text in message for message in caplog.messages)
    assert any("labels of 1 of 1 such pairs differ" in message for message in caplog.messages)
    assert text in xtalgraph.report(run).read_text()
    card = (run / "card.md").read_text()
    assert "| test rows that share the structure with training | 1 of 6 (17 %) |" in card
    assert "| validation rows that share the formula with training | 0 of 4 (0 %) |" in card


def test_a_sorted_file_is_told(frame, tmp_path, caplog):
    caplog.set_level(logging.INFO, "xtalgraph")
    ordered = frame.assign(energy=np.sort(frame["energy"]))
    trained(ordered, tmp_path / "block", split="column:part")
    assert any(
        r.levelno == logging.WARNING and "sorted by its target" in r.message for r in caplog.records
    )
    caplog.clear()
    trained(ordered, tmp_path / "drawn")
    (said,) = (r for r in caplog.records if "sorted by its target" in r.message)
    assert said.levelno == logging.INFO
    assert "does not follow the order" in said.message


@pytest.mark.long
def test_labels_that_are_mostly_one_value_are_told(frame, tmp_path, caplog):
    gaps = frame["energy"].abs().where(np.arange(30) % 5 == 0, 0.0)
    run = trained(frame.assign(energy=gaps), tmp_path / "run", split="column:part", unit="eV")
    document = json.loads((run / "split.json").read_text())
    error = gaps[24:].mean()  # of saying 0
    assert document["equal"] == {
        "value": 0.0,
        "rows": 24,
        "of": 30,
        "constant_mae": pytest.approx(error, rel=1e-12),
    }
    (warning,) = (r for r in caplog.records if "24 of 30 labels" in r.getMessage())
    assert warning.levelno == logging.WARNING
    text = warning.getMessage().replace("\u00a0", " ")
    assert text.startswith("24 of 30 labels (80 %) are 0 eV. Predicting this value for every "
                           f"crystal gives a test MAE of {error:.3g} eV.")  # fmt: skip
    classes = frame.assign(energy=(gaps > 0).astype(int))
    run = trained(classes, tmp_path / "class", task="classification", unit="")
    assert json.loads((run / "split.json").read_text())["equal"] is None


def test_a_target_for_each_atom_has_no_order(frame, tmp_path):
    charges = [[0.1] * len(structure) for structure in frame["structure"]]
    run = trained(frame.assign(energy=charges), tmp_path / "run", kind="atomic")
    assert json.loads((run / "split.json").read_text())["order"] is None


@pytest.mark.long
def test_a_resumed_run_does_not_count_again(frame, tmp_path, monkeypatch):
    run = trained(frame, tmp_path / "run", split="formula")
    before = (run / "split.json").read_bytes()

    def refuse(*args, **options):
        raise AssertionError("counted twice")

    monkeypatch.setattr("xtalgraph.workflows.record.assess_split", refuse)
    trained(frame, run, split="formula", resume=True)
    assert (run / "split.json").read_bytes() == before
