"""What a baseline for a property of a whole crystal is, and the constant ones."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.composition_features import element_fractions
from xtalgraph.conventions.errors import InputError, TargetError


class Baseline(ABC):
    """A predictor that sees of each crystal only how many atoms of each element it holds.

    An extensive target y (a total of the cell) is learned as y/N and predicted as N times that,
    where N is the number of atoms, so that a supercell gets its multiple; an intensive one is
    learned as it is. A subclass learns whichever it is given, from the same features.

    Args:
        kind: Whether the target is a total of the cell.

    Raises:
        TargetError: The kind is neither of the two; a value for each site has baselines of its
            own, in :mod:`xtalgraph.baselines.atomic`.
    """

    name: ClassVar[str]
    """Short name, as in tables of metrics."""

    def __init__(self, kind: Literal["extensive", "intensive"]) -> None:
        if kind not in ("extensive", "intensive"):
            raise TargetError(
                f"kind must be 'extensive' or 'intensive', got {kind!r}; "
                "for one value per site use the baselines of xtalgraph.baselines.atomic"
            )
        self.kind = kind
        self._fitted = False

    def fit(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        targets: Float[np.ndarray, " crystals"],
    ) -> "Baseline":
        """Learn from the training crystals.

        Args:
            compositions: Atoms of each element, from
                :func:`~xtalgraph.baselines.composition_features.count_elements`.
            targets: One value for each crystal; of an extensive target the total.

        Raises:
            InputError: No crystals, a crystal without atoms, or a target that is not finite.
        """
        element_fractions(compositions)
        if not len(targets) or len(targets) != len(compositions):
            raise InputError(
                f"the {self.name} baseline needs one target for each of at least one crystal, "
                f"got {len(targets)} targets for {len(compositions)} crystals"
            )
        if not np.isfinite(targets).all():
            row = int(np.flatnonzero(~np.isfinite(targets))[0])
            raise InputError(
                f"targets must be finite, got {targets[row]} in row {row}; leave such rows out"
            )
        self._learn(compositions, np.asarray(targets, dtype=np.float64) / self._size(compositions))
        self._fitted = True
        return self

    def predict(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        """Predict crystals, in the unit of the training targets.

        Args:
            compositions: Atoms of each element.

        Returns:
            One value for each crystal; of an extensive target the total.

        Raises:
            InputError: There has been no :meth:`fit`, or a crystal has no atoms.
        """
        if not self._fitted:
            raise InputError(f"the {self.name} baseline has learned nothing yet; call fit first")
        element_fractions(compositions)
        if not len(compositions):
            return np.zeros(0)
        return self._size(compositions) * self._estimate(compositions)

    def _size(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        """What the learned value is multiplied with: the number of atoms, or 1."""
        if self.kind == "extensive":
            return compositions.sum(axis=1).astype(np.float64)
        return np.ones(len(compositions))

    @abstractmethod
    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        """Learn values that do not grow with the cell."""

    @abstractmethod
    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        """Predict values that do not grow with the cell."""


class _Constant(Baseline):
    """The mean of what is learned, for every crystal the same."""

    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        self._mean = float(values.mean())

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        return np.full(len(compositions), self._mean)


@final
class MeanBaseline(_Constant):
    """The mean of the training targets; for an extensive target N times the mean per atom.

    The mean per atom is that of y/N over the crystals, in which every crystal counts once. Σy/ΣN
    would count a crystal more for being stored as a supercell.

    >>> rock_salt = np.zeros((1, 119))
    >>> rock_salt[0, [11, 17]] = 1
    >>> MeanBaseline("extensive").fit(rock_salt, np.array([-6.0])).predict(4 * rock_salt)
    array([-24.])
    """

    name: ClassVar[str] = "mean"


@final
class PrevalenceBaseline(_Constant):
    """The share of class 1 among the training crystals, for every crystal the same.

    Of all constant probabilities it has the lowest log loss where the classes are as frequent as in
    training.
    """

    name: ClassVar[str] = "mean"

    def __init__(self) -> None:
        super().__init__("intensive")
