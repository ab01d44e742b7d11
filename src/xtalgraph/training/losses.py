"""Losses of a number, and of a number with the standard deviation of its error."""

from collections.abc import Callable, Mapping
from typing import Final

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

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
