"""What a potential says of crystals: tables that go on, rows with reasons, pages."""

import signal
import sys

import numpy as np
import pandas as pd
import phonopy
import pytest
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.io import read, write
from click.testing import CliRunner

import xtalgraph
from xtalgraph.cli.simulation import elastic as elastic_command
from xtalgraph.cli.simulation import md as md_command
from xtalgraph.cli.simulation import phonons as phonons_command
from xtalgraph.conventions.errors import InputError, MissingExtraError, RunError
from xtalgraph.conventions.stopping import Stopped
from xtalgraph.workflows.calculator import potential_named

EMT_NAME = "ase.calculators.emt:EMT"


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "metals.extxyz"
    made = [bulk("Cu", cubic=True), bulk("Ag"), bulk("Si")]
    for seed, atoms in enumerate(made):
        atoms.rattle(0.03, seed=seed)
    write(path, made)
    return path


def test_relaxed_crystals_are_in_a_table_and_in_files(frames, tmp_path):
    done = xtalgraph.relax(EMT_NAME, frames, out=tmp_path / "out", progress=False)
    assert (done.good, done.bad) == (2, 1)
    table = pd.read_csv(done.path)
    assert table["id"].tolist() == ["metals:0", "metals:1", "metals:2"]
    assert table["converged"].tolist()[:2] == [True, True]
    assert table["error"][2] == "NotImplementedError: No EMT-potential for Si"
    structures = sorted((tmp_path / "out" / "structures").iterdir())
    relaxed = [read(path) for path in structures]
    for atoms, energy in zip(relaxed, table["energy"], strict=False):
        atoms.calc = EMT()
        assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-6)
        assert np.abs(atoms.get_stress()).max() < 1.1e-4
    assert "2 of 3 crystals relaxed" in done.page.read_text(encoding="utf-8")


def test_a_stopped_table_goes_on_where_it_was(frames, tmp_path):
    class Counting(EMT):
        calls: list[str] = []  # noqa: RUF012

        def calculate(self, atoms=None, *args, **kwargs):
            if not self.calls or self.calls[-1] != str(atoms.symbols):
                self.calls.append(str(atoms.symbols))
            if stop and str(atoms.symbols) == "Ag":
                signal.raise_signal(signal.SIGTERM)
            super().calculate(atoms, *args, **kwargs)

    stop = True
    with pytest.raises(Stopped):
        xtalgraph.eos(Counting(), frames, out=tmp_path, progress=False)
    first = (tmp_path / "eos.csv").read_text(encoding="utf-8")
    assert first.count("metals:") == 1
    (tmp_path / "eos.csv").write_text(first + "metals:1,Ag,17", encoding="utf-8")  # killed
    stop = False
    Counting.calls.clear()
    done = xtalgraph.eos(Counting(), frames, out=tmp_path, progress=False)
    assert "Cu4" not in Counting.calls
    assert (done.good, done.bad) == (2, 1)
    assert done.path.read_text(encoding="utf-8").startswith(first)
    table = pd.read_csv(done.path)
    assert table["bulk_modulus"][0] == pytest.approx(134.4, abs=1.0)  # of EMT's copper


def test_other_settings_need_another_folder(frames, tmp_path):
    xtalgraph.relax(EMT_NAME, frames, out=tmp_path, steps=3, progress=False)
    with pytest.raises(RunError, match="results of other settings"):
        xtalgraph.relax(EMT_NAME, frames, out=tmp_path, steps=4, progress=False)


def test_elastic_constants_from_the_command_line(frames, tmp_path):
    options = [EMT_NAME, str(frames), "--out", str(tmp_path), "--quiet"]
    shown = CliRunner().invoke(elastic_command, options)
    assert "2 crystals, 1 without a result" in shown.output
    table = pd.read_csv(tmp_path / "elastic.csv")
    assert table["C11"][0] == pytest.approx(173, abs=2)
    assert table["stable"].tolist()[:2] == [True, True]


