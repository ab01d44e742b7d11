"""What a training makes small, and what chooses the epoch that is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xtalgraph.data.targets import Target

LOSSES: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "l1": functional.l1_loss,
    "huber": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
}
"""Losses of numbers by their names in the settings."""


@dataclass(frozen=True)
class Objective:
    """Loss and validation error of a target.

    A number has the chosen loss of its error in units of its spread, and the mean absolute error. A
    class has the log loss for both, computed from the log-odds.
    """

    target: Target
    """What is learned."""
    loss_name: str
    """A name in `LOSSES`; classes do not look at it."""

    @property
    def measure(self) -> str:
        """What the validation error is, in words."""
        return "log loss" if self.target.is_class else "MAE"

    @property
    def column(self) -> str:
        """Its column in ``log.csv``."""
        return "val_log_loss" if self.target.is_class else "val_mae"

    def spread(self, values: Float[Tensor, " rows"], start: Float[Tensor, " rows"]) -> Tensor:
        """Return the unit of the loss: the mean absolute error of the scaler alone; 1 for classes.

        Args:
            values: What is to be learned.
            start: What the scaler says of it.
        """
        found = (values - start).abs().mean()
        return found if found > 0 and not self.target.is_class else torch.ones_like(found)

    def loss(
        self, said: Float[Tensor, " rows"], values: Float[Tensor, " rows"], spread: Tensor
    ) -> Tensor:
        """Return the mean loss.

        Args:
            said: What the model returned, in the precision of the values.
            values: What is to be learned.
            spread: Its unit.
        """
        said, values = said / spread, values / spread
        if self.target.is_class:
            return functional.binary_cross_entropy_with_logits(said, values)
        return LOSSES[self.loss_name](said, values)

    def error(self, said: Float[Tensor, " rows"], values: Float[Tensor, " rows"]) -> float:
        """Return the validation error: in the target's unit, or the log loss.

        Args:
            said: What the model returned, in the precision of the values.
            values: What is true.
        """
        if self.target.is_class:
            return float(functional.binary_cross_entropy_with_logits(said, values))
        return float((said - values).abs().mean())
