"""Models of the package nequip with the same weights: the same energies, forces and stresses.

The references were made by ``python scripts/nequip_weights.py --examples tests/models/nequip`` in
the environment of nequip 0.19.1.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import xtalgraph
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.converted.nequip import FORMAT, convert

REFERENCES = Path(__file__).parents[1] / "nequip"


def read(name: str) -> tuple[dict, dict]:
    with safe_open(REFERENCES / f"{name}.safetensors", "pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    assert metadata["format"] == FORMAT
    return weights, json.loads(metadata["settings"])


def cases(name: str) -> list[tuple[Crystal, dict]]:
    listed = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
    crystals = [
        Crystal(
            np.array(case["cell"]),
            np.array(case["positions"]),
            np.array([ATOMIC_NUMBERS[symbol] for symbol in case["symbols"]]),
            np.ones(3, dtype=bool),
        )
        for case in listed
    ]
    return list(zip(crystals, listed, strict=True))


@pytest.mark.parametrize("name", sorted(path.stem for path in REFERENCES.glob("*.json")))
def test_energy_forces_and_stress_are_those_of_the_package(name):
    spec, model = convert(*read(name))
    for crystal, case in cases(name):
        values = model(spec.make_graph(crystal)).values
        for target in ("energy", "forces", "stress"):
            expected = torch.tensor(case[target], dtype=torch.float64).reshape(values[target].shape)
            worst = (values[target] - expected).abs().max() / expected.abs().max()
            assert worst < 1e-11, (target, worst)


def test_a_run_folder_is_made_of_a_file(tmp_path):
    made = xtalgraph.convert(REFERENCES / "perovskite.safetensors", out=tmp_path / "run")
    assert set(made.elements) == {"Sr", "Ti", "O"}
    crystal, case = cases("perovskite")[0]
    atoms = to_ase(crystal)
    atoms.calc = xtalgraph.calculator(made.folder)
    assert atoms.get_potential_energy() == pytest.approx(np.ravel(case["energy"])[0], rel=1e-10)
    strange = Crystal(crystal.cell, crystal.positions, np.full(len(crystal), 92), crystal.pbc)
    (error,) = set(xtalgraph.load(made.folder).predict([strange])["error"])
    assert error == "it holds U, of which the model has no weights: it knows O, Ti, Sr"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"envelope_power": 5}, "its envelope has the power 5, and here it is 6"),
        ({"channels": [{"0e": 6}, {"0e": 5}]}, "its layers have the channels"),
    ],
)
def test_what_ours_has_not_is_an_error(change, message):
    weights, settings = read("silicon")
    with pytest.raises(InputError, match=message):
        convert(weights, settings | change)


def test_a_network_as_readout_is_an_error():
    weights, settings = read("silicon")
    with pytest.raises(InputError, match="its readout is a network"):
        convert(weights | {"readout.1": torch.ones(3, 1)}, settings)


def test_a_file_that_is_no_export_and_weights_that_are_missing_are_named(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_text("id,energy")
    with pytest.raises(InputError, match="is no safetensors file with settings"):
        xtalgraph.convert(path, out=tmp_path / "run")
    save_file({"a": torch.ones(2)}, path)
    with pytest.raises(InputError, match="must be of the format mace-torch, plain weights or neq"):
        xtalgraph.convert(path, out=tmp_path / "run")
    weights, settings = read("silicon")
    metadata = {"format": FORMAT, "settings": json.dumps(settings)}
    save_file({k: v for k, v in weights.items() if k != "layers.1.after.0e"}, path, metadata)
    with pytest.raises(InputError, match=r"lacks 'layers\.1\.after\.0e': write it anew"):
        xtalgraph.convert(path, out=tmp_path / "run")
