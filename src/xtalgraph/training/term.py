"""The loss and the error of one target; losses that do not know what is predicted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xtalgraph.data.targets import Target
from xtalgraph.metrics.measures import error_of
from xtalgraph.nn.geometry import safe_norm

LOSSES: Final[Mapping[str, Callable[..., Tensor]]] = {
    "l1": functional.l1_loss,
    "huber": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
}
"""Losses of a number alone, by their names in the settings."""
BETA: Final = 0.5
"""Of `gaussian_loss`."""


def gaussian_loss(
    value: Float[Tensor, "*rows"],
    label: Float[Tensor, "*rows"],
    deviation: Float[Tensor, "*rows"],
    beta: float = BETA,
) -> Float[Tensor, "*rows"]:
    """Return the weighted negative log likelihood of each label, s^2β (e²/s² + ln s²)/2.

    e is the error and s the predicted standard deviation; the weight s^2β has no gradient. With
    β = 0 it is the likelihood itself, whose pull on the mean, e/s², is weak wherever the model has
    given up: rows that are learned badly at first are never learned. With β = 1 the mean is pulled
    as by the squared error. At any β the loss of many rows that look the same is least where s² is
    their mean squared error.

    Args:
        value: The predicted mean.
        label: What is to be learned.
        deviation: The standard deviation, larger than 0.
        beta: How far rows that are thought to be hard keep their weight.

    Source: M. Seitzer et al., ICLR (2022), doi 10.48550/arXiv.2203.09168.

    >>> import torch
    >>> gaussian_loss(torch.tensor([3.0]), torch.tensor([1.0]), torch.tensor([2.0]), beta=0.0)
    tensor([1.1931])
    """
    weight = deviation.detach() ** (2 * beta)
    return weight * (((value - label) / deviation).square() / 2 + deviation.log())


SMALLEST: Final = 0.1
"""Added to the norm of a label, in units of the loss, where errors are relative to it: symmetry may
forbid a tensor."""


@dataclass(frozen=True)
class Term:
    """The loss of one target.

    A number has the chosen loss of its error in units of its scale, also where its variance is
    learned. A class has the log loss, computed from the log-odds. A tensor has the loss of the norm
    of its error, √Σ (T̂ − T)² over all elements, which is the same in all axes. A missing label,
    NaN, adds nothing and has no gradient.
    """

    target: Target
    """What is learned."""
    loss: str
    """A name in `LOSSES`, or ``gaussian``; classes do not look at it."""
    weight: float = 1.0
    """As how many labels of weight 1 a label counts."""
    per_atom: bool = False
    """Whether errors are compared per atom, as those of a total may be."""
    relative: bool = False
    """Whether the error of a tensor is compared with the norm of its label and `SMALLEST` units."""

    @property
    def measure(self) -> str:
        """What the mean of the errors is, in words."""
        return error_of(self.target).short

    def scale(
        self, labels: Float[Tensor, "rows *shape"], start: Float[Tensor, "rows *shape"]
    ) -> Float[Tensor, "..."]:
        """Return the unit of the loss: the mean absolute error of the scalers; 1 for a class.

        Of a tensor it is the mean norm of the error.
        """
        error = _norms(labels - start) if self.target.is_tensor else (labels - start).abs()
        columns = error.reshape(len(error), -1).T
        mean = torch.stack([column[~column.isnan()].mean() for column in columns])
        constant = torch.ones_like(mean)
        scale = constant if self.target.is_class else torch.where(mean > 0, mean, constant)
        return scale.reshape(error.shape[1:])

    def sums(
        self,
        value: Float[Tensor, "rows *shape"],
        deviation: Float[Tensor, "rows *shape"] | None,
        labels: Float[Tensor, "rows *shape"],
        scale: Float[Tensor, "..."],
    ) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Return the sum of the loss over the known labels, and how many these are.

        Args:
            value: What the model computed.
            deviation: The standard deviation of its error, where it is learned.
            labels: What is to be learned.
            scale: The unit of the loss, for all rows or for each.
        """
        value, labels = value / scale, labels / scale
        known = ~labels.isnan()
        filled = labels.nan_to_num(0.0)  # before the loss: a NaN would pass through its gradient
        if self.target.is_tensor:
            known = known.flatten(1).all(dim=1)
            norm = _norms((value - filled) * known.reshape(-1, *[1] * (value.ndim - 1)))
            if self.relative:
                norm = norm / (_norms(filled) + SMALLEST)
            loss = LOSSES[self.loss](norm, torch.zeros_like(norm), reduction="none")
        elif self.target.is_class:
            loss = _log_loss(value, filled)
        elif deviation is not None:
            loss = gaussian_loss(value, filled, deviation / scale)
        else:
            loss = LOSSES[self.loss](value, filled, reduction="none")
        return (loss * known).sum(), known.sum()

    def errors(
        self, value: Float[Tensor, "rows *shape"], labels: Float[Tensor, "rows *shape"]
    ) -> Float[Tensor, "rows ..."]:
        """Return the absolute error of each label in its unit, or its log loss; NaN where missing.

        Of a tensor it is one number for each row, the norm of the error.
        """
        if self.target.is_tensor:
            return _norms(value - labels)
        if not self.target.is_class:
            return (value - labels).abs()
        return torch.where(labels.isnan(), labels, _log_loss(value, labels.nan_to_num(0.0)))


def _log_loss(
    value: Float[Tensor, "rows *shape"], label: Float[Tensor, "rows *shape"]
) -> Float[Tensor, "rows *shape"]:
    return functional.binary_cross_entropy_with_logits(value, label, reduction="none")


def _norms(difference: Float[Tensor, "rows *shape"]) -> Float[Tensor, " rows"]:
    """Return the norm of each row, with the derivative 0 where it is 0."""
    return safe_norm(difference.flatten(1))
