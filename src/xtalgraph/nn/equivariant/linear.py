"""Linear maps that mix the channels of each irreducible representation."""

from typing import final

import torch
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors


@final
class EquivariantLinear(nn.Module):
    """x W for each irreducible representation, the same W for all its components, and no bias.

    Args:
        inputs: Channels that come in.
        outputs: Channels that are wanted; representations that do not come in are left out.
    """

    def __init__(self, inputs: Irreps, outputs: Irreps) -> None:
        super().__init__()
        self.outputs = {irrep: outputs[irrep] for irrep in outputs if irrep in inputs}
        """Channels that go out."""
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(inputs[irrep], channels) / inputs[irrep] ** 0.5)
            for irrep, channels in self.outputs.items()
        )

    def forward(self, tensors: Tensors) -> dict[Irrep, Tensor]:
        """Mix the channels.

        Args:
            tensors: With the channels that come in.
        """
        return {
            irrep: tensors[irrep] @ weight
            for irrep, weight in zip(self.outputs, self.weights, strict=True)
        }
