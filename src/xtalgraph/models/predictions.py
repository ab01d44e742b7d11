"""What one predictor returns for many crystals."""

from collections.abc import Sequence
from dataclasses import dataclass

from xtalgraph.data.values import Crystals, Values


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
