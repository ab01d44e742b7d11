"""Relax crystals with a potential, and compute their bulk moduli and elastic constants."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, final

import numpy as np

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.ranges import Range
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.conventions.units import GPA
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.writing import to_extxyz
from xtalgraph.evidence.pages.simulation import write_elastic_page, write_eos_page, write_relax_page
from xtalgraph.simulation.calculator import PotentialCalculator, Precision
from xtalgraph.simulation.elastic import elastic_constants
from xtalgraph.simulation.equation_of_state import equation_of_state
from xtalgraph.simulation.relaxation import Relaxed
from xtalgraph.simulation.relaxation import relax as relax_crystal
from xtalgraph.simulation.side_by_side import relax_side_by_side
from xtalgraph.workflows.calculator import potential_named
from xtalgraph.workflows.simulation_folder import Simulated, SimulationFolder, file_name

_RELAXED: Final = (
    *("energy_start", "energy", "volume_start", "volume", "force", "stress", "steps"),
    *("converged", "novelty"),
)
_CURVE: Final = ("volume", "energy", "bulk_modulus", "misfit", "volumes", "energies")
_ELASTIC: Final = (
    *(f"C{i}{j}" for i in range(1, 7) for j in range(i, 7)),
    *("bulk_modulus", "shear_modulus", "stable", "stress"),
)


@checks_arguments
def relax(
    potential: Any,
    sources: Any,
    *,
    out: str | Path,
    fixed_cell: bool = False,
    force: Annotated[float, Range(1e-6, 10, "eV/Å")] = 0.01,
    stress: Annotated[float, Range(1e-7, 1, "eV/Å³")] = 1e-4,
    steps: Annotated[int, Range(1, 1_000_000)] = 500,
    batch: Annotated[int, Range(0, 1_000_000)] = 512,
    precision: Precision = "float64",
    device: Device = "cpu",
    progress: bool = True,
) -> Simulated:
    """Relax crystals: their atoms, and their cells where these repeat in all directions.

    Args:
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        sources: Crystals: a file, folder or table, or several.
        out: Folder to write; results of the same settings in it are kept.
        fixed_cell: Keep the cells as they are.
        force: Largest force at which a crystal is relaxed, eV/Å.
        stress: Largest component of the stress at which a cell is relaxed, eV/Å³.
        steps: Largest number of steps for a crystal.
        batch: With a run, atoms of the crystals that are relaxed at the same time; 0 for one
            crystal after another.
        precision: Of the computation, with a run.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Returns:
        Where the table ``relax.csv`` is; the structures are in ``structures`` beside it.

    Raises:
        RunError: If the run is no potential, or the folder holds results of other settings.
        ConfigError: If a setting is out of its range.
        Stopped: On SIGTERM or Ctrl-C; what was computed is kept.
    """
    calculator = potential_named(potential, precision, device)
    settings = {
        "potential": potential,
        "fixed_cell": fixed_cell,
        "force": force,
        "stress": stress,
        "steps": steps,
        "precision": precision,
    }
    folder = SimulationFolder(Path(out), "relax.csv", _RELAXED, settings)

    limits = {"force": force, "stress": stress, "steps": steps}
    relaxed = _Relaxed(calculator, fixed_cell, limits)

    def compute(name: str, crystal: Crystal) -> Mapping[str, Any]:
        done = relaxed.take(name, crystal)
        path = folder.folder / "structures" / f"{file_name(name)}.extxyz"
        make_folder(path.parent)
        write_atomically(path, to_extxyz(done.crystal))
        kept = ("energy", "force", "stress", "steps", "converged", "novelty")
        return {
            "energy_start": done.start,
            "volume_start": crystal.volume,
            "volume": done.crystal.volume,
            **{column: getattr(done, column) for column in kept},
            "error": done.reason,
        }

    return folder.fill(
        sources,
        compute,
        write_relax_page,
        label="relaxing",
        progress=progress,
        ahead=relaxed.ahead,
        atoms=batch if isinstance(calculator, PotentialCalculator) else 0,
    )


@final
class _Relaxed:
    """Relaxed crystals: several side by side with a run, one by one with any other calculator."""

    def __init__(self, calculator: Any, fixed_cell: bool, limits: Mapping[str, Any]) -> None:
        self.calculator, self.fixed_cell, self.limits = calculator, fixed_cell, limits
        self.done: dict[str, Relaxed | Exception] = {}

    def ahead(self, named: Sequence[tuple[str, Crystal]]) -> None:
        """Relax several crystals together, if they can be."""
        self.done.clear()
        if isinstance(self.calculator, PotentialCalculator) and len(named) > 1:
            crystals = [crystal for _, crystal in named]
            cells = [self._moves(crystal) for crystal in crystals]
            relaxed = relax_side_by_side(crystals, self.calculator, cell=cells, **self.limits)
            self.done.update(zip((name for name, _ in named), relaxed, strict=True))

    def take(self, name: str, crystal: Crystal) -> Relaxed:
        """Return a crystal that was relaxed ahead, or relax it now."""
        done = self.done.get(name)
        if done is None:
            cell = self._moves(crystal)
            return relax_crystal(crystal, self.calculator, cell=cell, **self.limits)
        if isinstance(done, Exception):
            raise done
        return done

    def _moves(self, crystal: Crystal) -> bool:
        return not self.fixed_cell and bool(crystal.pbc.all())


@checks_arguments
def eos(
    potential: Any,
    sources: Any,
    *,
    out: str | Path,
    extent: Annotated[float, Range(0.001, 0.4)] = 0.06,
    points: Annotated[int, Range(5, 1000)] = 11,
    precision: Precision = "float64",
    device: Device = "cpu",
    progress: bool = True,
) -> Simulated:
    """Compute the equation of state of crystals: the energy by the volume, and the bulk modulus.

    Each is relaxed first, atoms and cell.

    Args:
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        sources: Crystals: a file, folder or table, or several.
        out: Folder to write; results of the same settings in it are kept.
        extent: Largest relative change of the volume.
        points: Number of volumes.
        precision: Of the computation, with a run.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Raises:
        RunError: If the run is no potential, or the folder holds results of other settings.
        ConfigError: If a setting is out of its range.
        Stopped: On SIGTERM or Ctrl-C; what was computed is kept.
    """
    calculator = potential_named(potential, precision, device)
    settings = {"potential": potential, "extent": extent, "points": points, "precision": precision}
    folder = SimulationFolder(Path(out), "eos.csv", _CURVE, settings)

    def compute(name: str, crystal: Crystal) -> Mapping[str, Any]:
        relaxed = relax_crystal(crystal, calculator).crystal
        curve = equation_of_state(relaxed, calculator, extent=extent, points=points)
        return {column: getattr(curve, column) for column in _CURVE}

    return folder.fill(
        sources, compute, write_eos_page, label="equations of state", progress=progress
    )


@checks_arguments
def elastic(
    potential: Any,
    sources: Any,
    *,
    out: str | Path,
    strain: Annotated[float, Range(1e-5, 0.1)] = 5e-3,
    clamped: bool = False,
    precision: Precision = "float64",
    device: Device = "cpu",
    progress: bool = True,
) -> Simulated:
    """Compute the elastic constants of crystals, their moduli, and whether they are stable.

    Each is relaxed first, atoms and cell.

    Args:
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        sources: Crystals: a file, folder or table, or several.
        out: Folder to write; results of the same settings in it are kept.
        strain: Size of the strains.
        clamped: Do not relax the atoms in the strained cell.
        precision: Of the computation, with a run.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Raises:
        RunError: If the run is no potential, or the folder holds results of other settings.
        ConfigError: If a setting is out of its range.
        Stopped: On SIGTERM or Ctrl-C; what was computed is kept.
    """
    calculator = potential_named(potential, precision, device)
    settings = {"potential": potential, "strain": strain, "clamped": clamped}
    settings |= {"precision": precision}
    folder = SimulationFolder(Path(out), "elastic.csv", _ELASTIC, settings)

    def compute(name: str, crystal: Crystal) -> Mapping[str, Any]:
        relaxed = relax_crystal(crystal, calculator, stress=1e-5).crystal
        result = elastic_constants(relaxed, calculator, strain=strain, relax=not clamped)
        upper = zip(*np.triu_indices(6), strict=True)
        return {
            **{f"C{i + 1}{j + 1}": result.constants[i, j] for i, j in upper},
            "bulk_modulus": result.bulk_modulus,
            "shear_modulus": result.shear_modulus,
            "stable": result.is_stable,
            "stress": result.stress / GPA,
        }

    return folder.fill(
        sources, compute, write_elastic_page, label="elastic constants", progress=progress
    )
