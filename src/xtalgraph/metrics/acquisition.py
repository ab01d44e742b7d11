"""How much a candidate is worth looking at, from its prediction and the doubt about it."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError, InputError

_NARROW: Final = 1e-3
"""Reach in standard deviations below which a hat is a thousand times narrower than the normal."""


@dataclass(frozen=True)
class Aim:
    """What a search wants of a property: the lowest, the highest, or the nearest to a value."""

    kind: Literal["min", "max", "target"]
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
        """Return values so that higher is better: −y, y, or −|y − value|."""
        if self.kind == "min":
            return -values
        return values if self.kind == "max" else -np.abs(values - self.value)

    def value_of(
        self, gain: Float[np.ndarray, " rows"], prediction: Float[np.ndarray, " rows"]
    ) -> Float[np.ndarray, " rows"]:
        """Return the values of gains, in the unit of the property: what `gain` has made of them.

        Args:
            gain: Of each row.
            prediction: Of each row; a value stays on its side of a value that is wanted.

        >>> Aim("target", 1.0).value_of(np.array([-0.5]), np.array([0.2]))
        array([0.5])
        """
        if self.kind == "target":
            return self.value - np.sign(prediction - self.value) * gain
        return -gain if self.kind == "min" else gain

    def words(self, name: str, unit: str = "") -> str:
        """Say what is wanted: ``the lowest energy``, ``the energy nearest to 1.5 eV``."""
        if self.kind == "target":
            return f"the {name} nearest to {self.value:g}{f' {unit}' if unit else ''}"
        return f"the {'lowest' if self.kind == 'min' else 'highest'} {name}"


def optimistic(
    aim: Aim, prediction: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Return the gain of the best value within one standard deviation of the prediction.

    That is the upper confidence bound of the gain: y + σ for the highest, −(y − σ) for the lowest,
    and for a value −max(|y − value| − σ, 0), which is 0 for all that may be the value itself.

    Args:
        aim: What is wanted.
        prediction: Of each row.
        std: Its standard deviation, not negative.

    Source: P. Auer, J. Mach. Learn. Res. 3, 397 (2002).
    """
    _check(std)
    if aim.kind == "target":
        return -np.maximum(np.abs(prediction - aim.value) - std, 0.0)
    return aim.gain(prediction) + std


def expected_improvement(
    aim: Aim, prediction: Float[np.ndarray, " rows"], std: Float[np.ndarray, " rows"], known: float
) -> Float[np.ndarray, " rows"]:
    """Return E[max(0, gain(y) − gain(known))] for y normal around the prediction.

    Of a value wanted it is what the distance to it is expected to become smaller by; at most the
    distance of what is known already, and 0 for all where that is the value itself.

    Args:
        aim: What is wanted.
        prediction: Of each row.
        std: Its standard deviation, not negative; where it is 0 the improvement is sure.
        known: The best value there is already.

    Source: D. Jones, M. Schonlau, W. Welch, J. Global Optim. 13, 455 (1998), doi
    10.1023/A:1008306431147.
    """
    from scipy.stats import norm

    _check(std)
    sure = np.maximum(aim.gain(prediction) - float(aim.gain(np.array([known]))[0]), 0.0)
    width = np.where(std > 0, std, 1.0)
    if aim.kind == "target":
        reach = abs(known - aim.value) / width
        away = np.abs(prediction - aim.value) / width
        # (r − |z|)₊ = (z + r)₊ − 2 z₊ + (z − r)₊; below zero, where the tails keep their digits.
        hat = _ramp(reach - away) - 2.0 * _ramp(-away) + _ramp(-reach - away)
        narrow = np.square(reach) * norm.pdf(away)
        gain = np.where(reach < _NARROW, narrow, np.maximum(hat, 0.0))
    else:
        sign = 1.0 if aim.kind == "max" else -1.0
        gain = _ramp(sign * (prediction - known) / width)
    return np.where(std > 0, width * gain, sure)


def _ramp(mean: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Return E[max(0, y)] of a normal y with standard deviation 1."""
    from scipy.stats import norm

    return np.maximum(mean * norm.cdf(mean) + norm.pdf(mean), 0.0)


def _check(std: Float[np.ndarray, " rows"]) -> None:
    if (std < 0).any():
        raise InputError(f"a standard deviation must not be negative, got {float(std.min())}")
