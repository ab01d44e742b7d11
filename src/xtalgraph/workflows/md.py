"""Molecular dynamics with a potential: from one crystal to a trajectory and a page."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from tqdm import tqdm

from xtalgraph.conventions.boundary import name_of_source
from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.errors import InputError, RunError
from xtalgraph.conventions.files import make_folder
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count, Range
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.table import read_table
from xtalgraph.evidence.pages.simulation import write_md_page
from xtalgraph.simulation.calculator import PotentialCalculator, Precision
from xtalgraph.simulation.dynamics import (
    Dynamics,
    Ensemble,
    Moment,
    TrajectoryError,
    drift,
    trajectory,
)
from xtalgraph.workflows.calculator import potential_named
from xtalgraph.workflows.simulation_folder import written

_COLUMNS: Final = (
    *("step", "time", "potential", "kinetic", "total", "temperature", "volume"),
    *("pressure", "force", "force_std", "novelty"),
)
_MARGIN: Final = 1.5
"""Times the largest force in training is allowed: a long trajectory goes a little beyond."""


@dataclass(frozen=True)
class Simulation:
    """A trajectory."""

    folder: Path
    """With ``trajectory.extxyz``, ``md.csv`` and ``md.html``."""
    moments: tuple[Moment, ...]
    reason: str
    """Why it stopped before its end; empty where it did not."""


@checks_arguments
def md(
    potential: Any,
    source: Any,
    *,
    out: str | Path,
    ensemble: Ensemble = "nve",
    temperature: Annotated[float, Range(0, 1e6, "K", above=True)] = 300.0,
    pressure: Annotated[float, Range(-1e4, 1e4, "GPa")] = 0.0,
    step: Annotated[float, Range(0, 1000, "fs", above=True)] = 1.0,
    steps: Count = 1000,
    every: Count = 10,
    repeat: Annotated[int, Range(1, 100)] = 1,
    largest_force: Annotated[float, Range(0, 1e6, "eV/Å", above=True)] | None = None,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
    precision: Precision = "float32",
    device: Device = "cpu",
    progress: bool = True,
) -> Simulation:
    """Run molecular dynamics of a crystal.

    Args:
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        source: A file with one crystal.
        out: Folder to write; it must not hold a trajectory.
        ensemble: Keep the energy (nve), the temperature (nvt), or temperature and pressure (npt).
        temperature: Of the initial velocities and the thermostat, K.
        pressure: Pressure of the barostat, GPa.
        step: Time step, fs.
        steps: Number of steps.
        every: Steps between two saved frames.
        repeat: Repetitions of the cell in each periodic direction.
        largest_force: Force on an atom, eV/Å, above which the run stops; by default 1.5 times the
            largest in the training of the potential, and no limit for other calculators.
        seed: Seed of the velocities and the thermostat.
        precision: Of the computation, with a run.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: If there is not one crystal.
        RunError: If the run is no potential, or the folder holds a trajectory.
        Stopped: On SIGTERM or Ctrl-C; what was computed is kept.
    """
    calculator, crystal = potential_named(potential, precision, device), _crystal(source, repeat)
    if largest_force is None and isinstance(calculator, PotentialCalculator):
        learned = calculator.largest_force
        largest_force = None if learned is None else _MARGIN * learned
    dynamics = Dynamics(ensemble, temperature, pressure, step, seed=seed)
    folder = Path(out)
    frames, table = folder / "trajectory.extxyz", folder / "md.csv"
    if table.is_file():
        raise RunError(f"{folder} holds a trajectory: choose another --out")
    make_folder(folder)
    moments: list[Moment] = []
    reason = ""
    with (
        stopping_on_signals(),
        frames.open("w", encoding="utf-8") as positions,
        table.open("w", encoding="utf-8", newline="") as lines,
        tqdm(desc="dynamics", unit="step", total=steps, disable=not progress) as bar,
    ):
        writer = csv.DictWriter(lines, _COLUMNS, lineterminator="\n")
        writer.writeheader()

        def write_frame(atoms: Any) -> None:
            from ase.io.extxyz import write_xyz

            write_xyz(positions, atoms)

        running = trajectory(
            crystal,
            calculator,
            dynamics,
            steps,
            every=every,
            largest_force=largest_force,
            frame=write_frame,
        )
        try:
            for moment in _told(running, bar):
                moments.append(moment)
                writer.writerow({key: written(getattr(moment, key)) for key in _COLUMNS})
                lines.flush()
        except TrajectoryError as error:
            reason = str(error)
            log.warning("%s", reason)
    _write_page(folder, moments, crystal, kept=ensemble == "nve", reason=reason)
    return Simulation(folder, tuple(moments), reason)


def _write_page(
    folder: Path, moments: Sequence[Moment], crystal: Crystal, *, kept: bool, reason: str
) -> None:
    """Write the page; the drift of the total energy is told where it should be kept."""
    total = np.array([moment.total for moment in moments])
    series = {
        "change of the total energy, meV/atom": 1e3 * (total - total[:1]) / len(crystal),
        "temperature, K": np.array([moment.temperature for moment in moments]),
        "pressure, GPa": np.array([moment.pressure for moment in moments]),
        "volume, Å³": np.array([moment.volume for moment in moments]),
        "largest force, eV/Å": np.array([moment.force for moment in moments]),
        "novelty of the newest atom": np.array([moment.novelty for moment in moments]),
    }
    write_md_page(
        folder,
        np.array([moment.time for moment in moments]),
        series,
        crystal=crystal.formula,
        drift=drift(list(moments), len(crystal)) if kept and len(moments) > 1 else None,
        reason=reason,
    )


def _told(moments: Iterator[Moment], bar: Any) -> Iterator[Moment]:
    for moment in moments:
        bar.update(moment.step - bar.n)
        bar.set_postfix_str(f"{moment.temperature:.0f} K")
        yield moment


def _crystal(source: Any, repeat: int) -> Crystal:
    table = read_table(resolve_source(source)[0])
    if len(table) != 1:
        first = f": {table.rejected[0].reason}" if table.rejected else ""
        raise InputError(f"{name_of_source(source)} must hold one crystal, got {len(table)}{first}")
    (crystal,) = table.crystals
    times = [repeat if periodic else 1 for periodic in crystal.pbc.tolist()]
    return transforms.supercell(crystal, (times[0], times[1], times[2]))
