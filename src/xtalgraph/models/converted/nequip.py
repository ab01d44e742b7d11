"""Weights of the package nequip, written by scripts/nequip_weights.py, in our model."""

from collections.abc import Mapping
from typing import Any, Final, cast

import torch
from torch import Tensor

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.equivariant.irreps import name_of

FORMAT: Final = "nequip-plain-1"
"""What the metadata of such a file say."""
_POWER: Final = 6
"""Of the envelope here."""


@torch.no_grad()
def convert(weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> tuple[ModelSpec, Model]:
    """Return a potential that predicts what the model of nequip predicts, in float64.

    Args:
        weights: By the names of the script.
        settings: The same of the hyper-parameters.

    Raises:
        InputError: If the model has something that ours has not.
    """
    if settings["envelope_power"] != _POWER:
        raise InputError(
            f"its envelope has the power {settings['envelope_power']}, and here it is {_POWER}"
        )
    if "readout.1" in weights:
        raise InputError("its readout is a network, and here it is one linear map of the scalars")
    spec = ModelSpec(
        "nequip",
        _hyper_parameters(weights, settings),
        "linear",
        "radius",
        {"cutoff": settings["cutoff"]},
        tuple(potential_targets(["energy", "forces", "stress"]) or ()),
    )
    model: Any = spec.make_model().double().eval()
    channels = [
        {name_of(irrep): count for irrep, count in layer.gate.outputs.items()}
        for layer in model.encoder.layers
    ]
    if channels != list(settings["channels"]):
        raise InputError(
            f"its layers have the channels {settings['channels']}, and here they can have only "
            f"{channels}"
        )
    _fill(model.encoder, weights, settings["elements"])
    rows = [ATOMIC_NUMBERS[symbol] for symbol in settings["elements"]]
    model.head.readouts[0].head.weight.copy_(weights["readout.0"].T)
    model.head.readouts[0].scale[rows] = weights["scale"].to(model.head.readouts[0].scale)
    model.head.scalers[0].shift[rows] = weights["shift"]
    return spec, cast(Model, model)


def _hyper_parameters(weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the encoder; what every layer passes on leaves the last but one."""
    *before, last = settings["channels"]
    inner = before[-1] if before else last
    channels = {int(name[:-1]): count for name, count in inner.items()}
    return {
        "channels": [channels.get(degree, 1) for degree in range(settings["degree"] + 1)],
        "degree": settings["degree"],
        "parity": len(inner) > len(channels),
        "depth": len(settings["channels"]),
        "radials": settings["bessel"],
        "radial_width": weights["layers.0.radial.0"].shape[1],
        "radial_depth": sum(name.startswith("layers.0.radial.") for name in weights) - 1,
        "element_width": weights["embedding"].shape[1],
        "elements": list(settings["elements"]),
        "neighbors": 1.0,  # the number of the package is in the weights
        "last": "scalars",
    }


def _fill(encoder: Any, weights: Mapping[str, Tensor], elements: list[str]) -> None:
    numbers = torch.tensor([ATOMIC_NUMBERS[symbol] for symbol in elements])
    encoder.embed.weight[:, encoder.element_rows.of(numbers)] = weights["embedding"].T.double()
    for number, layer in enumerate(encoder.layers):
        for name, part in (
            ("before", layer.before),
            ("after", layer.after),
            ("self", layer.of_self),
        ):
            if part is None:
                continue
            for irrep, weight in zip(part.outputs, part.weights, strict=True):
                given = weights[f"layers.{number}.{name}.{name_of(irrep)}"]
                weight.copy_(given.transpose(0, 1) if name == "self" else given)
        for order, weight in enumerate(layer.radial.weights):
            weight.copy_(weights[f"layers.{number}.radial.{order}"])
        layer.radial.weights[0].div_(encoder.cutoff**0.5)
