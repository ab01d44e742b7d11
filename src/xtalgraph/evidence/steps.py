"""Steps of energy, forces and stress where neighbours come and go through a cutoff nobody told."""

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import median_filter

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.smoothness import Predict

_STRAINS: Final = (-0.02, 0.16)
"""From where to where a crystal is stretched: rather longer, where energies are less steep."""
_MOVED: Final = np.array([1.6, 1.0, 1.7])
"""By how much its first atom is moved at the same time, Å over the strain, so that the distances of
a shell part and forces do not vanish by symmetry."""
_POINTS: Final = 151
"""At how many strains."""
_WINDOW: Final = 13
"""Points with whose fourth differences one is compared."""
_LEVELS: Final = 3
"""How often an interval is looked at with a finer grid,"""
_FINER: Final = 8
"""of so many parts,"""
_BESIDE: Final = 3
"""and so many more to each side."""
_HALVINGS: Final = 20
"""How often it is halved then."""
RESOLVED: Final = (
    (_STRAINS[1] - _STRAINS[0]) / (_POINTS - 1) * 2.0 * (2.0 / _FINER) ** _LEVELS / 2**_HALVINGS
)
"""Of a strain, over which a step is looked at in the end."""
_Curve = Float[np.ndarray, "points values"]


def largest_step(predict: Predict, crystal: Crystal) -> dict[str, float]:
    """Return the largest steps of values while a crystal is stretched and one atom is moved.

    Neighbours come and go through whatever cutoffs there are. Fourth differences of a smooth curve
    are small, those around a step as large as it. Where they stand out, finer grids follow until a
    smooth function would not change.

    Args:
        predict: Values of a crystal, by target.
        crystal: Any.

    Returns:
        Of each value, in its unit.
    """
    path = _Path(predict, crystal)
    strains = np.linspace(*_STRAINS, _POINTS)
    curve = path.along(strains)
    fourth = np.abs(np.diff(curve, 4, axis=0))
    # A step in one value may be small beside another value that is smooth.
    path.scale = np.maximum(np.median(fourth, axis=0), 1e-13 * np.abs(curve).max(axis=0))
    path.scale[path.scale == 0.0] = 1.0
    told = (fourth / path.scale).max(axis=1)
    places = {int(told.argmax()), int((told - 3.0 * median_filter(told, _WINDOW)).argmax())}
    steps = [path.step(strains[index + 1], strains[index + 3]) for index in places]
    largest = np.max(steps, axis=0)
    return {
        name: float(np.max(part, initial=0.0))
        for name, part in zip(path.sizes, np.split(largest, path.ends), strict=True)
    }


class _Path:
    """The values along a path, each a column."""

    def __init__(self, predict: Predict, crystal: Crystal) -> None:
        self.predict, self.crystal = predict, crystal
        self.sizes = {name: values.size for name, values in predict(crystal).items()}
        self.ends = np.cumsum([*self.sizes.values()])[:-1]
        self.scale = np.ones(sum(self.sizes.values()))

    def at(self, strain: float) -> Float[np.ndarray, " values"]:
        """Return all values at a place."""
        stretched = transforms.strain(self.crystal, strain * np.eye(3))
        positions = stretched.positions.copy()
        positions[0] += strain * _MOVED
        values = self.predict(stretched.moved(stretched.cell, positions))
        return np.concatenate([values[name].ravel() for name in self.sizes])

    def along(self, strains: Float[np.ndarray, " points"]) -> _Curve:
        """Return all values at many places."""
        return np.stack([self.at(strain) for strain in strains.tolist()])

    def step(self, low: float, high: float) -> Float[np.ndarray, " values"]:
        """Return the step of each value in an interval, at the place where one stands out."""
        width, slope = 0.0, np.zeros(len(self.scale))
        for _ in range(_LEVELS):
            width = (high - low) / _FINER
            strains = low + width * np.arange(-_BESIDE, _FINER + _BESIDE + 1)
            curve = self.along(strains)
            fourth = (np.abs(np.diff(curve, 4, axis=0)) / self.scale).max(axis=1)
            index = int(fourth.argmax())
            low, high = strains[index + 1], strains[index + 3]
            ends = [curve[index + 1], curve[index + 3]]
            slope = np.median(np.diff(curve, axis=0), axis=0) / width
        for _ in range(_HALVINGS):
            middle, half = (low + high) / 2.0, self.at((low + high) / 2.0)
            expected = slope * (high - low) / 2.0
            before, after = (
                float((np.abs(change - expected) / self.scale).max())
                for change in (half - ends[0], ends[1] - half)
            )
            if before > after:
                high, ends[1] = middle, half
            else:
                low, ends[0] = middle, half
        height: Float[np.ndarray, " values"] = np.abs(ends[1] - ends[0])
        return height
