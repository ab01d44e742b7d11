"""The units in which people read what a potential predicts: per atom, meV and GPa."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.units import GPA
from xtalgraph.data.targets import Kind, Target


@dataclass(frozen=True)
class ReportedUnits:
    """How values of a target of a potential are shown, and errors of them."""

    value: str
    """Unit of values."""
    error: str
    """Unit of errors."""
    value_factor: float
    """What a value in the unit of the target is multiplied with."""
    error_factor: float
    """What an error in the unit of the target is multiplied with."""
    per_atom: bool = False
    """Whether values and errors are divided by the number of atoms before."""

    def target(self, target: Target, unit: str) -> Target:
        """Return a target as it is reported."""
        kind = Kind.INTENSIVE if self.per_atom else target.kind
        return replace(target, kind=kind, unit=unit, best=None)

    def of_values(
        self, values: Float[np.ndarray, "rows *shape"], num_atoms: Int[np.ndarray, " crystals"]
    ) -> Float[np.ndarray, "rows *shape"]:
        """Return values in the unit in which they are shown, by atom if that is per atom."""
        return self._divided(values, num_atoms) * self.value_factor

    def of_errors(
        self, values: Float[np.ndarray, "rows *shape"], num_atoms: Int[np.ndarray, " crystals"]
    ) -> Float[np.ndarray, "rows *shape"]:
        """Return values, or differences of them, in the unit of errors."""
        return self._divided(values, num_atoms) * self.error_factor

    def _divided(
        self, values: Float[np.ndarray, "rows *shape"], num_atoms: Int[np.ndarray, " crystals"]
    ) -> Float[np.ndarray, "rows *shape"]:
        return values / num_atoms if self.per_atom else values


_ENERGY: Final = ReportedUnits("eV/atom", "meV/atom", 1.0, 1000.0, per_atom=True)
_DERIVATIVES: Final[Mapping[str, ReportedUnits]] = {
    "position": ReportedUnits("eV/Å", "meV/Å", 1.0, 1000.0),
    "strain": ReportedUnits("GPa", "GPa", GPA, GPA),
}


def reported_units(targets: Sequence[Target]) -> dict[str, ReportedUnits]:
    """Return how the targets of a potential are reported.

    Args:
        targets: All that a model predicts.

    Returns:
        By the name of the target; empty where no target is a derivative of another.

    >>> from xtalgraph.data.potential_targets import energy_target, forces_target
    >>> reported_units([energy_target(), forces_target()])["energy"].error
    'meV/atom'
    """
    if all(target.derivative is None for target in targets):
        return {}
    return {
        target.name: _ENERGY if target.derivative is None else _DERIVATIVES[target.derivative.by]
        for target in targets
    }
