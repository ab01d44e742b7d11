"""Which epoch of a training is kept: when a later one is worse than the best."""

import math

from jaxtyping import Float
from torch import Tensor


def is_worse(errors: Float[Tensor, " rows"], best: Float[Tensor, " rows"]) -> bool:
    """Return whether errors are larger than others by more than a standard error.

    Args:
        errors: Of rows.
        best: Of the same rows, with a mean that is not larger.

    >>> import torch
    >>> best = torch.tensor([1.0, 1.0, 1.0, 1.0])
    >>> is_worse(torch.tensor([3.0, 0.0, 2.0, 0.0]), best), is_worse(best + 0.1, best)
    (False, True)
    """
    if len(errors) < 2:
        return not bool((errors <= best).all())
    difference = errors - best
    return not bool(difference.mean() <= difference.std() / math.sqrt(len(difference)))
