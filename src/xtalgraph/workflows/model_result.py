"""What a model or a baseline predicts, and what that took."""

from dataclasses import dataclass

from xtalgraph.models.predictions import Predictions


@dataclass(frozen=True, eq=False)
class ModelResult:
    """What a model or a baseline predicts."""

    name: str
    """As in the table of metrics."""
    description: str
    """One sentence for the report."""
    predictions: Predictions
    """Of every crystal, in the order of the table."""
    seconds: float
    """Time to fit and predict."""
