"""How far a training has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Progress:
    """How far a training has come; plain values, saved with the state."""

    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """Epoch of the best validation error, counted from 1."""
    best_error: float | None = None
    """Best validation error so far: the MAE in the target's unit, the log loss of classes,
    of several targets the mean over them, see `Objective`."""
    selected_epoch: int = 0
    """Epoch of the selected checkpoint, see `Trainer`."""
    selected_error: float | None = None
    """Validation error of the selected checkpoint."""
    seconds: float = 0.0
    """Time spent training, over all sittings."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row an epoch, as in log.csv."""
    key: str = ""
    """What the training was made from; a state is resumed only by the same."""

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> "Progress":
        """Return what was saved.

        Args:
            values: As `vars` has them.

        Raises:
            TypeError: If they are something else.
        """
        made = cls(**values)
        for one in fields(cls):
            value, usual = getattr(made, one.name), getattr(cls(), one.name)
            kinds = (int, float, type(None)) if usual is None else (type(usual), int)
            if not isinstance(value, kinds):
                raise TypeError(f"{one.name} is {value!r}")
        if not all(isinstance(row, dict) for row in made.history):
            raise TypeError("the history is no list of rows")
        return made
