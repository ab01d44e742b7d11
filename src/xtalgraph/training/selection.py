"""Which epoch of a training is selected: the rule, and when an epoch is worse than the best."""

import math
from typing import Final

from jaxtyping import Float
from torch import Tensor

STANDARD_ERRORS: Final = 1.0
"""By how many standard errors an epoch may be worse than the best, and still be selected."""
SELECTION: Final = (
    "the latest epoch whose validation error is larger than the smallest by at most one standard "
    "error of their difference over the validation rows"
)
"""The rule, as the record of a run and the documentation have it; without a validation part it is
the last epoch."""


def is_worse(errors: Float[Tensor, " rows"], best: Float[Tensor, " rows"]) -> bool:
    """Return whether errors are larger than others by more than the rule allows.

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
    standard_error = difference.std() / math.sqrt(len(difference))
    return not bool(difference.mean() <= STANDARD_ERRORS * standard_error)