def test_phonons_are_in_a_table_in_files_and_on_a_page(frames, tmp_path):
    options = [EMT_NAME, str(frames), "--out", str(tmp_path), "--length", "7", "--quiet"]
    shown = CliRunner().invoke(phonons_command, options)
    assert "2 crystals, 1 without a result" in shown.output
    table = pd.read_csv(tmp_path / "phonons.csv")
    assert table["space_group"].tolist()[:2] == ["Fm-3m", "Fm-3m"]
    assert table["atoms"].tolist()[:2] == [1, 1]  # of four, and of one
    assert table["highest"][0] == pytest.approx(8.1, abs=0.2)  # THz, of EMT's copper
    assert table["error"][2] == "NotImplementedError: No EMT-potential for Si"
    folder = tmp_path / table["files"][0]
    bands = pd.read_csv(folder / "bands.csv", keep_default_na=False)
    assert bands["label"].iloc[[0, -1]].tolist() == ["Γ", "X"]
    assert bands["3, THz"].max() == pytest.approx(table["highest"][0], abs=1e-6)
    assert list(pd.read_csv(folder / "dos.csv")) == ["frequency, THz", "density, 1/THz/atom"]
    heat = pd.read_csv(folder / "temperatures.csv").set_index("temperature, K")
    assert heat["heat capacity, J/K/mol"][300] == pytest.approx(table["heat_capacity_300"][0])
    again = phonopy.load(folder / "phonopy.yaml", log_level=0)
    again.run_qpoints([[0.0, 0.5, 0.5]])
    at_x = bands[bands["label"] == "X"].iloc[0]
    assert again.qpoints.frequencies[0, 2] == pytest.approx(at_x["3, THz"], abs=1e-3)
    page = (tmp_path / "phonons.html").read_text(encoding="utf-8")
    assert "2 crystals with phonons, 0 with imaginary modes" in page
    done = xtalgraph.phonons(EMT_NAME, frames, out=tmp_path, length=7.0, progress=False)
    assert (done.good, done.bad) == (2, 1)
    with pytest.raises(RunError, match="results of other settings"):
        xtalgraph.phonons(EMT_NAME, frames, out=tmp_path, length=8.0, progress=False)


