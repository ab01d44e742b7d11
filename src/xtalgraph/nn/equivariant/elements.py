"""Weights that each element has for itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.nn.element_rows import OfElements
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors


@final
class ElementLinear(OfElements):
    """x W_Z for each irreducible representation, with weights of the atom's element.

    Args:
        inputs: Channels that come in.
        outputs: Channels that are wanted; representations that do not come in are left out.
        elements: How many there are.
    """

    element_axes: Mapping[str, int] = MappingProxyType({"weights": 0})

    def __init__(self, inputs: Irreps, outputs: Irreps, elements: int) -> None:
        super().__init__()
        self.outputs = {irrep: outputs[irrep] for irrep in outputs if irrep in inputs}
        """Channels that go out."""
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(elements, inputs[irrep], channels) / inputs[irrep] ** 0.5)
            for irrep, channels in self.outputs.items()
        )

    def forward(self, atoms: Tensors, elements: ElementGroups) -> dict[Irrep, Tensor]:
        """Mix the channels.

        Args:
            atoms: With the channels that come in.
            elements: Of the same atoms.
        """
        mixed = {}
        for irrep, weight in zip(self.outputs, self.weights, strict=True):
            present = weight.index_select(0, elements.present)
            if len(present) == 1:
                mixed[irrep] = atoms[irrep] @ present[0]
                continue
            parts = atoms[irrep].index_select(0, elements.order).split(elements.counts)
            done = [part @ matrix for part, matrix in zip(parts, present.unbind(), strict=True)]
            mixed[irrep] = torch.cat(done).index_select(0, elements.rank)
        return mixed
