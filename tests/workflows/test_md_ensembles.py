"""Molecular dynamics at a temperature, and at a pressure, by the command's road."""

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from ase.io import write

import xtalgraph

EMT = "ase.calculators.emt:EMT"


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    path = tmp_path_factory.mktemp("copper") / "copper.extxyz"
    write(path, bulk("Cu", cubic=True))
    return path


def of_md(potential, copper, out, **options) -> pd.DataFrame:
    done = xtalgraph.md(potential, copper, out=out, progress=False, **options)
    assert done.reason == ""
    return pd.read_csv(out / "md.csv")


def test_a_thermostat_draws_the_canonical_kinetic_energy(copper, tmp_path):
    options = {"ensemble": "nvt", "temperature": 400.0, "step": 5.0}
    table = of_md(EMT, copper, tmp_path, steps=1500, every=5, **options)
    temperature = table["temperature"][40:]
    assert temperature.mean() == pytest.approx(400.0, rel=0.12)
    # Of 3N momenta the temperature varies by √(2/3N), which a plain rescaling would not give.
    assert temperature.std() / temperature.mean() == pytest.approx(np.sqrt(2 / 12), rel=0.3)
    assert table["volume"].nunique() == 1


@pytest.mark.parametrize("pressure", [pytest.param(0.0, marks=pytest.mark.long), 8.0])
def test_a_barostat_holds_the_pressure(copper, tmp_path, pressure):
    options = {"ensemble": "npt", "temperature": 300.0, "step": 5.0}
    table = of_md(EMT, copper, tmp_path, steps=1200, every=5, pressure=pressure, **options)
    assert table["pressure"][80:].mean() == pytest.approx(pressure, abs=1.5)
    squeezed = bulk("Cu", cubic=True).get_volume() - table["volume"][80:].mean()
    assert (squeezed > 1.0) == (pressure > 0.0)


@pytest.mark.parametrize("ensemble", ["nvt", "npt"])
def test_a_trained_potential_has_both(run_of_a_potential, copper, tmp_path, ensemble):
    table = of_md(run_of_a_potential, copper, tmp_path, ensemble=ensemble, steps=10, every=1)
    assert len(table) == 11
    assert table.drop(columns=["novelty"], errors="ignore").notna().all(axis=None)
    assert (table["volume"].nunique() == 1) == (ensemble == "nvt")
    assert (table["force_std"] > 0).all()
