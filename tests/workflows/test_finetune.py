"""A run that starts from another one: what it takes, what it learns, and what it says of that."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.evidence.text.transfer import about_transfer
from xtalgraph.nn.element_rows import element_axes
from xtalgraph.training.loop import Trainer
from xtalgraph.workflows.run import Run

OLD = Path(__file__).parents[1] / "old_runs"
INPUT = {
    "format-1-sites": "sites.extxyz",
    "format-5-vector": "sites.extxyz",
    "format-5-disorder": "mixed.csv",
}
ASKED = ("format-1-sites", "format-3-conditions", "format-4-variance", "format-5-vector")
"""Old runs from which every run of the tests starts."""
QUICK = ["training.batch_size=8", "training.threads=1", "training.members=1"]


def tuned(parent, data, out, *further, **options):
    given = {"overrides": [*QUICK, *further], "progress": False, "epochs": 2, **options}
    return xtalgraph.finetune(parent, data, out=out, **given)


def weights(folder):
    return xtalgraph.load(folder).members[0].state_dict()


@pytest.fixture(scope="module")
def child(run, csv_path, tmp_path_factory):
    """The head alone learned another target, on another split than that of the parent."""
    out = tmp_path_factory.mktemp("runs") / "child"
    return tuned(run, csv_path, out, target="energy_per_atom", depth="frozen", seed=8)


def test_another_target_has_a_fresh_head_on_the_encoder_of_the_parent(run, child):
    before, after = weights(run), weights(child.run.folder)
    encoder = [name for name in before if name.startswith("encoder.")]
    assert encoder
    assert all(torch.equal(before[name], after[name]) for name in encoder)
    start = child.transfer["start"]
    assert (start["heads kept"], start["heads fresh"]) == ([], ["energy_per_atom"])
    assert start["weights taken"] >= len(encoder)
    assert all(name.startswith("heads.0.") for name in start["weights fresh"])
    assert child.transfer["forgetting"] == {"measured": False, "reason": "other targets"}
    assert child.run.record["Fine-tuning"] == start


def test_the_model_from_scratch_is_that_of_train_to_the_bit(child, csv_path, tmp_path):
    alone = xtalgraph.train(
        csv_path,
        target="energy_per_atom",
        out=tmp_path / "t",
        epochs=2,
        seed=8,
        overrides=[*QUICK, "model.width=12", "model.depth=2"],
        progress=False,
    )
    fresh, other = weights(child.scratch.folder), weights(alone.folder)
    assert all(torch.equal(fresh[name], other[name]) for name in other)


def test_both_models_are_compared_on_the_same_test_crystals(child):
    figures = child.transfer["targets"]["energy_per_atom"]
    for name, place in (("finetuned", child.run), ("scratch", child.scratch)):
        measured = place.metrics["targets"]["energy_per_atom"]["models"]["xgn"]["test"]["mae"]
        assert figures[name]["value"] == pytest.approx(measured["value"], rel=1e-6)
    difference = figures["finetuned"]["value"] - figures["scratch"]["value"]
    assert figures["paired"]["difference"] == pytest.approx(difference)
    words = " ".join(text for text, _ in about_transfer(child.transfer))
    assert "from scratch" in words
    assert "energy_per_atom" in words


def test_test_crystals_that_the_parent_has_learned_are_named(run, child):
    learned, test = set(Run.open(run).division["train"]), child.run.division["test"]
    known = [name for name in test if name in learned]
    assert known
    assert child.transfer["known"]["ids"] == known
    unseen = child.transfer["targets"]["energy_per_atom"].get("unseen", {"crystals": 0})
    assert unseen["crystals"] in (0, len(test) - len(known))


def test_a_kept_head_follows_labels_that_are_shifted_by_element(run, csv_path, table, tmp_path):
    """Training that hardly moves predicts as the parent did, plus the shift of the labels."""
    crystals = [structure.composition for structure in table["structure"]]
    shift = np.array([sum(3.0 * n for n in c.values()) for c in crystals])
    moved = pd.read_csv(csv_path).assign(energy=lambda t: t["energy"] + shift)
    done = tuned(
        run, moved, tmp_path / "c", "training.learning_rate=1e-9", no_scratch=True, epochs=1
    )
    assert done.transfer["start"]["heads kept"] == ["energy"]
    assert done.transfer["start"]["weights fresh"] == []
    assert done.scratch is None
    assert done.transfer["targets"] == {}
    parent, child = (place.predictions["energy"] for place in (Run.open(run), done.run))
    before = (parent["prediction"] - parent["target"]).abs().mean()
    after = (child["prediction"] - child["target"]).abs().mean()
    assert after < 1.1 * before + 0.02 * shift.mean()
    assert (
        weights(run)["heads.0.scalers.0.scale"]
        == weights(done.run.folder)["heads.0.scalers.0.scale"]
    )


def test_it_goes_on_to_the_same_bits(run, csv_path, tmp_path, monkeypatch):
    options = {"target": "energy_per_atom", "depth": "gradual", "epochs": 4, "no_scratch": True}
    whole = tuned(run, csv_path, tmp_path / "whole", "finetuning.rate_factor=0.5", **options)

    def record(self, *args):
        original(self, *args)
        if self.progress.epoch == 3:
            self._save()
            raise KeyboardInterrupt

    original = Trainer._record
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_record", record)
        with pytest.raises(KeyboardInterrupt):
            tuned(run, csv_path, tmp_path / "cut", "finetuning.rate_factor=0.5", **options)
    again = tuned(
        run, csv_path, tmp_path / "cut", "finetuning.rate_factor=0.5", resume=True, **options
    )
    for name in ("model.safetensors", "predictions/energy_per_atom.csv"):
        assert (whole.run.folder / name).read_bytes() == (again.run.folder / name).read_bytes()
    assert Run.open(again.run.folder).config.finetuning.release == "gradual"


def test_a_process_killed_before_the_manifest_is_done_again(child, run, csv_path, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(child.run.folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["transfer.json"]
    listed = json.dumps(manifest["files"], sort_keys=True).encode()
    manifest["sha256"] = hashlib.sha256(listed).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "transfer.json").write_text("{}")
    again = tuned(
        run, csv_path, folder, target="energy_per_atom", depth="frozen", seed=8, resume=True
    )
    assert again.transfer == child.transfer


@pytest.mark.long
def test_the_command_of_the_record_trains_the_same_again(child, csv_path, tmp_path):
    config = child.run.folder / "config.yaml"
    again = xtalgraph.train(csv_path, config=config, out=tmp_path / "t", progress=False)
    first, second = weights(child.run.folder), weights(again.folder)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_settings_of_another_encoder_or_graph_are_refused_with_the_reason(run, csv_path, tmp_path):
    for setting in ("model.width=16", "graph.cutoff=4.5", "model.name=schnet"):
        with pytest.raises(ConfigError, match=r"parent|fit its own|unknown key"):
            tuned(run, csv_path, tmp_path / "c", setting, target="energy_per_atom")
    assert not (tmp_path / "c").exists()


def test_a_parent_that_has_changed_is_refused(run, csv_path, tmp_path):
    parent = tmp_path / "parent"
    shutil.copytree(run, parent)
    with pytest.raises(RunError, match="other weights"):
        tuned(parent, csv_path, tmp_path / "c", "finetuning.parent_sha256=other", no_scratch=True)


@pytest.mark.parametrize(
    "name",
    [
        name if name in ASKED else pytest.param(name, marks=pytest.mark.long)
        for name in sorted(path.parent.name for path in OLD.glob("*/model.json"))
    ],
)
def test_every_run_of_an_older_version_can_be_started_from(name, tmp_path):
    parent = tmp_path / name
    shutil.copytree(OLD / name, parent)
    source = OLD / INPUT.get(name, "crystals.csv")
    done = tuned(
        parent, source, tmp_path / "c", no_scratch=True, on_error="skip",
        epochs=1, seed=1,
    )  # fmt: skip
    start = done.transfer["start"]
    assert start["weights fresh"] == []
    assert start["heads fresh"] == []
    assert done.run.predictor.spec.targets == xtalgraph.load(parent).targets


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    """A potential of copper, its frames, and frames of silver with other energies."""
    place, drawn = tmp_path_factory.mktemp("potential"), np.random.default_rng(0)
    for symbol, shift in (("Cu", 0.0), ("Ag", 5.0)):
        frames = []
        for _ in range(16):
            atoms = bulk(symbol, cubic=True)
            atoms.positions += drawn.normal(0.0, 0.1, atoms.positions.shape)
            atoms.calc = EMT()
            energy, forces = atoms.get_potential_energy(), atoms.get_forces()
            energy += shift * len(atoms)
            atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
            frames.append(atoms)
        write(place / f"{symbol}.extxyz", frames)
    xtalgraph.train(
        place / "Cu.extxyz",
        target=["energy", "forces"],
        model="schnet",
        out=place / "run",
        epochs=2,
        overrides=["model.width=8", "model.depth=1", "graph.cutoff=4.0", "training.threads=1"],
        progress=False,
    )
    return place


def test_a_potential_learns_another_element_and_keeps_the_first(potential, tmp_path):
    forces = ["training.learning_rate=1e-9", "training.threads=1"]
    done = xtalgraph.finetune(
        potential / "run", potential / "Ag.extxyz", out=tmp_path / "c", epochs=1, no_scratch=True,
        replay=potential / "Cu.extxyz", overrides=forces, progress=False,
    )  # fmt: skip
    start = done.transfer["start"]
    assert start["heads kept"] == ["energy"]
    assert start["elements the parent had not"] == ["Ag"]
    learned = Run.open(potential / "run").metrics["splits"]
    assert start["replay crystals"] == learned["train"] + learned["val"]
    shift = (
        weights(done.run.folder)["head.scalers.0.shift"]
        - weights(potential / "run")["head.scalers.0.shift"]
    )
    assert float(shift[47]) > 4
    assert float(shift[29]) == 0
    assert done.transfer["forgetting"]["measured"]
    assert set(done.transfer["forgetting"]["targets"]) == {"energy", "forces"}
    assert done.transfer["forgetting"]["targets"]["forces"]["unit"] == "meV/Å"


@pytest.mark.long
def test_replay_keeps_what_is_forgotten_without(potential, tmp_path):
    errors = {}
    for name, replay in (("with", potential / "Cu.extxyz"), ("without", None)):
        done = xtalgraph.finetune(
            potential / "run", potential / "Ag.extxyz", out=tmp_path / name, epochs=40,
            no_scratch=True, replay=replay, overrides=["training.threads=1"], progress=False,
        )  # fmt: skip
        measured = xtalgraph.evaluate(done.run.folder, potential / "Cu.extxyz", progress=False)
        errors[name] = measured["targets"]["forces"]["reported"]["metrics"]["mae"]["value"]
    assert errors["with"] < 0.8 * errors["without"]


def test_tables_of_elements_go_over_by_element(potential, tmp_path):
    small = ["model.channels=4", "model.depth=1", "graph.cutoff=3.5", "training.threads=1"]
    options = {"epochs": 1, "progress": False}
    xtalgraph.train(
        potential / "Cu.extxyz",
        target=["energy", "forces"],
        model="mace",
        out=tmp_path / "p",
        overrides=small,
        **options,
    )
    still = ["training.learning_rate=1e-12", "training.threads=1"]
    done = xtalgraph.finetune(
        tmp_path / "p", potential / "Ag.extxyz", out=tmp_path / "c", no_scratch=True,
        overrides=still, **options,
    )  # fmt: skip
    names = done.transfer["start"]["weights taken by element"]
    assert names
    before, after = weights(tmp_path / "p"), weights(done.run.folder)
    axes = element_axes(xtalgraph.load(done.run.folder).members[0])
    for name in names:
        assert (before[name].shape[axes[name]], after[name].shape[axes[name]]) == (1, 2)
        copper = (values[name].select(axes[name], 0) for values in (after, before))
        torch.testing.assert_close(*copper)
    assert done.run.predictor.spec.settings["elements"] == ["Cu", "Ag"]


@pytest.mark.usefixtures("sizes_are_symbols")
@pytest.mark.parametrize("replays", [pytest.param(False, marks=pytest.mark.long), True])
def test_it_is_the_same_compiled(potential, tmp_path, replays, monkeypatch):
    made, recorded = [], []
    monkeypatch.setattr(torch, "compile", lambda traced, **_: recorded.append(traced) or traced)
    for compiled in ("false", "true"):
        done = xtalgraph.finetune(
            potential / "run", potential / "Ag.extxyz", out=tmp_path / compiled, epochs=2,
            no_scratch=True, replay=potential / "Cu.extxyz" if replays else None, progress=False,
            overrides=["training.threads=1", f"training.compile={compiled}"],
        )  # fmt: skip
        made.append(weights(done.run.folder))
        assert bool(recorded) == (compiled == "true")
    for name, values in made[0].items():
        torch.testing.assert_close(made[1][name], values, rtol=1e-4, atol=1e-5)
