"""Products of the tensors of edges with one tensor of their center, as matrices."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.equivariant.irreps import coupling, product


@final
class EdgeProduct(nn.Module):
    """V_ij' = Σ_p w_p C_p (V_ij ⊗ A_i) for each channel, with a weight for each path and channel.

    For one center it is a linear map of V, V_ij' = V_ij M_i. The matrix M is made once for each
    center and channel, and holds the weights of all paths and their couplings C. With fresh weights
    V' is as large as V where A has the size 1.

    Args:
        inputs: Representations of V, once each, side by side.
        others: Those of A.
        outputs: Those of V'.
        channels: How many tensors there are of each.
    """

    couplings: Tensor

    def __init__(
        self,
        inputs: tuple[Irrep, ...],
        others: tuple[Irrep, ...],
        outputs: tuple[Irrep, ...],
        channels: int,
    ) -> None:
        super().__init__()
        sizes = [_components(irreps) for irreps in (inputs, others, outputs)]
        paths = []
        for end in outputs:
            for start in inputs:
                for other in others:
                    if end not in product(start, other):
                        continue
                    table = torch.zeros(*sizes, dtype=torch.float64)
                    table[_rows(inputs, start), _rows(others, other), _rows(outputs, end)] = (
                        coupling(start[0], other[0], end[0])
                    )
                    paths.append(table.transpose(0, 1).flatten())
        self.sizes = tuple(sizes)
        self.register_buffer("couplings", torch.stack(paths), persistent=False)
        size = (self.couplings.square().sum() / sizes[-1]).sqrt()
        self.weight = nn.Parameter(torch.randn(channels, len(paths)) / size)

    def forward(
        self, atoms: Float[Tensor, "atoms others channels"]
    ) -> Float[Tensor, "channels atoms inputs outputs"]:
        """Return M.

        Args:
            atoms: A.
        """
        inputs, others, outputs = self.sizes
        weighted = self.weight @ self.couplings.to(self.weight.dtype)
        weighted = weighted.view(weighted.shape[0], others, inputs * outputs)
        maps = torch.bmm(atoms.permute(2, 0, 1), weighted)
        return maps.unflatten(-1, (inputs, outputs))


def _components(irreps: tuple[Irrep, ...]) -> int:
    return sum(2 * degree + 1 for degree, _ in irreps)


def _rows(irreps: tuple[Irrep, ...], irrep: Irrep) -> slice:
    """Return where the components of a representation stand among all."""
    start = _components(irreps[: irreps.index(irrep)])
    return slice(start, start + 2 * irrep[0] + 1)
