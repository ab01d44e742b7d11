"""From crystals without labels to a run folder that draws crystals, and predicts nothing."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.generation.generator import Generator
from xtalgraph.workflows.train_generator import standard_table

SMALL = ["generator.atom_width=8", "generator.passes=1", "generator.waves=2"]
SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]])


def crystals(count=40):
    rng = np.random.default_rng(0)
    made = []
    for n in range(count):
        numbers = np.array([[12, 20, 38, 56][n % 4], [22, 40, 72][n % 3], [8, 16][n % 2]])
        sites = SITES + 0.02 * rng.normal(size=(3, 3))
        made.append(Crystal.from_fractional((3.7 + 0.02 * n) * np.eye(3), sites, numbers))
    return made


@pytest.fixture(scope="module")
def frame():
    made = crystals()
    folds = [n % 5 for n in range(len(made))]
    ids = [f"c{n}" for n in range(len(made))]
    return pd.DataFrame({"id": ids, "structure": made, "fold": folds})


@pytest.fixture(autouse=True)
def without_page(monkeypatch):
    """Only the run that tests share has a page: its figure takes longer than the training."""
    monkeypatch.setattr(
        "xtalgraph.workflows.train_generator.write_generator_page", lambda folder: None
    )


def train(frame, out, **options):
    options = {"epochs": 2, "overrides": SMALL, "progress": False, **options}
    return xtalgraph.train_generator(frame, out=out, **options)


@pytest.fixture(scope="module")
def run(frame, tmp_path_factory):
    return train(frame, tmp_path_factory.mktemp("generator") / "run")


def test_a_run_is_written_with_all_that_a_run_has(run, frame):
    generator = Generator.load(run.folder)
    assert generator.network.config.atom_width == 8
    division = json.loads((run.folder / "split.json").read_text(encoding="utf-8"))
    formula = dict(zip(frame["id"], (c.formula for c in frame["structure"]), strict=True))
    parts = [{formula[name] for name in division[part]} for part in ("train", "val", "test")]
    assert not (parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2])
    assert set(generator.compositions) == parts[0]
    assert sum(generator.compositions.values()) == run.crystals["train"]
    assert len(pd.read_csv(run.folder / "log.csv")) == 2
    assert all(0 < loss < 3 for loss in run.losses.values())
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "velocity of atoms" in page
    assert "held out" in page
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["data"]["split"] == "formula"


@pytest.mark.parametrize(
    "verb", ["predict", "evaluate", "embed", "finetune", "report", "add_model"]
)
def test_what_predicts_refuses_it_with_the_reason(run, frame, tmp_path, verb, monkeypatch):
    monkeypatch.setenv("XTALGRAPH_MODELS", str(tmp_path / "added"))
    calls = {
        "predict": lambda: xtalgraph.predict(run.folder, frame, out=tmp_path / "p.csv"),
        "evaluate": lambda: xtalgraph.evaluate(run.folder, frame),
        "embed": lambda: xtalgraph.embed(run.folder, frame, out=tmp_path / "z.csv"),
        "finetune": lambda: xtalgraph.finetune(
            run.folder, frame, target="fold", out=tmp_path / "tuned"
        ),
        "report": lambda: xtalgraph.report(run.folder),
        "add_model": lambda: xtalgraph.add_model(run.folder),
    }
    with pytest.raises(RunError, match=f"^{run.folder} holds a generator, which draws crystals"):
        calls[verb]()


def test_another_model_is_no_generator(tmp_path):
    from xtalgraph.models.named_models import run_folder

    for name in ("band-gap", "structure-encoder"):
        with pytest.raises(RunError, match="holds a model that draws no crystals"):
            Generator.load(run_folder(name))
    with pytest.raises(RunError, match=r"holds no model.json"):
        Generator.load(tmp_path)


def test_a_killed_training_goes_on_to_the_same_bits(frame, tmp_path, stopped_after):
    whole = train(frame, tmp_path / "whole", epochs=3)
    with stopped_after(2):
        train(frame, tmp_path / "killed", epochs=3)
    killed = train(frame, tmp_path / "killed", epochs=3, resume=True)
    states = [Generator.load(made.folder).network.state_dict() for made in (whole, killed)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert killed.losses == whole.losses
    assert train(frame, tmp_path / "killed", epochs=3, resume=True).losses == whole.losses
    with pytest.raises(RunError, match=r"training\.epochs was 3, is 4"):
        train(frame, tmp_path / "killed", epochs=4, resume=True)


def test_folds_are_those_of_the_column(frame, tmp_path):
    train(frame, tmp_path / "run", split="folds", fold=3, epochs=1)
    division = json.loads((tmp_path / "run" / "split.json").read_text(encoding="utf-8"))
    assert set(division["test"]) == set(frame["id"][frame["fold"] == 3])


def test_crystals_are_learned_with_reduced_cells_and_molecules_are_refused(tmp_path):
    skewed = Crystal.from_fractional(
        np.array([[3.0, 0, 0], [6.0, 4.0, 0], [0, 0, 5.0]]), SITES, np.array([12, 22, 8])
    )
    molecule = Crystal(np.eye(3) * 9, SITES * 3, np.array([8, 1, 1]), np.zeros(3, dtype=bool))
    table = standard_table([skewed, molecule])
    assert np.linalg.norm(table.crystals[0].cell, axis=1) == pytest.approx([3, 4, 5])
    assert len(table) == 1
    assert "does not repeat in all directions" in table.rejected[0].reason
    with pytest.raises(InputError, match="a generator cannot learn it"):
        train([skewed, molecule], tmp_path / "out")


def test_a_part_without_crystals_is_an_error_that_names_the_setting(frame, tmp_path):
    with pytest.raises(ConfigError, match=r"0 in the validation part: .* data.val_fraction"):
        train(frame[:5], tmp_path / "run")


def test_settings_of_labels_and_other_sections_are_errors(frame, tmp_path):
    cases = {
        "training.loss=mse": "training.loss is for models with a target",
        "training.members=3": "training.members is for models with a target",
        "data.target=gap": "data.target is for models with a target",
        "model.depth=2": "a generator has no section model",
        "generator.width=2": "did you mean",
    }
    for override, message in cases.items():
        with pytest.raises(ConfigError, match=message):
            train(frame, tmp_path / "out", overrides=[*SMALL, override])
    same = [crystals(1)[0]] * 9
    with pytest.raises(ConfigError, match="--split structure"):
        train(same, tmp_path / "out")
    with pytest.raises(ConfigError, match="section generator is for `xtalgraph train-generator`"):
        xtalgraph.train(frame, out=tmp_path / "out", target="fold", overrides=SMALL)
