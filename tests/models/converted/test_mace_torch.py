"""Models of mace-torch with the same weights: the same energies, forces and stresses.

The references were made by ``python scripts/export_mace.py --references tests/models/references``
in the environment of mace-torch 0.3.16.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.converted.mace_torch import FORMAT, convert

REFERENCES = sorted((Path(__file__).parents[1] / "references").glob("*.npz"))


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        arrays = dict(archive)
    return arrays if FORMAT in str(arrays.get("settings", "")) else {}


def settings_of(arrays: dict[str, np.ndarray]) -> dict:
    return json.loads(str(arrays["settings"]))


def crystal_of(arrays: dict[str, np.ndarray], number: int) -> Crystal:
    parts = ("cell", "positions", "numbers", "pbc")
    return Crystal(*(arrays[f"crystal{number}/{name}"] for name in parts))


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_it_predicts_what_mace_torch_predicts(path):
    arrays = arrays_of(path)
    spec, model = convert(arrays, settings_of(arrays))
    for number in range(2):
        output = model(spec.make_graph(crystal_of(arrays, number))).values
        for name, values in output.items():
            expected = torch.from_numpy(arrays[f"crystal{number}/{name}"]).reshape(values.shape)
            largest = float(expected.abs().max())
            torch.testing.assert_close(values.detach(), expected, rtol=0, atol=1e-9 * largest)


def test_layers_that_ours_has_not_are_an_error():
    arrays = arrays_of(REFERENCES[0])
    settings = settings_of(arrays)
    for change, message in (
        ({"hidden": "8x0e+4x1o"}, "as many channels of each degree"),
        ({"correlation": [3, 2]}, "a model here has one"),
    ):
        with pytest.raises(InputError, match=message):
            convert(arrays, settings | change)
