"""What `xtalgraph verify` prints, and how it ends."""

import json
from pathlib import Path

import pytest

import xtalgraph.cli.verify  # noqa: F401  its options are those of the function that is replaced
from xtalgraph.evidence.verification import Verification
from xtalgraph.models.check_result import CheckResult, Reason, Status
from xtalgraph.workflows.verify import Verified

WHY = Reason.ROUNDING
SOUND = CheckResult("rotation", Status.PASSED, WHY, 0.0, "eV", 0.0, 1e-10, "e", "", 3)
BROKEN = CheckResult("supercell", Status.FAILED, WHY, 1.25, "eV", 0.5, 1e-10, "e", "NaCl", 3)
WILD = CheckResult("translation", Status.FAILED, WHY, None, "eV", None, 1e-10, "gap", "MgO", 3)
ABSENT = CheckResult("device, CUDA as CPU", Status.NOT_APPLICABLE, Reason.NO_GPU)


@pytest.fixture
def verified(monkeypatch):
    """Make the workflow return some findings; return what it was asked for."""
    asked = []

    def plant(*results: CheckResult) -> list:
        found = Verification(results, ("NaCl", "MgO", "CaO"))
        document = {"source": "d.csv", "part": "test", "of": 40, **found.as_dict()}

        def verify(run: str, **options: object) -> Verified:
            asked.append((run, options))
            return Verified(Path("verify.json"), found, document)

        monkeypatch.setattr("xtalgraph.workflows.verify.verify", verify)
        return asked

    return plant


def test_a_sound_model_ends_with_0(verified, xtalgraph_command):
    asked = verified(SOUND, ABSENT)
    code, out, _ = xtalgraph_command("verify", "runs/a", "--on", "a.cif", "b.cif", "--quiet")
    assert code == 0
    options = {"on": ["a.cif", "b.cif"], "device": "cpu", "progress": False}
    assert asked == [("runs/a", options)]
    first, _, sound, absent = out.splitlines()
    assert first == "3 of 40 crystals of the test part of d.csv: no check fails"
    assert sound.split() == ["rotation", "pass", "0", "eV", "0", "1e-10"]
    assert absent.endswith("n/a  there is no CUDA device here")


def test_a_demand_that_does_not_hold_ends_with_1_and_is_named(verified, xtalgraph_command):
    verified(SOUND, BROKEN, WILD)
    code, out, _ = xtalgraph_command("verify", "runs/a")
    assert code == 1
    lines = out.splitlines()
    assert lines[0].endswith("FAILED: supercell, translation")
    broken, wild = (" ".join(line.split()) for line in lines[3:5])
    assert broken == "supercell fail 1.2 eV 0.5 1e-10 e, on NaCl"
    assert wild == "translation fail not finite not finite 1e-10 gap, on MgO"


def test_json_is_the_file(verified, xtalgraph_command):
    verified(BROKEN)
    code, out, _ = xtalgraph_command("verify", "runs/a", "--json")
    assert code == 1
    stated = json.loads(out)
    assert stated["passed"] is False
    assert stated["results"][0]["crystal"] == "NaCl"
