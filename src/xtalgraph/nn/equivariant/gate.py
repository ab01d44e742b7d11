"""Nonlinearities that keep features equivariant: activated scalars, and gates of the others."""

from collections.abc import Callable
from functools import cache
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors

_SCALAR = (0, 1)


@cache
def unit_moment(function: Callable[[Tensor], Tensor]) -> float:
    """Return the factor by which a function of normal numbers has the second moment 1.

    Args:
        function: Such as SiLU.

    Source: e3nn, by drawn numbers.
    """
    from e3nn.math import normalize2mom

    return float(normalize2mom(function).cst)


@final
class Gate(nn.Module):
    """SiLU of scalars, tanh of pseudoscalars, and each other channel times SiLU of its scalar.

    Each function has the factor `unit_moment`. The scalars of `inputs` are those that go out, then
    a gate for every channel of the representations that are gated, in their order.

    Args:
        outputs: Channels that go out.

    Source: Weiler et al., NeurIPS 2018 (arXiv 1807.02547).
    """

    def __init__(self, outputs: Irreps) -> None:
        super().__init__()
        self.outputs = dict(outputs)
        self.gated = tuple(irrep for irrep in outputs if irrep[0] > 0)
        self.sizes = [self.outputs.get(_SCALAR, 0), *(outputs[irrep] for irrep in self.gated)]
        self.inputs: dict[Irrep, int] = self.outputs | {_SCALAR: sum(self.sizes)}
        """Channels that come in."""

    def forward(self, tensors: Tensors) -> dict[Irrep, Tensor]:
        """Activate and gate.

        Args:
            tensors: With the channels of `inputs`.
        """
        activated = functional.silu(tensors[_SCALAR]) * unit_moment(functional.silu)
        scalars, *gates = activated.split(self.sizes, dim=-1)
        values = {_SCALAR: scalars} if self.sizes[0] else {}
        if (0, -1) in self.outputs:
            values[0, -1] = torch.tanh(tensors[0, -1]) * unit_moment(torch.tanh)
        for irrep, gate in zip(self.gated, gates, strict=True):
            values[irrep] = tensors[irrep] * gate
        return {irrep: values[irrep] for irrep in self.outputs}
