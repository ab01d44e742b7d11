"""The settings of a model that say which edges form angles."""

from typing import Annotated

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Range
from xtalgraph.graphs.angles import Angles

AngleNeighbors = Annotated[int, Range(0, 10_000)]
"""How many edges of an atom form angles."""


def angles_from(angle_cutoff: float, angle_neighbors: int | None) -> Angles | None:
    """Return which edges form angles, by the settings of these names.

    Args:
        angle_cutoff: Longest edge that forms angles, Å.
        angle_neighbors: How many edges of an atom form angles, in whole shells; 0 for none, None
            for all edges up to the cutoff.

    Returns:
        None where no edges form angles.

    Raises:
        ConfigError: If the cutoff is not larger than 0, or one edge alone is to form angles.

    Example:
        >>> angles_from(5.0, None).max_neighbors is None, angles_from(5.0, 0) is None
        (True, True)
    """
    if not angle_cutoff > 0:
        raise ConfigError(f"model.angle_cutoff must be larger than 0 Å, got {angle_cutoff}")
    if angle_neighbors is not None and (angle_neighbors < 0 or angle_neighbors == 1):
        raise ConfigError(
            "model.angle_neighbors must be at least 2, for an angle needs two edges, or null for "
            f"all, or 0 for a model without angles, got {angle_neighbors}"
        )
    return None if angle_neighbors == 0 else Angles(angle_cutoff, angle_neighbors)
