"""The learning rate as a function of the step, with no state to save."""

import math


def learning_rate(step: int, total: int, peak: float, warmup: float) -> float:
    """Linear rise to the peak, then half a cosine down to zero.

    Args:
        step: Counted from 0.
        total: Number of steps in the whole training.
        peak: Largest learning rate.
        warmup: Part of the steps in which it rises.

    Returns:
        The learning rate of this step.

    Source: Loshchilov and Hutter, ICLR 2017 (arXiv 1608.03983), for the cosine.
    """
    rising = warmup * total
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    return 0.5 * peak * (1.0 + math.cos(math.pi * (step - rising) / (total - rising)))
