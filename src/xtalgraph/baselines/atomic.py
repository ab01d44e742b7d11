"""Baselines for targets with one value for each site."""

from abc import ABC, abstractmethod
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import InputError


class _MeanOfSites(ABC):
    """Predicts one value for each element, learned from the sites of the training crystals."""

    name: ClassVar[str]
    """Short name, as in tables of metrics."""

    def __init__(self) -> None:
        self._means: Float[np.ndarray, "119"] | None = None

    def fit(
        self, numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
    ) -> "_MeanOfSites":
        """Learn from all sites of all training crystals, one after another."""
        self._means = self._mean_of_each(numbers, _checked(numbers, targets))
        return self

    def predict(self, numbers: Int[np.ndarray, " atoms"]) -> Float[np.ndarray, " atoms"]:
        """Predict sites, in the unit of the training targets; an `InputError` before `fit`."""
        if self._means is None:
            raise InputError(f"the {self.name} baseline has learned nothing yet; call fit first")
        return self._means[numbers]

    @abstractmethod
    def _mean_of_each(
        self, numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
    ) -> Float[np.ndarray, "119"]:
        """Return the value of each element."""


@final
class SiteMeanBaseline(_MeanOfSites):
    """The mean over all training sites, whatever stands on them."""

    name: ClassVar[str] = "mean"

    def _mean_of_each(
        self, numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
    ) -> Float[np.ndarray, "119"]:
        return np.full(MAX_ATOMIC_NUMBER + 1, targets.mean())


@final
class ElementMeanBaseline(_MeanOfSites):
    """The mean over the training sites of the same element.

    An element that no training site holds gets the mean over all sites.

    Args:
        prior: So many sites with the mean over all are added to those of each element. 0 for
            numbers; for classes more than 0, since few sites of one class are no certainty.
    """

    name: ClassVar[str] = "composition"

    def __init__(self, prior: float = 0.0) -> None:
        super().__init__()
        self.prior = prior

    def _mean_of_each(
        self, numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
    ) -> Float[np.ndarray, "119"]:
        count = np.bincount(numbers, minlength=MAX_ATOMIC_NUMBER + 1)
        total = np.bincount(numbers, weights=targets, minlength=MAX_ATOMIC_NUMBER + 1)
        mean, weight = targets.mean(), count + self.prior
        known = (total + self.prior * mean) / np.where(weight > 0, weight, 1.0)
        return np.where(weight > 0, known, mean)


def _checked(
    numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
) -> Float[np.ndarray, " atoms"]:
    """Targets in float64, if they can be learned from."""
    if not len(targets) or len(targets) != len(numbers):
        raise InputError(
            f"a baseline for sites needs one target for each of at least one site, "
            f"got {len(targets)} targets for {len(numbers)} sites"
        )
    if not np.isfinite(targets).all():
        site = int(np.flatnonzero(~np.isfinite(targets))[0])
        raise InputError(
            f"targets must be finite, got {targets[site]} at site {site}; leave such crystals out"
        )
    return np.asarray(targets, dtype=np.float64)
