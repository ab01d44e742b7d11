"""How far off a readout may be: the second half of a mean-variance head."""

from typing import Final, final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features
from xtalgraph.models.readouts import Readout

SMALLEST: Final = 1e-3
"""Added to each contribution to a deviation, in units of the scale of the target: it bounds the
weight of one crystal in the loss."""


@final
class Deviation(nn.Module):
    """The standard deviation σ of the error of one target, learned with its mean.

    Each contribution r of a readout becomes positive, s = softplus(r) + 10⁻³, before the sum: σ is
    s for an intensive or atomic target, and Σ_i s_i or N s for an extensive one. So a doubled cell,
    which is the same crystal, has twice the σ, as it has twice the error. Σ_i s_i is the standard
    deviation of a sum whose errors are fully correlated; totals alone do not tell how far the
    errors of atoms are independent, and those of the copies of a cell are the same.

    Args:
        readout: Of the same kind as that of the mean, with weights of its own.

    Source: D. A. Nix, A. S. Weigend, Proc. IEEE Int. Conf. Neural Networks (1994), doi
    10.1109/ICNN.1994.374138.
    """

    def __init__(self, readout: Readout) -> None:
        super().__init__()
        self.readout = readout

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " rows"]:
        """Return σ > 0 in units of the scale of the target, as many rows as the readout gives."""
        raw = self.readout.contributions(features, graph)
        return self.readout.aggregate(functional.softplus(raw) + SMALLEST, graph)
