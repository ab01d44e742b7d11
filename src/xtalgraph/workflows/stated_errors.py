"""What a run says of its own training and test part, as it stands in its predictions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.conventions.errors import RunError


@dataclass(frozen=True, eq=False)
class StatedErrors:
    """Labels, errors and standard deviations of a run on one target of whole crystals."""

    labels: Float[np.ndarray, " train"]
    """Of the training part, in the unit of the target."""
    errors: Float[np.ndarray, " test"]
    """Prediction less label of each test crystal."""
    std: Float[np.ndarray, " test"] | None
    """The predicted standard deviation of each; None where the run has none."""

    @classmethod
    def read(cls, run: Path) -> "StatedErrors":
        """Read ``predictions.csv`` of a run.

        Args:
            run: Its folder.

        Raises:
            RunError: If it has no training rows.
        """
        stated = pd.read_csv(run / "predictions.csv")
        train, test = (stated[stated["split"] == part] for part in ("train", "test"))
        if len(train) == 0:
            raise RunError(f"{run / 'predictions.csv'} holds no training rows: train the run again")
        std = test["std"].to_numpy(dtype=np.float64) if "std" in test else None
        errors = (test["prediction"] - test["target"]).to_numpy(dtype=np.float64)
        return cls(train["target"].to_numpy(dtype=np.float64), errors, std)

    @property
    def mae(self) -> float | None:
        """Mean absolute error on the test part; None where it is empty."""
        return float(np.abs(self.errors).mean()) if len(self.errors) else None
