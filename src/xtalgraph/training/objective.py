"""Loss and model selection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xtalgraph.data.targets import Target

LOSSES: Final[Mapping[str, Callable[..., Tensor]]] = {
    "l1": functional.l1_loss,
    "huber": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
}
"""Losses of a number alone, by their names in the settings."""
BETA: Final = 0.5
"""Of `gaussian_loss`."""


def gaussian_loss(
    said: Float[Tensor, "*rows"],
    values: Float[Tensor, "*rows"],
    deviation: Float[Tensor, "*rows"],
    beta: float = BETA,
) -> Float[Tensor, "*rows"]:
    """Return the weighted negative log likelihood of each value, s^2β (e²/s² + ln s²)/2.

    e is the error and s the standard deviation that was said; the weight s^2β has no gradient. With
    β = 0 it is the likelihood itself, whose pull on the mean, e/s², is weak wherever the model has
    given up: rows that are learned badly at first are never learned. With β = 1 the mean is pulled
    as by the squared error. At any β the loss of many rows that look the same is least where s² is
    their mean squared error.

    Args:
        said: The mean.
        values: What is to be learned.
        deviation: The standard deviation, larger than 0.
        beta: How far rows that are thought to be hard keep their weight.

    Source: M. Seitzer et al., ICLR (2022), doi 10.48550/arXiv.2203.09168.

    >>> gaussian_loss(torch.tensor([3.0]), torch.tensor([1.0]), torch.tensor([2.0]), beta=0.0)
    tensor([1.1931])
    """
    weight = deviation.detach() ** (2 * beta)
    return weight * (((said - values) / deviation).square() / 2 + deviation.log())


@dataclass(frozen=True)
class Objective:
    """Loss and validation error of one target or of several.

    A number has the chosen loss of its error in units of its spread, and the mean absolute error,
    also where its variance is learned beside it. A class has the log loss for both, computed from
    the log-odds.

    Several targets have the mean loss over all known labels; a missing one, NaN, adds nothing and
    has no gradient. Their validation error is the mean over the targets of the mean absolute error
    in units of the spread, or of the log loss; a target without a known label there is left out.
    """

    targets: tuple[Target, ...]
    """What is learned."""
    loss_name: str
    """A name in `LOSSES`, or ``gaussian``; classes do not look at it."""

    @property
    def measure(self) -> str:
        """What the validation error is, in words."""
        if len(self.targets) > 1:
            return "error"
        return "log loss" if self.targets[0].is_class else "MAE"

    @property
    def column(self) -> str:
        """Its column in ``log.csv``."""
        return f"val_{self.measure.lower().replace(' ', '_')}"

    def scale(
        self, values: Float[Tensor, "rows *columns"], start: Float[Tensor, "rows *columns"]
    ) -> Float[Tensor, "*columns"]:
        """Return the units of the loss: the mean absolute errors of the scalers; 1 for classes.

        Args:
            values: What is to be learned.
            start: What the scalers say of it.
        """
        if len(self.targets) == 1:
            return _unit_of(self.targets[0], (values - start).abs().mean())
        away = (values - start).abs()
        return torch.stack(
            [
                _unit_of(target, away[:, n][~away[:, n].isnan()].mean())
                for n, target in enumerate(self.targets)
            ]
        )

    def loss(
        self,
        said: Float[Tensor, "rows *columns"],
        values: Float[Tensor, "rows *columns"],
        scale: Float[Tensor, "*columns"],
        deviation: Float[Tensor, "rows *columns"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss.

        Args:
            said: What the model returned, in the precision of the values.
            values: What is to be learned.
            scale: Its units.
            deviation: The standard deviations that the model said; they are there if and only if
                the loss is ``gaussian``.
        """
        said, scaled = said / scale, values / scale
        if deviation is not None:
            known = ~scaled.isnan()
            rows = gaussian_loss(said, scaled.nan_to_num(0.0), deviation / scale)
            return (rows * known).sum() / known.sum()
        if len(self.targets) == 1:
            return self._loss_of(self.targets[0], said, scaled)
        known = ~scaled.isnan()
        filled = scaled.nan_to_num(0.0)  # before the loss: a NaN would pass through its gradient
        each = [
            self._loss_of(target, said[:, n], filled[:, n], reduction="none")
            for n, target in enumerate(self.targets)
        ]
        total = (torch.stack(each, dim=-1) * known).sum()
        return total / known.sum()

    def errors(
        self,
        said: Float[Tensor, "rows *columns"],
        values: Float[Tensor, "rows *columns"],
        scale: Float[Tensor, "*columns"],
    ) -> Float[Tensor, " rows"]:
        """Return what each row adds to the validation error, which is their mean.

        Of one target it is the error of the row, in the target's unit, or its log loss. Of several
        targets those of which few labels are known weigh as much as the others.

        Args:
            said: What the model returned, in the precision of the values.
            values: What is true.
            scale: The units in which the errors of several targets are averaged.
        """
        if len(self.targets) == 1:
            return _errors_of(self.targets[0], said, values)
        known = ~values.isnan()
        filled = values.nan_to_num(0.0)
        columns = [
            _errors_of(target, said[:, n], filled[:, n]) / scale[n]
            for n, target in enumerate(self.targets)
        ]
        share = known / known.sum(dim=0).clamp(min=1)
        total = (torch.stack(columns, dim=1) * share).sum(dim=1)
        return total * len(values) / known.any(dim=0).sum()

    def _loss_of(self, target: Target, said: Tensor, values: Tensor, **options: Any) -> Tensor:
        if target.is_class:
            return functional.binary_cross_entropy_with_logits(said, values, **options)
        return LOSSES[self.loss_name](said, values, **options)


def _unit_of(target: Target, away: Tensor) -> Tensor:
    return away if away > 0 and not target.is_class else torch.ones_like(away)


def _errors_of(target: Target, said: Tensor, values: Tensor) -> Tensor:
    if target.is_class:
        return functional.binary_cross_entropy_with_logits(said, values, reduction="none")
    return (said - values).abs()
