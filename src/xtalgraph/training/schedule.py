"""How long a training is, and the learning rate as a function of the step: no state to save."""

import math
from typing import Final

ENOUGH: Final = 4500
"""Steps after which more of them bring little, on sets of a thousand crystals."""
FEWEST: Final = 60
MOST: Final = 225


def num_batches(crystals: int, batch_size: int) -> int:
    """Return the number of steps in an epoch."""
    return -(-crystals // batch_size)


def usual_epochs(steps: int) -> int:
    """Return the default number of epochs of a training.

    They are 60 for 4,800 crystals and more; fewer crystals are gone through more often, up to 225
    times, since what a network needs are steps.

    Args:
        steps: Of an epoch.

    >>> usual_epochs(154), usual_epochs(20), usual_epochs(4)
    (60, 225, 225)
    """
    return min(MOST, max(FEWEST, math.ceil(ENOUGH / steps))) if steps else FEWEST


def learning_rate(step: int, total: int, peak: float, warmup: float) -> float:
    """Linear rise to the peak, then half a cosine down to zero.

    Args:
        step: Counted from 0.
        total: Number of steps in the whole training.
        peak: Largest learning rate.
        warmup: Part of the steps in which it rises.

    Source: Loshchilov and Hutter, ICLR 2017 (arXiv 1608.03983), for the cosine.
    """
    rising = warmup * total
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    return 0.5 * peak * (1.0 + math.cos(math.pi * (step - rising) / (total - rising)))
