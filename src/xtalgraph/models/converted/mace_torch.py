"""Weights of mace-torch, exported by scripts/export_mace.py, in our model."""

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.equivariant.irreps import harmonic, name_of
from xtalgraph.nn.equivariant.symmetric_products import symmetric_products

FORMAT: Final = "mace-torch, plain weights"
"""What the settings of such an archive say."""
_SPANNED: Final = 1e-9
"""How far a coupling may be from what ours span."""

Arrays = Mapping[str, np.ndarray]


def convert(arrays: Arrays, settings: Mapping[str, Any]) -> tuple[ModelSpec, Model]:
    """Return a potential that predicts what the model of mace-torch predicts, in float64.

    Args:
        arrays: Of the archive.
        settings: The same of the hyper-parameters.

    Raises:
        InputError: If the model has something that ours has not.
    """
    channels, hidden_degree = _hidden(settings["hidden"])
    if len(set(settings["correlation"])) > 1:
        raise InputError(
            f"the layers have the correlations {settings['correlation']}, and a model here has one"
        )
    spec = ModelSpec(
        "mace",
        {
            "channels": channels,
            "depth": settings["depth"],
            "correlation": settings["correlation"][0],
            "degree": settings["degree"],
            "hidden_degree": hidden_degree,
            "radials": settings["radials"],
            "radial_width": settings["radial_width"],
            "neighbors": settings["neighbors"],
            "envelope_power": settings["envelope_power"],
            "elements": [SYMBOLS[number] for number in settings["elements"]],
        },
        "linear-sum",
        "radius",
        {"cutoff": settings["cutoff"]},
        tuple(potential_targets(["energy", "forces", "stress"]) or ()),
    )
    model = spec.make_model().double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        _fill(model, arrays, settings, channels)
    return spec, model


def _hidden(irreps: str) -> tuple[int, int]:
    """Return channels and highest degree of what the layers pass on."""
    parts = [re.fullmatch(r"(\d+)x(\d+)([eo])", part.strip()) for part in irreps.split("+")]
    listed = [(int(m[1]), (int(m[2]), 1 if m[3] == "e" else -1)) for m in parts if m]
    expected = [(listed[0][0], harmonic(degree)) for degree in range(len(parts))]
    if listed != expected:
        raise InputError(
            f"the layers pass on {irreps}, and here they must have as many channels of each degree "
            "from 0 on, with the parity of the harmonics"
        )
    return listed[0][0], len(listed) - 1


def _fill(model: Any, arrays: Arrays, settings: Mapping[str, Any], channels: int) -> None:
    encoder, elements = model.encoder, settings["elements"]
    rows = encoder.element_rows.of(torch.tensor(elements))
    encoder.embed.weight[:, rows] = _tensor(arrays["embedding"]).T
    for number, layer in enumerate(encoder.layers):
        parts = {
            name.removeprefix(f"layer{number}/"): values
            for name, values in arrays.items()
            if name.startswith(f"layer{number}/")
        }
        _fill_interaction(layer.interaction, parts)
        _put(layer.update, parts, "update")
        for irrep, weight in zip(layer.of_element.outputs, layer.of_element.weights, strict=True):
            weight[rows] = _tensor(parts[f"element/{name_of(irrep)}"])
        for irrep, weight in zip(layer.products.outputs, layer.products.weights, strict=True):
            weight[rows] = _products(parts, irrep, settings)
    head, depth = model.head.readouts[0].head, settings["depth"]
    for number in range(depth - 1):
        columns = slice(number * channels, (number + 1) * channels)
        head.linear.weight[:, columns] = _tensor(arrays[f"readout{number}/0"]).T
    last = slice((depth - 1) * channels, None)
    head.network[0].weight[:, last] = _tensor(arrays[f"readout{depth - 1}/0"]).T
    head.network[2].weight.copy_(_tensor(arrays[f"readout{depth - 1}/1"]).T)
    scaler = model.head.scalers[0]
    scaler.scale.fill_(settings["scale"])
    scaler.shift[elements] = _tensor(np.array(settings["energies"]) + settings["shift"])


def _fill_interaction(interaction: Any, parts: Arrays) -> None:
    _put(interaction.up, parts, "up")
    names = [
        ",".join(map(name_of, (path.input, harmonic(path.degree), path.output)))
        for path in interaction.sum.paths
    ]
    *hidden, last = interaction.radial.weights
    for number, weight in enumerate(hidden):
        weight.copy_(_tensor(parts[f"radial/{number}"]))
    last.copy_(_tensor(np.concatenate([parts[f"path/{name}"] for name in names], axis=1)))
    ranks = {name: int(parts[f"rank/{name}"]) for name in names}
    for irrep, weight in zip(interaction.mix.outputs, interaction.mix.weights, strict=True):
        ours = [name for name in names if name.endswith("," + name_of(irrep))]
        theirs = sorted(ours, key=lambda name: ranks[name])
        rows = parts[f"mix/{name_of(irrep)}"][0]
        sizes = np.cumsum([parts[f"path/{name}"].shape[1] for name in theirs])[:-1]
        by_path = dict(zip(theirs, np.split(rows, sizes), strict=True))
        weight.copy_(_tensor(np.concatenate([by_path[name] for name in ours])))


def _products(parts: Arrays, irrep: Irrep, settings: Mapping[str, Any]) -> Tensor:
    """Return the weights of our couplings, of which theirs are linear combinations."""
    by_order = []
    for order in range(1, settings["correlation"][0] + 1):
        name = f"{name_of(irrep)}/{order}"
        ours = symmetric_products(settings["degree"], order, irrep)
        theirs, weights = parts[f"couplings/{name}"], parts[f"weights/{name}"]
        flat = ours.reshape(len(ours), -1)
        wanted = theirs.reshape(-1, theirs.shape[-1])
        change = np.linalg.lstsq(flat.T, wanted, rcond=None)[0]
        if np.abs(flat.T @ change - wanted).max(initial=0.0) > _SPANNED:
            raise InputError(f"a coupling of {order} factors to {name_of(irrep)} is not symmetric")
        by_order.append(np.einsum("pk,ekc->epc", change, weights))
    return _tensor(np.concatenate(by_order, axis=1))


def _put(linear: Any, parts: Arrays, name: str) -> None:
    for irrep, weight in zip(linear.outputs, linear.weights, strict=True):
        weight.copy_(_tensor(parts[f"{name}/{name_of(irrep)}"][0]))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
