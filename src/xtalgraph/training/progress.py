"""How far a training has come, how it says so, and which of its epochs is selected."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from jaxtyping import Float
from torch import Tensor

STANDARD_ERRORS: Final = 1.0
"""By how many standard errors an epoch may be worse than the best, and still be selected."""
Report = Callable[[float, str], None]
"""Takes the part that is done, from 0 to 1, and what is to be shown beside it."""


def silent(part: float, text: str) -> None:
    """Report nothing."""


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
        for name in [declared.name for declared in fields(cls)]:
            value, usual = getattr(made, name), getattr(cls(), name)
            kinds = (int, float, type(None)) if usual is None else (type(usual), int)
            if not isinstance(value, kinds):
                raise TypeError(f"{name} is {value!r}")
        if not all(isinstance(row, dict) for row in made.history):
            raise TypeError("the history is no list of rows")
        return made


def is_worse(errors: Float[Tensor, " rows"], best: Float[Tensor, " rows"]) -> bool:
    """Return whether errors are larger than others by more than the rule allows.

    Args:
        errors: Of rows.
        best: Of the same rows, with a mean that is not larger.

    >>> import torch
    >>> best = torch.tensor([1.0, 1.0, 1.0, 1.0])
    >>> is_worse(torch.tensor([3.0, 0.0, 2.0, 0.0]), best), is_worse(best + 0.1, best)
    (False, True)
    """
    if len(errors) < 2:
        return not bool((errors <= best).all())
    difference = errors - best
    standard_error = difference.std() / math.sqrt(len(difference))
    return not bool(difference.mean() <= STANDARD_ERRORS * standard_error)
