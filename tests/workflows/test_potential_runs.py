"""What a stranger reads of a potential: errors per atom and in meV, GPa, beside its ladder."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import xtalgraph
from xtalgraph.cli.tables import metrics_tables
from xtalgraph.conventions.units import GPA
from xtalgraph.evidence.pages.report import write_report

COUNT = 24


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Rattled and strained cells of 2 and 4 atoms, labelled by a potential of two elements."""
    drawn = np.random.default_rng(0)
    labelled = []
    for number in range(COUNT):
        atoms = bulk("Cu", cubic=True) if number % 2 else bulk("Cu", cubic=True)[[0, 1]]
        atoms.symbols[number % 2] = "Ag"
        atoms.set_cell(atoms.cell @ (np.eye(3) + drawn.uniform(-0.03, 0.06, (3, 3))), True)
        atoms.positions += drawn.normal(0.0, 0.1, atoms.positions.shape)
        atoms.calc = EMT()
        energy, forces, stress = (
            atoms.get_potential_energy(),
            atoms.get_forces(),
            atoms.get_stress(),
        )
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        labelled.append(atoms)
    path = tmp_path_factory.mktemp("frames") / "frames.extxyz"
    write(path, labelled)
    return path, labelled


SMALL = ["model.width=8", "model.depth=1", "graph.cutoff=4.0", "training.threads=1"]


@pytest.fixture(scope="module")
def run(frames, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "alloy"
    trained = xtalgraph.train(
        frames[0],
        target=["energy", "forces", "stress"],
        model="schnet",
        out=out,
        epochs=3,
        overrides=SMALL,
        progress=False,
    )
    write_report(out)
    return trained


def test_errors_of_a_potential_are_measured_in_the_units_that_people_read(run, frames):
    sizes = {len(atoms) for atoms in frames[1]}
    assert sizes == {2, 4}
    predicted = run.predictions
    test = {name: table[table["split"] == "test"] for name, table in predicted.items()}
    error = {name: (table["prediction"] - table["target"]).abs() for name, table in test.items()}
    atoms = test["forces"].groupby("id").size() / 3
    per_atom = 1000 * error["energy"].to_numpy() / atoms[test["energy"]["id"]].to_numpy()
    expected = {
        "energy": ("meV/atom", per_atom),
        "forces": ("meV/Å", 1000 * error["forces"]),
        "stress": ("GPa", GPA * error["stress"]),
    }
    for name, (unit, errors) in expected.items():
        reported = run.metrics["targets"][name]["reported"]
        assert reported["target"]["unit"] == unit
        figures = reported["models"]["schnet"]["test"]
        assert figures["mae"]["value"] == pytest.approx(np.mean(errors))
        assert figures["rmse"]["value"] == pytest.approx(np.sqrt(np.mean(errors**2)))
        declared = run.metrics["targets"][name]["models"]["schnet"]["test"]
        assert declared["mae"]["value"] == pytest.approx(error[name].mean()), "as before"


def test_a_pair_potential_and_the_energies_of_the_elements_stand_beside_it(run):
    ladder = ["schnet", "pair potential", "reference energies"]
    for one in run.metrics["targets"].values():
        assert list(one["reported"]["models"]) == list(one["models"]) == ladder
        assert one["models"]["schnet"]["test"].keys() == one["models"][ladder[1]]["test"].keys()
    forces = run.metrics["targets"]["forces"]["reported"]["models"]
    tested = run.predictions["forces"].query("split == 'test'")["target"]
    zero = forces["reference energies"]["test"]
    assert zero["mae"]["value"] == pytest.approx(1000 * tested.abs().mean())
    assert forces["pair potential"]["test"]["mae"]["value"] < zero["mae"]["value"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "the pair potential" in page
    assert "the reference energies" in page


def test_the_log_and_the_table_name_the_units(run):
    log = pd.read_csv(run.folder / "log.csv")
    columns = ["val_mae:energy (meV/atom)", "val_mae:forces (meV/Å)", "val_mae:stress (GPa)"]
    assert log[columns].notna().all(axis=None)
    selected = log[log["selected"] == 1].iloc[-1]
    figures = {
        name: one["reported"]["models"]["schnet"]["val"]["mae"]["value"]
        for name, one in run.metrics["targets"].items()
    }
    for column, value in zip(columns, figures.values(), strict=True):
        assert selected[column] == pytest.approx(value, rel=1e-3), "by other code"


def test_a_last_layer_in_closed_form_is_that_of_the_run(run, frames, tmp_path):
    overrides = [*SMALL, "training.refit=true", "training.members=2", "training.jobs=1"]
    named = {"target": ["energy", "forces", "stress"], "model": "schnet", "out": tmp_path / "run"}
    made = xtalgraph.train(frames[0], **named, epochs=3, overrides=overrides, progress=False)
    plain = pd.read_csv(run.folder / "log.csv")
    for folder in (made.folder, made.folder / "members" / "1"):
        log = pd.read_csv(folder / "log.csv")
        assert log["epoch"].tolist() == [1, 2, 3, 3]
        assert log["selected"].iloc[-1] == 1, "trained for three epochs, it errs less with it"
        assert log["val_error"].iloc[-1] < log["val_error"].iloc[:-1].min()
        if folder == made.folder:
            pd.testing.assert_frame_equal(
                log.iloc[:-1].drop(columns="seconds"), plain.drop(columns="seconds")
            )
    page = write_report(made.folder).read_text(encoding="utf-8")
    assert "3 epochs" in page
    assert "Selected checkpoint: epoch 3" in page
    table = metrics_tables(run.metrics)
    for head in ("energy, meV/atom, ", "forces, meV/Å, ", "stress, GPa, "):
        assert re.search(rf"^{head}\d+ test crystals$", table, re.MULTILINE)
    assert "eV/Å³" not in table


def test_the_report_shows_three_parity_plots_in_their_units_and_the_curves_of_all_terms(run):
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    for number, (value, error) in enumerate(
        [("eV/atom", "meV/atom"), ("eV/Å", "meV/Å"), ("GPa", "GPa")], start=1
    ):
        points = re.findall(r'data-points="([^"]*)"', page)[number - 1]
        assert json.loads(points.replace("&quot;", '"'))["unit"] == value
        assert (run.folder / "figures" / f"target-{number}" / "parity.svg").is_file()
        assert f"Mean absolute error {error}" in text
    assert "eV/Å³ " not in text.partition("How to repeat it")[0]
    assert re.search(r"mean absolute errors [\d.]+\xa0meV/atom, [\d.]+\xa0meV/Å and", text)


def test_a_run_without_reported_errors_has_its_report_as_before(run, tmp_path):
    old = shutil.copytree(run.folder, tmp_path / "old")
    document = json.loads((old / "metrics.json").read_text(encoding="utf-8"))
    for one in document["targets"].values():
        del one["reported"]
    (old / "metrics.json").write_text(json.dumps(document), encoding="utf-8")
    write_report(old)
    assert "eV/Å³" in (old / "report.html").read_text(encoding="utf-8")


def test_other_frames_are_evaluated_in_the_same_units(run, frames, tmp_path):
    write(tmp_path / "few.extxyz", frames[1][:3])
    document = xtalgraph.evaluate(run.folder, tmp_path / "few.extxyz", progress=False)
    energy = document["targets"]["energy"]
    assert energy["reported"]["target"]["unit"] == "meV/atom"
    assert energy["reported"]["metrics"]["mae"]["value"] > energy["metrics"]["mae"]["value"] * 200
