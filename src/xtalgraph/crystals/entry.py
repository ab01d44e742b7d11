"""What reading one crystal gave: the crystal, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xtalgraph.crystals.crystal import Crystal


@dataclass(frozen=True)
class Entry:
    """One crystal of a file, or the reason why it cannot be used."""

    name: str
    """Name of the block, number of the frame (from 0) or database row; '' for the only one."""
    crystal: Crystal | None
    """The crystal; None where there is a reason."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What the file says about the crystal: energies, forces (atoms, 3), stress (3, 3), ..."""
    reason: str | None = None
    """Why there is no crystal, in plain words; None where there is one."""
