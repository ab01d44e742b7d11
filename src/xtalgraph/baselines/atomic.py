"""Baselines for targets with one value for each site."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import InputError


class SiteMeanBaseline:
    """The mean over all training sites, whatever stands on them."""

    name: ClassVar[str] = "mean"
    description: ClassVar[str] = "The mean over all sites of the training set."

    def __init__(self) -> None:
        self._mean: float | None = None

    def fit(
        self, numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
    ) -> "SiteMeanBaseline":
        """Learn from all sites of all training crystals, one after another.

        Args:
            numbers: Atomic number of each site.
            targets: Value of each site.

        Returns:
            Itself.

        Raises:
            InputError: No sites, lengths that differ, or a value that is not finite.
        """
        self._mean = float(_checked(numbers, targets).mean())
        return self

    def predict(self, numbers: Int[np.ndarray, " atoms"]) -> Float[np.ndarray, " atoms"]:
        """Predict sites, in the unit of the training targets.

        Args:
            numbers: Atomic number of each site.

        Returns:
            The same value for every site.

        Raises:
            InputError: There has been no :meth:`fit`.
        """
        if self._mean is None:
            raise InputError("the mean baseline has learned nothing yet; call fit first")
        return np.full(len(numbers), self._mean)


class ElementMeanBaseline:
    """The mean over the training sites of the same element.

    An element that no training site holds gets the mean over all sites.

    Args:
        prior: So many sites with the mean over all are added to those of each element. 0 for
            numbers; for classes more than 0, since few sites of one class are no certainty.
    """

    name: ClassVar[str] = "composition"
    description: ClassVar[str] = (
        "The mean over the training sites of the same element; over all sites for an element "
        "that is new."
    )

    def __init__(self, prior: float = 0.0) -> None:
        self.prior = prior
        self._means: Float[np.ndarray, "119"] | None = None

    def fit(
        self, numbers: Int[np.ndarray, " atoms"], targets: Float[np.ndarray, " atoms"]
    ) -> "ElementMeanBaseline":
        """Learn from all sites of all training crystals, one after another.

        Args:
            numbers: Atomic number of each site.
            targets: Value of each site.

        Returns:
            Itself.

        Raises:
            InputError: No sites, lengths that differ, or a value that is not finite.
        """
        targets = _checked(numbers, targets)
        count = np.bincount(numbers, minlength=MAX_ATOMIC_NUMBER + 1)
        total = np.bincount(numbers, weights=targets, minlength=MAX_ATOMIC_NUMBER + 1)
        mean, weight = targets.mean(), count + self.prior
        known = (total + self.prior * mean) / np.where(weight > 0, weight, 1.0)
        self._means = np.where(weight > 0, known, mean)
        return self

    def predict(self, numbers: Int[np.ndarray, " atoms"]) -> Float[np.ndarray, " atoms"]:
        """Predict sites, in the unit of the training targets.

        Args:
            numbers: Atomic number of each site.

        Returns:
            The mean of each site's element.

        Raises:
            InputError: There has been no :meth:`fit`.
        """
        if self._means is None:
            raise InputError("the composition baseline has learned nothing yet; call fit first")
        return self._means[numbers]


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
