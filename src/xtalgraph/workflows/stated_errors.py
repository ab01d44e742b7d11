"""What a run says of its own training and test part, as it stands in its predictions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import RunError
from xtalgraph.evidence.run_files import read_metrics, read_predictions


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
        """Read the predictions of a run on one target.

        Args:
            run: Its folder.

        Raises:
            RunError: If it has no training rows.
        """
        (stated,) = read_predictions(run, list(read_metrics(run)["targets"])).values()
        train, test = (stated[stated["split"] == part] for part in ("train", "test"))
        if len(train) == 0:
            raise RunError(f"the predictions of {run} hold no training rows: train the run again")
        std = test["std"].to_numpy()
        errors = (test["prediction"] - test["target"]).to_numpy()
        return cls(train["target"].to_numpy(), errors, None if np.isnan(std).all() else std)

    @property
    def mae(self) -> float | None:
        """Mean absolute error on the test part; None where it is empty."""
        return float(np.abs(self.errors).mean()) if len(self.errors) else None
