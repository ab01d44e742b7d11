"""A potential beside simpler ones, and beside those of others as they are."""

import re

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import xtalgraph
from xtalgraph.cli.compare import leaderboard_table
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.units import GPA
from xtalgraph.evidence.text.comparison import parts_of
from xtalgraph.evidence.text.models import about_entry
from xtalgraph.metrics.bootstrap import interval, paired_difference
from xtalgraph.workflows.run import Run

SHIFT = {"Cu": -3.7, "Ag": 1.2}
"""By how much labels are off the energies of EMT, which is another reference."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    drawn, labelled = np.random.default_rng(0), []
    for number in range(24):
        atoms = bulk("Cu", cubic=True)[: 2 + number % 3]
        atoms.symbols[number % 2] = "Ag"
        atoms.set_cell(atoms.cell @ (np.eye(3) + drawn.uniform(-0.03, 0.06, (3, 3))), True)
        atoms.positions += drawn.normal(0.0, 0.1, atoms.positions.shape)
        atoms.calc = EMT()
        shift = sum(SHIFT[symbol] for symbol in atoms.symbols)
        labels = {
            "energy": atoms.get_potential_energy() + shift,
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
        }
        atoms.calc = SinglePointCalculator(atoms, **labels)
        labelled.append(atoms)
    folder = tmp_path_factory.mktemp("compared")
    write(folder / "frames.extxyz", labelled)

    def quick(function):
        return lambda *args, samples=500, **options: function(*args, samples=20, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xtalgraph.metrics.summary.interval", quick(interval))
        patch.setattr("xtalgraph.metrics.bootstrap.paired_difference", quick(paired_difference))
        return xtalgraph.compare(
            folder / "frames.extxyz",
            target=["energy", "forces", "stress"],
            models=["schnet"],
            baselines=["reference-energies", "pair-potential", "linear-ace"],
            calculator=["ase.calculators.emt:EMT", "no_such_package:Potential"],
            out=folder / "out",
            epochs=2,
            overrides=["model.width=8", "model.depth=1", "graph.cutoff=4", "training.threads=1"],
            progress=False,
        )


def figures(compared, target: str, name: str) -> dict[str, float]:
    part = compared.document["targets"][target]
    (entry,) = (one for one in part["entries"] if one["name"] == name)
    return {key: metric["value"] for key, metric in entry["metrics"].items()}


def test_potentials_are_measured_on_energies_forces_and_stresses_in_their_units(compared):
    names = ["reference-energies", "pair-potential", "linear-ace", "EMT", "schnet"]
    for part in parts_of(compared.document):
        assert [entry["name"] for entry in part["entries"]] == names
    units = [part["target"]["unit"] for part in parts_of(compared.document)]
    assert units == ["meV/atom", "meV/Å", "GPa"]
    (run,) = (compared.folder / "runs").iterdir()
    reported = Run.open(run).metrics["targets"]
    for target, ladder in {"forces": "pair potential", "energy": "reference energies"}.items():
        models = reported[target]["reported"]["models"]
        for theirs, ours in ((ladder, ladder.replace(" ", "-")), ("schnet", "schnet")):
            expected = models[theirs]["test"]["mae"]["value"]
            assert figures(compared, target, ours)["mae"] == pytest.approx(expected)


def test_the_energies_of_a_calculator_are_shifted_by_element_and_nothing_else(compared):
    for target in ("energy", "forces", "stress"):
        assert figures(compared, target, "EMT")["rmse"] < 1e-3, "the labels are its own"
    (entry,) = (
        one for one in compared.document["targets"]["energy"]["entries"] if one["name"] == "EMT"
    )
    assert "shifted by an energy for each element" in about_entry(entry)
    (missing,) = compared.document["not_run"]
    assert "cannot import 'no_such_package'" in missing["reason"]


def test_what_is_printed_written_and_shown_has_units_and_a_verdict(compared):
    printed = "\n".join(map(leaderboard_table, parts_of(compared.document)))
    for head in ("energy, meV/atom, ", "forces, meV/Å, ", "stress, GPa, "):
        assert re.search(rf"^{head}\d+ test rows$", printed, re.MULTILINE)
    verdict = compared.verdict
    assert not verdict.beats
    assert "not significantly better than every other potential" in verdict.headline
    assert any(sentence.startswith("forces: ") for sentence in verdict.sentences)
    table = compared.table
    assert len(table) == 3 * 5 + 1
    row = table.query("target == 'stress' and name == 'reference-energies'").iloc[0]
    (run,) = (compared.folder / "runs").iterdir()
    tested = pd.read_csv(run / "predictions" / "stress.csv").query("split == 'test'")
    assert row["unit"] == "GPa"
    assert row["mae"] == pytest.approx(GPA * tested["target"].abs().mean())
    page = (compared.folder / "compare.html").read_text(encoding="utf-8")
    for number in (1, 2, 3):
        assert f'id="leaderboard-{number}"' in page
    assert "--calculator ase.calculators.emt:EMT,no_such_package:Potential" in page


def test_calculators_are_for_potentials_and_tables_of_others_are_not(csv_path, tmp_path):
    options = {"out": tmp_path / "out", "progress": False}
    with pytest.raises(ConfigError, match="calculator is compared with a potential"):
        xtalgraph.compare(csv_path, target="energy", calculator=["a:B"], **options)
    both = {"target": ["energy", "forces"], **options}
    with pytest.raises(ConfigError, match="holds no forces"):
        xtalgraph.compare(csv_path, published=csv_path, **both)
    with pytest.raises(ConfigError, match="unknown baseline 'mean' of a potential"):
        xtalgraph.compare(csv_path, baselines=["mean"], **both)
