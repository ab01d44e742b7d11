"""The labels of a potential are the same from a file, a database and a table in memory."""

import numpy as np
import pandas as pd
import pytest
from ase.db import connect
from ase.io import read

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.data.table import read_table
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.request import Request

TARGETS = ["energy", "forces", "stress"]


def labelled(source, **options):
    request = Request.of(source, {"target": TARGETS, **options})
    return Preparations(request).dataset(request.config())


@pytest.fixture(scope="module")
def expected(frames):
    return labelled(str(frames))


def same(dataset, expected) -> None:
    for name in TARGETS:
        np.testing.assert_allclose(
            dataset.labels.arrays[name], expected.labels.arrays[name], rtol=1e-6, atol=1e-9
        )
    assert np.isfinite(dataset.labels.arrays["stress"]).all()


def test_a_database_of_ase(frames, expected, tmp_path):
    path = tmp_path / "frames.db"
    with connect(path) as database:
        for atoms in read(frames, ":"):
            database.write(atoms)
    same(labelled(str(path)), expected)


@pytest.mark.parametrize("keys", [False, True], ids=["usual names", "named"])
def test_a_table_in_memory(frames, expected, keys):
    table, atoms = read_table(frames), read(frames, ":")
    columns = {
        "structure": [to_pymatgen(crystal) for crystal in table.crystals],
        "energy": [one.get_potential_energy() for one in atoms],
        "forces": [one.get_forces() for one in atoms],
        "stress": [one.get_stress() for one in atoms],
    }
    data = pd.DataFrame(columns)
    if not keys:
        same(labelled(data), expected)
        return
    data = data.rename(columns={name: f"pbe {name}" for name in TARGETS})
    named = {f"{name}_key": f"pbe {name}" for name in TARGETS}
    same(labelled(data, **named), expected)
    with pytest.raises(InputError, match="there is no column of forces"):
        labelled(data, energy_key="pbe energy", stress_key="pbe stress")


def test_a_row_without_stress_is_learned_from_without_it(frames, tmp_path):
    path, listed = tmp_path / "frames.db", read(frames, ":")
    with connect(path) as database:
        for number, atoms in enumerate(listed):
            if number == 3:
                del atoms.calc.results["stress"]
            database.write(atoms)
    arrays = labelled(str(path)).labels.arrays
    assert np.isnan(arrays["stress"][3]).all()
    assert np.isfinite(np.delete(arrays["stress"], 3, axis=0)).all()
    assert np.isfinite(arrays["forces"]).all()


@pytest.mark.parametrize("virial", [False, True])
def test_a_pulay_stress_is_subtracted(frames, expected, virial):
    table, atoms = read_table(frames), read(frames, ":")
    structures = [to_pymatgen(crystal) for crystal in table.crystals]
    stresses = [one.get_stress(voigt=False) for one in atoms]
    symbol = atoms[0].symbols[0]
    wrong = [
        stress + 0.2 * list(one.symbols).count(symbol) / one.get_volume() * np.eye(3)
        for stress, one in zip(stresses, atoms, strict=True)
    ]
    columns = {
        "structure": structures,
        "energy": [one.get_potential_energy() for one in atoms],
        "forces": [one.get_forces() for one in atoms],
    }
    if virial:
        pairs = zip(wrong, atoms, strict=True)
        columns["virial"] = [-stress * one.get_volume() for stress, one in pairs]
    else:
        columns["stress"] = wrong
    subtracted = f"data.pulay_stress={{{symbol}: 0.2, Xe: 5.0}}"
    same(labelled(pd.DataFrame(columns), overrides=[subtracted]), expected)


@pytest.mark.parametrize(
    ("target", "value", "message"),
    [
        (TARGETS, "{Qq: 0.2}", "'Qq' is no element"),
        (["energy", "forces"], "{Cu: 0.2}", "learn them, with --target stress"),
        (["gap"], "{Cu: 0.2}", "learn them, with --target stress"),
        (TARGETS, "0.2", "data.pulay_stress"),
    ],
)
def test_a_pulay_stress_that_cannot_be_subtracted_is_refused(frames, target, value, message):
    options = {"target": target, "overrides": [f"data.pulay_stress={value}"]}
    with pytest.raises(ConfigError, match=message):
        Request.of(str(frames), options).config()
