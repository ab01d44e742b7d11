"""Forces of a teacher: which crystals it is asked about, what is kept, and what is learned."""

import json
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.conventions.stopping import Stopped
from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.checkpoint import load_model
from xtalgraph.workflows.graph_source import Graphs
from xtalgraph.workflows.teacher import FORCES_FILE, Material

EMT_NAME = "ase.calculators.emt:EMT"
SMALL = ["model.width=8", "model.edge_width=8", "model.depth=1", "data.store=false"]
METALS = ["Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au"]


class Flat(Calculator):
    """No forces on any atom."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3))}


class Torn(Flat):
    """Forces that are no numbers."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["forces"][0] = np.nan


@pytest.fixture(autouse=True)
def without_page(monkeypatch):
    monkeypatch.setattr("xtalgraph.workflows.pretrain.write_pretraining_page", lambda folder: None)


@pytest.fixture(scope="module")
def frame():
    """Metals, and among them one crystal with an element that EMT does not know."""
    metals = [bulk(symbol, cubic=True) for symbol in METALS]
    mixed = [bulk(symbol, a=3.9) * (2, 1, 1) for symbol in METALS]
    for n, atoms in enumerate(mixed):
        atoms.symbols[0] = METALS[n - 1]
    atoms = [*metals, *mixed[:3], bulk("Fe", cubic=True), *mixed[3:]]
    made = [from_ase(one) for one in atoms]
    return pd.DataFrame({"id": [f"m{n}" for n in range(len(made))], "structure": made})


def pretrain(frame, out, *more, **options):
    options = {"teacher": EMT_NAME, "objectives": "forces", "epochs": 2, **options}
    return xtalgraph.pretrain(frame, out=out, overrides=[*SMALL, *more], progress=False, **options)


