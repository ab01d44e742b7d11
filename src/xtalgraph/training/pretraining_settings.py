"""Settings of learning without labels."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Fraction, Range, check_ranges

ObjectiveName = Literal["elements", "positions", "cells", "views", "forces"]
"""What can be learned without labels."""
_DEFAULT: Final[tuple[ObjectiveName, ...]] = ("elements", "positions", "cells")
_SCALES: Final = {"positions": "displacement", "cells": "strain", "forces": "displacement"}
"""Without which there is nothing to learn."""


@dataclass(frozen=True)
class PretrainingConfig:
    """What is learned of crystals without labels."""

    objectives: Annotated[list[ObjectiveName] | ObjectiveName | None, Spelled(commas=True)] = None
    """Hidden ``elements``; by how far atoms (``positions``) and ``cells`` were moved; two ``views``
    of a crystal that are to have one vector; ``forces`` of a teacher on rattled crystals. null
    takes all but views, and forces where there is a teacher. See docs/pretraining.md."""
    hidden: Fraction = 0.15
    """Part of the atoms whose element is hidden; at least one in each crystal."""
    displacement: Annotated[float, Range(0, 1, "Å")] = 0.1
    """Standard deviation by which atoms are moved along each axis, Å."""
    strain: Annotated[float, Range(0, 0.2)] = 0.02
    """Standard deviation of each component of the strain of a cell."""
    teacher: Annotated[str | None, Spelled("MODULE:NAME")] = None
    """Calculator of ASE whose forces on rattled crystals are learned, by its name. As in
    ``chgnet.model.dynamics:CHGNetCalculator``."""
    copies: Annotated[int, Range(1, 100)] = 2
    """Rattled copies of each crystal on which the teacher computes forces."""

    def __post_init__(self) -> None:
        check_ranges(self, "pretraining")
        for name, scale in _SCALES.items():
            if name in self.names and getattr(self, scale) == 0:
                raise ConfigError(
                    f"pretraining.objectives has {name!r}, and pretraining.{scale} is 0, so that "
                    "there is nothing to learn: raise it, or leave the objective out"
                )
        if not self.names or len(set(self.names)) < len(self.names):
            raise ConfigError(
                f"pretraining.objectives must name at least one, each once, got {self.objectives}"
            )
        if "forces" in self.names and self.teacher is None:
            raise ConfigError(
                "pretraining.objectives has 'forces', and there is no teacher that computes them: "
                "give a calculator of ASE, as --teacher chgnet.model.dynamics:CHGNetCalculator"
            )
        if "forces" not in self.names and self.teacher is not None:
            raise ConfigError(
                f"pretraining.teacher is {self.teacher}, and 'forces' is none of "
                f"pretraining.objectives, {', '.join(self.names)}: add it, or leave the teacher out"
            )

    @property
    def names(self) -> tuple[ObjectiveName, ...]:
        """The objectives."""
        if self.objectives is None:
            return _DEFAULT if self.teacher is None else (*_DEFAULT, "forces")
        return tuple(self.objectives) if isinstance(self.objectives, list) else (self.objectives,)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the objectives written out; of a teacher only where there is one."""
        plain = asdict(self) | {"objectives": list(self.names)}
        if self.teacher is None:
            del plain["teacher"], plain["copies"]
        return plain
