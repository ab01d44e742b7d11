"""Labelled crystals in parts."""

from dataclasses import dataclass, replace

import numpy as np

from xtalgraph.data.dataset import Dataset
from xtalgraph.data.splits import Split


@dataclass(frozen=True, eq=False)
class Divided:
    """Labelled crystals in parts."""

    dataset: Dataset
    """Crystals and labels."""
    split: Split
    """The parts, as places in the dataset."""

    def of_target(self, name: str) -> Split:
        """Return the parts without the crystals that lack the label of a target.

        Args:
            name: Of the target.

        Raises:
            ConfigError: If nothing is left to train on, or nothing to test on.
        """
        return self.split.having(self.dataset.labels.known(name), name)

    def only(self, name: str) -> "Divided":
        """Return the crystals that have a label of a target, with it alone, numbered anew.

        Args:
            name: Of the target.

        Raises:
            ConfigError: As for `of_target`.
        """
        split = self.of_target(name)
        places = np.flatnonzero(self.dataset.labels.known(name))
        parts = {part: np.searchsorted(places, rows) for part, rows in split.parts().items()}
        dataset = self.dataset.select(places)
        labels = dataset.labels.only(name)
        return Divided(
            replace(dataset, labels=labels), Split(**parts, description=split.description)
        )
