"""A run is verified on its own test part, on other crystals or built-in ones; and it is told."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.verification import verify as verify_model
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.testing.crystals import contract_crystals

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]


@pytest.fixture
def copied(run, tmp_path) -> Path:
    """The run, in a place where its folder may change."""
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.fixture
def no_report(monkeypatch) -> None:
    """Save the seconds that the figures of a report take."""
    monkeypatch.setattr("xtalgraph.workflows.verify.report", lambda folder: None)


@pytest.fixture(scope="module")
def xgn_run(csv_path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "xgn"
    settings = ["model.width=8", "model.edge_width=6", "model.depth=2", "model.angle_depth=1"]
    xtalgraph.train(
        csv_path,
        target="energy_per_atom",
        unit="eV/atom",
        model="xgn",
        out=out,
        epochs=2,
        overrides=[*settings, *SMALL[2:], "graph.strategy=radius", "graph.cutoff=5"],
        progress=False,
    )
    return out


def statuses(found) -> dict[str, str]:
    return {one["check"]: one["status"] for one in found.document["results"]}


def test_a_clean_run_raises_no_alarm_and_its_report_says_so(copied):
    found = xtalgraph.verify(copied, sample=2, progress=False)
    assert found.verification.failures == ()
    stated = json.loads((copied / "verify.json").read_text(encoding="utf-8"))
    assert stated == found.document
    assert stated["passed"] is True
    test = json.loads((copied / "split.json").read_text(encoding="utf-8"))["test"]
    assert len(stated["crystals"]) == 2
    assert set(stated["crystals"]) <= set(test)
    page = (copied / "report.html").read_text(encoding="utf-8")
    assert ">Verification<" in page
    assert "verification failed" not in page


def test_of_several_members_every_one_is_tried(run_of_members_on_a_fold, no_report, tmp_path):
    folder = Path(shutil.copytree(run_of_members_on_a_fold, tmp_path / "run"))
    found = xtalgraph.verify(folder, sample=2, progress=False)
    assert found.document["members"] == 3
    assert set(statuses(found).values()) <= {"pass", "measured", "n/a"}
    predictor = xtalgraph.load(folder)
    with torch.no_grad():
        for one in predictor.members[2].parameters():
            one.fill_(torch.nan)
    tested = ModelUnderTest.of(predictor.members, predictor.spec)
    broken = verify_model(tested, {"cubic": contract_crystals()["cubic"]})
    assert "a finite number" in {one.check for one in broken.failures}


def test_the_same_crystals_are_drawn_again(copied, no_report):
    first, again = (xtalgraph.verify(copied, sample=2, progress=False) for _ in range(2))
    assert first.document["crystals"] == again.document["crystals"]
    assert first.document["results"] == again.document["results"]


def test_a_clean_run_with_angles_and_a_radius_raises_no_alarm(xgn_run, no_report):
    found = xtalgraph.verify(xgn_run, sample=2, progress=False)
    said = statuses(found)
    assert set(said.values()) <= {"pass", "measured", "n/a"}
    assert said["value at the cutoff"] == said["slope at the cutoff"] == "pass"
    assert said["jump where neighbours change ranks"] in ("measured", "n/a")


def test_a_strict_cut_is_caught_and_the_report_warns(csv_path, tmp_path):
    out = tmp_path / "strict"
    xtalgraph.train(
        csv_path,
        target="energy_per_atom",
        out=out,
        epochs=1,
        overrides=[*SMALL, "graph.strategy=knn-strict"],
        progress=False,
    )
    cubic = contract_crystals()["cubic"]  # whose shells are cut
    found = xtalgraph.verify(out, on=[cubic], progress=False)
    assert {one.check for one in found.verification.failures} & {"permutation", "lattice basis"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'class="warning">The verification failed: ' in page


def test_other_crystals_and_built_in_ones(copied, table, tmp_path, caplog, no_report):
    structure = table["structure"][0]
    found = xtalgraph.verify(copied, on=[structure], progress=False)
    assert len(found.document["crystals"]) == found.document["of"] == 1
    assert found.document["part"] == "memory"

    config = copied / "config.yaml"
    text = config.read_text(encoding="utf-8")
    moved = [f"  path: {tmp_path / 'gone.csv'}" if "path:" in line else line
             for line in text.splitlines()]  # fmt: skip
    config.write_text("\n".join(moved), encoding="utf-8")
    write_manifest(copied)
    with caplog.at_level("WARNING", logger="xtalgraph"):
        found = xtalgraph.verify(copied, progress=False)
    assert "not there" in caplog.text
    assert "built-in crystals instead" in caplog.text
    assert set(found.document["crystals"]) <= set(contract_crystals())
    assert found.verification.failures == ()


def test_a_crystal_on_which_rounding_decides_is_passed_over_and_named(copied, table):
    structure = table["structure"][0]
    places = np.array([[0.0, 0, 0], [3.0, 0, 0], [8.0, 0, 0]])  # the cutoff is 8 Å
    row = Crystal(40.0 * np.eye(3), places, np.full(3, 8), np.zeros(3, bool))
    found = xtalgraph.verify(copied, on=[structure, row], progress=False)
    assert len(found.document["crystals"]) == len(found.document["undecided"]) == 1
    page = (copied / "report.html").read_text(encoding="utf-8")
    assert "1 crystal skipped, because rounding decides whether an edge" in page
    with pytest.raises(InputError, match="cannot be verified on crystals in memory: of 1 crystals"):
        xtalgraph.verify(copied, on=[row], progress=False)


def test_a_refused_crystal_is_named(knn_run, stretched, table, tmp_path, caplog, no_report):
    copied = Path(shutil.copytree(knn_run, tmp_path / "run"))
    with caplog.at_level("WARNING", logger="xtalgraph"):
        found = xtalgraph.verify(
            copied, on=[stretched["structure"][0], table["structure"][0]], progress=False
        )
    assert len(found.document["unsupported"]) == len(found.document["crystals"]) == 1
    assert "has no graph" in caplog.text


def test_a_verification_of_other_weights_is_not_shown(copied, no_report):
    found = xtalgraph.verify(copied, sample=1, progress=False)
    stale = found.document | {"weights_sha256": "0" * 64}
    found.path.write_text(json.dumps(stale), encoding="utf-8")
    page = xtalgraph.report(copied).read_text(encoding="utf-8")
    assert "verify.json belongs to other weights" in page
    assert "reflection" not in page


def test_an_empty_sample_is_refused(copied):
    with pytest.raises(ConfigError, match="at least 1"):
        xtalgraph.verify(copied, sample=0)


@pytest.fixture
def short(monkeypatch) -> None:
    """Move atoms for a tenth of a picosecond."""
    monkeypatch.setattr("xtalgraph.evidence.energy_conservation.DURATION", 0.1)


def test_a_potential_is_verified_with_its_dynamics(run_of_a_potential, tmp_path, no_report, short):
    folder = shutil.copytree(run_of_a_potential, tmp_path / "run")
    found = xtalgraph.verify(folder, sample=2, progress=False)
    assert found.verification.failures == ()
    named = {one.check: one for one in found.verification.results}
    for check in ("derivatives of the energy", "sum of forces", "far fragments add up"):
        assert named[check].relative < 1e-7
    assert named["value at the cutoff"].tried == named["slope at the cutoff"].tried > 0
    assert named["drift of the total energy"].unit == "eV/ps"
    assert named["error of the total energy"].details["factor"] == pytest.approx(4.0, rel=0.15)


def test_forces_that_are_no_derivative_fail_in_time(run_of_a_potential, tmp_path, no_report, short):
    folder = shutil.copytree(run_of_a_potential, tmp_path / "run")
    right = PotentialCalculator._computed

    def scaled(self, *args):
        values = right(self, *args)
        return [one | {"forces": 1.2 * one["forces"]} for one in values]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PotentialCalculator, "_computed", scaled)
        found = xtalgraph.verify(folder, sample=1, progress=False)
    assert {one.check for one in found.verification.failures} >= {"error of the total energy"}
