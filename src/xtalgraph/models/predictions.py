"""Predictions for many crystals, and how the members of a run make them together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.data.targets import Target
from xtalgraph.data.values import Crystals, Values
from xtalgraph.models.model import Output, predicted


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of every target, and what is known of their errors.

    The four parts have the same targets and rows. In each of the last three a target without such
    an estimate is NaN; a part is None where no target has one.
    """

    values: Values
    """Predictions, in the units of the targets; of a class the probability of class 1."""
    std: Values | None = None
    """Standard deviation of the ensemble, of the learned error, or of both."""
    lower: Values | None = None
    """Lower ends of the prediction intervals."""
    upper: Values | None = None
    """Upper ends of the prediction intervals."""

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.values)

    def parts(self) -> dict[str, Values]:
        """Return the parts that there are by their names in files: ``prediction``, ``std``, ...."""
        named = {
            "prediction": self.values,
            "std": self.std,
            "lower": self.lower,
            "upper": self.upper,
        }
        return {name: values for name, values in named.items() if values is not None}

    @classmethod
    def concatenated(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """Return the predictions for several lists of crystals, one after the other.

        Args:
            parts: At least one, of the same targets and with the same estimates.
        """
        estimates = ([getattr(part, name) for part in parts] for name in ("std", "lower", "upper"))
        return cls(
            Values.concatenated([part.values for part in parts]),
            *(None if None in each else Values.concatenated(each) for each in estimates),
        )

    def select(self, crystals: Crystals) -> "Predictions":
        """Return the predictions for some crystals, in the given order.

        Args:
            crystals: Their numbers.
        """
        return Predictions(
            self.values.select(crystals),
            *(
                None if part is None else part.select(crystals)
                for part in (self.std, self.lower, self.upper)
            ),
        )


def combine(
    outputs: Sequence[Output], targets: Sequence[Target], num_atoms: Int[np.ndarray, " crystals"]
) -> Predictions:
    """Return what the members of a run predict together: their mean, and its standard deviation.

    Args:
        outputs: Of each member, for the same crystals.
        targets: What is predicted.
        num_atoms: Of each crystal.
    """
    values, std = {}, {}
    for target in targets:
        name = target.name
        members = np.stack(
            [predicted(target, output.values[name]).numpy(force=True) for output in outputs]
        )
        learned = [
            output.deviations[name].double().numpy(force=True)
            for output in outputs
            if output.deviations
        ]
        values[name] = members.mean(axis=0)
        deviation = std_of(members, np.stack(learned) if learned else None)
        if deviation is not None:
            std[name] = deviation
    all_targets = tuple(targets)
    return Predictions(
        Values(all_targets, values, num_atoms),
        Values(all_targets, std, num_atoms) if std else None,
    )


def std_of(
    values: Float[np.ndarray, "members rows *columns"],
    deviations: Float[np.ndarray, "members rows *columns"] | None,
) -> Float[np.ndarray, "rows *columns"] | None:
    """Return the standard deviation of a prediction, √(mean variance + variance of the means).

    The first is the doubt that each member has learned, the second their disagreement, with n − 1
    in the denominator, as for members that say values alone: it estimates the variance of all that
    could have been trained. The paper takes the few for all, and divides by n.

    Args:
        values: What each member predicts.
        deviations: The standard deviation that each says of its error, if they learned one.

    Returns:
        In the unit of the target; None for one member that learned none.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, NeurIPS (2017), doi
    10.48550/arXiv.1612.01474, eq. 2 and below.

    >>> std_of(np.array([[1.0], [3.0]]), np.array([[2.0], [4.0]])) ** 2
    array([12.])
    """
    between: Float[np.ndarray, "rows *columns"] | None = None
    if len(values) > 1:
        between = values.std(axis=0, ddof=1)
    if deviations is None:
        return between
    variance = np.square(deviations).mean(axis=0)
    found: Float[np.ndarray, "rows *columns"] = np.sqrt(
        variance if between is None else variance + np.square(between)
    )
    return found
