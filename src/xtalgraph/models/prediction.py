"""What is said of one crystal: the value, how sure it is, and how new the crystal is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from xtalgraph.models.novelty import Novelty


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a predictor says of one crystal."""

    values: Float[np.ndarray, "rows *columns"]
    """One value, or one for each atom if the target is atomic, of several targets a column for
    each: the mean over the members."""
    std: Float[np.ndarray, "rows *columns"] | None
    """Standard deviation, of the members, of the error that they have learned, or both, see
    `std_of`; None where one member says values alone."""
    lower: Float[np.ndarray, "rows *columns"] | None
    """Lower end of the interval; None where none was calibrated, NaN for a target that has none."""
    upper: Float[np.ndarray, "rows *columns"] | None
    """Upper end."""
    embedding: Float[np.ndarray, " embedding"]
    """The vector from which the readout starts, of the first member."""
    novelty: Novelty | None
    """How far it is from the training part; None where the run says nothing of it."""
