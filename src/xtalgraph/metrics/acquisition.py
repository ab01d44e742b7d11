"""How much a candidate is worth looking at, from its prediction and the doubt about it."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from xtalgraph.conventions.errors import ConfigError, InputError


@dataclass(frozen=True)
class Aim:
    """What a search wants of a property: the lowest, the highest, or the nearest to a value."""

    kind: Literal["min", "max", "target"]
    """Which of them."""
    value: float = math.nan
    """The value wanted, in the unit of the property; NaN where it is an end."""

    @classmethod
    def parse(cls, word: str) -> "Aim":
        """Read an aim from ``min``, ``max`` or ``target=1.5``.

        Args:
            word: As written.

        Raises:
            ConfigError: If it is none of these.

        >>> Aim.parse("target=1.5")
        Aim(kind='target', value=1.5)
        """
        if word == "min":
            return cls("min")
        if word == "max":
            return cls("max")
        kind, _, number = word.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if kind != "target" or not math.isfinite(value):
            raise ConfigError(f"the objective must be min, max or target=NUMBER, got {word!r}")
        return cls("target", value)

    def gain(self, values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        """Return values so that higher is better: −y, y, or −|y − value|.

        Args:
            values: Of the property.
        """
        if self.kind == "min":
            return -values
        return values if self.kind == "max" else -np.abs(values - self.value)


def optimistic(
    aim: Aim, prediction: Float[np.ndarray, " rows"], spread: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Return the gain of the best value within one spread of the prediction.

    Args:
        aim: What is wanted.
        prediction: Of each row.
        spread: Its standard deviation, not negative.

    Source: P. Auer, J. Mach. Learn. Res. 3, 397 (2002).
    """
    _check(spread)
    if aim.kind == "target":
        return -np.maximum(np.abs(prediction - aim.value) - spread, 0.0)
    return aim.gain(prediction) + spread


def expected_improvement(
    aim: Aim,
    prediction: Float[np.ndarray, " rows"],
    spread: Float[np.ndarray, " rows"],
    known: float,
) -> Float[np.ndarray, " rows"]:
    """Return E[max(0, gain(y) − gain(known))] for y normal around the prediction.

    Args:
        aim: What is wanted.
        prediction: Of each row.
        spread: Its standard deviation, not negative; where it is 0 the improvement is sure.
        known: The best value there is already.

    Source: D. Jones, M. Schonlau, W. Welch, J. Global Optim. 13, 455 (1998), doi
    10.1023/A:1008306431147.
    """
    _check(spread)
    sure = np.maximum(aim.gain(prediction) - float(aim.gain(np.array([known]))[0]), 0.0)
    width = np.where(spread > 0, spread, 1.0)
    if aim.kind == "target":
        reach = abs(known - aim.value)
        found = _ramp(prediction, width, aim.value - reach, aim.value)
        found += _ramp(-prediction, width, -aim.value - reach, -aim.value)
    else:
        sign = 1.0 if aim.kind == "max" else -1.0
        found = _ramp(sign * prediction, width, sign * known, math.inf)
    return np.where(spread > 0, found, sure)


def _ramp(
    mean: Float[np.ndarray, " rows"], width: Float[np.ndarray, " rows"], start: float, end: float
) -> Float[np.ndarray, " rows"]:
    """Return E[(y − start) for start < y < end] of a normal y."""
    low, high = (start - mean) / width, (end - mean) / width
    inside = norm.cdf(high) - norm.cdf(low)
    return (mean - start) * inside + width * (norm.pdf(low) - norm.pdf(high))


def _check(spread: Float[np.ndarray, " rows"]) -> None:
    if (spread < 0).any():
        raise InputError(f"a spread must not be negative, got {float(spread.min())}")
