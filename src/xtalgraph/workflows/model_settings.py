"""The sections ``graph`` and ``model`` of a configuration, but for what each choice adds."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from xtalgraph.conventions.declarations import Spelled, definition
from xtalgraph.conventions.ranges import TOLERANCE, check_ranges

_STRATEGIES: Final = "xtalgraph.graphs.strategies:STRATEGIES"
_ENCODERS: Final = "xtalgraph.models.registry:ENCODERS"
_DEFAULT: Final = definition("xtalgraph.models.registry", "DEFAULT")


@dataclass(frozen=True)
class GraphConfig:
    """How crystals become graphs; the settings of the strategy stand in the same section."""

    strategy: Annotated[str, Spelled("NAME", choices=_STRATEGIES)] = "hybrid"
    """Which pairs of atoms are neighbours. See docs/strategies.md."""
    reduction_tolerance: Annotated[float, TOLERANCE] | None = None
    """Distances this close are merged in the symmetry reduction, see docs/reduction.md, Å; 0
    reduces nothing. null takes 0.001, or 0 where the model and the target cannot be reduced."""

    def __post_init__(self) -> None:
        check_ranges(self, "graph")


@dataclass(frozen=True)
class ModelConfig:
    """The architecture; its settings stand in the same section."""

    name: Annotated[str, Spelled("NAME", choices=_ENCODERS)] = _DEFAULT
    """Architecture. See docs/architectures.md."""
    readout: list[str] | str = "auto"
    """How the features of atoms become the property, see docs/architectures.md; ``auto`` follows
    from the kind of the target and from the architecture. With several targets one for all of them
    or one for each."""
    terms: dict[str, dict[str, Any] | None] | list[str] | str | None = None
    """What is added to the energy of a potential: a name, several, or names with settings, as in
    ``{zbl: {outer: 2.0}}``. See docs/potentials.md."""
    reference_energies: dict[str, float] | Literal["isolated"] | None = None
    """Energies of isolated atoms, to which a potential falls where atoms are alone: eV, as in
    ``{Si: -0.8}``, or ``isolated`` for those of frames that hold a single atom. null fits energies
    of the elements to all frames, which say nothing of isolated atoms."""

    @property
    def named_terms(self) -> dict[str, dict[str, Any]]:
        """The settings of the terms by their names."""
        if isinstance(self.terms, dict):
            return {name: settings or {} for name, settings in self.terms.items()}
        names = [self.terms] if isinstance(self.terms, str) else self.terms or []
        return {name: {} for name in names}
