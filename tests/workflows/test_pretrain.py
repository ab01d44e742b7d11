"""From crystals without labels to a run folder that embeds, and predicts nothing."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.models.checkpoint import load_model

SMALL = ["model.width=8", "model.edge_width=8", "model.depth=1", "data.store=false"]
SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.1, 0.45, 0.5]])


def crystals(count=40):
    rng = np.random.default_rng(0)
    made = []
    for n in range(count):
        numbers = np.array([rng.choice([12, 20, 38, 56]), 22, 8])
        sites = SITES + 0.02 * rng.normal(size=(3, 3))
        made.append(Crystal.from_fractional((3.7 + 0.02 * n) * np.eye(3), sites, numbers))
    return made


@pytest.fixture(scope="module")
def frame():
    made = crystals()
    return pd.DataFrame(
        {
            "id": [f"c{n}" for n in range(len(made))],
            "structure": made,
            "volume": [abs(np.linalg.det(crystal.cell)) for crystal in made],
        }
    )


@pytest.fixture(autouse=True)
def without_page(monkeypatch):
    """Only the run that tests share has a page: its figure takes longer than the training."""
    monkeypatch.setattr("xtalgraph.workflows.pretrain.write_pretraining_page", lambda folder: None)


def pretrain(frame, out, **options):
    options = {"epochs": 2, "overrides": SMALL, "progress": False, **options}
    return xtalgraph.pretrain(frame, out=out, **options)


@pytest.fixture(scope="module")
def run(frame, tmp_path_factory):
    return pretrain(frame, tmp_path_factory.mktemp("pre") / "run", probe="volume")


def test_a_run_without_a_target_is_written(run):
    model, spec, document = load_model(run.folder)
    assert spec.targets == ()
    assert spec.pretraining["objectives"] == ["elements", "positions", "cells"]
    assert spec.reduction_tolerance > 0, "atoms move in the pre-training alone"
    assert document["elements"] == ["O", "Mg", "Ca", "Ti", "Sr", "Ba"]
    assert all(name.startswith("encoder.") for name in model.state_dict())
    log = pd.read_csv(run.folder / "log.csv")
    assert len(log) == 2
    assert log.filter(like="val_mae:").notna().all(axis=None)
    assert set(run.losses) == set(spec.pretraining["objectives"])


def test_the_report_shows_losses_and_probe(run):
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Probe: volume" in page
    assert "cross entropy of hidden elements" in page
    written = json.loads((run.folder / "probe.json").read_text(encoding="utf-8"))
    assert list(written["features"]) == ["pre-trained", "untrained", "composition"]
    assert dict(run.probe) == written["features"]
    before = (run.folder / "report.html").read_bytes()
    xtalgraph.report(run.folder)
    assert (run.folder / "report.html").read_bytes() == before


def test_it_embeds_crystals_also_supercells(run, frame, tmp_path):
    cell, other = frame["structure"][0], frame["structure"][1]
    big = supercell(cell, (2, 1, 1))
    done = xtalgraph.embed(
        run.folder, [cell, big, other], out=tmp_path / "z.csv", plot=tmp_path / "z.svg",
        progress=False,
    )  # fmt: skip
    assert done.good == 3
    table = pd.read_csv(tmp_path / "z.csv")
    vectors = table.filter(regex=r"^z\d+$").to_numpy()
    assert vectors.shape == (3, 8)
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3
    assert table["prediction"].isna().all()


def test_finetune_starts_from_it(run, frame, tmp_path, without_report):
    made = xtalgraph.finetune(
        run.folder, frame, target="volume", out=tmp_path / "tuned", no_scratch=True, members=1,
        epochs=1, overrides=["data.store=false", "finetuning.release=frozen"], progress=False,
    )  # fmt: skip
    before, after = (load_model(one)[0].state_dict() for one in (run.folder, made.run.folder))
    weights = [name for name, _ in load_model(run.folder)[0].named_parameters()]
    assert all(torch.equal(before[name], after[name]) for name in weights)
    assert [target.name for target in load_model(made.run.folder)[1].targets] == ["volume"]
    assert load_model(made.run.folder)[1].pretraining == {}


@pytest.mark.parametrize("verb", ["predict", "evaluate", "verify", "diagnose", "screen", "load"])
def test_what_predicts_refuses_it_with_the_reason(run, frame, tmp_path, verb):
    calls = {
        "predict": lambda: xtalgraph.predict(run.folder, frame, out=tmp_path / "p.csv"),
        "evaluate": lambda: xtalgraph.evaluate(run.folder, frame),
        "verify": lambda: xtalgraph.verify(run.folder),
        "diagnose": lambda: xtalgraph.diagnose(run.folder),
        "screen": lambda: xtalgraph.screen(run.folder, frame, out=tmp_path / "s", objective="min"),
        "load": lambda: xtalgraph.load(run.folder),
    }
    with pytest.raises(RunError, match="pre-trained without labels and has no target"):
        calls[verb]()


def test_a_killed_pretraining_goes_on_to_the_same_bits(frame, tmp_path, stopped_after):
    whole = pretrain(frame, tmp_path / "whole", epochs=3)
    with stopped_after(2):
        pretrain(frame, tmp_path / "killed", epochs=3)
    killed = pretrain(frame, tmp_path / "killed", epochs=3, resume=True)
    states = [load_model(one.folder)[0].state_dict() for one in (whole, killed)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert killed.losses == whole.losses
    assert pretrain(frame, tmp_path / "killed", epochs=3, resume=True).losses == whole.losses


def test_several_sources_are_learned_from_together(frame, tmp_path):
    run = pretrain([*frame["structure"][:10]], tmp_path / "list", objectives="positions")
    assert list(run.losses) == ["positions"]
    for n in range(2):
        frame[n * 10 : n * 10 + 10][["id"]].assign(
            cif=[xtalgraph_cif(c) for c in frame["structure"][n * 10 : n * 10 + 10]]
        ).to_csv(tmp_path / f"{n}.csv", index=False)
    both = pretrain([tmp_path / "0.csv", tmp_path / "1.csv"], tmp_path / "both")
    division = json.loads((both.folder / "split.json").read_text(encoding="utf-8"))
    assert len(division["train"]) + len(division["val"]) == 20
    assert division["test"] == []


def xtalgraph_cif(crystal):
    from xtalgraph.crystals.writing import to_cif

    return to_cif(crystal)


def test_what_serves_targets_alone_is_an_error(frame, tmp_path):
    cases = {
        "training.loss=mse": "training.loss is for models with a target",
        "training.weights={gap: 2}": "no target of the run",
        "pretraining.objective=[views]": "did you mean 'objectives'",
    }
    for override, message in cases.items():
        with pytest.raises(ConfigError, match=message):
            pretrain(frame, tmp_path / "out", overrides=[*SMALL, override])
    with pytest.raises(InputError, match="there is no column 'volum'; did you mean 'volume'"):
        pretrain(frame, tmp_path / "out", probe="volum")
    with pytest.raises(ConfigError, match="section pretraining is for `xtalgraph pretrain`"):
        xtalgraph.train(
            frame, out=tmp_path / "out", target="volume", overrides=["pretraining.hidden=0.2"]
        )


def test_the_command_says_losses_and_probe(frame, tmp_path, capsys):
    from xtalgraph.cli.main import main

    table = frame[["id", "volume"]].assign(cif=[xtalgraph_cif(c) for c in frame["structure"]])
    table.to_csv(tmp_path / "t.csv", index=False)
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    with pytest.raises(SystemExit) as end:
        main(
            ["pretrain", str(tmp_path / "t.csv"), "--out", str(tmp_path / "run"), "--epochs", "1"]
            + ["--objectives", "positions,views", "--probe", "volume", "--quiet"]
            + [word for setting in SMALL for word in ("--set", setting)]
        )
    assert end.value.code == 0
    shown = capsys.readouterr().out
    words = ("positions", "views", "elements")
    assert [word in shown for word in words] == [True, True, False]
    assert "untrained" in shown
