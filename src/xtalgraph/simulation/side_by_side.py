"""Relaxations of several crystals side by side, whose forces are computed together."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, final

from ase.calculators.calculator import Calculator, all_changes

from xtalgraph.conventions.errors import XtalgraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.simulation.relaxation import Relaxation, Relaxed

FAILURES: Final = (
    *(XtalgraphError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError),
)
"""What a calculator of another package raises, or the optimizer on what it returned."""


@final
class _Held(Calculator):
    """Results that were computed together with those of others; what is not held is computed."""

    implemented_properties: ClassVar[list[str]] = PotentialCalculator.implemented_properties

    def __init__(self, potential: PotentialCalculator) -> None:
        super().__init__()
        self.potential = potential

    def hold(self, atoms: Any, results: dict[str, Any]) -> None:
        """Keep the results of an ``Atoms`` as it is now."""
        self.atoms, self.results = atoms.copy(), results

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute one crystal alone; ASE calls it."""
        super().calculate(atoms, list(properties), list(system_changes))
        self.results.update(*self.potential.compute([self.atoms]))


def relax_side_by_side(
    crystals: Sequence[Crystal],
    potential: PotentialCalculator,
    *,
    cell: Sequence[bool],
    force: float,
    stress: float,
    steps: int,
) -> list[Relaxed | Exception]:
    """Relax crystals, each as `relax` does, with the forces of all of them in one computation.

    Every crystal has its own optimizer, and is left out when it is done.

    Args:
        crystals: Where to begin.
        potential: Computes energies, forces and stresses.
        cell: Of each, whether its cell is relaxed.
        force: Largest force on an atom, eV/Å.
        stress: Largest component of the stress, eV/Å³.
        steps: Largest number of steps for a crystal.

    Returns:
        Of each crystal what came out, or why nothing did.
    """
    done: dict[int, Relaxed | Exception] = {}
    going: dict[int, tuple[Relaxation, _Held]] = {}
    for index, (crystal, moves) in enumerate(zip(crystals, cell, strict=True)):
        held = _Held(potential)
        try:
            relaxation = Relaxation(
                crystal, held, cell=moves, force=force, stress=stress, steps=steps
            )
        except XtalgraphError as error:
            done[index] = error
        else:
            going[index] = relaxation, held
    while going:
        _compute(potential, list(going.values()))
        for index, (relaxation, _) in list(going.items()):
            try:
                if not relaxation.advance():
                    done[index] = relaxation.result()
            except FAILURES as error:
                done[index] = error
            if index in done:
                del going[index]
    return [done[index] for index in range(len(crystals))]


def _compute(potential: PotentialCalculator, going: Sequence[tuple[Relaxation, _Held]]) -> None:
    """Compute all crystals together; where one is refused, each is computed alone, later."""
    try:
        computed = potential.compute([relaxation.atoms for relaxation, _ in going])
    except (XtalgraphError, RuntimeError):  # no memory is a RuntimeError
        return
    for (relaxation, held), results in zip(going, computed, strict=True):
        held.hold(relaxation.atoms, results)
