"""Verify the calculator of any package: from the command line and in Python."""

import json
import sys

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write
from click.testing import CliRunner

import xtalgraph
from xtalgraph.cli.verify import verify as command
from xtalgraph.conventions.errors import ConfigError, InputError, MissingExtraError


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "copper.extxyz"
    made = [bulk("Cu", cubic=True), bulk("CuAg", "rocksalt", a=4.6), bulk("Si")]
    for seed, atoms in enumerate(made):
        atoms.rattle(0.05, seed=seed)
    write(path, made)
    return path


def test_a_calculator_is_verified_on_what_it_computes(frames, caplog):
    verified = xtalgraph.verify(calculator=EMT(), on=frames, progress=False)
    assert verified.path is None
    assert verified.verification.failures == ()
    assert set(verified.document["crystals"]) == {"copper:0", "copper:1"}
    assert verified.document["unsupported"] == ["copper:2"]
    assert "copper:2 is passed over: the calculator raised NotImplementedError" in caplog.text


def test_the_command_names_what_fails_and_ends_with_1(frames, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong_potential.py").write_text(
        "from ase.calculators.emt import EMT\n"
        "class Wrong(EMT):\n"
        "    def calculate(self, *args, **kwargs):\n"
        "        super().calculate(*args, **kwargs)\n"
        "        self.results['forces'] *= 1.02\n",
        encoding="utf-8",
    )
    options = ["--on", str(frames), "--quiet"]
    wrong = CliRunner().invoke(
        command, ["--calculator", "wrong_potential:Wrong", *options], standalone_mode=False
    )
    assert wrong.return_value == 1
    assert "FAILED: derivatives of the energy" in wrong.output
    right = ["--calculator", "ase.calculators.emt:EMT", *options, "--json"]
    document = json.loads(CliRunner().invoke(command, right).output)
    assert document["calculator"] == "ase.calculators.emt:EMT"
    assert document["passed"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("emt", "is named package.module:name"),
        ("no_such_package.x:y", "cannot import 'no_such_package.x'"),
        ("ase.calculators.emt:Emt", "has no 'Emt'"),
        ("ase.build:bulk", "cannot be called without arguments"),
    ],
)
def test_what_cannot_be_made_is_refused(name, message, frames):
    with pytest.raises(ConfigError, match=message):
        xtalgraph.verify(calculator=name, on=frames, progress=False)


def test_a_calculator_of_an_extra_names_it(frames, monkeypatch):
    monkeypatch.setitem(sys.modules, "chgnet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'xtalgraph\[chgnet\]'"):
        xtalgraph.verify(
            calculator="chgnet.model.dynamics:CHGNetCalculator", on=frames, progress=False
        )


def test_it_needs_a_run_or_a_calculator_and_crystals(frames, tmp_path):
    with pytest.raises(ConfigError, match="either the model of a RUN, or a --calculator"):
        xtalgraph.verify()
    with pytest.raises(ConfigError, match="either the model of a RUN, or a --calculator"):
        xtalgraph.verify(tmp_path, calculator=EMT(), on=frames)
    with pytest.raises(InputError, match="say on which crystals"):
        xtalgraph.verify(calculator=EMT())
    silicon = tmp_path / "silicon.extxyz"
    write(silicon, bulk("Si"))
    with pytest.raises(InputError, match="can be computed, of 1 tried"):
        xtalgraph.verify(calculator=EMT(), on=silicon, progress=False)
