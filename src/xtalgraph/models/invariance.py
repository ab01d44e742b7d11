"""What a prediction must be when the same crystal is represented in another way."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.representations import Representation
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope

Arrays = Mapping[str, Float[np.ndarray, "..."]]
"""The values of each target by its name: a row for each crystal, or for each atom where it is
atomic, then the shape of its tensor."""
Together = Callable[[Sequence[Crystal]], Iterable[Arrays]]
"""The values of crystals with as many atoms, by target."""


def expected_values(
    values: Arrays, representation: Representation, targets: Sequence[Target]
) -> Arrays:
    """Return the values that another representation of a crystal must have.

    An extensive one is multiplied by the number of cells, an intensive one stays, an atomic one
    goes with its atom, and each rotates as its tensor does.
    """
    expected = {}
    for target in targets:
        rows = values[target.name]
        if target.scope is Scope.ATOM:
            rows = rows[representation.origin]
        elif target.kind is Kind.EXTENSIVE:
            rows = rows * representation.copies
        expected[target.name] = target.tensor.rotate(rows, representation.rotation)
    return expected


def violations(predicted: Arrays, expected: Arrays) -> dict[str, float]:
    """Return the largest difference of each target.

    Args:
        predicted: What a model predicts.
        expected: What it must predict.

    Returns:
        In the units of the targets; infinite where a number is not finite, or the rows are not as
        many.
    """
    largest = {}
    for name, wanted in expected.items():
        if predicted[name].shape != wanted.shape:
            largest[name] = np.inf
            continue
        with np.errstate(invalid="ignore"):  # of two infinities
            worst = float(np.abs(predicted[name] - wanted).max(initial=0.0))
        largest[name] = np.inf if np.isnan(worst) else worst
    return largest