def test_phonons_without_phonopy_name_the_extra(frames, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    with pytest.raises(MissingExtraError, match=r"phonopy.*xtalgraph\[phonons\]"):
        xtalgraph.phonons(EMT_NAME, frames, out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    path = tmp_path_factory.mktemp("copper") / "copper.extxyz"
    write(path, bulk("Cu", cubic=True))
    return path


def test_a_trajectory_is_in_a_table_in_frames_and_on_a_page(copper, tmp_path):
    done = xtalgraph.md(
        EMT_NAME, copper, out=tmp_path, steps=40, every=10, repeat=2, step=4.0, progress=False
    )
    assert done.reason == ""
    frames = read(tmp_path / "trajectory.extxyz", ":")
    table = pd.read_csv(tmp_path / "md.csv")
    assert len(frames) == len(table) == len(done.moments) == 5
    assert len(frames[0]) == 32
    assert frames[2].get_potential_energy() == pytest.approx(table["potential"][2], rel=1e-6)
    assert table["total"].std() < 0.01
    assert "the total energy drifts by" in (tmp_path / "md.html").read_text(encoding="utf-8")
    with pytest.raises(RunError, match="holds a trajectory"):
        xtalgraph.md(EMT_NAME, copper, out=tmp_path, progress=False)


def test_a_trajectory_that_ends_early_keeps_what_it_has(copper, tmp_path):
    options = [EMT_NAME, str(copper), "--out", str(tmp_path), "--steps", "200", "--every", "1"]
    limits = ["--temperature", "900", "--largest-force", "0.5", "--quiet"]
    CliRunner().invoke(md_command, [*options, *limits])
    page = (tmp_path / "md.html").read_text(encoding="utf-8")
    assert "no more than 0.5 eV/Å" in page
    assert 0 < len(pd.read_csv(tmp_path / "md.csv")) < 201


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A potential that has seen copper that is a little rattled."""
    folder, frames = tmp_path_factory.mktemp("run"), []
    for seed in range(12):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    write(folder / "frames.extxyz", frames)
    small = ["model.width=8", "model.filters=8", "model.depth=1", "graph.cutoff=4.0"]
    xtalgraph.train(
        folder / "frames.extxyz",
        target=["energy", "forces"],
        model="schnet",
        epochs=2,
        out=folder / "run",
        overrides=small,
        progress=False,
    )
    return folder / "run", max(np.linalg.norm(one.get_forces(), axis=1).max() for one in frames)


def test_what_a_run_has_not_learned_is_told(run, caplog):
    calculator = xtalgraph.calculator(run[0])
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=99)
    atoms.calc = calculator
    atoms.get_forces()
    assert calculator.results["novelty"].max() < 1.5
    assert caplog.text == ""
    atoms.set_cell(0.8 * atoms.cell[:], scale_atoms=True)
    atoms.get_forces()
    assert calculator.results["novelty"].min() > 2.0
    atoms.rattle(0.01)
    atoms.get_forces()
    assert caplog.text.count("times as far from those in training") == 1  # not at each step
    assert 0.5 * run[1] < calculator.largest_force < 1.001 * run[1]


def test_crystals_are_relaxed_side_by_side_as_one_by_one(run, tmp_path):
    frames = [
        bulk("Cu", cubic=True),
        bulk("Cu"),
        bulk("Cu", "hcp", a=2.6, c=4.2),
        bulk("Cu", a=1.3),
    ]
    frames += [fcc111("Cu", (1, 1, 2), vacuum=5.0)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.02, seed=seed)
    frames[4].info.clear()
    write(tmp_path / "frames.extxyz", frames)
    tables = []
    for batch in (512, 8, 0):
        options = {"out": tmp_path / str(batch), "batch": batch, "progress": False}
        limits = {"force": 1e-6, "stress": 1e-7, "steps": 12}
        done = xtalgraph.relax(run[0], tmp_path / "frames.extxyz", **options, **limits)
        tables.append(pd.read_csv(done.path))
    assert tables[0]["id"].tolist() == [f"frames:{n}" for n in range(5)]
    assert tables[0]["steps"].max() > 3
    assert tables[0]["error"][3].startswith("absurd density")
    for other in tables[1:]:
        assert other["id"].equals(tables[0]["id"])
        assert other["error"].equals(tables[0]["error"])
        for column in ("energy_start", "energy"):
            assert np.allclose(other[column], tables[0][column], rtol=1e-6, equal_nan=True)


def test_a_trajectory_ends_where_forces_leave_those_in_training(run, tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(0.7 * atoms.cell[:], scale_atoms=True)
    atoms.rattle(0.3, seed=1)
    write(tmp_path / "dense.extxyz", atoms)
    options = {"out": tmp_path / "md", "steps": 20, "every": 1, "progress": False}
    limit = {"largest_force": 1e-6}
    done = xtalgraph.md(run[0], tmp_path / "dense.extxyz", **options, **limit)
    assert "no more than 1e-06 eV/Å is allowed" in done.reason
    usual = xtalgraph.calculator(run[0])
    usual.largest_force = 1e-6 / 1.5
    done = xtalgraph.md(usual, tmp_path / "dense.extxyz", **{**options, "out": tmp_path / "usual"})
    assert "no more than 1e-06 eV/Å is allowed" in done.reason
    assert pd.read_csv(tmp_path / "md" / "md.csv").columns[-1] == "novelty"


def test_a_trajectory_is_of_one_crystal(frames, tmp_path):
    with pytest.raises(InputError, match="must hold one crystal, got 3"):
        xtalgraph.md(EMT_NAME, frames, out=tmp_path, progress=False)


def test_a_potential_is_a_run_a_name_or_a_calculator(tmp_path):
    assert isinstance(potential_named(EMT_NAME, "float64", "cpu"), EMT)
    made = EMT()
    assert potential_named(made, "float64", "cpu") is made
    with pytest.raises(RunError):
        potential_named(tmp_path / "no-run", "float64", "cpu")