def lines_of(folder):
    text = (folder / FORCES_FILE).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def run(frame, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("xtalgraph.workflows.pretrain.write_pretraining_page", lambda folder: None)
        return pretrain(frame, tmp_path_factory.mktemp("taught") / "run")


def test_the_forces_are_those_of_the_teacher_on_crystals_that_were_moved(run, frame):
    header, *lines = lines_of(run.folder)
    assert header["teacher"] == EMT_NAME
    assert len(lines) == 2 * len(frame)
    moves = np.random.default_rng((0, 3, 1)).normal(scale=0.1, size=(4, 3))
    atoms = to_ase(frame["structure"][3])
    atoms.positions += moves
    atoms.calc = EMT()
    line = lines[7]
    assert (line["id"], line["copy"]) == ("m3", 2)
    assert np.array_equal(line["forces"], atoms.get_forces())
    assert not np.array_equal(line["forces"], lines[6]["forces"])


def test_the_crystal_that_the_teacher_does_not_know_is_named_and_the_others_are_learned(
    frame, tmp_path, caplog
):
    made = pretrain(frame, tmp_path / "run", epochs=1)
    for copy in (1, 2):
        assert (
            f"m10, rattled copy {copy} (, row 10): no forces of the teacher: NotImplementedError: "
            "No EMT-potential for Fe"
        ) in caplog.text
    assert [line["id"] for line in lines_of(made.folder)[1:] if "reason" in line] == ["m10"] * 2
    record = json.loads((made.folder / "record.json").read_text(encoding="utf-8"))
    assert record["Pre-training"]["rattled crystals"] == 28
    assert record["Pre-training"]["teacher"] == EMT_NAME


def test_forces_are_learned(frame, tmp_path):
    made = pretrain(frame, tmp_path / "run", "training.learning_rate=0.01", epochs=60)
    log = pd.read_csv(made.folder / "log.csv")
    assert log["train_loss"].iloc[-1] < 0.6 * log["train_loss"].iloc[0]
    assert list(made.losses) == ["forces"]


def test_forces_and_what_is_drawn_are_learned_together(frame, tmp_path):
    made = pretrain(frame, tmp_path / "run", "training.batch_size=1", objectives=None, epochs=1)
    assert list(made.losses) == ["elements", "positions", "cells", "forces"]
    assert all(np.isfinite(loss) and loss > 0 for loss in made.losses.values())


def test_a_run_that_was_killed_while_the_teacher_worked_goes_on(run, frame, tmp_path, monkeypatch):
    count, folder = 0, tmp_path / "killed"
    computed = EMT.calculate

    def stop_at_tenth(self, *args, **options):
        nonlocal count
        count += 1
        if count == 10:
            raise Stopped(15)
        computed(self, *args, **options)

    monkeypatch.setattr(EMT, "calculate", stop_at_tenth)
    with pytest.raises(Stopped):
        pretrain(frame, folder)
    assert len(lines_of(folder)) == 10
    with (folder / FORCES_FILE).open("a", encoding="utf-8") as file:
        file.write('{"id": "m4", "copy": 2, "forces": [[0.1')
    killed = pretrain(frame, folder, resume=True)
    assert count == 10 + 2 * len(frame) - 9, "what was in the file is not computed again"
    assert lines_of(folder) == lines_of(run.folder)
    states = [load_model(one.folder)[0].state_dict() for one in (run, killed)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_forces_of_other_crystals_are_not_taken(frame, tmp_path, monkeypatch):
    def stop(self, *args, **options):
        raise Stopped(15)

    monkeypatch.setattr(EMT, "calculate", stop)
    with pytest.raises(Stopped):
        pretrain(frame, tmp_path / "run")
    with pytest.raises(RunError, match=r"teacher\.jsonl holds forces of other crystals"):
        pretrain(frame.iloc[:5], tmp_path / "run", resume=True)
    (tmp_path / "run" / FORCES_FILE).write_text("{\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"teacher\.jsonl"):
        pretrain(frame, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("Flat", "forces of the teacher are 0 on all rattled crystals"),
        ("Torn", "computes none of the 6 rattled crystals, the first: its forces are not three"),
        ("METALS", "must be one of ASE"),
    ],
)
def test_a_teacher_without_forces_is_an_error(frame, tmp_path, teacher, message):
    with pytest.raises(InputError, match=message):
        pretrain(frame.iloc[:3], tmp_path / "run", teacher=f"{__name__}:{teacher}")


def test_what_is_said_of_a_teacher_must_agree(frame, tmp_path):
    with pytest.raises(ConfigError, match="no teacher that computes them: give a calculator"):
        pretrain(frame, tmp_path / "run", teacher=None)
    with pytest.raises(ConfigError, match=r"'forces' is none of pretraining\.objectives, cells"):
        pretrain(frame, tmp_path / "run", objectives="cells")
    with pytest.raises(ConfigError, match="cannot import 'nowhere'"):
        pretrain(frame, tmp_path / "run", teacher="nowhere:Calculator")
    with pytest.raises(ConfigError, match=r"'forces', and pretraining\.displacement is 0"):
        pretrain(frame, tmp_path / "run", "pretraining.displacement=0")
    assert not (tmp_path / "run").exists()


def test_the_unit_of_forces_is_their_deviation_in_the_training_part():
    forces = (np.full((2, 3), 3.0), np.full((1, 3), -4.0), np.full((1, 3), 100.0))
    rattled = np.array([False, False, True, True, True])
    graphs = Graphs(build_graph([from_ase(bulk("Cu"))], Radius(3.0)), (), 0.0)
    material = Material(graphs, np.array([0, 1, 0, 0, 1]), rattled, forces)
    scaled, unit = material.scaled_forces(np.array([0]))
    assert unit == pytest.approx(np.sqrt(12.5))
    assert scaled.numpy() == pytest.approx(np.concatenate(forces) / np.sqrt(12.5))
    assert material.rows(np.array([0])).tolist() == [0, 2, 3]
