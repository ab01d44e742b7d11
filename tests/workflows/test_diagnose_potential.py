"""A run of a potential is diagnosed: errors of forces, the cutoff, E(V), and the committee."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ase.io import read

import xtalgraph
from xtalgraph.conventions.errors import InputError
from xtalgraph.evidence.diagnostics import evaluator
from xtalgraph.evidence.diagnostics.energy_volume import valleys
from xtalgraph.evidence.diagnostics.result import Verdict
from xtalgraph.nn.expansion import PolynomialEnvelope

POTENTIAL = ("forces", "worst-frames", "force-path", "energy-volume", "committee")


@pytest.fixture
def copied(run_of_a_potential, tmp_path):
    return shutil.copytree(run_of_a_potential, tmp_path / "run")


def diagnosed(folder, *names, **options):
    found = xtalgraph.diagnose(folder, only=names, progress=False, **options)
    return {one.name: one for one in found.results}


def test_all_of_it_is_on_the_page_and_agrees_with_the_predictions(copied):
    found = diagnosed(copied, *POTENTIAL)
    assert tuple(found) == POTENTIAL
    table = pd.read_csv(copied / "predictions" / "forces.csv")
    test = table[table["split"] == "test"]
    error = (test["prediction"] - test["target"]).to_numpy()
    forces = found["forces"].numbers
    assert forces.all["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert forces.all["rmse"] == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-4)
    assert forces.all["atoms"] * 3 == len(test)
    for groups in (forces.elements, forces.sizes, forces.groups):
        assert sum(group["atoms"] for group in groups.values()) == forces.all["atoms"]
    assert set(forces.groups) <= {"strained", "rattled", "alloy"}
    by_atom = np.linalg.norm(error.reshape(-1, 3), axis=1)
    assert found["worst-frames"].numbers.cases[0]["error"] == pytest.approx(by_atom.max(), rel=1e-4)
    told = found["committee"].numbers
    std = test["std"].to_numpy()
    ratio = np.sqrt(np.square(error).sum() / np.square(std).sum())
    assert (told.members, told.atoms) == (2, len(by_atom))
    assert told.ratio == pytest.approx(ratio, rel=1e-3)
    page = (copied / "diagnose.html").read_text(encoding="utf-8")
    assert all(f'<section id="{name}">' in page for name in POTENTIAL)
    assert "hard cutoff" in page
    json.loads((copied / "diagnose.json").read_text(encoding="utf-8"))


def test_the_force_is_smooth_as_trained_and_jumps_with_a_hard_cutoff(copied):
    found = diagnosed(copied, "force-path")["force-path"]
    jumps = dict(zip(found.numbers.envelopes, found.numbers.force_jumps, strict=True))
    assert list(jumps) == ["polynomial", "cosine", "none"]
    assert found.verdict is Verdict.OK
    assert max(jumps["polynomial"], jumps["cosine"]) < 1e-8 < 1e-5 < jumps["none"]


def test_a_hard_cutoff_raises_the_alarm(copied, monkeypatch):
    monkeypatch.setattr(PolynomialEnvelope, "forward", lambda self, d: torch.ones_like(d))
    found = diagnosed(copied, "force-path")["force-path"]
    assert found.verdict is Verdict.ALARM


@pytest.mark.parametrize(
    ("std", "verdict"),
    [
        (lambda error: 2.0 * np.abs(error), Verdict.OK),
        (lambda error: 1.0 / (0.1 + np.abs(error)), Verdict.ALARM),
        (lambda error: None, Verdict.NOT_APPLICABLE),
    ],
)
def test_a_committee_that_does_not_know_its_errors_is_told(std, verdict, copied, monkeypatch):
    right = evaluator.frame_errors

    def changed(tested, known):
        frames = right(tested, known)
        return replace(frames, std=std(frames.error))

    monkeypatch.setattr(evaluator, "frame_errors", changed)
    monkeypatch.setattr("xtalgraph.evidence.diagnostics.force_errors._FEWEST", 4)
    found = diagnosed(copied, "committee")["committee"]
    assert found.verdict is verdict
    if verdict is Verdict.OK:
        assert found.numbers.ratio == pytest.approx(0.5)


def test_valleys_are_counted():
    volume = np.linspace(-1.0, 1.0, 21)
    assert valleys(volume**2) == 1
    assert valleys((volume**2 - 0.25) ** 2) == 2
    assert valleys(volume**2 - 3.0 * np.exp(-20.0 * (volume + 1.0))) == 2


def test_groups_are_those_of_a_column_that_is_named(copied, frames, tmp_path):
    with pytest.raises(InputError, match="no column 'kind' for the groups"):
        diagnosed(copied, "forces", group="kind")
    numbers = diagnosed(copied, "forces", group="config_type")["forces"].numbers
    assert len(numbers.groups) > 1


def test_the_committee_is_in_every_prediction(run_of_a_potential, frames, tmp_path):
    first = read(frames, 0)
    first.calc = xtalgraph.calculator(run_of_a_potential)
    first.get_forces()
    done = xtalgraph.predict(run_of_a_potential, frames, out=tmp_path / "out.csv", progress=False)
    table = pd.read_csv(done.path)
    forces = table[(table["property"] == "forces") & (table["id"] == "frames:0")]
    energy = table[(table["property"] == "energy") & (table["id"] == "frames:0")]
    std = forces["std"].to_numpy().reshape(-1, 3)
    assert std == pytest.approx(first.calc.results["forces_std"], rel=1e-2, abs=1e-5)
    assert energy["std"].iloc[0] == pytest.approx(first.calc.results["energy_std"], rel=1e-2)
    assert table["std"].notna().all()
