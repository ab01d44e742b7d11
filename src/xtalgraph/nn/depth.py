"""How the layers of an encoder are joined: plain, residual, dense, or with jumping knowledge."""

from collections.abc import Sequence
from typing import Final, Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest

ConnectionName = Literal[
    "paper", "none", "residual", "dense", "jk-concat", "jk-max", "jk-attention"
]
"""Ways to join layers by name, in configurations."""


@final
class ConcatJump(nn.Module):
    """W [h_1 ⊕ … ⊕ h_L], back to the width of one layer."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.mix = nn.Linear(depth * width, width)

    def forward(self, hidden: Sequence[Float[Tensor, "atoms width"]]) -> Tensor:
        """Mix the outputs of the layers."""
        return self.mix(torch.cat(list(hidden), dim=-1))


@final
class MaxJump(nn.Module):
    """max(h_1, …, h_L), for each component."""

    def forward(self, hidden: Sequence[Float[Tensor, "atoms width"]]) -> Tensor:
        """Take the largest of each component of the outputs of the layers."""
        return torch.stack(list(hidden), dim=0).amax(dim=0)


@final
class AttentionJump(nn.Module):
    """Σ_l α_l h_l with weights for each atom, from an LSTM that runs over its layers both ways."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        memory = max(1, depth * width // 2)
        self.lstm = nn.LSTM(width, memory, bidirectional=True, batch_first=True)
        self.score = nn.Linear(2 * memory, 1)

    def forward(self, hidden: Sequence[Float[Tensor, "atoms width"]]) -> Tensor:
        """Average the outputs of the layers, for each atom with weights of its own."""
        stacked = torch.stack(list(hidden), dim=1)
        attention = self.score(self.lstm(stacked)[0]).softmax(dim=1)
        return (attention * stacked).sum(dim=1)


@final
class Connections(nn.Module):
    """What a layer reads, what becomes of its output, and what the encoder gives in the end.

    With F_l the l-th layer without any skip, h_0 the atoms before the first, L layers:

    - none: h_l = F_l(h_(l−1))
    - residual: h_l = h_(l−1) + F_l(h_(l−1))
    - dense: h_l = F_l(W_l [h_0 ⊕ … ⊕ h_(l−1)]), and at the end W [h_0 ⊕ … ⊕ h_L]
    - jk-concat, jk-max, jk-attention: as in the paper of the encoder, and at the end all of
      h_1 … h_L mixed, their maximum, or their mean with learned weights
    - paper: as in the paper of the encoder, h_L at the end

    Args:
        name: One of these, `ConnectionName`.
        paper: What the paper of the encoder does.
        width: Length of an atom's vector.
        depth: L, the number of layers.

    Raises:
        ConfigError: If there are no connections of that name, or no layer to jump from.

    Source: He et al., CVPR 2016 (arXiv 1512.03385), residual; Huang et al., CVPR 2017
    (arXiv 1608.06993), dense; Xu et al., ICML 2018 (arXiv 1806.03536), jumping knowledge.
    """

    def __init__(
        self, name: str, paper: Literal["none", "residual"], width: int, depth: int
    ) -> None:
        super().__init__()
        known = get_args(ConnectionName)
        if name not in known:
            raise ConfigError(f"unknown connections {name!r}{nearest(name, known)}")
        if name.startswith("jk") and depth < 1:
            raise ConfigError(f"connections {name!r} need a depth of at least 1, got {depth}")
        self.skips = name == "residual" or (name not in ("none", "dense") and paper != "none")
        self.inlets = nn.ModuleList(
            nn.Linear((layer + 1) * width, width)
            for layer in range(1, depth + 1)
            if name == "dense"
        )
        self.jump = _jump(name, width, depth)

    def input(self, hidden: Sequence[Float[Tensor, "atoms width"]]) -> Float[Tensor, "atoms width"]:
        """Return what the next layer reads.

        Args:
            hidden: h_0 and what `residual` has returned for each layer so far.
        """
        if len(self.inlets) == 0 or len(hidden) == 1:
            return hidden[-1]
        return self.inlets[len(hidden) - 2](torch.cat(list(hidden), dim=-1))

    def residual(
        self, atom: Float[Tensor, "atoms width"], update: Float[Tensor, "atoms width"]
    ) -> Float[Tensor, "atoms width"]:
        """Return the atoms after a layer: with the skip around it, where there is one."""
        return atom + update if self.skips else update

    def output(
        self, hidden: Sequence[Float[Tensor, "atoms width"]]
    ) -> Float[Tensor, "atoms width"]:
        """Return what the encoder gives, from h_0 … h_L."""
        if self.jump is None:
            return self.input(hidden)
        return self.jump(hidden[1:])


_JUMPS: Final[dict[str, type[ConcatJump | AttentionJump]]] = {
    "jk-concat": ConcatJump,
    "jk-attention": AttentionJump,
}


def _jump(name: str, width: int, depth: int) -> nn.Module | None:
    if name == "jk-max":
        return MaxJump()
    return _JUMPS[name](width, depth) if name in _JUMPS else None
